"""What a meeting has decided is minuted, signed, published and taken down."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.compounds.service.opening import local_day, record_write, store
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, not_found
from guanjia.meetings import notices
from guanjia.meetings.models.kinds import MeetingState
from guanjia.meetings.rules import number
from guanjia.meetings.service.attendance import present
from guanjia.meetings.service.opening import needed, open_meeting, touch
from guanjia.meetings.service.series import insert
from guanjia.meetings.service.telling import entrusted, tell_minuted, tell_of_meeting

REASON_LENGTH = 500
MINUTES_LENGTH = 20_000


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
    await tell_minuted(transaction, actor, meeting, await present(transaction, id), now)
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
        "with gone as (delete from minute_signatures where tenant_id = $1 and meeting_id = $2"
        " returning attendance_id) select coalesce(a.membership_id, p.membership_id) as signer"
        " from gone join attendances a on a.tenant_id = $1 and a.id = gone.attendance_id"
        " left join persons p on p.tenant_id = $1 and p.id = a.person_id",
        transaction.tenant_id,
        id,
    )
    await tell_of_meeting(
        transaction, notices.SIGNATURE_VOID, meeting,
        {row["signer"] for row in void if row["signer"]}, actor=actor,
        key=f"{id}:{version}", now=now,
    )  # fmt: skip
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
        publishers = await entrusted(transaction, "meeting:publish", meeting["region_path"], now)
        await tell_of_meeting(
            transaction, notices.TO_PUBLISH, meeting, publishers, actor=actor, now=now
        )
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
