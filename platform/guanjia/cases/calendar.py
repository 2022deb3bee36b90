"""Time limits: the four units in which they are given, over a dated workday table.

The table is data of the tenant: each year is loaded from the State Council's notice. A year that
nobody loaded has no known workdays; a deadline that needs it is marked incomplete (only weekends
and the statutory days with a fixed date are left out) and is computed again once the year is there.

Rows hold UTC; dates, office hours and the end of a day are those of China.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from guanjia.graph.times import CHINA, Unit

HOUR_IN_MICROSECONDS = 3_600_000_000
LONGEST_LIMIT = 10_000
OFFICE_HOURS = ((time(8), time(12)), (time(14, 30), time(17, 30)))
"""What a tenant has until it sets its own."""

_STATUTORY = (
    # 全国年节及纪念日放假办法: the days with a fixed date, and the year from which each is one.
    (1, 1, 0),
    (5, 1, 0),
    (5, 2, 2025),
    (10, 1, 0),
    (10, 2, 0),
    (10, 3, 0),
)
_DAY = timedelta(days=1)
_WEEKEND = 5

Amount = int | Decimal | Fraction
Span = tuple[time, time]


@dataclass(frozen=True, slots=True)
class Due:
    """A deadline (UTC). `complete` is false when it depends on `missing_years`, which nobody has
    loaded: it is provisional then."""

    at: datetime
    complete: bool = True
    missing_years: tuple[int, ...] = ()


def statutory_days(year: int) -> frozenset[date]:
    """The public holidays of a year that need no notice, because their date never moves."""
    return frozenset(date(year, m, d) for m, d, since in _STATUTORY if year >= since)


@dataclass(frozen=True)
class Calendar:
    """The workdays of one tenant and its office hours. `workdays` holds every day of each loaded
    year; days of other years are ignored."""

    workdays: Mapping[date, bool]
    loaded_years: frozenset[int]
    office_hours: tuple[Span, ...] = OFFICE_HOURS
    _statutory: dict[int, frozenset[date]] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        bounds = [moment for span in self.office_hours for moment in span]
        if not bounds or any(a >= b for a, b in pairwise(bounds)):
            raise ValueError("office hours must be spans in ascending order")

    @property
    def closes(self) -> time:
        return self.office_hours[-1][1]

    @property
    def office_day(self) -> timedelta:
        """The working time of one workday."""
        return sum((_length(span) for span in self.office_hours), timedelta())

    def is_workday(self, day: date) -> bool:
        if day.year in self.loaded_years:
            return self.workdays[day]
        if day.year not in self._statutory:
            self._statutory[day.year] = statutory_days(day.year)
        return day.weekday() < _WEEKEND and day not in self._statutory[day.year]

    def due(self, start: datetime, limit: Amount, unit: Unit) -> Due:
        """When a limit ends that begins to run at `start`."""
        _check(limit, unit)
        if unit is Unit.CALENDAR_DAY:
            midnight = _instant(_local(start).date() + _DAY, time())
            return Due(midnight + int(limit) * _DAY)
        return self.advance(start, limit, unit)

    def advance(self, at: datetime, amount: Amount, unit: Unit) -> Due:
        """A deadline moved on by an amount of its unit: an extension, or what was suspended.
        `advance(due(s, a).at, b)` is `due(s, a + b)`."""
        if amount < 0:
            raise ValueError("time does not run backwards")
        if amount == 0:
            return Due(at.astimezone(UTC))
        match unit:
            case Unit.URGENT_HOUR:
                return Due(at.astimezone(UTC) + _duration(amount))
            case Unit.CALENDAR_DAY:
                return Due(at.astimezone(UTC) + int(amount) * _DAY)
            case Unit.WORK_HOUR:
                reached = self._after_work(at, _duration(amount))
            case Unit.WORK_DAY:
                reached = self._after_workdays(at, int(amount))
        missing = self.unloaded(at, reached, unit)
        return Due(reached, not missing, missing)

    def elapsed(self, start: datetime, end: datetime, unit: Unit) -> Fraction:
        """How much of a unit passed from `start` to `end`; 0 when `end` is not later.
        It is the inverse of `due`."""
        if end <= start:
            return Fraction(0)
        match unit:
            case Unit.URGENT_HOUR:
                return _hours(end - start)
            case Unit.WORK_HOUR:
                return _hours(self.work_time(start, end))
            case Unit.WORK_DAY:
                first, last = _local(start).date(), _local(end).date()
                return Fraction(sum(map(self.is_workday, _days(first + _DAY, last))))
            case Unit.CALENDAR_DAY:
                # A day ends at 24:00, so midnight still belongs to the day before.
                last = (_local(end) - timedelta.resolution).date()
                return Fraction((last - _local(start).date()).days)

    def work_time(self, start: datetime, end: datetime) -> timedelta:
        """The office time between two instants, exact and additive; 0 when `end` is not later."""
        begin, finish = _local(start), _local(end)
        total = timedelta()
        for day in _days(begin.date(), finish.date()):
            for opens, closes in self._spans(day):
                total += max(timedelta(), min(finish, closes) - max(begin, opens))
        return total

    def exceeds_workdays(self, limit: Amount, unit: Unit, days: int) -> bool:
        """Whether a limit is longer than so many workdays."""
        match unit:
            case Unit.WORK_DAY | Unit.CALENDAR_DAY:
                return limit > days
            case Unit.WORK_HOUR:
                return _duration(limit) > days * self.office_day
            case Unit.URGENT_HOUR:
                return _duration(limit) > days * _DAY

    def _after_work(self, at: datetime, left: timedelta) -> datetime:
        begin = _local(at)
        day = begin.date()
        while True:
            for opens, closes in self._spans(day):
                from_here = max(begin, opens)
                available = closes - from_here
                if available <= timedelta():
                    continue
                if left <= available:
                    return (from_here + left).astimezone(UTC)
                left -= available
            day += _DAY

    def _after_workdays(self, at: datetime, left: int) -> datetime:
        day = _local(at).date()
        while left:
            day += _DAY
            left -= self.is_workday(day)
        return _instant(day, self.closes)

    def _spans(self, day: date) -> Iterable[tuple[datetime, datetime]]:
        if not self.is_workday(day):
            return ()
        return [
            (datetime.combine(day, a, CHINA), datetime.combine(day, b, CHINA))
            for a, b in self.office_hours
        ]

    def unloaded(self, start: datetime, end: datetime, unit: Unit) -> tuple[int, ...]:
        """The years between two instants whose workdays the unit needs and nobody has loaded."""
        if unit in (Unit.URGENT_HOUR, Unit.CALENDAR_DAY):
            return ()
        years = range(_local(start).year, _local(end).year + 1)
        return tuple(year for year in years if year not in self.loaded_years)


def whole_year(year: int) -> list[date]:
    return list(_days(date(year, 1, 1), date(year, 12, 31)))


def year_of_notice(
    year: int, days_off: Iterable[date], days_on: Iterable[date]
) -> dict[date, bool]:
    """Every day of a year from what a notice lists: the holidays and the weekend days on which
    there is work. All other days are what their weekday says."""
    off, on = frozenset(days_off), frozenset(days_on)
    return {
        day: day in on or (day not in off and day.weekday() < _WEEKEND) for day in whole_year(year)
    }


def _check(limit: Amount, unit: Unit) -> None:
    if not 0 < limit <= LONGEST_LIMIT:
        raise ValueError(f"a limit is between 0 and {LONGEST_LIMIT}")
    if unit in (Unit.WORK_DAY, Unit.CALENDAR_DAY) and limit != int(limit):
        raise ValueError("days are whole")


def _duration(hours: Amount) -> timedelta:
    return timedelta(microseconds=round(Fraction(hours) * HOUR_IN_MICROSECONDS))


def _hours(duration: timedelta) -> Fraction:
    return Fraction(duration // timedelta.resolution, HOUR_IN_MICROSECONDS)


def _length(span: Span) -> timedelta:
    return datetime.combine(date.min, span[1]) - datetime.combine(date.min, span[0])


def _local(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return at.astimezone(CHINA)


def _instant(day: date, moment: time) -> datetime:
    return datetime.combine(day, moment, CHINA).astimezone(UTC)


def _days(first: date, last: date) -> Iterable[date]:
    return (first + n * _DAY for n in range((last - first).days + 1))
