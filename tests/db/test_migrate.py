"""Migrating: all or nothing, one at a time, and nothing the second time."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from tortoise.migrations.recorder import MigrationRecorder

from guanjia import settings
from guanjia.db import cluster
from guanjia.db.migrate import migrate, pending


@pytest.fixture
async def owner(server: Any) -> AsyncIterator[str]:
    """The owner's address on a new, empty database."""
    name = f"test_{secrets.token_hex(6)}"
    prepared = await cluster.prepare(server.administrator, name, server.passwords)
    yield prepared.require("owner")
    await cluster.drop_database(server.administrator, name)


async def test_two_at_once_migrate_once(owner: str) -> None:
    first, second = await asyncio.gather(
        migrate(owner, settings.MODULES), migrate(owner, settings.MODULES)
    )
    assert sorted([bool(first), bool(second)]) == [False, True]
    connection = await asyncpg.connect(owner)
    assert await pending(connection, settings.MODULES) == []
    await connection.close()


async def test_a_death_between_migration_and_record_leaves_nothing(
    owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: Any) -> None:
        raise ConnectionError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(MigrationRecorder, "record_applied", die)
        with pytest.raises(ConnectionError):
            await migrate(owner, settings.MODULES)
    connection = await asyncpg.connect(owner)
    tables = "select count(*) from pg_tables where schemaname = 'public'"
    assert await connection.fetchval(tables) == 0
    await connection.close()
    assert await migrate(owner, settings.MODULES)
