"""When a series meets: the days of its rule (RFC 5545 RRULE), and where holidays move them.

A holiday is a weekday without work by the tenant's dated calendar, and the weekend that it runs
into; an ordinary weekend that the rule means is none. A year that nobody has loaded has no known
holidays: its days are held back until it is, and never guessed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from dateutil.rrule import rrulestr

from guanjia.cases.calendar import Calendar
from guanjia.graph.errors import BAD_USER_INPUT, Refusal
from guanjia.meetings.models.kinds import HolidayRule

UNBOUNDED_RULE = "UNBOUNDED_RULE"
MOST_OCCURRENCES = 120
LONGEST = 200
_PARTS = {
    "FREQ",
    "INTERVAL",
    "COUNT",
    "UNTIL",
    "BYDAY",
    "BYMONTHDAY",
    "BYSETPOS",
    "BYMONTH",
    "WKST",
}
_EVERY = ("DAILY", "WEEKLY", "MONTHLY")
_WEEKEND = 5
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """The day of the rule, and the day on which the meeting is."""

    planned_on: dt.date
    on: dt.date

    @property
    def shifted(self) -> bool:
        return self.planned_on != self.on


@dataclass(frozen=True, slots=True)
class Planned:
    """What can be planned of a rule, and the days that wait for the calendar of `missing_year`."""

    occurrences: tuple[Occurrence, ...]
    held_back: tuple[dt.date, ...] = ()
    missing_year: int | None = None


def days_of(rule: str, first: dt.date) -> list[dt.date]:
    """The days of the rule from `first` on. A Refusal for a rule that cannot be read, that does
    not end (UNBOUNDED_RULE), that has no day or too many of them."""
    written = rule.strip().upper().removeprefix("RRULE:")
    if len(written) > LONGEST:
        raise _refused(f"重复规则最长{LONGEST}个字。")
    parts = [part.partition("=") for part in written.split(";")]
    names = [name for name, _, _ in parts]
    said = {name: value for name, _, value in parts}
    if not all(value for _, _, value in parts) or len(set(names)) != len(names):
        raise _refused("重复规则的格式应如 FREQ=WEEKLY;BYDAY=WE;UNTIL=20261231。")
    unknown = sorted(set(names) - _PARTS)
    if unknown:
        raise _refused(f"重复规则不支持{'、'.join(unknown)}。")
    if said.get("FREQ") not in _EVERY:
        raise _refused("重复规则须为每日、每周或每月(FREQ=DAILY、WEEKLY、MONTHLY)。")
    if not said.get("INTERVAL", "1").strip("0"):
        raise _refused("间隔(INTERVAL)须为正数。")
    if len({"COUNT", "UNTIL"} & set(names)) != 1:
        raise Refusal(
            UNBOUNDED_RULE,
            "重复规则须有终止:请给出次数(COUNT)或截止日期(UNTIL),两者择一。",
            ("rule",),
        )
    try:
        found = rrulestr(written, dtstart=dt.datetime.combine(first, dt.time()))
        days = [moment.date() for moment in islice(found, MOST_OCCURRENCES + 1)]
    except (ValueError, TypeError, OverflowError) as error:
        raise _refused("重复规则不能识别,请检查各部分的写法。") from error
    if not days:
        raise _refused("按此规则没有任何一天。")
    if len(days) > MOST_OCCURRENCES:
        raise _refused(f"一个系列最多{MOST_OCCURRENCES}次,请缩短期限。")
    return days


def planned(days: Sequence[dt.date], calendar: Calendar, on_holiday: HolidayRule) -> Planned:
    """Where the days of a rule fall. From the first day that needs a year that is not loaded, all
    are held back. A day that is moved onto another one of the series is that one."""
    found: dict[dt.date, Occurrence] = {}
    usual = set(days)
    for number, day in enumerate(days):
        on: dt.date | None = day
        if day.year in calendar.loaded_years and _is_holiday(day, calendar):
            on = None
            if on_holiday == HolidayRule.NEXT_WORKDAY:
                on = _next_workday(day, calendar)
        if on is None:
            continue
        if on.year not in calendar.loaded_years:
            return Planned(tuple(found.values()), tuple(days[number:]), on.year)
        if on == day or (on not in usual and on not in found):
            found[on] = Occurrence(day, on)
    return Planned(tuple(found.values()))


def _is_holiday(day: dt.date, calendar: Calendar) -> bool:
    """Whether the days without work around this one, and it, have a weekday among them."""
    if calendar.is_workday(day):
        return False
    return any(_meets_weekday(day, step, calendar) for step in (_DAY, -_DAY))


def _meets_weekday(day: dt.date, step: dt.timedelta, calendar: Calendar) -> bool:
    while day.year in calendar.loaded_years and not calendar.is_workday(day):
        if day.weekday() < _WEEKEND:
            return True
        day += step
    return False


def _next_workday(day: dt.date, calendar: Calendar) -> dt.date:
    """The next workday, or the first day of the year that is not loaded."""
    while day.year in calendar.loaded_years:
        day += _DAY
        if day.year not in calendar.loaded_years or calendar.is_workday(day):
            break
    return day


def _refused(sentence: str) -> Refusal:
    return Refusal(BAD_USER_INPUT, sentence, ("rule",))
