"""Changing keys while serving.

A new data key of a tenant takes over: what is written from then on is sealed with it, and the keys
of all persons and other holders are sealed anew in batches, each a transaction of its own. Both
versions open meanwhile. When none uses the old one it is deleted. A run that was cut off is
completed by the next.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from guanjia.audit.service import record
from guanjia.db.pools import Database, Transaction
from guanjia.graph.errors import not_found
from guanjia.people.vault import DATA, SealedKey, Vault, holders

BATCH = 500
_LOCK = "select pg_advisory_xact_lock(hashtextextended($1, 19))"


async def rotate(database: Database, vault: Vault, tenant_id: UUID) -> tuple[int, int]:
    """The tenant's persons are sealed with a new data key: (its version, how many persons)."""
    async with database.tenant_transaction(tenant_id) as transaction:
        version = await _new_version(transaction, vault)
    sealed = dict.fromkeys(holders(), 0)
    while True:
        for holder in holders():
            while done := await _seal_batch(database, vault, tenant_id, version, holder):
                sealed[holder] += done
        if await _drop_older(database, tenant_id, version):
            return version, sealed["persons"]


async def rewrap(database: Database, vault: Vault, tenant_id: UUID) -> int:
    """The tenant's keys are wrapped with the first master key; how many were not."""
    async with database.tenant_transaction(tenant_id) as transaction:
        rows = await transaction.connection.fetch(
            "select id, purpose, version, suite, wrapped, wrapped_by from data_keys"
            " where tenant_id = $1 for update",
            tenant_id,
        )
        changed = 0
        for row in rows:
            anew = vault.rewrapped(tenant_id, row)
            if anew is not None:
                changed += 1
                await transaction.connection.execute(
                    "update data_keys set wrapped = $3, wrapped_by = $4"
                    " where tenant_id = $1 and id = $2",
                    tenant_id,
                    row["id"],
                    *anew,
                )
        if changed:
            await record(transaction, action="key.rewrap", detail={"keys": changed})
        return changed


async def _new_version(transaction: Transaction, vault: Vault) -> int:
    """The newest version: a new one, unless persons are still behind the last."""
    connection, tenant = transaction.connection, transaction.tenant_id
    await connection.execute(_LOCK, str(tenant))
    if not await connection.fetchval("select exists (select 1 from tenants)"):
        raise not_found("租户")
    keyring = await vault.writing(connection, tenant)
    if await _behind(connection, tenant, keyring.version):
        return keyring.version
    await vault.add_key(connection, tenant, DATA, keyring.version + 1)
    await record(transaction, action="key.rotate", detail={"version": keyring.version + 1})
    return keyring.version + 1


async def _behind(connection: Any, tenant_id: UUID, version: int) -> bool:
    """Whether some key is still sealed with an older data key."""
    found: bool = await connection.fetchval(
        "select "
        + " or ".join(
            f"exists (select 1 from {holder} where tenant_id = $1 and key_version < $2)"
            for holder in holders()
        ),
        tenant_id,
        version,
    )
    return found


async def _seal_batch(
    database: Database, vault: Vault, tenant_id: UUID, version: int, holder: str
) -> int:
    async with database.tenant_transaction(tenant_id) as transaction:
        connection = transaction.connection
        rows = await connection.fetch(
            f"select id, sealed_key, key_version from {holder} where tenant_id = $1"
            " and key_version < $2 order by key_version, id limit $3 for update",
            tenant_id,
            version,
            BATCH,
        )
        if rows:
            keyring = await vault.writing(connection, tenant_id)
            anew = []
            for row in rows:
                stored = SealedKey(row["sealed_key"], row["key_version"])
                key = keyring.open_key(stored, holder, row["id"])
                anew.append(keyring.sealed(key, holder, row["id"]).sealed)
            await connection.execute(
                f"update {holder} p set sealed_key = u.sealed, key_version = $2"
                " from unnest($3::uuid[], $4::bytea[]) u(id, sealed)"
                " where p.tenant_id = $1 and p.id = u.id",
                tenant_id,
                keyring.version,
                [row["id"] for row in rows],
                anew,
            )
        return len(rows)


async def _drop_older(database: Database, tenant_id: UUID, version: int) -> bool:
    """The older data keys are gone; False when someone sealed with one of them meanwhile.

    Whoever seals holds their version until they commit, so the deletion waits for them; what they
    wrote is seen by the statement after it.
    """
    async with database.tenant_transaction(tenant_id) as transaction:
        connection = transaction.connection
        await connection.execute(
            "select 1 from data_keys where tenant_id = $1 and purpose = $2 and version < $3"
            " for update",
            tenant_id,
            DATA,
            version,
        )
        if await _behind(connection, tenant_id, version):
            return False
        await connection.execute(
            "delete from data_keys where tenant_id = $1 and purpose = $2 and version < $3",
            tenant_id,
            DATA,
            version,
        )
        return True
