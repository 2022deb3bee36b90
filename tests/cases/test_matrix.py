"""Every action in every state: allowed by a row, or refused with nothing written."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace
from typing import Any

import pytest

from guanjia.access.actor import Held
from guanjia.cases import service
from guanjia.cases.facts import replay
from guanjia.cases.guards import MACHINE
from guanjia.cases.reasons import DeclineReason, Satisfaction, Source, SuspensionReason
from guanjia.cases.service.casefile import facts_of
from guanjia.cases.service.timeline import event_of, timeline_rows
from guanjia.cases.states import TERMINAL, State, stage_of
from guanjia.db.ids import new_id
from guanjia.graph.errors import Denied, Refusal

LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
ROLES = (
    ("COMM", "north1"), ("SLEAD", "north"), ("DSUP", "district"), ("AUD", "district"),
    ("PROP", "north1"), ("GRID", "north1grid"),
)  # fmt: skip
ROWS_OF = {
    "approve_suspension": ("approve_suspension", "refuse_suspension"),
    "approve_extension": ("approve_extension", "refuse_extension"),
    "check_case": ("pass_check", "fail_check"),
    "evaluate_case": ("evaluate_case", "collect_evaluation"),
}


def everybody(town: Any) -> Any:
    """A person with every role, in every organisation: only the state can be in the way."""
    grants = tuple(
        Held(new_id(), role, (at := town.tenant.regions[place]).id, at.path, LONG_AGO, None)
        for role, place in ROLES
    )
    organisations = tuple(sorted(town.organisations.values()))
    return replace(town.people["clerk"], grants=grants, organisation_ids=organisations)


def actions(town: Any, original: Any, now: dt.datetime) -> dict[str, tuple[str, dict[str, Any]]]:
    """Each use-case with its permission and complete input."""
    company = town.organisations["company"]
    return {
        "submit_case": ("report", {"no_photo_reason": "无"}),
        "verify_case": ("verify", {}),
        "file_case": ("file", {}),
        "decline_case": ("file", {"reason": DeclineReason.UNCLEAR, "answer": "无"}),
        "link_duplicate": ("link_duplicate", {"original_id": original.id}),
        "escalate_case": ("escalate", {"reason": "无"}),
        "dispatch_case": ("dispatch", {"organisation_id": company}),
        "accept_case": ("handle", {}),
        "return_case": (
            "handle",
            {
                "reason": "无",
                "evidence": "无",
                "suggested_id": town.organisations["committee"],
            },
        ),
        "rule_return": ("dispatch", {"accepted": True, "reason": "无"}),
        "start_case": ("handle", {"plan": "无"}),
        "request_suspension": (
            "handle",
            {
                "reason": SuspensionReason.LITIGATION,
                "plan": "无",
                "review_at": now + dt.timedelta(days=3),
            },
        ),
        "approve_suspension": ("approve_suspension", {}),
        "resume_case": ("handle", {}),
        "request_extension": ("handle", {"value": 1, "reason": "无"}),
        "approve_extension": ("approve_extension", {}),
        "complete_part": ("handle", {"note": "无"}),
        "give_feedback": ("handle", {"result": "无", "no_photo_reason": "无"}),
        "check_case": ("check", {"passed": True}),
        "close_case": ("close", {"callback": "无"}),
        "evaluate_case": ("evaluate", {"choice": Satisfaction.PARTLY}),
        "finish_evaluation": ("close", {}),
        "reopen_case": ("reopen", {"reason": "无"}),
        "archive_case": ("archive", {}),
        "void_case": ("void", {"reason": "无"}),
        "supervise_case": ("supervise", {"reason": "无"}),
        "release_supervision": ("supervise", {"reason": "无"}),
    }


@pytest.mark.parametrize("state", list(State))
async def test_what_has_no_row_is_refused(town: Any, state: State) -> None:
    case, original = await town.report(), await town.report()
    person = everybody(town)
    async with town.open() as transaction:
        await transaction.connection.execute(
            "update cases set state = $2, stage = $3,"
            " suspended_at = case when $2 = 'SUSPENDED' then now() end where id = $1",
            case.id, state, stage_of(state),
        )  # fmt: skip
        # Without an assignment the handler would not even see the case.
        await transaction.connection.execute(
            "insert into case_assignments (id, case_id, region_path, reporter_id, organisation_id,"
            " role, assigned_at) values ($1, $2, $3, $4, $5, 'LEAD', now())",
            new_id(), case.id, case.region_path, case.reporter_id, town.organisations["company"],
        )  # fmt: skip
    before = await town.stored(case.id)
    for action, (permission, given) in actions(town, original, town.now).items():
        rows = ROWS_OF.get(action, (action,))
        if any(MACHINE.find(row, state) for row in rows):
            continue
        if action != "evaluate_case":
            given = {**given, "version": before["version"]}
        with pytest.raises(Refusal) as refused:
            async with town.open() as transaction:
                await getattr(service, action)(
                    transaction, person, person.scope(f"case:{permission}"),
                    id=case.id, now=town.now, **given,
                )  # fmt: skip
        # A draft is its reporter's alone: to anyone else there is nothing to submit.
        wanted = "NOT_FOUND" if action == "submit_case" else "ILLEGAL_TRANSITION"
        assert refused.value.code == wanted, (action, refused.value.message)
        assert await town.stored(case.id) == before
    assert len(await town.rows(case)) == 1
    assert (await town.stored(original.id))["version"] == 2


@pytest.mark.parametrize("seed", range(6))
async def test_a_timeline_replays_to_its_row(town: Any, seed: int) -> None:
    """Random walks: the events always lead to the row, and a refusal leaves no trace."""
    chance = random.Random(seed)
    person = everybody(town)
    reporter = "resident"
    case = await town.report(reporter, source=Source.VOLUNTEER)
    original = await town.report(reporter)
    steps = 0
    for _ in range(120):
        town.now += dt.timedelta(minutes=chance.choice((1, 30, 600, 3000)))
        choices = actions(town, original, town.now)
        likely = [a for a in choices if a not in ("void_case", "decline_case", "link_duplicate")]
        state = State((await town.stored(case.id))["state"])
        if state in TERMINAL:
            break
        legal = [a for a in likely if any(MACHINE.find(r, state) for r in ROWS_OF.get(a, (a,)))]
        action = chance.choice(legal if legal and chance.random() < 0.8 else likely)
        permission, given = choices[action]
        # The handler may not check or answer: another person does.
        who = person
        if permission in ("check", "evaluate"):
            who = replace(person, organisation_ids=())
            given = (
                {**given, "passed": chance.random() < 0.7, "failed_item": "无"}
                if (permission == "check")
                else {**given, "household": f"{chance.randrange(9)}"}
            )
        before = await town.stored(case.id)
        if action != "evaluate_case":
            given = {**given, "version": before["version"]}
        try:
            async with town.open() as transaction:
                await getattr(service, action)(
                    transaction, who, who.scope(f"case:{permission}"),
                    id=case.id, now=town.now, **given,
                )  # fmt: skip
            steps += 1
        except (Refusal, Denied):
            assert await town.stored(case.id) == before
        async with town.open() as transaction:
            rows = await timeline_rows(transaction, case.id)
            assert replay(map(event_of, rows)) == facts_of(await town.stored(case.id))
    assert steps > 5
