"""The record chains by itself, the application can only add to it, and tampering is named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from tests.conftest import TestTenant

from guanjia.audit.chain import verify
from guanjia.audit.service import record
from guanjia.db.connections import Connections
from guanjia.db.ids import new_id
from guanjia.db.pools import Database

ROWS = 6
SWAP = (
    "update audit_records set seq = -seq where tenant_id = $1 and seq in (2, 3);"
    "update audit_records set seq = 5 + seq where tenant_id = $1 and seq < 0"
)
COPY = (
    "insert into audit_records select * from"
    " (select (jsonb_populate_record(r, jsonb_build_object("
    "'seq', {seq}, 'id', gen_random_uuid()))).*"
    " from audit_records r where tenant_id = $1 and seq = 3) copy"
)


@pytest.fixture
async def auditor(connections: Connections) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(connections.require("auditor"))
    yield connection
    await connection.close()


async def write(database: Database, tenant: TestTenant, count: int = ROWS) -> None:
    """Records of many shapes: absent, empty and Chinese values, and separators inside a value."""
    for number in range(count):
        async with database.tenant_transaction(tenant.id) as transaction:
            await record(
                transaction,
                action=f"动作{number}",
                permission=None if number % 2 else "",
                object_type="3:abc-",
                object_id=new_id() if number % 3 else None,
                region_path="0001/",
                detail={"数": number, "emoji": "🏠"},
            )


async def write_and_fail(database: Database, tenant: TestTenant) -> None:
    async with database.tenant_transaction(tenant.id) as transaction:
        await record(transaction, action="x")
        await record(transaction, action="x", result="不存在的结果")


async def tamper(admin: asyncpg.Connection, tenant: TestTenant, *statements: str) -> None:
    """As the superuser with the trigger off: more than any of the application's roles can do."""
    async with admin.transaction():
        await admin.execute("set local session_replication_role = replica")
        for statement in statements:
            await admin.execute(statement.replace("$1", f"'{tenant.id}'::uuid"))


async def test_an_untouched_record_verifies(
    database: Database, tenant: TestTenant, auditor: asyncpg.Connection
) -> None:
    assert (await verify(auditor, tenant.id)).fault is None
    await write(database, tenant)
    first = await verify(auditor, tenant.id)
    assert (first.fault, first.count, first.head_seq) == (None, ROWS, ROWS)
    await write(database, tenant, 2)
    assert (await verify(auditor, tenant.id, first.anchor)).fault is None


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("update audit_records set detail = '{}' where tenant_id = $1 and seq = 3", "第 3 条"),
        ("update audit_records set result = 'DENIED' where tenant_id = $1 and seq = 3", "第 3 条"),
        ("update audit_records set at = at + interval '1us' where tenant_id = $1 and seq = 3", "3"),
        ("update audit_records set permission = null where tenant_id = $1 and seq = 3", "第 3 条"),
        ("update audit_records set hash = prev_hash where tenant_id = $1 and seq = 3", "第 3 条"),
        ("update audit_records set prev_hash = hash where tenant_id = $1 and seq = 3", "第 3 条"),
        ("delete from audit_records where tenant_id = $1 and seq = 3", "第 3 条缺失"),
        ("delete from audit_records where tenant_id = $1 and seq = 1", "第 1 条缺失"),
        (SWAP, "第 2 条"),
        (COPY.format(seq=7), "第 7 条"),
        (COPY.format(seq=0), "第 1 条缺失"),
    ],
    ids=[
        "detail", "result", "time", "empty to absent", "hash", "previous hash",
        "deleted", "first deleted", "swapped", "inserted at the end", "inserted at the start",
    ],
)  # fmt: skip
async def test_tampering_is_named(
    database: Database,
    tenant: TestTenant,
    auditor: asyncpg.Connection,
    admin: asyncpg.Connection,
    statement: str,
    named: str,
) -> None:
    await write(database, tenant)
    await tamper(admin, tenant, statement)
    fault = (await verify(auditor, tenant.id)).fault
    assert fault is not None
    assert named in fault


async def test_a_cut_tail_is_found_with_an_anchor(
    database: Database,
    tenant: TestTenant,
    auditor: asyncpg.Connection,
    admin: asyncpg.Connection,
) -> None:
    await write(database, tenant)
    anchor = (await verify(auditor, tenant.id)).anchor
    await tamper(admin, tenant, "delete from audit_records where tenant_id = $1 and seq > 4")
    assert (await verify(auditor, tenant.id)).fault is None  # alone, a shorter chain looks whole
    fault = (await verify(auditor, tenant.id, anchor)).fault
    assert fault is not None
    assert anchor in fault


@pytest.mark.parametrize("role", ["app_rw", "app_ro", "auditor"])
@pytest.mark.parametrize(
    "statement",
    [
        "update audit_records set action = 'x'",
        "delete from audit_records",
        "truncate audit_records",
    ],
)
async def test_nobody_changes_the_record(
    connections: Connections, tenant: TestTenant, role: str, statement: str
) -> None:
    connection = await asyncpg.connect(connections.require(role))
    try:
        await connection.execute("select set_config('app.tenant_id', $1, false)", str(tenant.id))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_the_writer_cannot_read_or_choose_its_place(
    database: Database, tenant: TestTenant, auditor: asyncpg.Connection
) -> None:
    await write(database, tenant, 2)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with database.tenant_transaction(tenant.id) as transaction:
            await transaction.connection.fetch("select detail from audit_records")
    async with database.tenant_transaction(tenant.id) as transaction:
        await transaction.connection.execute(
            "insert into audit_records (seq, id, action, result, detail, at, prev_hash, hash)"
            " values (9, $1, 'x', 'OK', '{}', '2000-01-01', '', '')",
            new_id(),
        )
    found = await verify(auditor, tenant.id)
    assert (found.fault, found.head_seq) == (None, 3)


async def test_concurrent_writers_make_one_chain(
    database: Database, tenant: TestTenant, auditor: asyncpg.Connection
) -> None:
    await asyncio.gather(*(write(database, tenant, 4) for _ in range(6)))
    found = await verify(auditor, tenant.id)
    assert (found.fault, found.count) == (None, 24)


async def test_a_rolled_back_write_leaves_no_gap(
    database: Database, tenant: TestTenant, auditor: asyncpg.Connection
) -> None:
    await write(database, tenant, 1)
    with pytest.raises(asyncpg.CheckViolationError):
        await write_and_fail(database, tenant)
    await write(database, tenant, 1)
    assert (await verify(auditor, tenant.id)).count == 2
