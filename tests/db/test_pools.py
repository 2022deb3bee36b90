"""The only ways to a tenant's rows, and that nothing is left behind on a connection."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from tests.conftest import TestTenant

from guanjia.db.connections import Connections, Unreachable
from guanjia.db.ids import new_id
from guanjia.db.migrate import credentials
from guanjia.db.pools import Database, WrongTenant
from guanjia.tenancy.models import Region

COUNT = "select count(*) from regions"


async def test_tenant_transaction_shows_only_its_tenant(
    database: Database, tenant: TestTenant
) -> None:
    async with database.tenant_transaction(tenant.id) as transaction:
        assert await transaction.connection.fetchval(COUNT) == len(tenant.regions)
        assert await Region.all().count() == len(tenant.regions)
    async with database.tenant_transaction(new_id()) as transaction:
        assert await transaction.connection.fetchval(COUNT) == 0
        assert await Region.all().count() == 0


async def test_snapshot_reads_and_cannot_write(database: Database, tenant: TestTenant) -> None:
    async with database.snapshot(tenant.id) as connection:
        assert await connection.fetchval(COUNT) == len(tenant.regions)
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await connection.execute("delete from regions")


async def test_nested_use_is_a_savepoint(database: Database, tenant: TestTenant) -> None:
    rename = "update regions set name = $1 where level = 'DISTRICT'"
    name = "select name from regions where level = 'DISTRICT'"
    async with database.tenant_transaction(tenant.id) as outer:
        await outer.connection.execute(rename, "外层")
        with pytest.raises(asyncpg.CheckViolationError):
            await _fails_inside(database, tenant, rename)
        assert await outer.connection.fetchval(name) == "外层"
        with pytest.raises(WrongTenant):
            async with database.tenant_transaction(new_id()):
                pass
    async with database.tenant_transaction(tenant.id) as transaction:
        assert await transaction.connection.fetchval(name) == "外层"


async def _fails_inside(database: Database, tenant: TestTenant, rename: str) -> None:
    async with database.tenant_transaction(tenant.id) as inner:
        await inner.connection.execute(rename, "内层")
        await inner.connection.execute("update tenants set code = 'no digits'")


async def test_no_tenant_is_left_on_a_connection(
    database: Database, tenant: TestTenant, connections: Connections
) -> None:
    for _ in range(20):  # more than the pools hold
        async with database.snapshot(tenant.id):
            pass
        async with database.tenant_transaction(tenant.id):
            pass
    with pytest.raises(asyncpg.PostgresError):
        await database.fetch_json("select to_json(count(*)) from regions", [])
    bare = await asyncpg.connect(connections.require("app_rw"))
    try:
        with pytest.raises(asyncpg.UndefinedObjectError):
            await bare.fetchval(COUNT)
    finally:
        await bare.close()


async def test_a_cancelled_task_gives_its_connection_back(
    database: Database, tenant: TestTenant
) -> None:
    async def work() -> None:
        async with database.tenant_transaction(tenant.id) as transaction:
            await transaction.connection.execute("select pg_sleep(5)")

    for delay in [0.0, 0.0, 0.001, 0.002, 0.005] * 6:
        task = asyncio.create_task(work())
        await asyncio.sleep(delay)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with asyncio.timeout(5):
        async with database.tenant_transaction(tenant.id) as transaction:
            assert await transaction.connection.fetchval(COUNT) == len(tenant.regions)


async def test_another_tenants_row_cannot_be_referenced(
    database: Database, tenant: TestTenant
) -> None:
    foreign = tenant.regions["district"].id
    insert = (
        "insert into organisations (id, kind, name, region_id, region_path)"
        " values ($1, 'DEPARTMENT', '住建局', $2, '0001/')"
    )
    for target in (foreign, new_id()):  # there or not: the same answer
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            async with database.tenant_transaction(new_id()) as transaction:
                await transaction.connection.execute(insert, new_id(), target)


async def test_a_row_cannot_be_written_for_another_tenant(
    database: Database, tenant: TestTenant
) -> None:
    for role_statement in (
        "insert into access_epochs (tenant_id) values ($1)",
        "update access_epochs set tenant_id = $1",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with database.tenant_transaction(tenant.id) as transaction:
                await transaction.connection.execute(role_statement, new_id())


async def test_all_that_an_address_says_is_obeyed(connections: Connections) -> None:
    """Several hosts, TLS, and which of the servers to take: here one that is a standby."""
    dsn = connections.require("app_rw")
    for_tortoise = credentials(f"{dsn}{'&' if '?' in dsn else '?'}target_session_attrs=standby")
    with pytest.raises(Unreachable):
        await for_tortoise["connect"](host="elsewhere.invalid")
    connection = await credentials(dsn)["connect"](host="elsewhere.invalid")
    assert await connection.fetchval("select current_user::text") == "app_rw"
    await connection.close()


async def test_a_statement_that_was_half_sent_reaches_nobody_else(
    database: Database, tenant: TestTenant
) -> None:
    for _ in range(database._read.get_max_size() + 1):
        with pytest.raises(asyncpg.InterfaceError):
            await database.fetch_json("select to_json($1::int)", [1, 2])
        async with database.snapshot(tenant.id) as connection:
            assert await connection.fetchval("select 1") == 1
