"""The server refuses to work where the walls would not hold, and says what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from tests.conftest import Server

from guanjia import settings
from guanjia.db import guard
from guanjia.db.cluster import drop_database, prepare
from guanjia.db.connections import Connections, database_of, with_database, with_user
from guanjia.db.guard import UnsafeDatabase, check_role, check_server, check_settings

GUEST = "guanjia_test_guest"


@pytest.fixture
async def guest(
    admin: asyncpg.Connection, server: Server, connections: Connections
) -> AsyncIterator[tuple[asyncpg.Connection, asyncpg.Connection]]:
    """A role of its own, as itself, and the superuser who changes it."""
    name = database_of(connections.require("owner"))
    await admin.execute(f"drop role if exists {GUEST}")
    await admin.execute(f"create role {GUEST} login password 'guest'")
    await admin.execute(f'grant connect on database "{name}" to {GUEST}')
    dsn = with_database(with_user(server.administrator, GUEST, "guest"), name)
    connection = await asyncpg.connect(dsn)
    yield connection, admin
    await connection.close()
    await admin.execute(f'revoke all on database "{name}" from {GUEST}; drop role {GUEST}')


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
async def test_other_roles_may_not_serve(
    guest: tuple[asyncpg.Connection, asyncpg.Connection], statement: str, said: str
) -> None:
    connection, admin = guest
    await admin.execute(statement.format(guest=GUEST))
    with pytest.raises(UnsafeDatabase, match=said):
        await check_role(connection)


async def test_a_member_of_a_role_that_bypasses_may_not_serve(
    guest: tuple[asyncpg.Connection, asyncpg.Connection],
) -> None:
    connection, admin = guest
    await admin.execute(f"create role {GUEST}_group bypassrls; grant {GUEST}_group to {GUEST}")
    try:
        with pytest.raises(UnsafeDatabase, match="属于角色"):
            await check_role(connection)
    finally:
        await admin.execute(f"drop role {GUEST}_group")


class Told:
    """A connection whose server says what the test wants: fsync cannot be off on a shared one."""

    def __init__(self, **said: str) -> None:
        self._said = {"server_version_num": "180006", "fsync": "on", "full_page_writes": "on"}
        self._said.update(said)

    async def fetchval(self, statement: str, name: str = "server_version_num") -> Any:
        assert "current_setting" in statement
        return self._said[name]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"fsync": "off"}, "fsync"),
        ({"full_page_writes": "off"}, "full_page_writes"),
        ({"server_version_num": "140020"}, "PostgreSQL 14 太旧"),
        ({"server_version_num": "150013"}, "15.14"),
        ({"server_version_num": "170005"}, "17.6"),
    ],
)
async def test_an_unsafe_server_is_refused(told: dict[str, str], said: str) -> None:
    with pytest.raises(UnsafeDatabase, match=said):
        await check_settings(Told(**told))
    await check_settings(Told())


async def test_pending_migrations_are_named(server: Server) -> None:
    name = "guard_without_migrations"
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
