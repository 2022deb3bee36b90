"""Bringing a database to the newest version: as `owner`, one process at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import Context
from importlib.util import find_spec
from typing import Any

from tortoise import Tortoise
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.loader import MigrationLoader
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.migrations.schema_editor import AsyncpgSchemaEditor
from tortoise.transactions import in_transaction

from guanjia.db.connections import connect, database_of
from guanjia.db.requirements import check_settings
from guanjia.db.tables import Dropped, Rights, TenantTable

CONNECTION = "write"
"""The name of the connection, the same as the server's: Tortoise keeps it in the model classes."""
RECORD = "tortoise_migrations"
_LOCK = 7_201_104_553


def credentials(dsn: str) -> dict[str, Any]:
    """What Tortoise takes so that its pool connects to exactly this address: its own arguments know
    one host and no TLS."""

    async def to_address(*_: Any, **options: Any) -> Any:
        for name in ("host", "port", "user", "password", "database"):
            options.pop(name, None)
        return await connect(dsn, **options)

    return {"connect": to_address, "database": database_of(dsn)}


def apps(modules: Sequence[str], connection: str) -> dict[str, dict[str, Any]]:
    """Tortoise's description of the modules: an app each, with its models and migrations."""
    return {
        module: {
            "models": [f"guanjia.{module}.models"],
            "migrations": f"guanjia.{module}.migrations",
            "default_connection": connection,
        }
        for module in modules
        if find_spec(f"guanjia.{module}.migrations")
    }


async def migrate(owner_dsn: str, modules: Sequence[str]) -> list[str]:
    """Applies what is missing, all or nothing, and returns the names; a second run returns none.

    Processes that migrate at once wait for each other on an advisory lock.
    """
    lock = await connect(owner_dsn)
    try:
        await check_settings(lock)
        await lock.execute("select pg_advisory_lock($1)", _LOCK)
        missing = await pending(lock, modules)
        if missing:
            # Apart from this task: Tortoise leaves its configuration behind in the context.
            await asyncio.create_task(_apply(owner_dsn, modules), context=Context())
        # The server compares what is applied with what it needs before it starts.
        await lock.execute(f"grant select on {RECORD} to app_rw, app_ro, auditor")
        return missing
    finally:
        await lock.close()


async def _apply(owner_dsn: str, modules: Sequence[str]) -> None:
    described = apps(modules, CONNECTION)
    config = {
        "connections": {
            CONNECTION: {
                "engine": "tortoise.backends.asyncpg",
                "credentials": {**credentials(owner_dsn), "minsize": 1, "maxsize": 2},
            }
        },
        "apps": described,
        "use_tz": True,
        "timezone": "UTC",
    }
    context = await Tortoise.init(config=config)
    try:
        # One transaction around all of it: a kill between a migration and its record would leave
        # a database that no later run could bring forward. The executor's own are savepoints.
        async with in_transaction(CONNECTION) as connection:
            await MigrationRecorder(connection).ensure_schema(AsyncpgSchemaEditor(connection))
            await MigrationExecutor(connection, described).migrate()
    finally:
        await context.close_connections()


async def pending(connection: Any, modules: Sequence[str]) -> list[str]:
    """The migrations on disk that the database has not seen, as `module.name`."""
    known: set[tuple[str, str]] = set()
    if await connection.fetchval("select to_regclass($1) is not null", RECORD):
        rows = await connection.fetch(f"select app, name from {RECORD}")
        known = {(row["app"], row["name"]) for row in rows}
    return [f"{app}.{name}" for app, name in _on_disk(modules) if (app, name) not in known]


def declared_grants(modules: Sequence[str]) -> dict[str, dict[str, str]]:
    """The tenant tables that the migrations make, each with the rights of each role."""
    found: dict[str, dict[str, str]] = {}
    for migration in _on_disk(modules).values():
        for operation in migration.operations:
            if isinstance(operation, TenantTable):
                found[operation.name] = operation.grants
            elif isinstance(operation, Dropped):
                del found[operation.name]
            elif isinstance(operation, Rights):
                held = found[operation.name]
                found[operation.name] = held | {
                    role: ", ".join(filter(None, (held.get(role), rights)))
                    for role, rights in operation.grants.items()
                }
    return found


def _on_disk(modules: Sequence[str]) -> dict[tuple[str, str], Any]:
    """Every migration by module and name, the lowest module first."""
    described = apps(modules, CONNECTION)
    loader = MigrationLoader(described, MigrationRecorder(None))
    loader.load_disk()
    order = list(described)
    keys = sorted(loader.disk_migrations, key=lambda key: (order.index(key.app_label), key.name))
    return {(key.app_label, key.name): loader.disk_migrations[key] for key in keys}
