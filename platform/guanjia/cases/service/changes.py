"""Who hears of a change to a case, and what changed while nobody could hear."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from guanjia.db.pools import Transaction

CHANNEL = "case_changed"


async def notify(transaction: Transaction, case_id: UUID) -> None:
    """Listeners hear of the case when the transaction commits; they read it in their own scope."""
    await transaction.connection.execute(
        "select pg_notify($1, $2)", CHANNEL, f"{transaction.tenant_id}:{case_id}"
    )


async def changed_since(connection: Any, tenant_id: UUID, since: datetime, most: int) -> list[UUID]:
    """The cases to which something happened since then, at most so many."""
    rows = await connection.fetch(
        "select distinct case_id from case_events where tenant_id = $1 and at >= $2 limit $3",
        tenant_id,
        since,
        most,
    )
    return [row["case_id"] for row in rows]
