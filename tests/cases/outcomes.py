"""What `case_outcomes` has to say at a moment, from a replay of the events before it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from guanjia.cases.facts import replay
from guanjia.cases.service.timeline import event_of
from guanjia.cases.states import State
from guanjia.surveys.models import Satisfaction

FIRST = {
    "dispatched_at": {"dispatch_case"},
    "returned_at": {"return_case"},
    "extended_at": {"approve_extension"},
    "suspended_at": {"approve_suspension"},
    "checking_at": {"send_to_check"},
    "voided_at": {"void_case"},
}
SAME = (
    "category_id", "handler_id", "due_at", "first_due_at", "reported_at", "filed_at", "closed_at",
    "evaluated_at",
)  # fmt: skip
SET = {*FIRST, "reworked_at", "reported_at", "filed_at", "closed_at", "evaluated_at"}
"""Times of what happened: one after the moment that is asked for is not known at it."""


def expected(events: Sequence[Any], known: dt.datetime) -> dict[str, Any] | None:
    """The facts at the moment; None before the case existed."""
    past = [event for event in events if event["at"] < known]
    if not past:
        return None
    facts = replay(map(event_of, past))
    said = {name: getattr(facts, name) for name in SAME}
    said["held"] = facts.state is State.SUSPENDED
    said["reworked_at"] = facts.first_rework_at
    said["region_path"] = past[-1]["current_path"]
    for name, actions in FIRST.items():
        said[name] = next((e["at"] for e in past if e["action"] in actions), None)
    if facts.evaluated_at is not None:
        started = max(n for n, e in enumerate(past) if e["action"] == "open_survey")
        choices = [e["choice"] for e in past[started:] if e["choice"]]
        against = choices.count(Satisfaction.DISSATISFIED)
        said["answers"], said["satisfied"] = len(choices), len(choices) - against
    return said


def known(outcomes: Sequence[Any], moment: dt.datetime) -> dict[str, Any] | None:
    """What the kept rows say at the moment; there is at most one."""
    held = [o for o in outcomes if o["since"] < moment <= o["until"]]
    assert len(held) <= 1
    if not held:
        return None
    row = held[0]
    said = {
        name: None if name in SET and row[name] is not None and row[name] >= moment else row[name]
        for name in (*SAME, *FIRST, "held", "reworked_at", "region_path")
    }
    if said["evaluated_at"] is not None:
        said["answers"], said["satisfied"] = row["answers"], row["satisfied"]
    return said


async def outcomes_of(town: Any, case_id: Any) -> list[Any]:
    async with town.open() as transaction:
        rows = await transaction.connection.fetch(
            "select * from case_outcomes where case_id = $1 order by seq", case_id
        )
    # `infinity` comes as the last moment there is.
    return [
        {**row, "until": row["until"].replace(tzinfo=dt.UTC)}
        if row["until"].tzinfo is None
        else dict(row)
        for row in rows
    ]


async def same_as_replay(town: Any, case: Any) -> int:
    """Holds at every moment at which something happened, just after it, and now. How many."""
    events, outcomes = await town.rows(case), await outcomes_of(town, case.id)
    tick = dt.timedelta(microseconds=1)
    moments = {at for event in events for at in (event["at"], event["at"] + tick)}
    for moment in sorted({*moments, town.now + tick}):
        assert known(outcomes, moment) == expected(events, moment), moment
    return len(moments)


def _sums(table: str) -> str:
    """The sums of a table of tallies at the grain of months, without what cancels out."""
    sums = ", ".join(f"sum({name})::bigint as {name}" for name in ("d", "n1", "n2", "n3"))
    return (
        "select moment, month, date_trunc('month', known at time zone 'Asia/Shanghai') as known,"
        f" region_path, handler_id, {sums} from {table} t group by 1, 2, 3, 4, 5"
        " having sum(d) <> 0 or sum(n1) <> 0 or sum(n2) <> 0 or sum(n3) <> 0 order by 1, 2, 3, 4, 5"
    )


async def tallies_of(town: Any) -> tuple[Sequence[Any], Sequence[Any]]:
    """What the tallies of the tenant say, and what counting all outcomes anew says."""
    async with town.open() as transaction:
        recounted = f"recounted_case_tallies('{transaction.tenant_id}', '-infinity')"
        kept, counted = [
            [tuple(row) for row in await transaction.connection.fetch(_sums(table))]
            for table in ("case_tallies", recounted)
        ]
    return kept, counted
