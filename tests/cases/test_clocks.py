"""Rework, extension and suspension, and the facts that events lead to."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from uuid import UUID

import pytest

from guanjia.cases.calendar import Calendar
from guanjia.cases.clocks import Adjustment, deadlines, half_limit
from guanjia.cases.facts import CaseFacts, Event, Payload, apply, replay
from guanjia.cases.reasons import Level
from guanjia.cases.seeding import seeded_workdays
from guanjia.cases.states import State
from guanjia.graph.times import CHINA, Unit

YEAR = Calendar({r.day: r.is_workday for r in seeded_workdays(2026)}, frozenset({2026}))
CATEGORY = UUID(int=1)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"2026-{text}").replace(tzinfo=CHINA)


def dispatched(value: int, unit: Unit) -> CaseFacts:
    moment = at("03-02 09:00")
    return CaseFacts(
        State.IN_PROGRESS, moment, Level.COMMUNITY, False, CATEGORY,
        limit_value=value, limit_unit=unit, clock_started_at=moment, clock_value=value,
        dispatched_at=moment,
    )  # fmt: skip


def test_an_extension_moves_both_deadlines() -> None:
    found = deadlines(YEAR, dispatched(5, Unit.WORK_DAY), [Adjustment(at("03-04 10:00"), value=3)])
    assert found.due_at == found.first_due_at == at("03-12 17:30")


@pytest.mark.parametrize(
    ("unit", "value", "plain", "moved"),
    [
        # Suspended from Wednesday 10:00 to Friday 15:30.
        (Unit.URGENT_HOUR, 72, "03-05 09:00", "03-07 14:30"),
        (Unit.WORK_HOUR, 20, "03-04 17:30", "03-09 11:00"),
        (Unit.WORK_DAY, 5, "03-09 17:30", "03-11 17:30"),
        (Unit.CALENDAR_DAY, 5, "03-08 00:00", "03-10 00:00"),
    ],
)
def test_a_suspension_stops_the_clock(unit: Unit, value: int, plain: str, moved: str) -> None:
    facts = dispatched(value, unit)
    pause = Adjustment(at("03-06 15:30"), start=at("03-04 10:00"), end=at("03-06 15:30"))
    assert deadlines(YEAR, facts).due_at == at(plain)
    assert deadlines(YEAR, facts, [pause]).due_at == at(moved)


def test_rework_keeps_the_first_due_date() -> None:
    first = deadlines(YEAR, dispatched(7, Unit.WORK_DAY))
    rework = replace(
        dispatched(7, Unit.WORK_DAY), rework_count=1, first_rework_at=at("03-10 09:00"),
        clock_started_at=at("03-10 09:00"), clock_value=half_limit(7),
    )  # fmt: skip
    later = Adjustment(at("03-11 10:00"), value=2)
    found = deadlines(YEAR, rework, [later])
    assert found.first_due_at == first.due_at == at("03-11 17:30")
    assert found.due_at == at("03-18 17:30")


def test_half_limits_are_whole_and_at_least_one() -> None:
    assert [half_limit(n) for n in (1, 2, 3, 4, 7)] == [1, 1, 2, 2, 4]


def test_a_missing_year_is_provisional_until_it_is_loaded() -> None:
    facts = replace(
        dispatched(5, Unit.WORK_DAY),
        clock_started_at=at("12-30 09:00"),
        dispatched_at=at("12-30 09:00"),
    )
    assert deadlines(YEAR, facts).provisional
    assert not deadlines(YEAR, dispatched(5, Unit.WORK_DAY)).provisional


def test_a_timeline_that_does_not_connect_is_refused() -> None:
    moment = at("03-02 09:00")
    said = Payload(level=Level.COMMUNITY, urgent=False, category_id=CATEGORY)
    report = Event("report_case", "T1", None, State.REPORTED, moment, None, said)
    filed = Event("file_case", "T3", State.VERIFYING, State.FILED, moment, None, Payload())
    assert replay([report]).reported_at == moment
    with pytest.raises(ValueError, match="does not follow"):
        replay([report, filed])
    with pytest.raises(ValueError, match="at least one"):
        replay([])
    with pytest.raises(ValueError, match="first event"):
        apply(None, filed)
