"""A request that is sent again takes effect once, also when both arrive together."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from tests.conftest import TestTenant

from guanjia.audit.replay import IDEMPOTENCY_KEY_REUSED, once, request_hash
from guanjia.db.ids import new_id
from guanjia.db.pools import Database
from guanjia.graph.errors import Refusal

HASH = request_hash({"title": "噪声", "region": "r"})


async def bump(
    database: Database, tenant: TestTenant, member: UUID, hash_: bytes = HASH, fail: bool = False
) -> UUID:
    async with database.tenant_transaction(tenant.id) as transaction:

        async def effect() -> UUID:
            await transaction.connection.execute("update access_epochs set epoch = epoch + 1")
            await asyncio.sleep(0.02)
            return new_id()

        made = await once(transaction, member, "openCase", "k1", hash_, effect)
        if fail:
            raise ZeroDivisionError
        return made


async def epoch(database: Database, tenant: TestTenant) -> int:
    async with database.tenant_transaction(tenant.id) as transaction:
        value: int = await transaction.connection.fetchval("select epoch from access_epochs")
        return value


async def test_retries_have_one_effect(database: Database, tenant: TestTenant) -> None:
    member, before = new_id(), await epoch(database, tenant)
    made = await asyncio.gather(*(bump(database, tenant, member) for _ in range(6)))
    assert len(set(made)) == 1
    assert await epoch(database, tenant) == before + 1
    assert await bump(database, tenant, new_id()) not in made  # another member's key is another


async def test_a_failed_first_try_leaves_the_key_free(
    database: Database, tenant: TestTenant
) -> None:
    member, before = new_id(), await epoch(database, tenant)
    with pytest.raises(ZeroDivisionError):
        await bump(database, tenant, member, fail=True)
    await bump(database, tenant, member)
    assert await epoch(database, tenant) == before + 1


async def test_the_key_with_another_request_is_refused(
    database: Database, tenant: TestTenant
) -> None:
    member = new_id()
    await bump(database, tenant, member)
    with pytest.raises(Refusal) as refused:
        await bump(database, tenant, member, request_hash({"title": "别的"}))
    assert refused.value.code == IDEMPOTENCY_KEY_REUSED


def test_the_hash_ignores_the_order_of_fields() -> None:
    assert request_hash({"a": 1, "b": 2}) == request_hash({"b": 2, "a": 1})
