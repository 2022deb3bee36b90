"""The workday calendar of the tenant, loaded year by year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from guanjia.access.actor import Actor
from guanjia.audit.service import record
from guanjia.cases import inputs
from guanjia.cases.calendar import statutory_days, whole_year, year_of_notice
from guanjia.cases.clocks import deadlines
from guanjia.cases.machine import MISSING_DATA
from guanjia.cases.service.casefile import file_of
from guanjia.cases.states import FINISHED
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, Refusal, forbidden

YEARS = range(2000, 2100)


@dataclass(frozen=True, slots=True)
class CalendarYear:
    """A year that was loaded, and how many cases got another deadline by it."""

    year: int
    workdays: int
    recomputed: int


async def load_calendar_year(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    year: int,
    days_off: Sequence[date],
    days_on: Sequence[date],
    source: str,
    now: datetime,
) -> CalendarYear:
    """The year is as its notice says: `days_off` are the holidays, `days_on` the weekend days with
    work. Every deadline that depends on it is computed anew, with an event where it changes.
    Loading a year again replaces it."""
    if not scope:
        raise forbidden(scope.permission)
    named = inputs.line(source, "来源", "source")
    if not named:
        raise Refusal(MISSING_DATA, "请填写来源(放假通知的名称和日期)。", ("source",))
    _check(year, days_off, days_on)
    kinds = year_of_notice(year, days_off, days_on)
    await transaction.connection.execute(
        "insert into workdays (day, is_workday, source)"
        " select u.d, u.w, $3 from unnest($1::date[], $2::boolean[]) u(d, w)"
        " on conflict (tenant_id, day) do update"
        " set is_workday = excluded.is_workday, source = excluded.source",
        list(kinds),
        list(kinds.values()),
        named,
    )
    recomputed = await _recompute(transaction, scope, year, now)
    await record(
        transaction,
        action="load_calendar_year",
        actor=actor,
        permission=scope.permission,
        object_type="CalendarYear",
        detail={"year": year, "recomputed": recomputed},
    )
    return CalendarYear(year, sum(kinds.values()), recomputed)


def _check(year: int, days_off: Sequence[date], days_on: Sequence[date]) -> None:
    if year not in YEARS:
        raise Refusal(BAD_USER_INPUT, "年份不正确。", ("year",))
    for name, days in (("daysOff", days_off), ("daysOn", days_on)):
        wrong = next((day for day in days if day.year != year), None)
        if wrong:
            raise Refusal(BAD_USER_INPUT, f"{wrong}不在{year}年。", (name,))
    both = sorted(set(days_off) & set(days_on))
    if both:
        raise Refusal(BAD_USER_INPUT, f"{both[0]}既是放假又是上班。", ("daysOn",))
    forgotten = sorted(statutory_days(year) - set(days_off))
    if forgotten:
        raise Refusal(BAD_USER_INPUT, f"缺少法定节日{forgotten[0]}。", ("daysOff",))
    weekday = next((day for day in days_on if day.weekday() < 5), None)
    if weekday:
        raise Refusal(BAD_USER_INPUT, f"{weekday}不是周末,无须列为调休上班。", ("daysOn",))


async def _recompute(transaction: Transaction, scope: Scope, year: int, now: datetime) -> int:
    first, last = whole_year(year)[0], whole_year(year)[-1]
    rows = await transaction.connection.fetch(
        "select * from cases where tenant_id = $1 and (due_provisional"
        " or (state <> all($2::text[]) and due_at >= $3::date"
        " and clock_started_at <= $4::date + 1))"
        " order by id for update",
        transaction.tenant_id,
        list(FINISHED),
        first,
        last,
    )
    changed = 0
    for row in rows:
        file = await file_of(transaction, None, scope, row, now)
        facts = file.facts
        found = deadlines(file.calendar, facts, file.adjustments)
        held = (facts.due_at, facts.first_due_at, facts.step_due_at, facts.due_provisional)
        if held != (found.due_at, found.first_due_at, found.step_due_at, found.provisional):
            await file.follow("recompute_due")
            changed += 1
    return changed
