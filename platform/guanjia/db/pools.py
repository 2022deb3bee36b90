"""The only ways to a tenant's rows: a tenant transaction, a snapshot, one fenced statement.

Writes go through Tortoise's pool as `app_rw`, reads through a pool of their own as `app_ro`. The
tenant is set with `set_config(…, true)`, so it ends with the transaction or statement that set it:
a connection that goes back to a pool carries nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from tortoise import Tortoise
from tortoise.connection import get_connection, get_connections

from guanjia.db.connections import Connections, connect
from guanjia.db.faults import Unavailable
from guanjia.db.migrate import apps, credentials

WRITE = "write"
STATEMENT_TIMEOUT_MS = 10_000
READ_SETTINGS = {
    "timezone": "UTC",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
    "default_transaction_read_only": "on",
    "statement_timeout": str(STATEMENT_TIMEOUT_MS),
    "application_name": "guanjia-read",
}
WRITE_SETTINGS = {
    "timezone": "UTC",
    "jit": "off",
    "statement_timeout": str(STATEMENT_TIMEOUT_MS),
    "idle_in_transaction_session_timeout": "30000",
    "application_name": "guanjia-write",
}
ACQUIRE_SECONDS = 5.0
_SET_TENANT = "select set_config('app.tenant_id', $1, true)"


class WrongTenant(Exception):
    """A transaction of one tenant was asked to work for another."""


@dataclass(frozen=True)
class Transaction:
    """An open transaction of one tenant. Tortoise models inside it use the same connection."""

    tenant_id: UUID
    connection: Any


class ReadConnection(asyncpg.Connection):
    """A connection of the read pool: nothing session-wide is ever set on it, nothing is reset."""

    def get_reset_query(self) -> str:
        return ""


_current: ContextVar[Transaction | None] = ContextVar("guanjia_transaction", default=None)


class Database:
    """The pools of one process."""

    def __init__(self, read: asyncpg.Pool, read_dsn: str, context: Any) -> None:
        self._read = read
        self._read_dsn = read_dsn
        self._context = context

    @staticmethod
    async def open(
        connections: Connections, modules: Sequence[str], *, read_size: int = 4, write_size: int = 8
    ) -> Database:
        """Opens both pools. Tortoise's context is made global: request tasks must see it."""
        read = await open_read_pool(connections, read_size)
        config = {
            "connections": {
                WRITE: {
                    "engine": "tortoise.backends.asyncpg",
                    "credentials": {
                        **credentials(connections.require("app_rw")),
                        "minsize": 1,
                        "maxsize": write_size,
                        "server_settings": WRITE_SETTINGS,
                    },
                }
            },
            "apps": apps(modules, WRITE),
            "use_tz": True,
            "timezone": "UTC",
        }
        context = await Tortoise.init(config=config, _enable_global_fallback=True)
        return Database(read, connections.require("app_ro"), context)

    async def close(self) -> None:
        await self._read.close()
        await self._context.close_connections()

    @asynccontextmanager
    async def tenant_transaction(self, tenant_id: UUID) -> AsyncIterator[Transaction]:
        """A read-write transaction in which only this tenant's rows exist.

        Inside a transaction of the same tenant it is a savepoint. Never start a task inside.
        """
        outer = _current.get()
        if outer is not None:
            if outer.tenant_id != tenant_id:
                raise WrongTenant(f"{outer.tenant_id} is open, {tenant_id} was asked for")
            async with get_connection(WRITE)._in_transaction():
                yield outer
            return
        async with _begun(get_connection(WRITE)) as client:
            await client._connection.execute(_SET_TENANT, str(tenant_id))
            transaction = Transaction(tenant_id, client._connection)
            token = _current.set(transaction)
            try:
                yield transaction
            finally:
                _current.reset(token)

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Any]:
        """A connection of the read pool; Unavailable when none is free in time."""
        # A deadline costs a timer: it is only set when there is something to wait for.
        deadline = None if self._read.get_idle_size() else ACQUIRE_SECONDS
        try:
            connection = await self._read.acquire(timeout=deadline)
        except (TimeoutError, OSError) as error:
            raise Unavailable("no read connection") from error
        try:
            yield connection
        except asyncpg.InterfaceError:
            # A statement whose arguments do not fit is half sent: nobody else may meet the rest.
            connection.terminate()
            raise
        finally:
            await self._read.release(connection)

    @asynccontextmanager
    async def snapshot(self, tenant_id: UUID) -> AsyncIterator[Any]:
        """One read-only transaction in which everything read is from the same moment."""
        async with (
            self._reading() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            await connection.execute(_SET_TENANT, str(tenant_id))
            yield connection

    async def fetch_json(self, sql: str, arguments: Sequence[Any]) -> bytes | None:
        """The one JSON value of a fenced statement, as the bytes the database sent."""
        async with self._reading() as connection:
            found: bytes | None = await connection.fetchval(sql, *arguments)
            return found

    @asynccontextmanager
    async def listening(
        self, heard: Mapping[str, Callable[[str], None]]
    ) -> AsyncIterator[asyncio.Event]:
        """Calls what is given for a channel with the payload of each notification on it while
        inside. The event is set when the connection is lost."""
        closed = asyncio.Event()

        def callback(_connection: Any, _pid: int, channel: str, payload: str) -> None:
            heard[channel](payload)

        connection = await connect(self._read_dsn, server_settings=READ_SETTINGS)
        connection.add_termination_listener(lambda _: closed.set())
        try:
            for channel in heard:
                await connection.add_listener(channel, callback)
            yield closed
        finally:
            await connection.close()


async def open_read_pool(connections: Connections, size: int = 4) -> asyncpg.Pool:
    """Connections as `app_ro` whose statements are planned once and serve every tenant."""
    return await asyncpg.create_pool(
        connections.require("app_ro"),
        connect=connect,
        connection_class=ReadConnection,
        min_size=1,
        max_size=size,
        statement_cache_size=512,
        max_cached_statement_lifetime=0,
        max_cacheable_statement_size=256 * 1024,
        server_settings=READ_SETTINGS,
        init=_json_as_bytes,
    )


@asynccontextmanager
async def _begun(client: Any) -> AsyncIterator[Any]:
    """Tortoise's transaction, without its leak: when `begin` fails or the task is cancelled there,
    the connection goes back and the context variable is restored."""
    context = client._in_transaction()
    try:
        async with asyncio.timeout(ACQUIRE_SECONDS):
            transaction = await context.__aenter__()
    except BaseException as error:
        taken = getattr(context.client, "_connection", None)
        if taken is not None and hasattr(context, "token"):
            await asyncio.shield(_give_back(client, taken))
            get_connections().reset(context.token)
        if isinstance(error, TimeoutError | OSError):
            raise Unavailable("no write connection") from error
        raise
    try:
        yield transaction
    except BaseException as error:
        await context.__aexit__(type(error), error, error.__traceback__)
        raise
    else:
        await context.__aexit__(None, None, None)


async def _give_back(client: Any, connection: Any) -> None:
    if client._pool is not None:
        await client._pool.release(connection)


async def _json_as_bytes(connection: asyncpg.Connection) -> None:
    """The json type's binary form is its text: it is passed on without decoding."""
    await connection.set_type_codec(
        "json", schema="pg_catalog", format="binary", encoder=bytes, decoder=bytes
    )
