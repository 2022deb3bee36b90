"""Bringing real districts on board, again, and in a newer form."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from guanjia.db.ids import new_id
from guanjia.db.pools import Database, Transaction
from guanjia.db.scope import path_end
from guanjia.tenancy import dependents
from guanjia.tenancy.dependents import Dependent
from guanjia.tenancy.models import OPERATOR, tenant_id
from guanjia.tenancy.onboarding import Refused, Report, list_tenants, onboard, onboard_described
from guanjia.tenancy.regiontree import BadTree
from guanjia.tenancy.tenantfile import BadTenantFile, TenantFile, load

TENANTS = Path(__file__).parents[2] / "tenants"
SLUGS = ["yanping", "zhaodong", "jianyang", "jinan"]
# Tables whose rows say whether a second run wrote: xmin is the transaction that wrote a row.
WRITTEN = ("tenants", "regions", "region_predecessors", "organisations")

CODES = itertools.count(1)


@dataclass
class Trial:
    """A real tree under a slug and a district code nobody else in this database uses."""

    database: Database
    described: TenantFile
    tree: str

    @property
    def id(self) -> UUID:
        return tenant_id(self.described.slug)

    def code(self, code: str) -> str:
        return self.described.code + code[6:]

    async def run(self, **options: Any) -> Report:
        return await onboard_described(self.database, self.described, self.tree, **options)

    async def fetch(self, sql: str, *values: Any) -> list[Any]:
        async with self.database.tenant_transaction(self.id) as transaction:
            rows: list[Any] = await transaction.connection.fetch(sql, *values)
            return rows

    async def written(self) -> dict[str, list[Any]]:
        return {
            table: [tuple(row) for row in await self.fetch(f"select xmin::text, * from {table}"
                                                           " order by 1, 2, 3")]
            for table in WRITTEN
        }  # fmt: skip


def trial(database: Database, slug: str) -> Trial:
    described, tree = load(TENANTS / f"{slug}.toml")
    # Counted, not drawn: a drawn code met another trial's in one run of ten.
    code = f"9{next(CODES):04d}9"
    changed = described.model_copy(update={"slug": f"t{secrets.token_hex(6)}", "code": code})
    return Trial(database, changed, tree.replace(described.code, code))


@pytest.fixture
def zhaodong(database: Database) -> Trial:
    return trial(database, "zhaodong")


@pytest.mark.parametrize("slug", SLUGS)
async def test_real_districts_come_on_board_whole_and_a_second_run_writes_nothing(
    database: Database, slug: str
) -> None:
    tried = trial(database, slug)
    first = await tried.run()
    rows = len(tried.tree.strip().splitlines()) - 1
    assert first.changed
    assert sum(first.counts.values()) == rows
    assert first.seconds < 5, "seconds; here for a hang, not as a benchmark"
    offices = await tried.fetch(
        "select kind, count(*) from organisations group by kind order by kind"
    )
    assert dict(offices) == {
        "COMMUNITY": first.counts["COMMUNITY"],
        "DEPARTMENT": len(tried.described.departments),
        "STREET_OFFICE": first.counts["STREET"],
    }
    before = await tried.written()
    second = await tried.run()
    assert not second.changed
    assert "无变化" in second.lines()
    assert await tried.written() == before


async def test_register_lists_tenants_and_the_operator_exists(zhaodong: Trial) -> None:
    await zhaodong.run()
    async with zhaodong.database.tenant_transaction(tenant_id(OPERATOR)) as transaction:
        rows = await list_tenants(transaction.connection)
    listed = {row["slug"]: row["code"] for row in rows}
    assert listed[zhaodong.described.slug] == zhaodong.described.code
    async with zhaodong.database.tenant_transaction(tenant_id(OPERATOR)) as transaction:
        assert await transaction.connection.fetchval("select slug from tenants") == OPERATOR


async def test_paths_select_exactly_the_subtree(zhaodong: Trial) -> None:
    await zhaodong.run()
    for row in await zhaodong.fetch("select code, path from regions where level <> 'COMMUNITY'"):
        inside = await zhaodong.fetch(
            "select code from regions where path >= $1 and path < $2",
            row["path"],
            path_end(row["path"]),
        )
        lines = [line.split(",")[0] for line in zhaodong.tree.splitlines()[1:]]
        assert {found["code"] for found in inside} == {
            code for code in lines if code.startswith(row["code"])
        }


async def test_newer_tree_is_planned_applied_and_history_stays(
    zhaodong: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The changes that the statistics bureau published between 2022 and 2023."""
    newer = zhaodong.tree
    code = zhaodong.code
    zhaodong.tree = newer.replace(
        f"{code('231282004013')},地税社区居委会,community,{code('231282004')}",
        f"{code('231282003002')},地税社区居委会,community,{code('231282003')}",
    ).replace("东泰社区居委会", "东太平社区居委会")
    await zhaodong.run()
    [old] = await zhaodong.fetch("select * from regions where name = '地税社区居委会'")
    [office] = await zhaodong.fetch("select * from organisations where region_id = $1", old["id"])
    await _add_grid(zhaodong, old["id"], "001")

    zhaodong.tree = newer
    planned = await zhaodong.run(apply=False)
    assert not planned.changed
    assert "划转 2" in planned.plan.lines()[0], "the community and its grid"
    assert len(await zhaodong.fetch("select 1 from region_predecessors")) == 0

    told: list[tuple[UUID, UUID]] = []

    async def follow(_: Transaction, pairs: Any) -> None:
        told.extend(pairs)

    monkeypatch.setattr(
        dependents, "DEPENDENTS", [*dependents.DEPENDENTS, Dependent("", "", follow=follow)]
    )
    await zhaodong.run()
    closed, moved = await zhaodong.fetch(
        "select * from regions where name = '地税社区居委会' order by valid_to nulls last"
    )
    assert closed["id"] == old["id"]
    assert (closed["path"], closed["code"]) == (old["path"], old["code"]), "history stays"
    assert closed["valid_to"] == moved["valid_from"]
    assert moved["code"] == code("231282004013")
    assert (old["id"], moved["id"]) in told
    assert len(told) == 2
    grids = await zhaodong.fetch("select * from regions where level = 'GRID' order by valid_to")
    assert [grid["code"] for grid in grids] == [
        code("231282003002001"),
        code("231282004013001"),
    ]
    [followed] = await zhaodong.fetch("select * from organisations where id = $1", office["id"])
    assert (followed["region_id"], followed["active"]) == (moved["id"], True)
    assert followed["region_path"] == moved["path"]
    [renamed] = await zhaodong.fetch(
        "select r.name, o.name as organisation from regions r join organisations o"
        " on o.region_id = r.id where r.code = $1 and r.valid_to is null",
        code("231282001006"),
    )
    assert tuple(renamed) == ("东泰社区居委会", "东泰社区居委会")
    before = await zhaodong.written()
    assert not (await zhaodong.run()).changed
    assert await zhaodong.written() == before


