"""Who hears of a change to a case, and what changed while nobody could hear."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from guanjia.db.channels import Channel, Heard, listened


async def _changed_since(
    connection: Any, tenant_id: UUID, since: datetime, most: int
) -> list[Heard]:
    """The cases to which something happened since then, at most so many."""
    rows = await connection.fetch(
        "select distinct case_id from case_events where tenant_id = $1 and at >= $2 limit $3",
        tenant_id,
        since,
        most,
    )
    return [(row["case_id"], None) for row in rows]


CASES = listened(Channel("case_changed", _changed_since))
