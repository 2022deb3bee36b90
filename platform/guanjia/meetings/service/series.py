"""Series of meetings, and single ones: planned, planned on, ended, moved, cancelled."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from guanjia.audit.service import Recorded
from guanjia.cases.calendar import Calendar
from guanjia.cases.service.workdays import load_calendar
from guanjia.compounds.service.opening import (
    local_day,
    open_row,
    record_write,
    store,
)
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal
from guanjia.graph.times import CHINA
from guanjia.meetings import notices
from guanjia.meetings.models.kinds import SERIES_REACH, HolidayRule, MeetingState
from guanjia.meetings.recurrence import Occurrence, Planned, days_of, planned
from guanjia.meetings.service.opening import (
    Body,
    needed,
    needed_line,
    open_body,
    open_meeting,
    type_of,
)
from guanjia.meetings.service.telling import (
    seats_of,
    tell_changed,
    tell_held_back,
    tell_of_series,
    tell_planned,
)

TITLE_LENGTH = 100
REASON_LENGTH = 500
LONGEST_MINUTES, SHORTEST_MINUTES = 720, 10
_FARTHEST = dt.timedelta(days=3 * 366)


async def create_meeting_series(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    type_id: UUID,
    title: str,
    place: str,
    rule: str,
    starts_on: dt.date,
    starts_at: dt.time,
    minutes: int,
    now: dt.datetime,
    compound_id: UUID | None = None,
    region_id: UUID | None = None,
    on_holiday: HolidayRule = HolidayRule.NEXT_WORKDAY,
) -> UUID:
    """The series is there with its occurrences PLANNED, as far as the calendar of the tenant is
    loaded; `held_back` says how many wait for it. A rule without an end is refused."""
    body = await open_body(transaction, scope, compound_id, region_id)
    await type_of(transaction, type_id)
    near(starts_on, now, "startsOn")
    days = days_of(rule, starts_on)
    near(days[-1], now, "rule")
    lasting(minutes)
    found = planned(days, await _calendar(transaction, starts_on), on_holiday)
    made = new_id()
    series = {
        "id": made,
        "type_id": type_id,
        "compound_id": body.compound_id,
        "region_id": body.region_id,
        "region_path": body.region_path,
        "title": needed_line(title, "会议名称", "title", TITLE_LENGTH),
        "place": needed_line(place, "地点", "place", TITLE_LENGTH),
        "rule": rule.strip().upper().removeprefix("RRULE:"),
        "starts_on": starts_on,
        "starts_at_minute": starts_at.hour * 60 + starts_at.minute,
        "minutes": minutes,
        "on_holiday": on_holiday,
        "planned_until": _until(days, found),
        "held_back": len(found.held_back),
        "created_at": now,
    }
    await insert(transaction, "meeting_series", series)
    await _plan(transaction, actor, series, found.occurrences, now)
    await tell_held_back(transaction, series, now)
    return await record_write(
        transaction, actor, scope, "meeting_series.create", made, body.region_path,
        rule=series["rule"], planned=len(found.occurrences), held_back=len(found.held_back),
    )  # fmt: skip


async def plan_meeting_series(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: dt.datetime,
) -> UUID:
    """What was held back is PLANNED as far as the calendar is loaded by now. Nothing is planned
    twice."""
    series = await _open(transaction, scope, id, version)
    found = await plan_on(transaction, actor, series, now)
    return await record_write(
        transaction, actor, scope, "meeting_series.plan", id, series["region_path"],
        planned=len(found.occurrences), held_back=len(found.held_back),
    )  # fmt: skip


async def plan_on(
    transaction: Transaction, actor: Recorded | None, series: Any, now: dt.datetime
) -> Planned:
    """What of the series the calendar allows by now is PLANNED; what was, and what still waits."""
    days = days_of(series["rule"], series["starts_on"])
    waiting = [day for day in days if day >= series["planned_until"]]
    calendar = await _calendar(transaction, series["starts_on"])
    found = planned(waiting, calendar, HolidayRule(series["on_holiday"]))
    values = {"planned_until": _until(days, found), "held_back": len(found.held_back)}
    await _plan(transaction, actor, {**series, **values}, found.occurrences, now)
    await store(transaction, "meeting_series", series["id"], values)
    return found


async def end_meeting_series(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    on: dt.date,
    reason: str,
    now: dt.datetime,
) -> UUID:
    """From this day the series does not meet any more: what is planned from then on is CANCELLED,
    what waits for the calendar is dropped."""
    series = await _open(transaction, scope, id, version)
    why = needed(reason, "理由", "reason", REASON_LENGTH)
    if on < local_day(now):
        raise Refusal(BAD_USER_INPUT, "终止日期不能早于今天。", ("on",))
    cancelled = await transaction.connection.fetch(
        "update meetings set state = 'CANCELLED', cancelled_reason = $3, version = version + 1"
        " where tenant_id = $1 and series_id = $2 and state = 'PLANNED' and starts_at >= $4"
        " returning id",
        transaction.tenant_id,
        id,
        why,
        instant(on, 0),
    )
    await store(transaction, "meeting_series", id, {"ended_on": on, "held_back": 0})
    seats = await seats_of(transaction, series, local_day(now))
    await tell_of_series(
        transaction, notices.SERIES_ENDED, series, seats, actor=actor, now=now, on=on
    )
    return await record_write(
        transaction, actor, scope, "meeting_series.end", id, series["region_path"],
        on=on, cancelled=len(cancelled),
    )  # fmt: skip


async def plan_meeting(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    type_id: UUID,
    title: str,
    place: str,
    starts_at: dt.datetime,
    minutes: int,
    now: dt.datetime,
    compound_id: UUID | None = None,
    region_id: UUID | None = None,
) -> UUID:
    """A single meeting is PLANNED. What was held before it was written down may be given too."""
    body = await open_body(transaction, scope, compound_id, region_id)
    await type_of(transaction, type_id)
    day = in_zone(starts_at)
    lasting(minutes)
    near(day, now, "startsAt")
    await _refuse_same_time(transaction, body, starts_at, but=None)
    made = new_id()
    row = {
        "id": made,
        "type_id": type_id,
        "compound_id": body.compound_id,
        "region_id": body.region_id,
        "region_path": body.region_path,
        "title": needed_line(title, "会议名称", "title", TITLE_LENGTH),
        "place": needed_line(place, "地点", "place", TITLE_LENGTH),
        "planned_on": day,
        "starts_at": starts_at,
        "ends_at": starts_at + dt.timedelta(minutes=minutes),
        "created_at": now,
    }
    await insert(transaction, "meetings", row)
    await tell_planned(transaction, actor, made, now)
    return await record_write(
        transaction, actor, scope, "meeting.plan", made, body.region_path, starts_at=starts_at
    )


async def move_meeting(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    starts_at: dt.datetime,
    now: dt.datetime,
    place: str | None = None,
) -> UUID:
    """The planned meeting is at another time, as long as before."""
    meeting = await open_meeting(transaction, scope, id, version, MeetingState.PLANNED)
    near(in_zone(starts_at), now, "startsAt")
    body = Body(meeting["compound_id"], meeting["region_id"], meeting["region_path"])
    await _refuse_same_time(transaction, body, starts_at, but=id)
    lasts = meeting["ends_at"] - meeting["starts_at"]
    values: dict[str, Any] = {"starts_at": starts_at, "ends_at": starts_at + lasts}
    if place is not None:
        values["place"] = needed_line(place, "地点", "place", TITLE_LENGTH)
    await store(transaction, "meetings", id, values)
    await tell_changed(transaction, actor, notices.MOVED, id, now)
    return await record_write(
        transaction, actor, scope, "meeting.move", id, meeting["region_path"],
        from_=meeting["starts_at"], to=starts_at,
    )  # fmt: skip


async def cancel_meeting(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    reason: str,
    now: dt.datetime,
) -> UUID:
    """The planned meeting is CANCELLED, and says why."""
    meeting = await open_meeting(transaction, scope, id, version, MeetingState.PLANNED)
    why = needed(reason, "取消的理由", "reason", REASON_LENGTH)
    values = {"state": MeetingState.CANCELLED, "cancelled_reason": why}
    await store(transaction, "meetings", id, values)
    await tell_changed(transaction, actor, notices.CANCELLED, id, now)
    return await record_write(
        transaction, actor, scope, "meeting.cancel", id, meeting["region_path"]
    )


async def insert(transaction: Transaction, table: str, row: dict[str, Any]) -> None:
    places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    await transaction.connection.execute(
        f"insert into {table} ({', '.join(row)}) values ({places})", *row.values()
    )


def instant(day: dt.date, minute: int) -> dt.datetime:
    """The minute of the day in China, in UTC."""
    start = dt.datetime.combine(day, dt.time(), CHINA) + dt.timedelta(minutes=minute)
    return start.astimezone(dt.UTC)


def in_zone(starts_at: dt.datetime) -> dt.date:
    if starts_at.tzinfo is None:
        raise Refusal(BAD_USER_INPUT, "时间须带时区。", ("startsAt",))
    return local_day(starts_at)


def near(day: dt.date, now: dt.datetime, field: str) -> None:
    if not abs(day - local_day(now)) <= _FARTHEST:
        raise Refusal(BAD_USER_INPUT, "日期须在前后三年之内。", (field,))


def lasting(minutes: int) -> None:
    if not SHORTEST_MINUTES <= minutes <= LONGEST_MINUTES:
        raise Refusal(
            BAD_USER_INPUT, f"时长须在{SHORTEST_MINUTES}到{LONGEST_MINUTES}分钟之间。", ("minutes",)
        )


async def _open(transaction: Transaction, scope: Scope, series_id: UUID, version: int) -> Any:
    series = await open_row(
        transaction, scope, "meeting_series", SERIES_REACH, series_id, "会议系列", "id", version
    )
    if series["ended_on"] is not None:
        raise Refusal(CONFLICT, f"该系列已于 {series['ended_on']} 终止。", ("id",))
    return series


async def _calendar(transaction: Transaction, first: dt.date) -> Calendar:
    return await load_calendar(transaction, instant(first, 0))


def _until(days: Sequence[dt.date], found: Planned) -> dt.date:
    """The first day of the rule that is not planned yet; the day after the last when all are."""
    return found.held_back[0] if found.held_back else days[-1] + dt.timedelta(days=1)


async def _plan(
    transaction: Transaction,
    actor: Recorded | None,
    series: Any,
    occurrences: Sequence[Occurrence],
    now: dt.datetime,
) -> None:
    """The occurrences are rows, and the seats know of those to come."""
    lasts = dt.timedelta(minutes=series["minutes"])
    starts = [instant(each.on, series["starts_at_minute"]) for each in occurrences]
    await transaction.connection.execute(
        "insert into meetings (id, type_id, series_id, compound_id, region_id, region_path, title,"
        " place, planned_on, starts_at, ends_at, shifted, created_at)"
        " select o.id, $5, $6, $7, $8, $9, $10, $11, o.planned_on, o.starts_at, o.ends_at,"
        " o.shifted, $12 from unnest($1::uuid[], $2::date[], $3::timestamptz[], $4::boolean[],"
        " $13::timestamptz[]) o(id, planned_on, starts_at, shifted, ends_at)",
        [new_id() for _ in occurrences],
        [each.planned_on for each in occurrences],
        starts,
        [each.shifted for each in occurrences],
        series["type_id"], series["id"], series["compound_id"], series["region_id"],
        series["region_path"], series["title"], series["place"], now,
        [start + lasts for start in starts],
    )  # fmt: skip
    ahead = [start for start in starts if start > now]
    if ahead:
        await tell_of_series(
            transaction, notices.SERIES_PLANNED, series,
            await seats_of(transaction, series, local_day(ahead[0])), actor=actor, now=now,
            key=f"{series['id']}:{series['planned_until']}", at=ahead[0], count=len(ahead),
        )  # fmt: skip


async def _refuse_same_time(
    transaction: Transaction, body: Body, starts_at: dt.datetime, *, but: UUID | None
) -> None:
    """Two meetings of one body at one time are one that was written down twice."""
    there = await transaction.connection.fetchval(
        "select title from meetings where tenant_id = $1 and region_id = $2"
        " and compound_id is not distinct from $3 and starts_at = $4 and state <> 'CANCELLED'"
        " and id is distinct from $5 limit 1",
        transaction.tenant_id,
        body.region_id,
        body.compound_id,
        starts_at,
        but,
    )
    if there is not None:
        raise Refusal(CONFLICT, f"同一时间已有会议“{there}”。", ("startsAt",))
