"""主办 and 协办: who is asked to do what, what is done, and who is let go."""

from __future__ import annotations

from typing import Any

from guanjia.cases.facts import replay
from guanjia.cases.states import State


async def test_parts_are_given_done_and_let_go(town: Any) -> None:
    case = await town.report()
    await town.do("clerk", "file_case", case)
    company, helper, committee, builder = (
        town.organisations[name] for name in ("company", "helper", "committee", "builder")
    )
    await town.do("clerk", "dispatch_case", case, organisation_id=company, assistant_ids=[helper])
    ask = {"organisation_id": committee, "task": "通知住户"}
    # Whoever leads does not give out parts; at this level nothing else is in reach for it.
    await town.refused("NOT_FOUND", town.do("worker", "assign_part", case, **ask))
    await town.refused(
        "MISSING_DATA", town.do("clerk", "assign_part", case, **{**ask, "task": " "})
    )
    await town.refused(
        "BAD_USER_INPUT", town.do("clerk", "assign_part", case, organisation_id=company, task="无")
    )
    await town.refused(
        "NOT_FOUND",
        town.do("clerk", "assign_part", case, organisation_id=town.organisations["far"], task="无"),
    )
    await town.do("clerk", "assign_part", case, **ask)
    await town.do("clerk", "assign_part", case, organisation_id=helper, task="清运")
    await town.do("clerk", "assign_part", case, organisation_id=builder, task="补做防水")
    await town.do("worker", "accept_case", case)
    await town.do("worker", "start_case", case)
    await town.do("assistant", "complete_part", case, note="已清运")
    let_go = {"organisation_id": helper, "reason": "不需要"}
    await town.refused("CONFLICT", town.do("clerk", "release_part", case, **let_go))
    let_go["organisation_id"] = committee
    # A street may, as it may rule on a return; the unit is out of reach of the case afterwards.
    await town.do("street", "release_part", case, **let_go)
    await town.refused("NOT_FOUND", town.do("clerk", "release_part", case, **let_go))
    await town.do("worker", "complete_part", case, note="已补做", organisation_id=builder)
    assert (await town.feedback(case)).state == State.CHECKING
    async with town.open() as transaction:
        rows = await transaction.connection.fetch(
            "select organisation_id, task, done_note, done_by, release_reason, active"
            " from case_assignments where case_id = $1 and role = 'ASSIST'", case.id,
        )  # fmt: skip
    found = {row["organisation_id"]: tuple(row)[1:] for row in rows}
    done_by = {name: town.people[name].membership_id for name in ("assistant", "worker")}
    assert found == {
        helper: ("清运", "已清运", done_by["assistant"], None, True),
        committee: ("通知住户", None, None, "不需要", False),
        builder: ("补做防水", "已补做", done_by["worker"], None, True),
    }
    assert replay(await town.events(case)) == await town.facts(case)
