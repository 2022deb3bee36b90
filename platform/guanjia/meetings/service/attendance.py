"""Who attends: holders of the four seats, resident representatives, and who was invited."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.compounds.models.butlers import HOLDERS, HOLDS
from guanjia.compounds.models.seats import Seat
from guanjia.compounds.service.opening import known_person, local_day
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph import texts
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, LIMIT_EXCEEDED, Refusal, not_found
from guanjia.meetings.decisions import Quorum
from guanjia.meetings.models.kinds import MeetingState
from guanjia.meetings.models.records import AttendanceKind
from guanjia.meetings.service.opening import needed, open_meeting, touch, type_of
from guanjia.meetings.service.series import insert
from guanjia.meetings.service.telling import tell_planned

NOT_A_HOLDER = "NOT_A_HOLDER"
MOST = 300
CAPACITY_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Attendee:
    """Somebody who attends: by a seat (`holder_id`, see `butler`), as a resident (`person_id`, and
    the home they speak for), or invited (a name or a person, and in what capacity)."""

    kind: AttendanceKind
    holder_id: UUID | None = None
    person_id: UUID | None = None
    house_unit_id: UUID | None = None
    organisation_id: UUID | None = None
    name: str | None = None
    capacity: str = ""
    chair: bool = False


async def record_attendance(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    meeting_id: UUID,
    version: int,
    attendees: Sequence[Attendee],
    now: dt.datetime,
) -> UUID:
    """Those who attend are on record, until the minutes are written."""
    meeting = await open_meeting(
        transaction, scope, meeting_id, version, MeetingState.PLANNED, MeetingState.HELD,
        field="meetingId",
    )  # fmt: skip
    there = await _present(transaction, meeting_id)
    if not attendees or len(there) + len(attendees) > MOST:
        raise Refusal(LIMIT_EXCEEDED, f"到会人员须为 1 到 {MOST} 人。", ("attendees",))
    decides = (await type_of(transaction, meeting["type_id"]))["decides"]
    known = {(row["person_id"], row["membership_id"]) for row in there if row["name"] is None}
    chaired = any(row["chair"] for row in there)
    for attendee in attendees:
        row = await _row(transaction, scope, meeting, attendee)
        who = (row["person_id"], row["membership_id"])
        if row["name"] is None and who in known:
            raise Refusal(CONFLICT, "同一人在一次会议中只登记一次。", ("attendees",))
        if attendee.chair:
            if chaired:
                raise Refusal(CONFLICT, "会议只有一名主持人。", ("attendees", "chair"))
            if decides and row["seat"] != Seat.COMMUNITY_PARTY:
                raise Refusal(BAD_USER_INPUT, "议事由社区党组织席位主持。", ("attendees", "chair"))
            chaired = True
        known.add(who)
        await insert(transaction, "attendances", row)
    await tell_planned(transaction, actor, meeting_id, now)
    return await touch(
        transaction, actor, scope, "meeting.record_attendance", meeting, attendees=len(attendees)
    )


async def remove_attendance(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: dt.datetime,
) -> UUID:
    """Whoever was put down by mistake is not on record any more. The meeting's id."""
    meeting_id = await transaction.connection.fetchval(
        "select meeting_id from attendances where tenant_id = $1 and id = $2",
        transaction.tenant_id,
        id,
    )
    if meeting_id is None:
        raise not_found("到会人员", "id")
    meeting = await open_meeting(
        transaction, scope, meeting_id, version, MeetingState.PLANNED, MeetingState.HELD
    )
    decided = await transaction.connection.fetchval(
        "select exists (select 1 from resolutions where tenant_id = $1 and meeting_id = $2)",
        transaction.tenant_id,
        meeting_id,
    )
    if decided:
        raise Refusal(CONFLICT, "会议已形成决议,不能再移除到会人员。", ("id",))
    await transaction.connection.execute(
        "delete from attendances where tenant_id = $1 and id = $2", transaction.tenant_id, id
    )
    return await touch(transaction, actor, scope, "meeting.remove_attendance", meeting)


async def present(transaction: Transaction, meeting_id: UUID) -> Quorum:
    """How many of the four seats attend, and for how many homes residents do: two of one home are
    one representative; a resident without a home on record counts alone."""
    rows = await _present(transaction, meeting_id)
    return Quorum(
        len({row["seat"] for row in rows if row["kind"] == AttendanceKind.SEAT}),
        len(
            {
                row["house_unit_id"] or row["person_id"]
                for row in rows
                if row["kind"] == AttendanceKind.RESIDENT
            }
        ),
    )


