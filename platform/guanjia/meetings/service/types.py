"""What a tenant sets of its types of meetings."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from guanjia.audit.service import Recorded
from guanjia.compounds.service.opening import record_write, same_version, store
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, Refusal, not_found
from guanjia.meetings.service.opening import needed_line
from guanjia.meetings.service.series import TITLE_LENGTH


async def change_meeting_type(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: dt.datetime,
    name: str | None = None,
    seat_quorum: int | None = None,
    resident_quorum: int | None = None,
) -> UUID:
    """The type is as given, for meetings that are opened from now on; a learning meeting has no
    quorum, because it decides nothing."""
    row = await transaction.connection.fetchrow(
        "select * from meeting_types where tenant_id = $1 and id = $2 for update",
        transaction.tenant_id,
        id,
    )
    if row is None:
        raise not_found("会议类型", "id")
    same_version(row, version, "会议类型")
    values: dict[str, Any] = {}
    if name is not None:
        values["name"] = needed_line(name, "名称", "name", TITLE_LENGTH)
    for column, field, most, given in (
        ("seat_quorum", "seatQuorum", 4, seat_quorum),
        ("resident_quorum", "residentQuorum", 1000, resident_quorum),
    ):
        if given is None:
            continue
        if not 0 <= given <= most:
            raise Refusal(BAD_USER_INPUT, f"到会人数须在 0 到 {most} 之间。", (field,))
        if given and not row["decides"]:
            raise Refusal(BAD_USER_INPUT, "学习活动不形成决议,没有到会人数的要求。", (field,))
        values[column] = given
    if not values:
        raise Refusal(BAD_USER_INPUT, "没有任何改动。")
    await store(transaction, "meeting_types", id, values)
    return await record_write(transaction, actor, scope, "meeting_type.change", id, None, **values)
