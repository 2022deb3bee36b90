"""Deadlines: the four units, over the seeded workday tables and over years nobody loaded."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guanjia.cases.calendar import (
    OFFICE_HOURS,
    Calendar,
    statutory_days,
    whole_year,
    year_of_notice,
)
from guanjia.cases.seeding import seeded_workdays, seeded_years
from guanjia.graph.times import CHINA, Unit

SEEDED = Calendar(
    {row.day: row.is_workday for year in seeded_years() for row in seeded_workdays(year)},
    frozenset(seeded_years()),
)
EMPTY = Calendar({}, frozenset())


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=CHINA)


@pytest.mark.parametrize(
    ("start", "limit", "unit", "due"),
    [
        # The two worked examples: 2026-09-20 is a Sunday on which there is work.
        ("2026-09-18 16:30", 4, Unit.WORK_HOUR, "2026-09-20 11:00"),
        ("2026-09-28 09:00", 5, Unit.WORK_DAY, "2026-10-10 17:30"),
        ("2026-09-18 16:30", 4, Unit.URGENT_HOUR, "2026-09-18 20:30"),
        ("2026-09-18 16:30", Fraction(1, 2), Unit.URGENT_HOUR, "2026-09-18 17:00"),
        ("2026-09-18 16:30", 7, Unit.CALENDAR_DAY, "2026-09-26 00:00"),
        ("2026-09-18 16:30", 1, Unit.WORK_HOUR, "2026-09-18 17:30"),
        ("2026-09-18 12:30", 1, Unit.WORK_HOUR, "2026-09-18 15:30"),
        ("2026-09-18 06:00", 4, Unit.WORK_HOUR, "2026-09-18 12:00"),
        ("2026-10-01 10:00", 1, Unit.WORK_HOUR, "2026-10-08 09:00"),
    ],
)
def test_worked_examples(start: str, limit: Fraction, unit: Unit, due: str) -> None:
    found = SEEDED.due(at(start), limit, unit)
    assert found.at == at(due)
    assert found.at.utcoffset() == dt.timedelta(0)
    assert found.complete


def test_2026_has_248_workdays() -> None:
    assert sum(SEEDED.is_workday(day) for day in whole_year(2026)) == 248


@pytest.mark.parametrize("year", seeded_years())
def test_seeds_agree_with_the_package(year: int) -> None:
    rows = seeded_workdays(year)
    assert [row.day for row in rows] == whole_year(year)
    assert all(row.is_workday == chinese_calendar.is_workday(row.day) for row in rows)
    assert all(row.source for row in rows)


def test_a_year_nobody_loaded_is_said() -> None:
    due = SEEDED.due(at("2026-12-30 10:00"), 5, Unit.WORK_DAY)
    assert (due.complete, due.missing_years) == (False, (2027,))
    # 1 January has a fixed date; a weekend follows.
    assert due.at == at("2027-01-07 17:30")
    assert SEEDED.due(at("2026-12-30 10:00"), 40, Unit.CALENDAR_DAY).complete
    assert SEEDED.due(at("2026-12-30 10:00"), 900, Unit.URGENT_HOUR).complete


def test_statutory_days_follow_their_year() -> None:
    assert dt.date(2024, 5, 2) not in statutory_days(2024)
    assert dt.date(2025, 5, 2) in statutory_days(2025)


def test_year_of_notice_is_the_seed() -> None:
    days = [dt.date(2026, 1, d) for d in (1, 2, 3)]
    year = year_of_notice(2026, days, [dt.date(2026, 1, 4)])
    assert len(year) == 365
    assert [year[dt.date(2026, 1, d)] for d in (1, 4, 5, 10)] == [False, True, True, False]


@pytest.mark.parametrize("hours", [(), (OFFICE_HOURS[1], OFFICE_HOURS[0])])
def test_office_hours_are_in_order(hours: tuple[tuple[dt.time, dt.time], ...]) -> None:
    with pytest.raises(ValueError, match="office hours"):
        Calendar({}, frozenset(), hours)


def test_what_is_no_limit() -> None:
    for limit, unit in ((0, Unit.WORK_DAY), (-1, Unit.WORK_HOUR), (Fraction(1, 2), Unit.WORK_DAY)):
        with pytest.raises(ValueError, match=r"limit|days"):
            SEEDED.due(at("2026-09-18 16:30"), limit, unit)
    with pytest.raises(ValueError, match="time zone"):
        SEEDED.due(dt.datetime(2026, 1, 1), 1, Unit.WORK_DAY)


moments = st.datetimes(dt.datetime(2016, 1, 1), dt.datetime(2035, 12, 31)).map(
    lambda moment: moment.replace(tzinfo=CHINA)
)
units = st.sampled_from(list(Unit))
limits = st.integers(1, 40)
calendars = st.sampled_from([SEEDED, EMPTY])


@given(calendars, moments, moments, limits, units)
def test_later_starts_end_later(
    calendar: Calendar, one: dt.datetime, two: dt.datetime, limit: int, unit: Unit
) -> None:
    first, second = sorted((one, two))
    assert calendar.due(first, limit, unit).at <= calendar.due(second, limit, unit).at


@given(calendars, moments, limits, units)
def test_elapsed_is_the_inverse(
    calendar: Calendar, start: dt.datetime, limit: int, unit: Unit
) -> None:
    due = calendar.due(start, limit, unit).at
    assert due > start
    assert calendar.elapsed(start, due, unit) == limit


@given(calendars, moments, limits, limits, units)
def test_limits_add_up(
    calendar: Calendar, start: dt.datetime, one: int, two: int, unit: Unit
) -> None:
    whole = calendar.due(start, one + two, unit).at
    assert calendar.advance(calendar.due(start, one, unit).at, two, unit).at == whole


@given(calendars, st.tuples(moments, moments, moments))
def test_work_time_adds_up(
    calendar: Calendar, points: tuple[dt.datetime, dt.datetime, dt.datetime]
) -> None:
    # Three points within weeks: a longer way only repeats the same days.
    base = min(points)
    a, b, c = sorted(base + (p - base) % dt.timedelta(days=60) for p in points)
    assert calendar.work_time(a, b) + calendar.work_time(b, c) == calendar.work_time(a, c)
    assert calendar.work_time(b, a) == dt.timedelta() or a == b
