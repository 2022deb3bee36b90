"""Writing the record: one row per write, denial and sensitive read, in the same transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction


class Recorded(Protocol):
    """Who did it."""

    @property
    def membership_id(self) -> UUID: ...
    @property
    def display_name(self) -> str: ...
    @property
    def session_id(self) -> UUID | None: ...


async def record(
    transaction: Transaction,
    *,
    action: str,
    actor: Recorded | None = None,
    permission: str | None = None,
    object_type: str | None = None,
    object_id: UUID | None = None,
    region_path: str | None = None,
    result: str = "OK",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """The row exists when the transaction commits, chained to the tenant's last one.

    `detail` holds codes and counts, never a protected field. Rows of one tenant are written one
    after the other: the chain waits for the transaction before.
    """
    await transaction.connection.execute(
        "insert into audit_records (id, actor_id, actor_name, session_id, action, permission,"
        " object_type, object_id, region_path, result, detail)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        new_id(),
        actor.membership_id if actor else None,
        actor.display_name if actor else None,
        actor.session_id if actor else None,
        action,
        permission,
        object_type,
        object_id,
        region_path,
        result,
        json.dumps(detail or {}, ensure_ascii=False, sort_keys=True, default=str),
    )
