"""What a member does with their inbox."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.db.pools import Transaction
from guanjia.graph.errors import not_found


async def mark_read(
    transaction: Transaction,
    actor: Actor,
    *,
    ids: Sequence[UUID] | None,
    until: dt.datetime | None,
    now: dt.datetime,
) -> int:
    """The member's own notices of these ids, or all that came until then, are read; those that
    were, stay as they were. Returns how many were unread; NOT_FOUND for an id of another's."""
    if ids is not None:
        mine = await transaction.connection.fetchval(
            "select count(*) from notifications where tenant_id = $1 and recipient_id = $2"
            " and id = any($3)",
            transaction.tenant_id,
            actor.membership_id,
            ids,
        )
        if mine < len(set(ids)):
            raise not_found("通知", "ids")
    rows = await transaction.connection.fetch(
        "update notifications set read_at = greatest(created_at, $3) where tenant_id = $1"
        " and recipient_id = $2 and read_at is null and ($4::uuid[] is null or id = any($4))"
        " and ($5::timestamptz is null or created_at <= $5) returning id",
        transaction.tenant_id,
        actor.membership_id,
        now,
        ids,
        until,
    )
    return len(rows)
