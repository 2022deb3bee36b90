"""The moments of a clock, without a database."""

from __future__ import annotations

import datetime as dt

from guanjia.cases.calendar import Calendar, whole_year
from guanjia.cases.clocks import Adjustment, deadline
from guanjia.cases.facts import CaseFacts
from guanjia.cases.reasons import Level
from guanjia.cases.states import State
from guanjia.db.ids import new_id
from guanjia.graph.times import CHINA, Unit
from guanjia.whistles.marks import Marks, marks, moved

YEAR = Calendar({day: day.weekday() < 5 for day in whole_year(2026)}, frozenset({2026}))


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"2026-{text}").replace(tzinfo=CHINA)


def clock(value: int, unit: Unit, *adjustments: Adjustment) -> Marks:
    started = at("03-02 09:00")
    facts = CaseFacts(
        State.DISPATCHED, started, Level.COMMUNITY, False, new_id(), limit_value=value,
        limit_unit=unit, clock_started_at=started, clock_value=value, dispatched_at=started,
        due_at=deadline(YEAR, started, value, unit, adjustments).at,
    )  # fmt: skip
    found = marks(YEAR, facts, adjustments)
    assert found is not None
    return found


def test_the_moments_lie_in_working_time() -> None:
    """From Monday 09:00 five workdays are 41 hours of office time."""
    found = clock(5, Unit.WORK_DAY)
    assert found.first_at == at("03-05 08:30")
    assert found.second_at == at("03-06 16:18")
    assert found.due_at == at("03-09 17:30")
    assert found.twice_at == at("03-16 17:30")
    assert found.accept_by == at("03-03 17:30")
    assert found.unaccepted_at == at("03-02 11:00")
    hours = clock(2, Unit.URGENT_HOUR)
    assert [hours.first_at, hours.second_at, hours.twice_at] == [
        at("03-02 10:00"), at("03-02 10:36"), at("03-02 13:00"),
    ]  # fmt: skip


def test_suspended_time_does_not_count() -> None:
    pause = Adjustment(at("03-05 08:00"), start=at("03-03 08:00"), end=at("03-05 08:00"))
    found = clock(5, Unit.WORK_DAY, pause)
    assert found.first_at == at("03-09 08:30")
    assert found.due_at == at("03-11 17:30")
    longer = clock(5, Unit.WORK_DAY, Adjustment(at("03-03 08:00"), value=5))
    assert found.first_at < longer.first_at < longer.due_at == at("03-16 17:30")


def test_a_limit_stands_still_and_what_was_late_stays_late() -> None:
    pause = Adjustment(at("03-05 08:00"), start=at("03-03 08:00"), end=at("03-05 08:00"))
    due = moved(YEAR, at("03-02 09:00"), 1, Unit.WORK_DAY, [pause])
    assert due.at == at("03-05 17:30")
    late = Adjustment(at("03-06 08:00"), start=at("03-04 08:00"), end=at("03-06 08:00"))
    assert moved(YEAR, at("03-02 09:00"), 1, Unit.WORK_DAY, [late]).at == at("03-03 17:30")
    within = moved(YEAR, at("03-04 09:00"), 1, Unit.WORK_DAY, [pause])
    assert within.at == at("03-06 17:30"), "what was suspended before it began is no part of it"
