"""The limits of a whistle: they stand still with the case, end with it, and what follows."""

from __future__ import annotations

import datetime as dt
from typing import Any

from tests.cases.conftest import town
from tests.whistles.ticking import at, tick

from guanjia.cases.reasons import SuspensionReason
from guanjia.people.retention import seed_retention
from guanjia.whistles.service import attending, sounding
from guanjia.whistles.states import Condition, Score, WhistleLevel

__all__ = ["town"]


async def act(town: Any, who: str, permission: str, use_case: Any, **given: Any) -> Any:
    actor = town.people[who]
    async with town.open() as transaction:
        return await use_case(transaction, actor, actor.scope(permission), now=town.now, **given)


async def sounded(town: Any, case: Any, **given: Any) -> Any:
    return await act(
        town, "street", "whistle:sound", sounding.sound_whistle, case_id=case.id,
        level=WhistleLevel.L3, condition=Condition.ENFORCEMENT, reason="须综合执法",
        organisation_ids=[town.organisations["bureau"]], **given,
    )  # fmt: skip


async def stored(town: Any, whistle: Any) -> Any:
    async with town.open() as transaction:
        return await transaction.connection.fetchrow(
            "select w.*, c.id as call_id, c.version as call_version from whistles w"
            " join whistle_calls c on c.whistle_id = w.id where w.id = $1",
            whistle,
        )


async def working(town: Any) -> Any:
    """A case in work since Monday 2026-03-02 09:00."""
    case = await town.report()
    await town.do("clerk", "file_case", case)
    await town.do(
        "clerk", "dispatch_case", case, organisation_id=town.organisations["company"],
        limit_value=20, limit_unit="WORK_DAY",
    )  # fmt: skip
    await town.do("worker", "accept_case", case)
    return await town.do("worker", "start_case", case, plan="待雨停")


async def test_the_limits_are_those_of_the_rule_and_stand_still(town: Any) -> None:
    case = await working(town)
    whistle = await sounded(town, case)
    row = await stored(town, whistle)
    assert (row["attend_by"], row["answer_by"]) == (at("03-03 17:30"), at("03-16 17:30"))
    urgent = await working(town)
    hurried = await stored(town, await sounded(town, urgent, urgent=True))
    assert hurried["attend_by"] == at("03-02 09:30")
    await town.do(
        "worker", "request_suspension", case, reason=SuspensionReason.FORCE_MAJEURE, plan="待雨停",
        review_at=town.now + dt.timedelta(days=2),
    )  # fmt: skip
    await town.do("street_lead", "approve_suspension", case)
    await tick(town, "03-04 09:00")
    row = await stored(town, whistle)
    assert (row["attend_by"], row["answer_by"]) == (at("03-05 17:30"), at("03-18 17:30"))


async def test_who_never_came_is_told_of_and_can_be_scored_late(town: Any, admin: Any) -> None:
    case = await working(town)
    whistle = await sounded(town, case)
    row = await stored(town, whistle)
    given = {"id": row["call_id"], "version": row["call_version"], "reason": "无人到场"}

    def scoring(choice: Score) -> Any:
        return act(
            town, "street", "whistle:score", attending.score_response, choice=choice, **given
        )

    await town.refused("NOT_ANSWERED", scoring(Score.DISSATISFIED))
    for moment, told in (("03-03 17:29", 0), ("03-03 17:30", 1), ("03-04 09:00", 1)):
        await tick(town, moment)
        actions = [event["action"] for event in await town.rows(case)]
        assert actions.count("note_lateness") == told, moment
    street = town.people["street"].membership_id
    assert (
        await admin.fetchval(
            "select count(*) from notifications where recipient_id = $1 and kind = 'whistle.late'",
            street,
        )
        == 1
    )
    town.now = at("03-16 17:31")
    await town.refused("NOT_ANSWERED", scoring(Score.SATISFIED))
    await scoring(Score.DISSATISFIED)
    assert (await stored(town, whistle))["state"] == "SCORED"


async def test_a_whistle_ends_with_its_case_and_its_place_is_forgotten(
    town: Any, admin: Any
) -> None:
    case = await working(town)
    whistle = await sounded(town, case)
    row = await stored(town, whistle)
    await act(
        town, "official", "whistle:attend", attending.sign_in_on_site, call_id=row["call_id"],
        measures="现场勘查", longitude=118.17, latitude=26.63,
    )  # fmt: skip
    await town.do("supervisor", "void_case", case, reason="重复登记")
    ended = await stored(town, whistle)
    assert (ended["state"], ended["ended_reason"]) == ("EXPIRED", "案件已办结")
    assert (await town.rows(case))[-1]["action"] == "expire_whistle"
    kept = "select longitude, measures from whistle_sign_ins where whistle_id = $1"
    await tick(town, "06-02 09:00")
    assert (await admin.fetchrow(kept, whistle))["longitude"] == 118.17, "no rule, no end"
    async with town.open() as transaction:
        await seed_retention(transaction.connection)
    await tick(town, "06-02 09:00")
    assert tuple(await admin.fetchrow(kept, whistle)) == (None, "现场勘查")
