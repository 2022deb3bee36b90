"""The moments of a case's clock at which somebody is reminded or called on.

They lie at shares of the time the limit runs: what was suspended does not count, and where the
limit is in working time only office hours do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from guanjia.cases.calendar import Amount, Calendar, Due
from guanjia.cases.clocks import Adjustment
from guanjia.cases.facts import CaseFacts
from guanjia.graph.times import Unit, local_date
from guanjia.whistles.rules import limit, number

_AROUND_THE_CLOCK = frozenset({Unit.URGENT_HOUR, Unit.CALENDAR_DAY})


@dataclass(frozen=True, slots=True)
class Marks:
    """`started_at` names the clock: it is another one after each dispatch and each rework.
    `first_at` and `second_at` are the shares at which is reminded, `twice_at` the multiple of the
    limit at which the district meets, `accept_by` when a dispatched case should be accepted, and
    `unaccepted_at` when whoever leads is reminded of that."""

    started_at: datetime
    first_at: datetime
    second_at: datetime
    due_at: datetime
    twice_at: datetime
    accept_by: datetime
    unaccepted_at: datetime | None


def marks(calendar: Calendar, facts: CaseFacts, adjustments: Iterable[Adjustment]) -> Marks | None:
    """The moments of the clock that runs; None for a case without one."""
    started, due, value = facts.clock_started_at, facts.due_at, facts.clock_value
    if started is None or due is None or value is None or facts.limit_unit is None:
        return None
    day, unit = local_date(started), Unit(facts.limit_unit)
    measure = Unit.URGENT_HOUR if unit in _AROUND_THE_CLOCK else Unit.WORK_HOUR
    runs = list(_running(started, due, adjustments))
    first, second = (
        min(due, _at_share(calendar, runs, Fraction(number(code, day), 100), measure, due))
        for code in ("REMIND_FIRST", "REMIND_SECOND")
    )
    twice = calendar.advance(due, value * (number("L4_TIMES", day) - 1), unit).at
    since = facts.dispatched_at or started
    reminder, accept = (
        calendar.due(since, allowed.value, allowed.unit).at
        for allowed in (limit("UNACCEPTED", day), limit("L1_UNACCEPTED", day))
    )
    return Marks(started, first, second, due, twice, accept, reminder)


def _running(
    start: datetime, end: datetime, adjustments: Iterable[Adjustment]
) -> Iterator[tuple[datetime, datetime]]:
    """The stretches from start to end in which the clock was not suspended."""
    pauses = sorted(
        (a.start, a.end)
        for a in adjustments
        if a.start is not None and a.end is not None and a.start < end and a.end > start
    )
    for begins, ends in pauses:
        if begins > start:
            yield start, begins
        start = max(start, ends)
    if start < end:
        yield start, end


def _at_share(
    calendar: Calendar,
    runs: Iterable[tuple[datetime, datetime]],
    share: Fraction,
    measure: Unit,
    end: datetime,
) -> datetime:
    stretches = [(a, b, calendar.elapsed(a, b, measure)) for a, b in runs]
    left = share * sum((length for _, _, length in stretches), Fraction(0))
    for start, _, length in stretches:
        if left <= length:
            return calendar.advance(start, left, measure).at
        left -= length
    return end


def moved(
    calendar: Calendar,
    start: datetime,
    value: Amount,
    unit: Unit,
    adjustments: Iterable[Adjustment],
) -> Due:
    """The end of a limit that stands still while the case is suspended. What was late by then stays
    late."""
    due = calendar.due(start, value, unit)
    for pause in sorted((a for a in adjustments if a.start and a.end), key=lambda a: a.at):
        assert pause.start is not None
        assert pause.end is not None
        begins = max(pause.start, start)
        if begins < due.at and pause.end > begins:
            later = calendar.advance(due.at, calendar.elapsed(begins, pause.end, unit), unit)
            missing = tuple(sorted({*due.missing_years, *later.missing_years}))
            due = Due(later.at, not missing, missing)
    return due
