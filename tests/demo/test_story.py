"""What `make demo` tells, on a database of its own, told twice."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from argon2 import PasswordHasher

from guanjia import settings
from guanjia.access import passwords
from guanjia.cli import HOOKS
from guanjia.db import cluster
from guanjia.db.connections import Connections, with_database
from guanjia.db.migrate import migrate
from guanjia.db.pools import Database
from guanjia.demo import story
from guanjia.tenancy import onboarding
from guanjia.tenancy.tenantfile import load


@pytest.fixture
async def stage(server: Any) -> AsyncIterator[tuple[Connections, asyncpg.Connection]]:
    """An empty database with the demo's tenants; the superuser in it, to count."""
    name = f"test_{secrets.token_hex(6)}"
    connections = await cluster.prepare(server.administrator, name, server.passwords)
    try:
        await migrate(connections.require("owner"), settings.MODULES)
        database = await Database.open(connections, settings.MODULES)
        for path in sorted(settings.load().tenants_dir.glob("*.toml")):
            if load(path)[0].demo:
                await onboarding.onboard(database, path, hooks=HOOKS)
        await database.close()
        admin = await asyncpg.connect(with_database(server.administrator, name))
        yield connections, admin
        await admin.close()
    finally:
        await cluster.drop_database(server.administrator, name)


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


async def test_the_story_is_told_once(
    stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections, admin = stage
    # What a hash costs is held by tests/access; here it would be most of the time.
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", quick)
    given = settings.load().model_copy(update={"attachments_dir": tmp_path})
    said = await story.tell(given, connections)
    stages = await admin.fetch("select number, state from cases where number is not null")
    before = await counted(admin)

    assert [row["state"] for row in stages].count("ARCHIVED") == 3, stages
    assert before["seat_tenures"] >= 3
    assert await admin.fetchval("select count(*) from grants where role = 'BLD'") == 38
    text = "\n".join(said)
    for told in ("四席齐备", "3份清单已公布", "召开议事会议 18 次"):
        assert told in text, text

    await story.tell(given, connections)
    assert await counted(admin) == before
