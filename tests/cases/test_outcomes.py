"""What figures count is what the timeline says, at any moment, however it came to be kept."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from tests.cases.outcomes import outcomes_of, same_as_replay, tallies_of
from tests.cases.test_regions import MOVED, changed

from guanjia.cases.reasons import SuspensionReason
from guanjia.cases.service import advance_case
from guanjia.cases.service.tallies import fold_tallies

MINUTES = dt.timedelta(minutes=10)
MOMENTS = ("reported_at", "due_at", "dispatched_at", "checking_at", "handled_at")


async def worked(town: Any) -> Any:
    """A case that was on hold, went through rework and was closed in the end."""
    case = await town.report()
    await town.do("clerk", "file_case", case)
    town.later(minutes=10)
    lead = {"organisation_id": town.organisations["company"]}
    await town.do("clerk", "dispatch_case", case, **lead)
    await town.do("worker", "accept_case", case)
    await town.do("worker", "start_case", case, plan="无")
    town.later(minutes=10)
    review = {"review_at": town.now.replace(hour=17), "plan": "无"}
    await town.do(
        "worker", "request_suspension", case, reason=SuspensionReason.LITIGATION, **review
    )
    await town.do("street_lead", "approve_suspension", case, approved=True, reason="无")
    town.later(minutes=10)
    await town.do("worker", "resume_case", case)
    town.later(minutes=10)
    await town.feedback(case)
    town.later(minutes=10)
    await town.do("second_clerk", "check_case", case, passed=False, failed_item="无")
    await town.do("worker", "start_case", case, plan="无")
    await town.feedback(case)
    town.later(minutes=10)
    await town.do("second_clerk", "check_case", case, passed=True)
    home = {"affected_house_unit_ids": town.homes[:1]}
    await town.do("clerk", "close_case", case, callback="无", **home)
    return case


async def test_the_outcome_at_every_moment_is_the_replay(town: Any) -> None:
    case = await worked(town)
    assert await same_as_replay(town, case) > 12
    *_, last = await outcomes_of(town, case.id)
    assert None not in (last["suspended_at"], last["reworked_at"], last["closed_at"])
    async with town.open() as transaction:
        await transaction.connection.execute(
            "update case_outcomes set closed_at = closed_at + interval '1 second'"
            " where case_id = $1 and closed_at is not null",
            case.id,
        )
    with pytest.raises(AssertionError):
        await same_as_replay(town, case)


async def test_outcomes_can_be_made_anew_from_the_events(town: Any) -> None:
    """As the migration does for the cases of before."""
    case = await worked(town)
    kept = await outcomes_of(town, case.id)
    async with town.open() as transaction:
        await transaction.connection.execute(
            "delete from case_outcomes where case_id = $1", case.id
        )
        await transaction.connection.execute(
            "select case_outcome_follows(e), case_outcome_handled(e) from"
            " (select * from case_events where case_id = $1 order by seq) e",
            case.id,
        )
    assert await outcomes_of(town, case.id) == kept


async def test_the_tallies_are_a_recount_folded_or_not(town: Any) -> None:
    case = await worked(town)
    kept, recounted = await tallies_of(town)
    assert {row[0] for row in kept} == set(MOMENTS)
    assert kept == recounted
    *_, last = await outcomes_of(town, case.id)
    assert (last["handled_at"], last["handling_minutes"]) == (town.now - MINUTES, 30)
    async with town.open() as transaction:
        rows = "select count(*), bool_and(folded) from case_tallies"
        before = await transaction.connection.fetchval(rows)
        assert await fold_tallies(transaction, town.now) == 0
        assert await fold_tallies(transaction, town.now + dt.timedelta(days=40)) == before
        assert await fold_tallies(transaction, town.now + dt.timedelta(days=40)) == 0
        count, folded = await transaction.connection.fetchrow(rows)
        assert folded
        assert len(kept) <= count < before
    assert await tallies_of(town) == (kept, recounted)
    # What happens afterwards adds to what was folded.
    town.later(days=10)
    async with town.open() as transaction:
        assert await advance_case(transaction, case.id, town.now)
    kept, recounted = await tallies_of(town)
    assert kept == recounted
    async with town.open() as transaction:
        await transaction.connection.execute(
            "delete from case_tallies where moment = 'due_at' and d <> 0"
        )
    kept, recounted = await tallies_of(town)
    assert kept != recounted


async def test_what_was_counted_before_a_region_moved_stays_counted_there(town: Any) -> None:
    case = await town.report()
    before = town.tenant.regions["north1grid"].path
    await changed(town, _990101001001=MOVED)
    *earlier, last = await outcomes_of(town, case.id)
    assert [row["region_path"] for row in earlier] == [before]
    assert last["region_path"] == (await town.stored(case.id))["region_path"] != before
    assert last["since"] == earlier[-1]["until"]
    town.later(days=400)
    await town.do("supervisor", "void_case", case, reason="无")
    *_, last = await outcomes_of(town, case.id)
    assert last["voided_at"] is not None


async def test_a_case_without_outcomes_finds_them_at_its_next_event(town: Any) -> None:
    """However they came to be missing: no step of a case is ever refused for them."""
    case, stale = await worked(town), "delete from case_outcomes where case_id = $1"
    async with town.open() as transaction:
        await transaction.connection.execute(stale, case.id)
    town.later(minutes=10)
    await town.answer(case)
    await town.do("clerk", "finish_evaluation", case)
    assert await same_as_replay(town, case) > 12
    async with town.open() as transaction:
        await transaction.connection.execute(stale, case.id)
    await changed(town, _990101001001=MOVED)
    *_, last = await outcomes_of(town, case.id)
    assert last["region_path"] == (await town.stored(case.id))["region_path"]
    assert last["evaluated_at"] is not None
