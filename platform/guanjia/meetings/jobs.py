"""What time brings about in meetings and votes: whoever is concerned is told, and what waited for
the calendar is planned. A notice that is owed is owed for as long as the queue remembers it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable

from guanjia.audit.service import record
from guanjia.compounds.service.opening import local_day
from guanjia.jobs.jobs import KEPT
from guanjia.jobs.kinds import JobKind, Work, daily, register
from guanjia.meetings import following as following  # makes itself known to cases
from guanjia.meetings import notices
from guanjia.meetings.models.kinds import MeetingState
from guanjia.meetings.rules import number
from guanjia.meetings.service import telling
from guanjia.meetings.service.series import plan_on
from guanjia.meetings.service.votes import HOUSEHOLDS, OWNERS, Box
from guanjia.meetings.service.votetelling import Occasion, tell_of_vote

_OWED = f"interval '{KEPT.days} days'"
_BEFORE = f"interval '{number('REMINDER', dt.date.max)} hours'"
_CLOSING = f"interval '{number('VOTE_REMINDER', dt.date.max)} days'"
_REMIND = f"""
select id as subject_id, starts_at - {_BEFORE} as due_at from meetings
where tenant_id = $1 and state = '{MeetingState.PLANNED}' and starts_at > $2
  and starts_at <= $2::timestamptz + {_BEFORE} and created_at < starts_at - {_BEFORE}
"""
_DISPLAYED = f"""
select id as subject_id, published_at as due_at from meetings
where tenant_id = $1 and state = '{MeetingState.PUBLISHED}' and taken_down_at is null
  and published_at <= $2 and published_at > $2::timestamptz - {_OWED}
"""
_ENDED = f"""
select id as subject_id, take_down_on::timestamp at time zone 'Asia/Shanghai' as due_at
from meetings where tenant_id = $1 and state = '{MeetingState.PUBLISHED}'
  and taken_down_at is null
  and take_down_on <= ($2::timestamptz at time zone 'Asia/Shanghai')::date
  and take_down_on > (($2::timestamptz - {_OWED}) at time zone 'Asia/Shanghai')::date
"""
_MEETING = "select * from meetings where tenant_id = $1 and id = $2"
_WAITS = "from meeting_series where tenant_id = $1 and ended_on is null and held_back > 0"
_NIGHTLY = f"select d.* from ({daily(5)}) d where exists (select {_WAITS})"


async def _remind(work: Work) -> bool:
    """Who has a seat or is on the list is reminded; of another time anew."""
    meeting = await work.transaction.connection.fetchrow(
        _MEETING, work.transaction.tenant_id, work.subject_id
    )
    if meeting["state"] != MeetingState.PLANNED or meeting["starts_at"] <= work.now:
        return False
    recipients = await telling.concerned(work.transaction, meeting, work.now)
    await telling.tell_of_meeting(
        work.transaction, notices.REMINDED, meeting, recipients, now=work.now,
        key=f"{meeting['id']}:{meeting['starts_at'].isoformat()}",
    )  # fmt: skip
    return True


async def _displayed(work: Work) -> bool:
    """Who has a home there knows that they can read what was decided."""
    meeting = await work.transaction.connection.fetchrow(
        _MEETING, work.transaction.tenant_id, work.subject_id
    )
    today = local_day(work.now)
    if meeting["taken_down_at"] is not None or meeting["take_down_on"] <= today:
        return False
    recipients = await telling.residents_of(work.transaction, meeting, today)
    await telling.tell_of_meeting(
        work.transaction, notices.DISPLAYED, meeting, recipients, now=work.now,
        on=meeting["take_down_on"],
    )  # fmt: skip
    return True


async def _ended(work: Work) -> bool:
    """Who publishes knows that it is no longer on display."""
    meeting = await work.transaction.connection.fetchrow(
        _MEETING, work.transaction.tenant_id, work.subject_id
    )
    recipients = await telling.entrusted(
        work.transaction, "meeting:publish", meeting["region_path"], work.now
    )
    await telling.tell_of_meeting(
        work.transaction, notices.DISPLAY_ENDED, meeting, recipients, now=work.now
    )
    return True


async def _plan(work: Work) -> bool:
    """What waited for a year of the calendar is planned once it is loaded."""
    transaction = work.transaction
    for series in await transaction.connection.fetch(
        f"select * {_WAITS} order by id for update", transaction.tenant_id
    ):
        found = await plan_on(transaction, None, series, work.now)
        if found.occurrences:
            await record(
                transaction, action="meeting_series.plan", object_type="MeetingSeries",
                object_id=series["id"], region_path=series["region_path"],
                detail={"planned": len(found.occurrences), "held_back": len(found.held_back)},
            )  # fmt: skip
    return True


register(JobKind("meeting.remind", "会议召开前提醒", _REMIND, _remind))
register(JobKind("meeting.display", "会议公布后告知住户", _DISPLAYED, _displayed))
register(JobKind("meeting.display_end", "公布期满告知公布人", _ENDED, _ended))
register(JobKind("meeting.plan_series", "日历导入后续排定期会议", _NIGHTLY, _plan))


def _vote(box: Box, occasion: Occasion) -> Callable[[Work], Awaitable[bool]]:
    async def run(work: Work) -> bool:
        return await tell_of_vote(work.transaction, box, occasion, work.subject_id, work.now)

    return run


_VOTES = {
    Occasion.ANNOUNCED: ("通知全体业主", "announced_at", "state = 'OPEN' and opens_at > $2"),
    Occasion.OPENED: ("开始投票", "opens_at", "state = 'OPEN' and closes_at > $2"),
    Occasion.CLOSING: (
        "提醒尚未投票者", f"closes_at - {_CLOSING}",
        f"state = 'OPEN' and closes_at > $2 and opens_at < closes_at - {_CLOSING}",
    ),
    Occasion.OVER: ("截止待计票", "closes_at", "state = 'OPEN'"),
    Occasion.COUNTED: ("告知结果", "closed_at", f"closed_at > $2::timestamptz - {_OWED}"),
}  # fmt: skip
for _box, _code in ((OWNERS, notices.VOTE), (HOUSEHOLDS, notices.POLL)):
    for _occasion, (_title, _when, _still) in _VOTES.items():
        if _box is HOUSEHOLDS and _occasion is Occasion.ANNOUNCED:
            continue  # it is open from the moment it is announced
        register(
            JobKind(
                f"{_code}.{_occasion}",
                f"{_box.noun}:{_title}",
                f"select id as subject_id, {_when} as due_at from {_box.votes}"
                f" where tenant_id = $1 and {_when} <= $2 and {_still}",
                _vote(_box, _occasion),
            )
        )
