"""The four roles and the database on a PostgreSQL server, made or repaired by its administrator."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

import asyncpg

from guanjia.db.connections import (
    APPLICATION_ROLES,
    ROLES,
    Connections,
    NoSuchDatabase,
    addresses,
    connect,
    database_of,
    with_database,
)
from guanjia.db.requirements import check_settings

# Any constant will do, as long as every preparing process takes the same one.
_LOCK = 0x67756A61

_ATTRIBUTES = {
    "rolsuper": "nosuperuser",
    "rolbypassrls": "nobypassrls",
    "rolcreaterole": "nocreaterole",
    "rolcreatedb": "nocreatedb",
    "rolreplication": "noreplication",
}


async def prepare(
    admin_dsn: str, database: str, passwords: Mapping[str, str] | None = None
) -> Connections:
    """The four roles exist with these passwords and no privilege of their own, the database exists
    and belongs to `owner`, and nobody else may create anything in it. Running it again changes
    nothing. Without `passwords` new ones are made: earlier addresses stop working then.
    """
    given = dict(passwords or {})
    complete = {role: given.get(role) or secrets.token_urlsafe(24) for role in ROLES}
    connections = addresses(admin_dsn, database, complete)
    connection = await _connect_anywhere(admin_dsn)
    try:
        await check_settings(connection)  # before anything is made on a server that will not do
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        for role in ROLES:
            await _role(connection, role, complete[role], getattr(connections, role))
        await _database(connection, database)
    finally:
        await connection.close()
    connection = await connect(connections.require("owner"))
    try:
        await _schema(connection, database)
    finally:
        await connection.close()
    return connections


async def drop_database(admin_dsn: str, database: str) -> None:
    """The database is gone, whoever was connected to it. For scratch databases of tests."""
    connection = await _connect_anywhere(admin_dsn)
    try:
        await connection.execute(f"drop database if exists {quoted(database)} with (force)")
    finally:
        await connection.close()


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL string literal, for statements that take no parameters."""
    if "\x00" in text or "\\" in text:
        raise ValueError("a backslash or NUL cannot be written as a plain literal")
    return "'" + text.replace("'", "''") + "'"


async def _connect_anywhere(admin_dsn: str) -> asyncpg.Connection:
    """The administrator's connection; on a maintenance database if its own is not there yet."""
    try:
        connection = await connect(admin_dsn)
    except NoSuchDatabase:
        if database_of(admin_dsn) == "postgres":
            raise
        connection = await connect(with_database(admin_dsn, "postgres"))
    return connection


async def _role(connection: asyncpg.Connection, role: str, password: str, dsn: str) -> None:
    row = await connection.fetchrow("select * from pg_roles where rolname = $1", role)
    if row is None:
        await connection.execute(
            f"create role {role} login {_inheritance(role)} nocreaterole nocreatedb"
            f" password {literal(password)}"
        )
        row = await connection.fetchrow("select * from pg_roles where rolname = $1", role)
    assert row is not None
    wrong = [text for column, text in _ATTRIBUTES.items() if row[column]]
    if not row["rolcanlogin"]:
        wrong.append("login")
    if row["rolinherit"] != (role == "owner"):
        wrong.append(_inheritance(role))
    if wrong:
        await connection.execute(f"alter role {role} {' '.join(wrong)}")
    if not await _accepts(dsn):
        await connection.execute(f"alter role {role} password {literal(password)}")
    for parent in await connection.fetch(
        "select roleid::regrole::text as name from pg_auth_members where member = $1::regrole",
        role,
    ):
        await connection.execute(f"revoke {parent['name']} from {role}")


def _inheritance(role: str) -> str:
    """The owner acts for its schema by belonging to `pg_database_owner`, which before PostgreSQL 16
    takes an inheriting role. Nobody else belongs to anything."""
    return "inherit" if role == "owner" else "noinherit"


async def _accepts(dsn: str) -> bool:
    """Whether the password in the address is the role's: then it is left alone, since writing it
    again would make every repeated preparation a change."""
    try:
        connection = await asyncpg.connect(with_database(dsn, "postgres"), timeout=5)
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError):
        return False
    except asyncpg.exceptions.PostgresError:
        return True  # it came past the password, for instance to a database it may not enter
    await connection.close()
    return True


async def _database(connection: asyncpg.Connection, database: str) -> None:
    name = quoted(database)
    row = await connection.fetchrow(
        "select datdba::regrole::text as owner, pg_encoding_to_char(encoding) as encoding"
        " from pg_database where datname = $1",
        database,
    )
    superuser = await connection.fetchval(
        "select rolsuper from pg_roles where rolname = session_user"
    )
    if not superuser and (row is None or row["owner"] != "owner"):
        # Only a member of a role may make it the owner of something.
        await connection.execute("grant owner to current_user")
    if row is None:
        await _create(connection, name)
    elif row["encoding"] != "UTF8":
        raise RuntimeError(f"数据库 {database} 的编码是 {row['encoding']},必须是 UTF8。")
    elif row["owner"] != "owner":
        await connection.execute(f"alter database {name} owner to owner")


async def _create(connection: asyncpg.Connection, name: str) -> None:
    """Sorts by code point everywhere, so that pages are cut the same on every system."""
    base = f"create database {name} owner owner template template0 encoding 'UTF8'"
    if connection.get_server_version() >= (17,):
        await connection.execute(
            f"{base} locale_provider builtin builtin_locale 'C.UTF-8' locale 'C'"
        )
        return
    try:
        await connection.execute(f"{base} lc_collate 'C' lc_ctype 'C.UTF-8'")
    except asyncpg.exceptions.PostgresError:
        await connection.execute(f"{base} lc_collate 'C' lc_ctype 'C'")


async def _schema(connection: asyncpg.Connection, database: str) -> None:
    """As the database's owner, who since PostgreSQL 15 also owns its schema `public`."""
    roles = ", ".join(APPLICATION_ROLES)
    name = quoted(database)
    await connection.execute(
        f"revoke all on database {name} from public;"
        f" grant connect on database {name} to {roles};"
        " revoke all on schema public from public;"
        f" grant usage on schema public to {roles}"
    )
