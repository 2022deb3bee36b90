"""Random walks through the machine by random people: what always holds, whoever does what when."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import pytest
from tests.cases.conftest import _person, at
from tests.cases.moves import ROWS_OF, actions, everybody
from tests.cases.outcomes import same_as_replay

from guanjia.cases import service
from guanjia.cases.chain import chain_fault
from guanjia.cases.facts import replay
from guanjia.cases.guards import MACHINE
from guanjia.cases.reasons import Satisfaction
from guanjia.cases.service.casefile import facts_of
from guanjia.cases.service.timeline import event_of
from guanjia.cases.states import TERMINAL, State
from guanjia.cases.transitions import HANDLING
from guanjia.graph.errors import Denied, Refusal

WALKS, STEPS = 12, 90
START = at("2026-03-02 09:00")
MINUTES = (1, 5, 30, 240, 1500, 4000)
LIMIT_HOURS = 20
RARELY = {
    **dict.fromkeys(("void_case", "decline_case", "link_duplicate"), 0.02),
    **dict.fromkeys(("supervise_case", "release_supervision", "escalate_case"), 0.15),
    **dict.fromkeys(("return_case", "reopen_case"), 0.3),
    "resume_case": 0.1,
    **dict.fromkeys(("assign_part", "release_part"), 0.1),
}
"""How often a step is tried that would end the walk or lead it round in circles; others at 1."""
EVERYWHERE = {
    "verify_case", "file_case", "escalate_case", "dispatch_case", "return_case", "rule_return",
    "accept_case", "start_case", "complete_part", "assign_part", "release_part",
    "approve_suspension", "refuse_suspension",
    "resume_case", "resume_at_review", "approve_extension", "give_feedback", "pass_check",
    "fail_check", "close_case", "collect_evaluation", "finish_evaluation", "archive_case",
    "supervise_case", "release_supervision",
}  # fmt: skip
OFFICE = ((8 * 60, 12 * 60), (14 * 60 + 30, 17 * 60 + 30))
CHINA = dt.timezone(dt.timedelta(hours=8))


@dataclass
class Walk:
    """One case on its way. The handlers and their people are counted here, not by the machine."""

    town: Any
    case: Any
    original: Any
    chance: random.Random
    workdays: dict[dt.date, bool]
    organisations: set[UUID] = field(default_factory=set)
    handled: set[UUID] = field(default_factory=set)
    length: int = 1

    async def step(self) -> None:
        """Somebody tries something, or time does; the rules hold afterwards."""
        self.town.now += dt.timedelta(minutes=self.chance.choice(MINUTES))
        before = await self.town.stored(self.case.id)
        if self.chance.random() < 0.2:
            async with self.town.open() as transaction:
                await service.advance_case(transaction, self.case.id, self.town.now)
        else:
            await self._try(before)
        await self.holds(before)

    async def _try(self, before: Any) -> None:
        state = State(before["state"])
        choices = actions(self.town, self.original, self.town.now)
        legal = [a for a in choices if any(MACHINE.find(r, state) for r in ROWS_OF.get(a, (a,)))]
        pool = legal if legal and self.chance.random() < 0.85 else list(choices)
        [action] = self.chance.choices(pool, [RARELY.get(a, 1) for a in pool])
        permission, given = choices[action]
        people = self.town.people
        able = "everyone"
        if permission in ("check", "evaluate"):
            able = self.chance.choice(("outsider", "outsider", "everyone"))
        who = people[able if self.chance.random() < 0.75 else self.chance.choice(sorted(people))]
        given = given | self._detail(action)
        if action != "evaluate_case":
            given["version"] = before["version"]
        try:
            async with self.town.open() as transaction:
                await getattr(service, action)(
                    transaction, who, who.scope(f"case:{permission}"),
                    id=self.case.id, now=self.town.now, **given,
                )  # fmt: skip
        except (Refusal, Denied):
            assert await self.town.stored(self.case.id) == before

    def _detail(self, action: str) -> dict[str, Any]:
        chance, organisations = self.chance, self.town.organisations
        match action:
            case "dispatch_case":
                lead, *others = chance.sample(("company", "helper", "committee", "bureau"), 2)
                return {
                    "organisation_id": organisations[lead],
                    "assistant_ids": [organisations[o] for o in others if chance.random() < 0.3],
                    "limit_value": LIMIT_HOURS,
                    "limit_unit": "WORK_HOUR",
                }
            case "rule_return":
                return {"accepted": chance.random() < 0.5}
            case "approve_suspension" | "approve_extension":
                return {"approved": chance.random() < 0.8, "reason": "无"}
            case "check_case":
                return {"passed": chance.random() < 0.6, "failed_item": "无"}
            case "close_case":
                return {"affected_households": chance.choice((2, 5, None))}
            case "evaluate_case":
                return {
                    "choice": chance.choice(tuple(Satisfaction)),
                    "household": f"{chance.randrange(9)}幢",
                }
            case "file_case":
                return {"not_duplicate": True}
        return {}

    async def holds(self, before: Any) -> None:
        row = await self.town.stored(self.case.id)
        rows = await self.town.rows(self.case)
        assert replay(map(event_of, rows)) == facts_of(row)
        assert chain_fault(rows) is None
        assert [r["at"] for r in rows] == sorted(r["at"] for r in rows)
        assert row["version"] == len(rows) + 1
        if row["version"] == before["version"]:
            assert row == before
        for previous, event in zip(rows[self.length - 1 :], rows[self.length :], strict=False):
            self._after(previous, event, row)
        self.length = len(rows)
        await self._clock(row)

    def _after(self, previous: Any, event: Any, row: Any) -> None:
        """What holds of one new event."""
        action = event["action"]
        if action in ("pass_check", "fail_check"):
            checker = next(
                p for p in self.town.people.values() if p.membership_id == event["actor_id"]
            )
            assert checker.membership_id != row["reporter_id"]
            assert not set(checker.organisation_ids) & self.organisations
            assert checker.membership_id not in self.handled
        if action == "fail_check":
            assert event["first_due_at"] == previous["first_due_at"]
        if action in HANDLING:
            self.handled.add(event["actor_id"])
        if action in ("dispatch_case", "rule_return", "rule_repeated_return"):
            lead = {event["organisation_id"]} if event["accepted"] is not False else set()
            self.organisations |= (lead | set(event["assistant_ids"])) - {None}
        elif action == "assign_part":
            self.organisations.add(event["organisation_id"])
        elif action != "fail_check" and previous["due_at"] is not None:
            assert event["due_at"] >= previous["due_at"], action
            # Rework, and what moves its shorter limit, leave the deadline of statistics alone.
            if row["first_rework_at"] is not None and event["at"] >= row["first_rework_at"]:
                assert event["first_due_at"] == previous["first_due_at"], action

    async def _clock(self, row: Any) -> None:
        """The working time up to the deadline is the limit, what was added, and every minute of
        working time that the case was on hold."""
        if row["clock_started_at"] is None:
            return
        async with self.town.open() as transaction:
            extended = await transaction.connection.fetchval(
                "select coalesce(sum(value), 0) from case_extensions where case_id = $1"
                " and state = 'APPROVED' and decided_at >= $2",
                self.case.id, row["clock_started_at"],
            )  # fmt: skip
            held = await transaction.connection.fetch(
                "select decided_at, resumed_at from case_suspensions where case_id = $1"
                " and resumed_at >= $2",
                self.case.id, row["clock_started_at"],
            )  # fmt: skip
        hours = row["clock_value"] + extended
        on_hold = sum(self._working(h["decided_at"], h["resumed_at"]) for h in held)
        found = self._working(row["clock_started_at"], row["due_at"])
        assert found == pytest.approx(hours * 60 + on_hold, abs=0.001)

    def _working(self, start: dt.datetime, end: dt.datetime) -> float:
        """Minutes of office hours between two instants, counted day by day."""
        return sum(_overlap(start, end, day) for day in _days(start, end) if self.workdays[day])


def _days(start: dt.datetime, end: dt.datetime) -> Iterable[dt.date]:
    day = start.astimezone(CHINA).date()
    while day <= end.astimezone(CHINA).date():
        yield day
        day += dt.timedelta(days=1)


def _overlap(start: dt.datetime, end: dt.datetime, day: dt.date) -> float:
    midnight = dt.datetime.combine(day, dt.time(), CHINA)
    low, high = ((t - midnight).total_seconds() / 60 for t in (start, end))
    return sum(max(0.0, min(high, close) - max(low, opens)) for opens, close in OFFICE)


async def test_what_always_holds(town: Any) -> None:
    await _more_people(town)
    passed: set[str] = set()
    for seed in range(WALKS):
        passed |= await _walked(town, random.Random(seed))
    # Otherwise nothing was shown about what no walk came by.
    assert passed >= EVERYWHERE, EVERYWHERE - passed


async def _walked(town: Any, chance: random.Random) -> set[str]:
    """A walk from report on, in the year whose calendar is known; the actions that happened."""
    town.now = START
    reporter = chance.choice(("grid", "resident", "worker", "clerk"))
    case, original = await town.report(reporter), await town.report("grid_two")
    async with town.open() as transaction:
        days = await transaction.connection.fetch("select day, is_workday from workdays")
    walk = Walk(town, case, original, chance, {d["day"]: d["is_workday"] for d in days})
    for _ in range(STEPS):
        if State((await town.stored(case.id))["state"]) in TERMINAL:
            break
        await walk.step()
    assert await same_as_replay(town, case)
    await _stays_once_ended(town, case, original)
    return {row["action"] for row in await town.rows(case)}


async def _more_people(town: Any) -> None:
    """Somebody in every role and organisation, and somebody in every role and no organisation."""
    for name in ("everyone", "outsider"):
        async with town.open() as transaction:
            region = town.tenant.regions["north1"]
            own = await _person(transaction, town, name, "COMM", region, None)
        able = replace(everybody(town), membership_id=own.membership_id, display_name=name)
        if name == "outsider":
            able = replace(able, organisation_ids=())
        town.people[name] = able


async def _stays_once_ended(town: Any, case: Any, original: Any) -> None:
    """An archived case takes nothing more, from nobody, and time does not touch it."""
    async with town.open() as transaction:
        await transaction.connection.execute(
            "update cases set state = 'ARCHIVED', stage = 'ARCHIVING', suspended_at = null"
            " where id = $1 and state <> 'NOT_FILED'",
            case.id,
        )
    before, rows = await town.stored(case.id), await town.rows(case)
    town.later(days=400)
    for action, (permission, given) in actions(town, original, town.now).items():
        who = town.people["everyone"]
        if action != "evaluate_case":
            given = given | {"version": before["version"]}
        with pytest.raises((Refusal, Denied)):
            async with town.open() as transaction:
                await getattr(service, action)(
                    transaction, who, who.scope(f"case:{permission}"),
                    id=case.id, now=town.now, **given,
                )  # fmt: skip
    async with town.open() as transaction:
        await service.advance_case(transaction, case.id, town.now)
    assert await town.stored(case.id) == before
    assert await town.rows(case) == rows
