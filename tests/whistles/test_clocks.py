"""Reminders and escalations that time alone brings about, and the steps that answer them."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.cases.conftest import LONG_AGO, town
from tests.whistles.ticking import at, tick

from guanjia.cases.facts import replay
from guanjia.cases.reasons import SuspensionReason
from guanjia.db.ids import new_id

__all__ = ["town"]


async def told(town: Any, case: Any) -> list[str]:
    """What the clock said, in order: reminders by their note, escalations by level and title."""
    rows = await town.rows(case)
    return [row["note"] for row in rows if row["action"] in ("remind_case", "raise_automatically")]


async def inboxes(town: Any) -> dict[str, list[str]]:
    """What each was told, in order; those who were told nothing are left out."""
    names = {actor.membership_id: name for name, actor in town.people.items()}
    async with town.open() as transaction:
        rows = await transaction.connection.fetch(
            "select recipient_id, array_agg(kind order by created_at, kind) as kinds"
            " from notifications group by 1"
        )
    return {names[row["recipient_id"]]: row["kinds"] for row in rows}


async def escalations(town: Any, case: Any) -> dict[str, str]:
    async with town.open() as transaction:
        rows = await transaction.connection.fetch(
            "select level || ' ' || trigger_code as name, state from escalations where case_id = $1"
            " order by raised_at",
            case.id,
        )
    return {row["name"]: row["state"] for row in rows}


async def dispatched(town: Any) -> Any:
    """On Monday 2026-03-02 09:00, for five workdays."""
    case = await town.report()
    await town.do("clerk", "file_case", case)
    return await town.do(
        "clerk", "dispatch_case", case, organisation_id=town.organisations["company"],
        limit_value=5, limit_unit="WORK_DAY",
    )  # fmt: skip


ASKED = "派遣后仍未签收"
L1, L2 = "L1:派遣后无人签收,由社区回应", "L2:处置时限将尽,由街道回应"
L3, L4 = "L3:超过处置时限,由区级回应", "L4:超期达处置时限的一倍,由区级回应"


async def test_a_clock_reminds_and_escalates_each_time_once(town: Any) -> None:
    async with town.open() as transaction:
        await transaction.connection.execute(
            "insert into organisation_members (id, organisation_id, membership_id, valid_from)"
            " values ($1, $2, $3, $4)",
            new_id(), town.organisations["company"], town.people["worker"].membership_id, LONG_AGO,
        )  # fmt: skip
    case = await dispatched(town)
    await tick(town, "03-02 10:59")
    assert await told(town, case) == []
    await asyncio.gather(tick(town, "03-02 11:00"), tick(town, "03-02 11:00"))
    await tick(town, "03-03 17:29")
    assert await told(town, case) == [ASKED]
    assert await inboxes(town) == {"worker": ["case.dispatched", "case.unaccepted"]}
    await tick(town, "03-03 17:30")
    assert await told(town, case) == [ASKED, L1]
    await town.do("worker", "accept_case", case)
    assert (await escalations(town, case))["L1 UNACCEPTED"] == "ANSWERED"
    await tick(town, "03-05 08:30")
    await tick(town, "03-05 09:30")
    half, most, over = "处置时限已用去50%", "处置时限已用去80%", "已超过处置时限"
    assert await told(town, case) == [ASKED, L1, half]
    # Two workers that look at the same moment do it once.
    await asyncio.gather(tick(town, "03-06 16:18"), tick(town, "03-06 16:18"))
    assert await told(town, case) == [ASKED, L1, half, most, L2]
    await tick(town, "03-09 17:31")
    assert await told(town, case) == [ASKED, L1, half, most, L2, over, L3]
    assert not (await town.facts(case)).supervised
    await tick(town, "03-16 17:30")
    assert await told(town, case) == [ASKED, L1, half, most, L2, over, L3, L4]
    facts = await town.facts(case)
    assert facts.supervised
    assert facts == replay(await town.events(case)), "the timeline still leads to the case"
    await tick(town, "03-30 09:00")
    assert len(await told(town, case)) == 8
    up, late = "escalation.raised", "case.overdue"
    clerks = {name: [up] for name in ("clerk", "second_clerk", "committee_clerk")}
    assert await inboxes(town) == {
        **clerks,
        "worker": [
            "case.dispatched", "case.unaccepted", "case.reminded", "case.reminded", late,
            "case.supervised",
        ],
        "street": [up], "street_lead": [up, late],
        "dispatcher": [up, up], "supervisor": [up, up],
    }  # fmt: skip
    # What is done ends what waits; a rework starts another clock.
    await town.do("worker", "start_case", case, plan="先清理")
    await town.feedback(case)
    assert set((await escalations(town, case)).values()) == {"ANSWERED", "ENDED"}
    await town.do("grid_two", "check_case", case, passed=False, failed_item="未清理干净")
    await tick(town, "04-20 09:00")
    assert (await told(town, case))[8:] == [over, L2, L3, L4]


async def test_what_was_missed_is_made_up_for_by_the_last_alone(town: Any, admin: Any) -> None:
    case = await dispatched(town)
    await town.do("worker", "accept_case", case)
    await tick(town, "03-10 09:00")
    assert await told(town, case) == ["已超过处置时限", L2, L3]
    # A case from before there were clocks gets its own.
    town.now = at("03-02 09:00")
    old = await dispatched(town)
    await admin.execute(
        "update case_clocks set started_at = 'epoch', first_at = due_at, second_at = due_at,"
        " twice_at = due_at, next_at = $2 where case_id = $1", old.id, town.now,
    )  # fmt: skip
    await tick(town, "03-10 09:30")
    assert await told(town, old) == ["已超过处置时限", L1, L2, L3]


async def test_nothing_is_told_while_a_case_is_suspended(town: Any) -> None:
    case = await dispatched(town)
    await town.do("worker", "accept_case", case)
    await town.do("worker", "start_case", case, plan="待雨停")
    await town.do(
        "worker", "request_suspension", case, reason=SuspensionReason.FORCE_MAJEURE, plan="待雨停",
        review_at=at("03-25 09:00"),
    )  # fmt: skip
    await town.do("street_lead", "approve_suspension", case)
    await tick(town, "03-20 09:00")
    assert await told(town, case) == []
    await town.do("worker", "resume_case", case)
    await tick(town, "03-20 10:00")
    assert await told(town, case) == []
    await tick(town, "03-25 09:00")
    assert await told(town, case) == ["处置时限已用去50%"]


async def test_referred_cases_and_many_reports_escalate_too(town: Any) -> None:
    case = await town.report()
    await town.do("clerk", "file_case", case)
    await town.do("clerk", "escalate_case", case, reason="须街道处置")
    assert await escalations(town, case) == {"L2 REFERRED": "OPEN"}
    await town.do("street", "escalate_case", case, reason="须部门处置")
    for number in range(19):
        other = await town.report(location="同一处", title=f"又一户反映{number}")
        await town.do("clerk", "link_duplicate", other, original_id=case.id)
        waits = await escalations(town, case)
        assert ("L4 HOUSEHOLDS" in waits) == (number == 18), number
    assert (await town.facts(case)).supervised
    await town.do("dispatcher", "dispatch_case", case, organisation_id=town.organisations["bureau"])
    assert await escalations(town, case) == {
        "L2 REFERRED": "ANSWERED", "L3 REFERRED": "ANSWERED", "L4 HOUSEHOLDS": "OPEN",
    }  # fmt: skip
    await town.do("supervisor", "void_case", case, reason="重复登记")
    assert (await escalations(town, case))["L4 HOUSEHOLDS"] == "ENDED"