async def _add_grid(tried: Trial, community: UUID, sequence: str) -> None:
    async with tried.database.tenant_transaction(tried.id) as transaction:
        await transaction.connection.execute(
            "insert into regions (id, level, code, name, parent_id, path, grid_kind, valid_from)"
            " select $1, 'GRID', code || $2, '第一网格', id, path || 'zzz0/', 'BASIC', $3"
            " from regions where id = $4",
            new_id(), sequence, dt.date(2026, 1, 1), community,
        )  # fmt: skip


async def test_closing_needs_to_be_confirmed(zhaodong: Trial) -> None:
    await zhaodong.run()
    lines = zhaodong.tree.strip().splitlines()
    gone = lines[-1].split(",")
    zhaodong.tree = "\n".join(lines[:-1])
    before = await zhaodong.written()
    with pytest.raises(Refused, match="--confirm-closures") as refused:
        await zhaodong.run()
    assert gone[1] in str(refused.value)
    assert await zhaodong.written() == before
    await zhaodong.run(confirm_closures=True)
    [row] = await zhaodong.fetch(
        "select r.valid_to, o.active from regions r join organisations o on o.region_id = r.id"
        " where r.code = $1",
        gone[0],
    )
    assert row["valid_to"] is not None
    assert not row["active"]


async def test_faulty_tree_changes_nothing(zhaodong: Trial) -> None:
    await zhaodong.run()
    before = await zhaodong.written()
    zhaodong.tree += f"{zhaodong.code('231282001')},重复街道,street,{zhaodong.described.code}\n"
    with pytest.raises(BadTree, match=r"第 254 行.*重复"):
        await zhaodong.run()
    assert await zhaodong.written() == before