async def _present(transaction: Transaction, meeting_id: UUID) -> list[Any]:
    found: list[Any] = await transaction.connection.fetch(
        "select * from attendances where tenant_id = $1 and meeting_id = $2",
        transaction.tenant_id,
        meeting_id,
    )
    return found


async def _row(
    transaction: Transaction, scope: Scope, meeting: Any, attendee: Attendee
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": new_id(), "meeting_id": meeting["id"], "kind": attendee.kind, "seat": None,
        "acting": False, "chair": attendee.chair, "person_id": None, "membership_id": None,
        "house_unit_id": None, "organisation_id": None, "name": None,
        "capacity": texts.line(attendee.capacity, "身份", "attendees", CAPACITY_LENGTH),
    }  # fmt: skip
    match attendee.kind:
        case AttendanceKind.SEAT:
            row |= await _holder(transaction, meeting, attendee.holder_id)
        case AttendanceKind.RESIDENT:
            if attendee.person_id is None:
                raise Refusal(BAD_USER_INPUT, "请选择居民代表。", ("attendees", "personId"))
            await known_person(transaction, scope, attendee.person_id)
            await _bound(transaction, meeting, attendee)
            row |= {"person_id": attendee.person_id, "house_unit_id": attendee.house_unit_id}
        case AttendanceKind.INVITED:
            row |= await _invited(transaction, scope, attendee)
    return row


async def _holder(transaction: Transaction, meeting: Any, holder_id: UUID | None) -> dict[str, Any]:
    """Who holds the seat on the day of the meeting: at its compound, or at one of its community."""
    holder = await transaction.connection.fetchrow(
        "select h.seat, h.acting, h.person_id,"
        " case when h.person_id is null then h.membership_id end as membership_id"
        f" from ({HOLDERS.format(tenant='$1', day='$3::date')}) h"
        " join compounds c on c.tenant_id = $1 and c.id = h.compound_id"
        " where h.tenant_id = $1 and h.id = $2"
        f" and {HOLDS.format(row='h', tenant='$1', day='$3::date')}"
        " and case when $4::uuid is not null then c.id = $4 else c.region_id = $5 end",
        transaction.tenant_id,
        holder_id,
        local_day(meeting["starts_at"]),
        meeting["compound_id"],
        meeting["region_id"],
    )
    if holder is None:
        raise Refusal(
            NOT_A_HOLDER, "此人在会议当日不担任小区管家的席位。", ("attendees", "holderId")
        )
    return dict(holder)


async def _bound(transaction: Transaction, meeting: Any, attendee: Attendee) -> None:
    """The home that a resident speaks for is one they are bound to, and not only until before that
    day. A binding begins when it is proven, which may be later than they moved in."""
    if attendee.house_unit_id is None:
        return
    bound = await transaction.connection.fetchval(
        "select exists (select 1 from house_bindings b join compounds c on c.tenant_id = $1"
        " and c.id = b.compound_id where b.tenant_id = $1 and b.house_unit_id = $2"
        " and b.person_id = $3 and (b.valid_to is null or b.valid_to > $4)"
        " and case when $5::uuid is not null then c.id = $5 else c.region_id = $6 end)",
        transaction.tenant_id,
        attendee.house_unit_id,
        attendee.person_id,
        local_day(meeting["starts_at"]),
        meeting["compound_id"],
        meeting["region_id"],
    )
    if not bound:
        raise Refusal(
            BAD_USER_INPUT, "此人没有绑定该房屋,不能代表该户。", ("attendees", "houseUnitId")
        )


async def _invited(transaction: Transaction, scope: Scope, attendee: Attendee) -> dict[str, Any]:
    if not texts.line(attendee.capacity, "身份", "attendees", CAPACITY_LENGTH):
        raise Refusal(BAD_USER_INPUT, "请填写受邀人员的身份。", ("attendees", "capacity"))
    if attendee.organisation_id is not None:
        known = await transaction.connection.fetchval(
            "select true from organisations where tenant_id = $1 and id = $2",
            transaction.tenant_id,
            attendee.organisation_id,
        )
        if not known:
            raise not_found("单位", "attendees", "organisationId")
    found: dict[str, Any] = {"organisation_id": attendee.organisation_id}
    if attendee.person_id is not None:
        await known_person(transaction, scope, attendee.person_id)
        return found | {"person_id": attendee.person_id}
    if attendee.chair:
        raise Refusal(BAD_USER_INPUT, "主持人须是登记在册的人。", ("attendees", "chair"))
    return found | {"name": needed(attendee.name, "姓名", "attendees", CAPACITY_LENGTH)}
