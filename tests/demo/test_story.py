"""What `make demo` tells, on a database of its own, told twice."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from guanjia import settings
from guanjia.db import cluster
from guanjia.db.connections import Connections, with_database
from guanjia.db.migrate import migrate


@pytest.fixture
async def stage(server: Any) -> AsyncIterator[tuple[Connections, asyncpg.Connection]]:
    """An empty database, and the superuser in it, to count."""
    name = f"test_{secrets.token_hex(6)}"
    connections = await cluster.prepare(server.administrator, name, server.passwords)
    try:
        await migrate(connections.require("owner"), settings.MODULES)
        admin = await asyncpg.connect(with_database(server.administrator, name))
        yield connections, admin
        await admin.close()
    finally:
        await cluster.drop_database(server.administrator, name)


async def told(connections: Connections, attachments: Path) -> str:
    """What the demo says; AssertionError with its fault when it fails."""
    given = {
        "GUANJIA_DATABASE_URL": connections.require("app_rw"),
        "GUANJIA_READ_DATABASE_URL": connections.require("app_ro"),
        "GUANJIA_STATE_DIR": str(settings.load().state_dir),
        "GUANJIA_ATTACHMENTS_DIR": str(attachments),
        "PYTHONPATH": os.pathsep.join(
            str(folder) for folder in (settings.PROJECT_ROOT / "platform", settings.PROJECT_ROOT)
        ),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.demo.telling",
        env={key: value for key, value in os.environ.items() if "GUANJIA" not in key} | given,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-2000:]
    return out.decode()


async def counted(admin: Any) -> dict[str, int]:
    """How many rows each tenant table has, but for the traces of who signed in and looked."""
    names = await admin.fetch(
        "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid"
        " and a.attname = 'tenant_id' where c.relkind = 'r'"
        " and c.relnamespace = 'public'::regnamespace"
    )
    return {
        row["relname"]: await admin.fetchval(f"select count(*) from {row['relname']}")
        for row in names
        if row["relname"] not in ("audit_records", "sessions", "refresh_tokens")
    }


async def test_the_story_is_told_once(stage: Any, tmp_path: Path) -> None:
    connections, admin = stage
    text = await told(connections, tmp_path)
    stages = await admin.fetch("select number, state from cases where number is not null")
    before = await counted(admin)

    assert [row["state"] for row in stages].count("ARCHIVED") == 3, stages
    assert before["seat_tenures"] >= 3
    assert before["score_weights"] == 2 * 4
    assert await admin.fetchval("select count(*) from grants where role = 'BLD'") == 38
    for line in (
        "四席齐备", "3份清单已公布", "召开议事会议 18 次", "四鹤街道办事处按时报到·满意",
        "问 324 户、答 324 户,满意率 100%(95% 下限 98.83%)", "站内通知:朱健 ",
        "N02 对300多户业主开展调查:问 324 户、答 324 户 ✔",
        "N03 整改满意度为100%:100%(满意 324/324 户) ✔", "N04 2个消力池:消力池 2 个 ✔",
        "N06 共召开议事会议18次:18 次 ✔",
        "N07 解决小区", "N12 每周三…议事活动:FREQ=WEEKLY;BYDAY=WE;UNTIL=20261231,",
        "场景 消力池噪音:楼栋网格员上报 → 社区立案 P-01 → 升级 2 次、吹哨 L2/L3",
        "→ 挂账 → 反馈核查 → 问 324 户满意 100% → 归档 ✔",
        "场景 停车棚:吃茶话事 + 管家座谈会 → 决议转案件 P-02(小区边界之外,按地点归网格)"
        " → 并入居民上报 2 件 → 拆除 → 问上报的 2 户 → 归档 ✔",
        "场景 后山亮化:民生驿站 2026-06-03(周三)议题 → 决议转案件 C01-02 → 现场踏勘记录"
        " → 延平区城市管理局施工 → 结案归档 ✔",
    ):  # fmt: skip
        assert line in text, text

    # All four seats sat at each of the eighteen meetings, and three, the quorum, at the two
    # of 延府豪庭 about the shed and at the Wednesday of 创世纪小区 that opened a case.
    seats = "select count(*) from attendances where kind = 'SEAT'"
    assert await admin.fetchval(seats) == 4 * 18 + 3 * (2 + 1)

    # Whoever tries the demo holds another meeting, and begins another series.
    for table, change, which in (
        ("meeting_series", "'rule', 'FREQ=DAILY;COUNT=2'", "true"),
        (
            "meetings",
            "'starts_at', now(), 'ends_at', now() + interval '1 hour'",
            "t.compound_id is not null and t.state = 'PUBLISHED'",
        ),
    ):
        await admin.execute(
            f"insert into {table} select (jsonb_populate_record(t, jsonb_build_object('id',"
            f" 'ffffffff-0000-7000-8000-000000000000', {change}))).* from {table} t where {which}"
            " order by t.id desc limit 1"
        )
        before[table] += 1
    # And so many are made members that the demo's own are on another page.
    for end in ("00000000", "ffffffff"):
        await admin.execute(
            "insert into memberships select (jsonb_populate_record(t, jsonb_build_object('id',"
            " $1::text || to_char(n, 'FM-0000') || '-7000-8000-000000000000', 'display_name',"
            " '试用者' || n, 'external_subject', $1::text || n))).* from memberships t,"
            " generate_series(1, 100) n where t.id = (select id from memberships"
            " where kind = 'LINK' limit 1)",
            end,
        )
        before["memberships"] += 100
    await told(connections, tmp_path)
    assert await counted(admin) == before