@pytest.mark.parametrize("end", [RuntimeError, asyncio.CancelledError])
async def test_interrupted_onboarding_leaves_nothing(
    zhaodong: Trial, end: type[BaseException]
) -> None:
    async def killed(_: Transaction, __: TenantFile) -> list[str]:
        raise end

    with pytest.raises(end):
        await zhaodong.run(hooks=[killed])
    assert all(not rows for rows in (await zhaodong.written()).values())
    assert (await zhaodong.run()).changed


async def test_lost_connection_leaves_nothing(zhaodong: Trial) -> None:
    async def cut(transaction: Transaction, _: TenantFile) -> list[str]:
        await transaction.connection.execute("select pg_terminate_backend(pg_backend_pid())")
        return []

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
        await zhaodong.run(hooks=[cut])
    assert all(not rows for rows in (await zhaodong.written()).values())
    assert (await zhaodong.run()).changed


async def test_two_onboardings_at_once_agree(zhaodong: Trial) -> None:
    reports = await asyncio.gather(zhaodong.run(), zhaodong.run(), return_exceptions=True)
    assert [type(report) for report in reports] == [Report, Report]
    assert len(await zhaodong.fetch("select 1 from regions")) == 252


async def test_district_keeps_its_slug_and_code(zhaodong: Trial) -> None:
    await zhaodong.run()
    described, other = zhaodong.described, f"t{secrets.token_hex(6)}"
    zhaodong.described = described.model_copy(update={"slug": other})
    with pytest.raises(Refused, match="已作为租户"):
        await zhaodong.run()
    zhaodong.described = described.model_copy(update={"code": "999998"})
    with pytest.raises(Refused, match="租户文件写的是 999998"):
        await zhaodong.run()
    zhaodong.tree = zhaodong.tree.replace(described.code, "999998")
    with pytest.raises(Refused, match="不能改为 999998"):
        await zhaodong.run()


@pytest.mark.parametrize(
    "change",
    [
        "update regions set path = '0009/'",
        "update regions set code = '350702'",
        "update regions set parent_id = id",
        "update region_predecessors set region_id = predecessor_id",
        "update tenants set slug = 'other'",
        "delete from regions",
        "delete from region_predecessors",
        "delete from tenants",
    ],
)
async def test_database_holds_the_application_to_the_history(zhaodong: Trial, change: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await zhaodong.fetch(change)


async def test_hole_in_the_wall_lets_nobody_on_board(
    zhaodong: Trial, admin: asyncpg.Connection
) -> None:
    """The red twin of the canary."""
    await admin.execute("alter table organisations disable row level security")
    try:
        with pytest.raises(Refused, match="租户隔离失效:表 organisations"):
            await zhaodong.run()
    finally:
        await admin.execute("alter table organisations enable row level security")
    assert await zhaodong.fetch("select 1 from regions") == []


def test_tenant_file_faults_are_in_words(tmp_path: Path) -> None:
    good = (TENANTS / "yanping.toml").read_text(encoding="utf-8")
    (tmp_path / "regions").mkdir()
    (tmp_path / "regions" / "350702.csv").write_text("code\n", encoding="utf-8")

    def said(old: str, new: str) -> str:
        assert old in good
        path = tmp_path / "bad.toml"
        path.write_text(good.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(BadTenantFile) as raised:
            load(path)
        return str(raised.value)

    assert "colour:未知的项" in said("demo = true", 'colour = "red"')
    assert "第 4 行:不是有效的 TOML" in said('name = "延平区"\n', "name = 延平区\n")
    assert "slug:operator" in said('"yanping"', '"operator"')
    assert "code:取值无效" in said('"350702"', '"35070"')
    assert "administrators[1].role:取值无效" in said('"SYS"', '"DSUP"')
    assert "office_hours:上下班时间" in said('"12:00"', '"15:00"')
    assert "部门重复" in said("延平区城市管理局", "延平区住房和城乡建设局")
    assert "找不到文件" in said("regions/350702.csv", "regions/none.csv")


async def test_missing_file_is_said(database: Database, tmp_path: Path) -> None:
    with pytest.raises(BadTenantFile, match="找不到文件"):
        await onboard(database, tmp_path / "none.toml")


def test_files_say_which_tenants_are_the_demo() -> None:
    demo = {path.stem: load(path)[0].demo for path in TENANTS.glob("*.toml")}
    assert demo == {"yanping": True, "zhaodong": True, "jianyang": False, "jinan": False}
