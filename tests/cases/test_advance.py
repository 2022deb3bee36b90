"""What time alone brings about."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from guanjia import settings
from guanjia.cases.facts import replay
from guanjia.cases.reasons import SuspensionReason
from guanjia.cases.states import State
from guanjia.graph.times import CHINA
from guanjia.jobs.kinds import load_kinds
from guanjia.jobs.queue import Outcome, drain

KINDS = [kind for kind in load_kinds() if kind.code.startswith("case.")]


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"2026-{text}").replace(tzinfo=CHINA)


async def tick(town: Any) -> int:
    """How many steps the jobs of cases took, all that were due at the town's time."""
    tried = await drain(town.database, town.tenant.id, KINDS, settings.load(), town.now)
    assert {how for _, how in tried} <= {Outcome.DONE, Outcome.NOTHING}
    return sum(n for (_, how), n in tried.items() if how is Outcome.DONE)


async def suspended(town: Any) -> Any:
    """A case with a limit of five workdays, on hold since 2026-03-02 09:00 for two days."""
    case = await town.report()
    await town.do("clerk", "file_case", case)
    await town.do(
        "clerk", "dispatch_case", case, organisation_id=town.organisations["company"],
        limit_value=5, limit_unit="WORK_DAY",
    )  # fmt: skip
    await town.do("worker", "accept_case", case)
    await town.do("worker", "start_case", case, plan="待雨停")
    await town.do(
        "worker", "request_suspension", case, reason=SuspensionReason.FORCE_MAJEURE, plan="待雨停",
        review_at=town.now + dt.timedelta(days=2),
    )  # fmt: skip
    return await town.do("street_lead", "approve_suspension", case)


async def surveyed(town: Any, homes: int = 2) -> Any:
    case = await town.report()
    await town.to_feedback(case)
    await town.do("grid_two", "check_case", case, passed=True)
    return await town.do(
        "clerk", "close_case", case, callback="电话告知", affected_house_unit_ids=town.homes[:homes]
    )


@pytest.mark.parametrize("late", [0, 26], ids=["in time", "a day late"])
async def test_work_goes_on_at_the_review(town: Any, late: int) -> None:
    case = await suspended(town)
    town.later(days=2, minutes=-1)
    assert await tick(town) == 0
    town.later(minutes=1, hours=late)
    assert await tick(town) == 1
    now = await town.stored(case.id)
    assert (now["state"], now["suspended_at"]) == (State.IN_PROGRESS, None)
    assert now["state_since"] == at("03-04 09:00")
    assert now["due_at"] == now["first_due_at"] == at("03-11 17:30")
    last = (await town.rows(case))[-1]
    assert (last["code"], last["actor_id"], last["actor_name"]) == ("T11", None, "系统")
    assert await tick(town) == 0
    assert (await town.rows(case))[-1] == last
    assert replay(await town.events(case)) == await town.facts(case)


async def test_who_resumes_after_the_review_gains_nothing(town: Any) -> None:
    case = await suspended(town)
    town.later(days=5)
    back = await town.do("worker", "resume_case", case)
    assert back.due_at == at("03-11 17:30")
    assert await tick(town) == 0


async def test_a_suspended_case_may_be_voided(town: Any) -> None:
    case = await suspended(town)
    gone = await town.do("supervisor", "void_case", case, reason="误报")
    assert (gone.state, gone.suspended_at, gone.review_at) == (State.VOIDED, None, None)
    town.later(days=30)
    assert await tick(town) == 0
    assert replay(await town.events(case)) == await town.facts(case)


async def test_the_survey_ends_and_the_case_is_archived(town: Any) -> None:
    case = await surveyed(town)
    assert case.step_due_at == at("03-10 00:00")
    town.now = at("03-10 00:00")
    # Before anybody has looked at the clock, the window is over all the same.
    await town.refused("TOO_LATE", town.answer(case))
    # What was answered in time may still arrive.
    assert await tick(town) == 0
    await town.refused("TOO_EARLY", town.do("clerk", "finish_evaluation", case))
    town.now = at("03-12 00:00")
    assert await tick(town) == 1
    ended = await town.stored(case.id)
    assert (ended["state"], ended["evaluated_at"]) == (State.EVALUATED, town.now)
    assert (await town.rows(case))[-1]["note"] == "无人答复"
    assert await tick(town) == 0
    assert ended["step_due_at"] == at("03-19 17:30")
    town.now = at("03-30 08:00")
    assert await tick(town) == 1
    archived = await town.stored(case.id)
    assert (archived["state"], archived["archived_at"]) == (State.ARCHIVED, ended["step_due_at"])
    assert await tick(town) == 0
    assert [r["actor_role"] for r in (await town.rows(case))[-2:]] == ["SYSTEM", "SYSTEM"]
    assert replay(await town.events(case)) == await town.facts(case)


async def test_a_long_absence_is_made_up_for(town: Any) -> None:
    case = await surveyed(town)
    town.now = at("05-06 08:00")
    assert [await tick(town), await tick(town)] == [2, 0]
    archived = await town.stored(case.id)
    assert archived["evaluated_at"] == at("03-12 00:00")
    assert archived["archived_at"] == at("03-19 17:30")


async def test_a_survey_ends_when_all_have_answered(town: Any) -> None:
    case = await surveyed(town, homes=1)
    town.later(hours=2)
    await town.answer(case)
    town.later(minutes=10)
    assert await tick(town) == 1
    assert (await town.stored(case.id))["evaluated_at"] == town.now


async def test_archiving_waits_for_the_calendar(town: Any) -> None:
    town.now = at("12-29 09:00")
    case = await surveyed(town)
    town.now = at("12-29 09:00") + dt.timedelta(days=60)
    assert await tick(town) == 1
    assert (await town.stored(case.id))["due_provisional"]
    assert await tick(town) == 0
    assert (await town.stored(case.id))["state"] == State.EVALUATED


async def test_a_case_at_work_waits_for_the_next_time(town: Any, admin: Any) -> None:
    case = await suspended(town)
    town.later(days=3)
    async with admin.transaction():
        await admin.execute("select 1 from cases where id = $1 for update", case.id)
        assert await tick(town) == 0
    assert await tick(town) == 1
