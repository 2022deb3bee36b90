"""A meeting is held and decides."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.cases.reasons import Source
from guanjia.cases.service.report import report_case
from guanjia.compounds.service.opening import local_day, record_write, store
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph import texts
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, not_found
from guanjia.meetings.decisions import (
    DECIDES_NOTHING,
    Quorum,
    Votes,
    adopted,
    refuse_reserved,
    refuse_without_quorum,
)
from guanjia.meetings.models.kinds import MeetingState
from guanjia.meetings.models.records import Outcome
from guanjia.meetings.rules import matter
from guanjia.meetings.service.agenda import concluded_items, homes_of, item_of, open_items
from guanjia.meetings.service.attendance import present
from guanjia.meetings.service.opening import compound_at, open_meeting, touch, type_of
from guanjia.meetings.service.series import insert

REASON_LENGTH = 500
FROM_MEETING = "由会议决议交办,现场照片由处置单位补充"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is proposed about an item, and how the seats voted. A case needs its category; it lies
    in the community unless a grid is given. Its point is in degrees, WGS-84."""

    item_id: UUID
    outcome: Outcome
    votes: Votes
    text: str = ""
    reason: str | None = None
    category_id: UUID | None = None
    region_id: UUID | None = None
    location: str | None = None
    longitude: float | None = None
    latitude: float | None = None


async def hold_meeting(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: dt.datetime,
) -> UUID:
    """The meeting is HELD: it opens with what has come, since the body met before, of what it sent
    to a case or a vote, and with what is not settled, as that stands now. The quorum is that of
    its type on this day."""
    meeting = await open_meeting(transaction, scope, id, version, MeetingState.PLANNED)
    if local_day(meeting["starts_at"]) > local_day(now):
        raise Refusal(BAD_USER_INPUT, "还没有到会议日期。", ("id",))
    kind = await type_of(transaction, meeting["type_id"])
    concluded = await concluded_items(transaction, meeting)
    for position, row in enumerate([*concluded, *await open_items(transaction, meeting)], 1):
        await insert(
            transaction,
            "read_backs",
            {
                "id": new_id(), "meeting_id": id, "item_id": row["id"], "position": position,
                "outcome": row["outcome"], "case_state": row["case_state"],
            },
        )  # fmt: skip
    values = {
        "state": MeetingState.HELD,
        "seat_quorum": kind["seat_quorum"],
        "resident_quorum": kind["resident_quorum"],
    }
    await store(transaction, "meetings", id, values)
    return await record_write(transaction, actor, scope, "meeting.hold", id, meeting["region_path"])


async def decide_items(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    meeting_id: UUID,
    version: int,
    decisions: Sequence[Decision],
    now: dt.datetime,
) -> UUID:
    """Each decision is a resolution, adopted by the majority of the seats that attend or not.
    Without quorum there is none. What was decided before is decided anew, unless it has opened a
    case. An adopted TO_CASE opens it in the same transaction."""
    meeting = await open_meeting(
        transaction, scope, meeting_id, version, MeetingState.HELD, field="meetingId"
    )
    if not (await type_of(transaction, meeting["type_id"]))["decides"]:
        raise Refusal(DECIDES_NOTHING, "学习活动不形成决议。", ("meetingId",))
    there = await present(transaction, meeting_id)
    refuse_without_quorum(Quorum(meeting["seat_quorum"], meeting["resident_quorum"]), there)
    if not decisions:
        raise Refusal(BAD_USER_INPUT, "请给出至少一项决议。", ("decisions",))
    for decision in decisions:
        await _decide(transaction, actor, meeting, there, decision, now)
    return await touch(
        transaction, actor, scope, "meeting.decide", meeting, decisions=len(decisions)
    )


async def _decide(
    transaction: Transaction,
    actor: Actor,
    meeting: Any,
    there: Quorum,
    decision: Decision,
    now: dt.datetime,
) -> None:
    item = await item_of(transaction, decision.item_id, "decisions")
    if item["meeting_id"] != meeting["id"]:
        raise not_found("议题", "decisions")
    day = local_day(meeting["starts_at"])
    refuse_reserved(
        matter(item["matter"], day) if item["matter"] else None, decision.outcome, "decisions"
    )
    passed = adopted(decision.votes, there.seats)
    reason = texts.text(decision.reason, "理由", "decisions", REASON_LENGTH) or None
    if decision.outcome == Outcome.REJECTED and reason is None:
        raise Refusal(BAD_USER_INPUT, "不予采纳须说明理由。", ("decisions", "reason"))
    await _forget(transaction, item)
    case_id = None
    if passed and decision.outcome == Outcome.TO_CASE:
        case_id = await _case(transaction, actor, meeting, item, decision, now)
    row = {
        "id": new_id(), "meeting_id": meeting["id"], "item_id": item["id"],
        "outcome": decision.outcome, "text": texts.text(decision.text, "决议", "decisions"),
        "votes_for": decision.votes.in_favour, "votes_against": decision.votes.against,
        "votes_abstained": decision.votes.abstained, "seats_present": there.seats,
        "residents_present": there.residents, "adopted": passed, "reason": reason,
        "case_id": case_id, "decided_at": now,
    }  # fmt: skip
    await insert(transaction, "resolutions", row)


async def _forget(transaction: Transaction, item: Any) -> None:
    """The item has no resolution any more, unless that has opened a case."""
    if not item["decided"]:
        return
    gone = await transaction.connection.fetchval(
        "delete from resolutions where tenant_id = $1 and item_id = $2 and case_id is null"
        " returning true",
        transaction.tenant_id,
        item["id"],
    )
    if not gone:
        raise Refusal(CONFLICT, "该议题已转为案件,不能再次表决。", ("decisions",))


async def _case(
    transaction: Transaction,
    actor: Actor,
    meeting: Any,
    item: Any,
    decision: Decision,
    now: dt.datetime,
) -> UUID:
    """The case that the resolution opens, reported for the meeting (T1)."""
    if decision.category_id is None:
        raise Refusal(BAD_USER_INPUT, "转案件须选择案件类别。", ("decisions", "categoryId"))
    location = texts.line(decision.location, "地点", "decisions") or meeting["place"]
    case = await report_case(
        transaction,
        actor,
        actor.scope("case:report"),
        category_id=decision.category_id,
        region_id=decision.region_id or meeting["region_id"],
        title=item["title"],
        description=item["detail"],
        location=location,
        longitude=decision.longitude,
        latitude=decision.latitude,
        source=Source.MEETING,
        compound_id=await compound_at(transaction, meeting, decision.region_id),
        no_photo_reason=FROM_MEETING,
        affected=await homes_of(transaction, item["id"]),
        now=now,
    )
    made: UUID = case.id
    return made
