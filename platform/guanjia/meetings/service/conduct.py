"""A meeting is held, decides, is minuted, signed and published."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
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
from guanjia.meetings.rules import matter, number
from guanjia.meetings.service.agenda import homes_of, item_of, open_items
from guanjia.meetings.service.attendance import present
from guanjia.meetings.service.opening import compound_at, needed, open_meeting, touch, type_of
from guanjia.meetings.service.series import insert

REASON_LENGTH = 500
MINUTES_LENGTH = 20_000
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
    """The meeting is HELD: it opens with what its body has not settled, as that stands now. The
    quorum is that of its type on this day."""
    meeting = await open_meeting(transaction, scope, id, version, MeetingState.PLANNED)
    if local_day(meeting["starts_at"]) > local_day(now):
        raise Refusal(BAD_USER_INPUT, "还没有到会议日期。", ("id",))
    kind = await type_of(transaction, meeting["type_id"])
    for position, row in enumerate(await open_items(transaction, meeting), 1):
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


async def write_minutes(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    minutes: str,
    now: dt.datetime,
) -> UUID:
    """The meeting is MINUTED: agenda, attendance and resolutions no longer change, and wait for
    signatures."""
    meeting = await open_meeting(transaction, scope, id, version, MeetingState.HELD)
    said = needed(minutes, "会议记录", "minutes", MINUTES_LENGTH)
    undecided = await transaction.connection.fetchval(
        "select count(*) from agenda_items i join meeting_types t on t.tenant_id = $1"
        " and t.id = $3 and t.decides where i.tenant_id = $1 and i.meeting_id = $2 and not exists"
        " (select 1 from resolutions r where r.tenant_id = $1 and r.item_id = i.id)",
        transaction.tenant_id,
        id,
        meeting["type_id"],
    )
    await store(transaction, "meetings", id, {"state": MeetingState.MINUTED, "minutes": said})
    return await record_write(
        transaction, actor, scope, "meeting.minute", id, meeting["region_path"],
        undecided=undecided,
    )  # fmt: skip


async def reopen_minutes(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    reason: str,
    now: dt.datetime,
) -> UUID:
    """What is not signed by all yet is HELD again and can be put right; signatures are void."""
    meeting = await open_meeting(transaction, scope, id, version, MeetingState.MINUTED)
    why = needed(reason, "理由", "reason", REASON_LENGTH)
    void = await transaction.connection.fetch(
        "delete from minute_signatures where tenant_id = $1 and meeting_id = $2 returning id",
        transaction.tenant_id,
        id,
    )
    await store(transaction, "meetings", id, {"state": MeetingState.HELD})
    return await record_write(
        transaction, actor, scope, "meeting.reopen_minutes", id, meeting["region_path"],
        void=len(void), reason=why,
    )  # fmt: skip


async def sign_minutes(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    attendance_id: UUID,
    now: dt.datetime,
    on_paper: bool = False,
) -> UUID:
    """The attendee has signed: in person, or on paper as recorded by whoever convenes. With the
    chair and two more the minutes are SIGNED and frozen, under the hash of what they say."""
    meeting = await open_meeting(transaction, scope, id, version, MeetingState.MINUTED)
    attendee = await transaction.connection.fetchrow(
        "select a.id, a.chair, coalesce(a.membership_id, p.membership_id) as membership_id,"
        " exists (select 1 from minute_signatures s where s.tenant_id = $1"
        " and s.attendance_id = a.id) as signed from attendances a left join persons p"
        " on p.tenant_id = $1 and p.id = a.person_id"
        " where a.tenant_id = $1 and a.id = $3 and a.meeting_id = $2",
        transaction.tenant_id,
        id,
        attendance_id,
    )
    if attendee is None:
        raise not_found("到会人员", "attendanceId")
    if attendee["signed"]:
        raise Refusal(CONFLICT, "此人已签字。", ("attendanceId",))
    if on_paper:
        if not actor.scope("meeting:convene").covering(meeting["region_path"]):
            raise Refusal(BAD_USER_INPUT, "纸质签字由会议召集人登记。", ("onPaper",))
    elif attendee["membership_id"] != actor.membership_id:
        raise Refusal(
            BAD_USER_INPUT, "只能以本人身份签字;纸质签字请由召集人登记。", ("attendanceId",)
        )
    row = {
        "id": new_id(), "meeting_id": id, "attendance_id": attendance_id, "on_paper": on_paper,
        "recorded_by": actor.membership_id, "signed_at": now,
    }  # fmt: skip
    await insert(transaction, "minute_signatures", row)
    chair, others = await _signatures(transaction, id)
    if chair and others >= number("SIGNING_ATTENDEES", local_day(now)):
        digest = await content_hash(transaction, id)
        values = {"state": MeetingState.SIGNED, "content_hash": digest}
        await store(transaction, "meetings", id, values)
        return await record_write(
            transaction, actor, scope, "meeting.sign", id, meeting["region_path"],
            hash=digest, on_paper=on_paper,
        )  # fmt: skip
    return await touch(transaction, actor, scope, "meeting.sign", meeting, on_paper=on_paper)


async def publish_meeting(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: dt.datetime,
    days: int | None = None,
) -> UUID:
    """What was decided and what became of it is on display to those who live there, for the days
    of the rule at least, and then taken down of itself."""
    meeting = await open_meeting(transaction, scope, id, version, MeetingState.SIGNED)
    today = local_day(now)
    least = number("PUBLICATION", today)
    shown = least if days is None else days
    if not least <= shown <= 366:
        raise Refusal(BAD_USER_INPUT, f"公布期限须为 {least} 到 366 天。", ("days",))
    take_down = today + dt.timedelta(days=shown + 1)
    values = {"state": MeetingState.PUBLISHED, "published_at": now, "take_down_on": take_down}
    await store(transaction, "meetings", id, values)
    return await record_write(
        transaction, actor, scope, "meeting.publish", id, meeting["region_path"],
        take_down_on=take_down,
    )  # fmt: skip


async def take_down_meeting(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    reason: str,
    now: dt.datetime,
) -> UUID:
    """What is on display is taken down before its time, and says why."""
    meeting = await open_meeting(transaction, scope, id, version, MeetingState.PUBLISHED)
    if meeting["taken_down_at"] is not None:
        raise Refusal(CONFLICT, "已撤下。", ("id",))
    why = needed(reason, "撤下的理由", "reason", REASON_LENGTH)
    await store(transaction, "meetings", id, {"taken_down_at": now, "taken_down_reason": why})
    return await record_write(
        transaction, actor, scope, "meeting.take_down", id, meeting["region_path"]
    )


async def content_hash(transaction: Transaction, meeting_id: UUID) -> str:
    """SHA-256 (hex) of what the minutes say: when and where, who attended in what capacity, the
    agenda, the votes and the text. Names are not in it, so that a person can be erased."""
    rows = [
        await transaction.connection.fetch(statement, transaction.tenant_id, meeting_id)
        for statement in _SAID
    ]
    said = [[list(row.values()) for row in part] for part in rows]
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


_SAID = (
    "select title, place, starts_at at time zone 'UTC', ends_at at time zone 'UTC', seat_quorum,"
    " resident_quorum, minutes from meetings where tenant_id = $1 and id = $2",
    "select id, kind, seat, acting, chair, house_unit_id, capacity from attendances"
    " where tenant_id = $1 and meeting_id = $2 order by id",
    "select i.id, i.position, i.title, i.detail, i.source, i.matter, r.outcome, r.text,"
    " r.votes_for, r.votes_against, r.votes_abstained, r.seats_present, r.residents_present,"
    " r.adopted, r.reason, r.case_id from agenda_items i left join resolutions r"
    " on r.tenant_id = $1 and r.item_id = i.id where i.tenant_id = $1 and i.meeting_id = $2"
    " order by i.position",
    "select item_id, outcome, case_state from read_backs where tenant_id = $1"
    " and meeting_id = $2 order by position",
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


async def _signatures(transaction: Transaction, meeting_id: UUID) -> tuple[bool, int]:
    """Whether the chair has signed, and how many others have."""
    row = await transaction.connection.fetchrow(
        "select coalesce(bool_or(a.chair), false), count(*) filter (where not a.chair)"
        " from minute_signatures s join attendances a on a.tenant_id = $1"
        " and a.id = s.attendance_id where s.tenant_id = $1 and s.meeting_id = $2",
        transaction.tenant_id,
        meeting_id,
    )
    return row[0], row[1]
