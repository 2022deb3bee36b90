"""Opening a meeting or the body that holds it: in reach, locked, as the caller saw it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.audit.service import Recorded
from guanjia.compounds.service.opening import open_compound, open_row, record_write
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph import texts
from guanjia.graph.errors import BAD_USER_INPUT, Refusal, not_found
from guanjia.meetings.models.kinds import MEETING_REACH, STATE_TITLES, MeetingState

WRONG_STATE = "WRONG_STATE"


@dataclass(frozen=True, slots=True)
class Body:
    """Who meets: a compound, or a community as a whole."""

    compound_id: UUID | None
    region_id: UUID
    region_path: str


async def open_body(
    transaction: Transaction, scope: Scope, compound_id: UUID | None, region_id: UUID | None
) -> Body:
    """The active compound or the community in force that the scope reaches, locked."""
    if (compound_id is None) == (region_id is None):
        raise Refusal(BAD_USER_INPUT, "请选择小区或社区,两者择一。", ("compoundId",))
    if compound_id is not None:
        row = await open_compound(transaction, scope, compound_id)
        return Body(compound_id, row["region_id"], row["region_path"])
    row = await transaction.connection.fetchrow(
        "select id, path, level from regions where tenant_id = $1 and id = $2"
        " and valid_to is null for share",
        transaction.tenant_id,
        region_id,
    )
    if row is None or not scope.covering(row["path"]):
        raise not_found("社区", "regionId")
    if row["level"] != "COMMUNITY":
        raise Refusal(BAD_USER_INPUT, "会议由小区或社区召开,请选择社区。", ("regionId",))
    return Body(None, row["id"], row["path"])


async def open_meeting(
    transaction: Transaction,
    scope: Scope,
    meeting_id: UUID,
    version: int,
    *states: MeetingState,
    field: str = "id",
) -> Any:
    """The meeting, locked. NOT_FOUND out of reach, CONFLICT when it changed since `version`,
    WRONG_STATE unless it is in one of the states."""
    row = await open_row(
        transaction, scope, "meetings", MEETING_REACH, meeting_id, "会议", field, version
    )
    if row["state"] not in states:
        wanted = "、".join(STATE_TITLES[state] for state in states)
        raise Refusal(
            WRONG_STATE,
            f"会议{STATE_TITLES[MeetingState(row['state'])]},此操作须在“{wanted}”时进行。",
            (field,),
        )
    return row


async def type_of(transaction: Transaction, type_id: UUID, field: str = "typeId") -> Any:
    row = await transaction.connection.fetchrow(
        "select * from meeting_types where tenant_id = $1 and id = $2",
        transaction.tenant_id,
        type_id,
    )
    if row is None:
        raise not_found("会议类型", field)
    return row


def needed(value: str | None, label: str, field: str, longest: int = texts.NOTE_LENGTH) -> str:
    """Text that has to be there."""
    said = texts.text(value, label, field, longest)
    if not said:
        raise Refusal(BAD_USER_INPUT, f"请填写{label}。", (field,))
    return said


def needed_line(value: str | None, label: str, field: str, longest: int) -> str:
    """One line of text that has to be there."""
    return needed(texts.line(value, label, field, longest), label, field, longest)


async def touch(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    action: str,
    meeting: Any,
    **detail: Any,
) -> UUID:
    """What belongs to the meeting has changed: a new version, and an audit row."""
    await transaction.connection.execute(
        "update meetings set version = version + 1 where tenant_id = $1 and id = $2",
        transaction.tenant_id,
        meeting["id"],
    )
    return await record_write(
        transaction, actor, scope, action, meeting["id"], meeting["region_path"], of="Meeting",
        **detail,
    )  # fmt: skip


async def compound_at(
    transaction: Transaction, meeting: Any, region_id: UUID | None
) -> UUID | None:
    """The meeting's compound, unless the case lies in another community."""
    found: UUID | None = await transaction.connection.fetchval(
        "select c.id from compounds c left join regions r on r.tenant_id = $1 and r.id = $3"
        " where c.tenant_id = $1 and c.id = $2 and c.active"
        " and coalesce(left(r.path, 15), c.community_path) = c.community_path",
        transaction.tenant_id,
        meeting["compound_id"],
        region_id,
    )
    return found
