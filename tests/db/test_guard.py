"""The server refuses to work where the walls would not hold, and says what to do."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from tests.conftest import Server

from guanjia import settings
from guanjia.db import embedded, guard
from guanjia.db.cluster import drop_database, prepare
from guanjia.db.connections import Connections, database_of, with_database, with_user
from guanjia.db.guard import check_role, check_server
from guanjia.db.requirements import UnsafeDatabase, check_settings, check_version


@pytest.fixture(scope="module")
async def own_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[embedded.Server]:
    state = tmp_path_factory.mktemp("server") / "state"
    running = await embedded.start(state)
    yield running
    await embedded.stop(state)
    shutil.rmtree(running.home.folder)


@dataclass(frozen=True)
class Guest:
    """A role of its own, connected as itself, and the superuser who changes it."""

    role: str
    connection: asyncpg.Connection
    admin: asyncpg.Connection


@pytest.fixture
async def guest(
    admin: asyncpg.Connection, server: Server, connections: Connections
) -> AsyncIterator[Guest]:
    name, role = database_of(connections.require("owner")), f"guest_{secrets.token_hex(6)}"
    await admin.execute(f"create role {role} login password 'guest'")
    await admin.execute(f'grant connect on database "{name}" to {role}')
    dsn = with_database(with_user(server.administrator, role, "guest"), name)
    connection = await asyncpg.connect(dsn)
    yield Guest(role, connection, admin)
    await connection.close()
    await admin.execute(f'revoke all on database "{name}" from {role}; drop role {role}')


@pytest.mark.parametrize("role", ["app_rw", "app_ro"])
async def test_the_applications_roles_may_serve(connections: Connections, role: str) -> None:
    connection = await asyncpg.connect(connections.require(role))
    try:
        await check_server(connection, settings.MODULES)
    finally:
        await connection.close()


async def test_a_superuser_may_not_serve(admin: asyncpg.Connection) -> None:
    with pytest.raises(UnsafeDatabase, match=r"超级用户.*app_rw"):
        await check_server(admin, settings.MODULES)


async def test_the_owner_may_not_serve(connections: Connections) -> None:
    connection = await asyncpg.connect(connections.require("owner"))
    try:
        with pytest.raises(UnsafeDatabase, match="所有者"):
            await check_server(connection, settings.MODULES)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("alter role {guest} bypassrls", "BYPASSRLS"),
        ("alter role {guest} createrole", "权限过大"),
        ("alter role {guest} replication", "权限过大"),
        ("grant owner to {guest}", "所有者"),
        ("alter role {guest} connection limit 5", "不是本系统的角色"),
    ],
)
async def test_other_roles_may_not_serve(guest: Guest, statement: str, said: str) -> None:
    await guest.admin.execute(statement.format(guest=guest.role))
    with pytest.raises(UnsafeDatabase, match=said):
        await check_role(guest.connection)


async def test_a_member_of_a_role_that_bypasses_may_not_serve(guest: Guest) -> None:
    group = f"{guest.role}_group"
    await guest.admin.execute(f"create role {group} bypassrls; grant {group} to {guest.role}")
    try:
        with pytest.raises(UnsafeDatabase, match="属于角色"):
            await check_role(guest.connection)
    finally:
        await guest.admin.execute(f"drop role {group}")


@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "synchronous_commit"])
async def test_a_server_that_loses_what_it_acknowledged_is_refused(
    own_server: embedded.Server, name: str
) -> None:
    """A server of its own, since the setting holds for everyone on it."""
    connection = await asyncpg.connect(own_server.administrator)
    try:
        await check_settings(connection)
        await connection.execute(f"alter system set {name} = off")
        await connection.execute("select pg_reload_conf()")
        async with asyncio.timeout(10):
            # The server tells nobody that it has read its settings again.
            while await connection.fetchval("select current_setting($1)", name) == "on":  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        with pytest.raises(UnsafeDatabase, match=f"{name}.*postgresql.conf"):
            await check_settings(connection)
        with pytest.raises(UnsafeDatabase, match=name):
            await prepare(own_server.administrator, "guanjia", own_server.passwords)
        assert not await connection.fetchval("select 1 from pg_roles where rolname = 'app_rw'")
    finally:
        await connection.execute(f"alter system reset {name}")
        await connection.execute("select pg_reload_conf()")
        await connection.close()


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (140_023, "PostgreSQL 14 太旧.*升级到 15"),
        (150_013, "升级到 15.14"),
        (160_009, "升级到 16.10"),
        (170_005, "升级到 17.6"),
    ],
)
def test_an_old_server_is_refused(number: int, said: str) -> None:
    with pytest.raises(UnsafeDatabase, match=said):
        check_version(number)


@pytest.mark.parametrize("number", [150_014, 160_010, 170_006, 180_000])
def test_a_new_enough_server_is_taken(number: int) -> None:
    check_version(number)


async def test_pending_migrations_are_named(server: Server) -> None:
    name = f"test_{secrets.token_hex(6)}"
    empty = await prepare(server.administrator, name, server.passwords)
    try:
        connection = await asyncpg.connect(empty.require("app_rw"))
        with pytest.raises(UnsafeDatabase, match=r"audit\.0001_initial.*guanjia migrate"):
            await check_server(connection, settings.MODULES)
        await connection.close()
    finally:
        await drop_database(server.administrator, name)


@pytest.fixture
def no_role_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the superuser look: only it sees the breach it has not committed."""

    async def passed(_: Any) -> None:
        return None

    monkeypatch.setattr(guard, "check_role", passed)


@pytest.mark.usefixtures("no_role_check")
async def test_a_missing_wall_is_refused(admin: asyncpg.Connection) -> None:
    undo = admin.transaction()
    await undo.start()
    try:
        await admin.execute("alter table regions no force row level security")
        with pytest.raises(UnsafeDatabase, match=r"租户隔离不完整.*regions"):
            await check_server(admin, settings.MODULES)
    finally:
        await undo.rollback()
