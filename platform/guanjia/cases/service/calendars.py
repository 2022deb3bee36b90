"""The workday calendar of the tenant, loaded year by year."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

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
WEEKEND = 5
LONGEST_NOTICE = 20_000
MOST_LINES = 20
HEADINGS = ("日期", "date", "day")
KINDS = {"放假": False, "休": False, "上班": True, "班": True, "调休上班": True}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A year that was loaded, and how many cases got another deadline by it."""

    year: int
    recomputed: int


@dataclass(frozen=True, slots=True)
class CalendarYear:
    """A loaded year as its notice put it: the weekdays off and the weekend days with work."""

    year: int
    source: str
    workdays: int
    days_off: tuple[date, ...]
    days_on: tuple[date, ...]


async def calendar_years(connection: Any, tenant_id: UUID) -> list[CalendarYear]:
    """The tenant's loaded years, in order."""
    days = await connection.fetch(
        "select day, is_workday, source from workdays where tenant_id = $1 order by day", tenant_id
    )
    found = []
    for year, rows in groupby(days, key=lambda row: row["day"].year):
        of_year = list(rows)
        if len(of_year) != len(whole_year(year)):
            continue
        sources = dict.fromkeys(row["source"] for row in of_year)
        usual = {row["day"]: row["day"].weekday() < WEEKEND for row in of_year}
        off = tuple(r["day"] for r in of_year if usual[r["day"]] and not r["is_workday"])
        on = tuple(r["day"] for r in of_year if not usual[r["day"]] and r["is_workday"])
        count = sum(row["is_workday"] for row in of_year)
        found.append(CalendarYear(year, ";".join(sources), count, off, on))
    return found


async def load_calendar_year(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    year: int,
    source: str,
    now: datetime,
    days_off: Sequence[date] = (),
    days_on: Sequence[date] = (),
    notice: str | None = None,
) -> Loaded:
    """The year is as its notice says: `days_off` are the holidays, `days_on` the weekend days with
    work; `notice` says the same as lines of `日期,放假|上班`. Every deadline that depends on the
    year is computed anew, with an event where it changes. Loading a year again replaces it."""
    if not scope:
        raise forbidden(scope.permission)
    named = inputs.line(source, "来源", "source")
    if not named:
        raise Refusal(MISSING_DATA, "请填写来源(放假通知的名称和日期)。", ("source",))
    if notice is not None:
        if days_off or days_on:
            raise Refusal(BAD_USER_INPUT, "日期列表与逐行文本只能给出一种。", ("notice",))
        days_off, days_on = days_of_notice(notice)
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
    return Loaded(year, recomputed)


def days_of_notice(notice: str) -> tuple[list[date], list[date]]:
    """The days off and the days on of `日期,放假|上班` lines, as a table is copied from a
    workbook. A Refusal names each line that cannot be read, a day twice included."""
    days: dict[date, bool] = {}
    wrong = []
    if len(notice) > LONGEST_NOTICE:
        raise Refusal(BAD_USER_INPUT, f"放假安排最长{LONGEST_NOTICE}个字。", ("notice",))
    for number, written in enumerate(notice.splitlines(), 1):
        day, kind, *_ = *re.split(r"[,\t]", unicodedata.normalize("NFKC", written)), "", ""
        day, kind = day.strip(), kind.strip()
        if not day or (number == 1 and day in HEADINGS):
            continue
        try:
            parsed = date(*map(int, re.split(r"[-/.]", day)))
        except (TypeError, ValueError):
            wrong.append(f"第{number}行:日期不正确,应如 2027-01-01")
            continue
        if kind not in KINDS:
            wrong.append(f"第{number}行:第二列应为“放假”或“上班”")
        elif parsed in days:
            wrong.append(f"第{number}行:{parsed}重复")
        else:
            days[parsed] = KINDS[kind]
    if wrong:
        shown = wrong[:MOST_LINES] + ([f"共{len(wrong)}行有误"] if len(wrong) > MOST_LINES else [])
        raise Refusal(BAD_USER_INPUT, ";".join(shown) + "。", ("notice",))
    return [d for d, on in days.items() if not on], [d for d, on in days.items() if on]


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
    weekday = next((day for day in days_on if day.weekday() < WEEKEND), None)
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
