"""The deadlines of a case: a clock that was started, and what was added to it since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from guanjia.cases.calendar import Amount, Calendar, Due
from guanjia.cases.facts import CaseFacts
from guanjia.cases.states import FINISHED
from guanjia.cases.transitions import STEP_LIMITS
from guanjia.graph.times import Unit


@dataclass(frozen=True, slots=True)
class Adjustment:
    """An approved extension (`value` units) or a suspension that ended (`start` to `end`);
    `at` is when it took effect."""

    at: datetime
    value: int = 0
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deadlines:
    """`due_at` is the deadline now. `first_due_at` is the one on-time statistics use: extensions
    and suspensions moved it too, rework does not. `step_due_at` ends the present step."""

    due_at: datetime | None
    first_due_at: datetime | None
    step_due_at: datetime | None
    provisional: bool


def half_limit(value: int) -> int:
    """The limit of a rework: half of the original in whole units, at least one."""
    return max(1, (value + 1) // 2)


def handling_minutes(
    calendar: Calendar, facts: CaseFacts, adjustments: Iterable[Adjustment], handled_at: datetime
) -> int | None:
    """Minutes of working time from the dispatch to the feedback, without what was on hold since;
    whole ones. None for a case that nobody dispatched."""
    dispatched = facts.dispatched_at
    if dispatched is None:
        return None
    spent = calendar.work_time(dispatched, handled_at)
    for each in adjustments:
        if each.start is not None and each.end is not None and each.start >= dispatched:
            spent -= calendar.work_time(each.start, each.end)
    return spent // timedelta(minutes=1)


def deadline(
    calendar: Calendar,
    start: datetime,
    value: Amount,
    unit: Unit,
    adjustments: Iterable[Adjustment] = (),
) -> Due:
    """The end of a limit after its adjustments, in the order in which they took effect."""
    due = calendar.due(start, value, unit)
    missing = set(due.missing_years)
    for adjustment in sorted(adjustments, key=lambda a: a.at):
        amount: Amount = adjustment.value
        if adjustment.start is not None and adjustment.end is not None:
            amount = calendar.elapsed(adjustment.start, adjustment.end, unit)
            missing |= set(calendar.unloaded(adjustment.start, adjustment.end, unit))
        due = calendar.advance(due.at, amount, unit)
        missing |= set(due.missing_years)
    return Due(due.at, not missing, tuple(sorted(missing)))


def deadlines(
    calendar: Calendar, facts: CaseFacts, adjustments: Iterable[Adjustment] = ()
) -> Deadlines:
    """All deadlines of a case as the facts are; nothing of what they say about deadlines is read,
    so that the same call computes them anew when a year has been loaded."""
    made = tuple(adjustments)
    due = first = None
    started, value = facts.clock_started_at, facts.clock_value
    if started is not None and value is not None and facts.limit_unit is not None:
        unit = Unit(facts.limit_unit)
        due = deadline(calendar, started, value, unit, [a for a in made if a.at >= started])
        first = due
        dispatched, limit, rework = facts.dispatched_at, facts.limit_value, facts.first_rework_at
        if rework is not None and dispatched is not None and limit is not None:
            before = [a for a in made if dispatched <= a.at < rework]
            first = deadline(calendar, dispatched, limit, unit, before)
    step = None
    if facts.state in STEP_LIMITS:
        limit_of_step = STEP_LIMITS[facts.state].of(facts.urgent)
        step = calendar.due(facts.state_since, limit_of_step.value, limit_of_step.unit)
    running = (step,) if facts.state in FINISHED else (due, first, step)
    return Deadlines(
        due.at if due else None,
        first.at if first else None,
        step.at if step else None,
        any(d is not None and not d.complete for d in running),
    )
