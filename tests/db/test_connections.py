"""Addresses: four of them from one administrator, secrets unseen; and ids that only grow."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest
from tests.conftest import Server

from guanjia.db.cluster import drop_database
from guanjia.db.connections import (
    ROLES,
    Connections,
    MissingConnection,
    database_of,
    remembered_passwords,
    resolve,
    with_database,
    with_user,
)
from guanjia.db.ids import new_id
from guanjia.settings import Settings

DATABASE = "resolved_by_a_test"


def settings_of(server: Server, state_dir: Path) -> Settings:
    """An installation that gives one administrator and chooses the roles' passwords itself."""
    dsn = with_database(server.administrator, DATABASE)
    given = {role: with_user(dsn, role, server.passwords[role]) for role in ROLES}
    return Settings(
        admin_database_url=dsn,
        database_url=given["app_rw"],
        read_database_url=given["app_ro"],
        owner_database_url=given["owner"],
        auditor_database_url=given["auditor"],
        state_dir=state_dir,
    )


async def test_an_administrator_prepares_what_the_server_then_uses(
    server: Server, tmp_path: Path
) -> None:
    settings = settings_of(server, tmp_path)
    try:
        prepared = await resolve(settings, administer=True)
        assert await resolve(settings, administer=True) == prepared
        used = await resolve(settings)
        for role in ROLES:
            connection = await asyncpg.connect(used.require(role))
            assert await connection.fetchval("select current_user::text") == role
            assert await connection.fetchval("select current_database()") == DATABASE
            await connection.close()
    finally:
        await drop_database(server.administrator, DATABASE)


async def test_without_an_administrator_nothing_is_prepared(tmp_path: Path) -> None:
    dsn = "postgresql://app_rw:secret@nowhere.invalid/guanjia"
    settings = Settings(database_url=dsn, admin_database_url=None, state_dir=tmp_path)
    used = await resolve(settings)
    assert used.app_rw == dsn
    with pytest.raises(MissingConnection, match="GUANJIA_OWNER_DATABASE_URL"):
        used.require("owner")


def test_addresses_are_not_shown() -> None:
    assert repr(Connections(app_rw="postgresql://app_rw:secret@host/db")) == "Connections(app_rw)"


def test_those_who_ask_for_passwords_at_once_get_the_same(tmp_path: Path) -> None:
    """Each of them would write its own over the others'."""
    servers, begin = [f"server{n}" for n in range(20)], threading.Barrier(4)

    def ask() -> list[dict[str, str]]:
        begin.wait()
        return [remembered_passwords(tmp_path, server) for server in servers]

    with ThreadPoolExecutor(4) as pool:
        first, *others = [asked.result() for asked in [pool.submit(ask) for _ in range(4)]]
    assert others == [first] * 3
    assert [remembered_passwords(tmp_path, server) for server in servers] == first


def test_user_and_database_are_replaced_wherever_they_stand() -> None:
    dsn = "postgresql://old:x@host:5433/one?host=/run/pg&user=other&password=y&dbname=two"
    changed = with_database(with_user(dsn, "app ro", "p@ss/:"), "three")
    assert changed == "postgresql://app%20ro:p%40ss%2F%3A@host:5433/three?host=%2Frun%2Fpg"
    assert database_of(dsn) == "two"


def test_ids_are_version_7_and_only_grow() -> None:
    ids = [new_id() for _ in range(5_000)]
    assert ids == sorted(set(ids))
    assert {i.version for i in ids} == {7}
    assert {i.variant for i in ids} == {ids[0].variant}
