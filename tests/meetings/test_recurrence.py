"""When a series meets: rules that end, holidays that move them, years that nobody has loaded."""

from __future__ import annotations

import contextlib
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guanjia.cases.calendar import Calendar, year_of_notice
from guanjia.graph.errors import Refusal
from guanjia.meetings.models.kinds import HolidayRule
from guanjia.meetings.recurrence import days_of, planned

FIRST = dt.date(2026, 1, 7)
OFF = [dt.date(2026, 1, 1), *(dt.date(2026, 10, day) for day in range(1, 8))]
CALENDAR = Calendar(year_of_notice(2026, OFF, [dt.date(2026, 10, 10)]), frozenset({2026}))
WEDNESDAYS = "FREQ=WEEKLY;BYDAY=WE;UNTIL=20261231"


def test_every_wednesday_of_the_year() -> None:
    days = days_of(WEDNESDAYS, FIRST)
    assert (len(days), days[0], days[-1]) == (52, FIRST, dt.date(2026, 12, 30))
    assert {day.weekday() for day in days} == {2}
    assert days_of("rrule:freq=weekly;byday=we;until=20261231", FIRST) == days


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("FREQ=WEEKLY;BYDAY=WE", "UNBOUNDED_RULE"),
        ("FREQ=WEEKLY;COUNT=3;UNTIL=20261231", "UNBOUNDED_RULE"),
        ("FREQ=HOURLY;COUNT=3", "BAD_USER_INPUT"),
        ("FREQ=WEEKLY;COUNT=3;BYHOUR=3", "BAD_USER_INPUT"),
        ("FREQ=WEEKLY;COUNT=100000", "BAD_USER_INPUT"),
        ("FREQ=WEEKLY;COUNT=x", "BAD_USER_INPUT"),
        ("FREQ=WEEKLY;COUNT=0", "BAD_USER_INPUT"),
        ("FREQ=WEEKLY;COUNT=-1", "BAD_USER_INPUT"),
        ("FREQ=WEEKLY;INTERVAL=0;COUNT=3", "BAD_USER_INPUT"),
        ("FREQ=WEEKLY;BYDAY=XX;COUNT=3", "BAD_USER_INPUT"),
        ("FREQ=WEEKLY;UNTIL=20200101", "BAD_USER_INPUT"),
        ("FREQ=WEEKLY;UNTIL=99991231T000000Z", "BAD_USER_INPUT"),
        ("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=31;COUNT=3", "BAD_USER_INPUT"),
        ("FREQ=WEEKLY;FREQ=DAILY;COUNT=3", "BAD_USER_INPUT"),
        ("每周三", "BAD_USER_INPUT"),
        ("", "BAD_USER_INPUT"),
        ("FREQ=WEEKLY;COUNT=3\nEXRULE:FREQ=DAILY", "BAD_USER_INPUT"),
        ("FREQ=WEEKLY;COUNT=" + "9" * 300, "BAD_USER_INPUT"),
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused(rule: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        days_of(rule, FIRST)
    assert refused.value.code == code


@given(st.text(max_size=60))
def test_whatever_is_typed_is_a_rule_or_a_refusal(text: str) -> None:
    with contextlib.suppress(Refusal):
        assert days_of(text, FIRST)


def test_a_holiday_moves_to_the_next_workday_or_is_left_out() -> None:
    days = days_of("FREQ=WEEKLY;BYDAY=WE;COUNT=3", dt.date(2026, 9, 30))
    moved = planned(days, CALENDAR, HolidayRule.NEXT_WORKDAY)
    assert [(each.planned_on.day, each.on.day, each.shifted) for each in moved.occurrences] == [
        (30, 30, False), (7, 8, True), (14, 14, False),
    ]  # fmt: skip
    skipped = planned(days, CALENDAR, HolidayRule.SKIP)
    assert [each.on.day for each in skipped.occurrences] == [30, 14]
    assert moved.held_back == skipped.held_back == ()


def test_a_weekend_that_the_rule_means_is_no_holiday() -> None:
    days = days_of("FREQ=WEEKLY;BYDAY=SA;COUNT=2", dt.date(2026, 3, 7))
    found = planned(days, CALENDAR, HolidayRule.NEXT_WORKDAY)
    assert [each.on for each in found.occurrences] == days


def test_a_day_moved_onto_another_is_one_meeting() -> None:
    days = days_of("FREQ=DAILY;COUNT=9", dt.date(2026, 10, 1))
    found = planned(days, CALENDAR, HolidayRule.NEXT_WORKDAY)
    assert [each.on.day for each in found.occurrences] == [8, 9]


def test_a_year_that_nobody_has_loaded_is_held_back_and_not_guessed() -> None:
    days = days_of("FREQ=WEEKLY;BYDAY=WE;UNTIL=20270331", dt.date(2026, 12, 2))
    found = planned(days, CALENDAR, HolidayRule.NEXT_WORKDAY)
    assert [each.on.year for each in found.occurrences] == [2026] * 5
    assert (found.held_back[0], len(found.held_back)) == (dt.date(2027, 1, 6), 13)
    assert found.missing_year == 2027
    shifted_over = Calendar(
        year_of_notice(2026, [*OFF, dt.date(2026, 12, 30), dt.date(2026, 12, 31)], []),
        frozenset({2026}),
    )
    last = planned(days, shifted_over, HolidayRule.NEXT_WORKDAY)
    assert last.held_back[0] == dt.date(2026, 12, 30)
