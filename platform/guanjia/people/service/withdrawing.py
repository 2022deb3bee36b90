"""Persons who were registered in one go, and in error, leave the register again."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from guanjia.db.pools import Transaction
from guanjia.db.references import referred

PARTS = ("person_documents", "person_phones", "person_grams")
"""What a person consists of besides the row."""


async def withdraw_persons(transaction: Transaction, ids: Sequence[UUID]) -> int:
    """The persons are not in the register; how many had to stay, because they were changed since
    or something else refers to them."""
    connection, tenant = transaction.connection, transaction.tenant_id
    untouched = await connection.fetch(
        "select id from persons where tenant_id = $1 and id = any($2) and version = 1 for update",
        tenant,
        list(ids),
    )
    used = await referred(connection, "persons", [row["id"] for row in untouched], PARTS)
    going = [row["id"] for row in untouched if row["id"] not in used]
    for part in PARTS:
        await connection.execute(
            f"delete from {part} where tenant_id = $1 and person_id = any($2)", tenant, going
        )
    await connection.execute(
        "delete from persons where tenant_id = $1 and id = any($2)", tenant, going
    )
    return len(ids) - len(going)
