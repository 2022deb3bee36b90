"""T14: whoever checks is independent of the report and of the work; and somebody always can."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from guanjia.access.rulebook import OwnRole, Right

NOT_INDEPENDENT = "CHECKER_NOT_INDEPENDENT"


def check(town: Any, who: str, case: Any) -> Any:
    return town.do(who, "check_case", case, passed=True)


async def reported(town: Any, reporter: str = "grid") -> Any:
    case = await town.report(reporter)
    await town.to_feedback(case)
    return case


@pytest.mark.parametrize("reporter", ["grid", "clerk"])
async def test_the_reporters_supervisor_does_not_check(town: Any, reporter: str) -> None:
    await town.appoint("secretary", "CSEC", "north1")
    case = await reported(town, reporter)
    refusal = await town.refused(NOT_INDEPENDENT, check(town, "secretary", case))
    assert refusal.message == "核查人不能是上报人的主管。"
    assert (await check(town, "grid_two", case)).checked_at == town.now


async def test_the_supervisor_is_the_nearest_one(town: Any) -> None:
    """A secretary reports: the street's leader supervises, and another secretary does not."""
    await town.appoint("secretary", "CSEC", "north1")
    await town.appoint("colleague", "CSEC", "north1")
    case = await town.report("secretary")
    await town.do("clerk", "file_case", case)
    await town.do("clerk", "escalate_case", case, reason="须街道出面")
    await town.do("street", "dispatch_case", case, organisation_id=town.organisations["company"])
    await town.do("worker", "accept_case", case)
    await town.do("worker", "start_case", case, plan="先清理")
    await town.feedback(case)
    await town.refused(NOT_INDEPENDENT, check(town, "street_lead", case))
    assert (await check(town, "street", case)).checked_at


async def test_who_leads_elsewhere_or_led_before_checks(town: Any) -> None:
    await town.appoint("secretary", "CSEC", "north1")
    case = await reported(town)
    await town.dismiss("secretary")
    await town.appoint("successor", "CSEC", "north1")
    await town.refused(NOT_INDEPENDENT, check(town, "successor", case))
    # Whoever is no secretary any more but has another duty here is nobody's supervisor.
    await town.appoint("checker", "CHK", "north1")
    assert (await check(town, "checker", case)).checked_at


@pytest.mark.parametrize("reporter", ["resident", "assistant"])
async def test_who_reports_for_themselves_has_no_supervisor(town: Any, reporter: str) -> None:
    await town.appoint("secretary", "CSEC", "north1")
    case = await reported(town, reporter)
    assert (await check(town, "secretary", case)).checked_at


async def test_what_the_reporter_was_then_counts(town: Any) -> None:
    await town.appoint("secretary", "CSEC", "north1")
    case = await reported(town)
    town.later(hours=1)
    await town.dismiss("grid")
    await town.refused(NOT_INDEPENDENT, check(town, "secretary", case))


async def test_an_own_role_stands_where_its_origin_stands(town: Any) -> None:
    rights = frozenset({Right("case:check", "region"), Right("case:read", "region")})
    town.policy = town.policy.extended(
        1,
        [
            OwnRole("X_DEPUTY", "副书记", "COMMUNITY", rights, based_on="CSEC"),
            OwnRole("X_VISITOR", "巡访员", "COMMUNITY", rights),
        ],
    )
    town.people = {name: replace(actor, policy=town.policy) for name, actor in town.people.items()}
    await town.appoint("deputy", "X_DEPUTY", "north1")
    await town.appoint("visitor", "X_VISITOR", "north1")
    case = await reported(town)
    await town.refused(NOT_INDEPENDENT, check(town, "deputy", case))
    assert (await check(town, "visitor", case)).checked_at


async def test_where_nobody_is_left_the_case_goes_up(town: Any) -> None:
    await town.appoint("secretary", "CSEC", "north1")
    case = await reported(town)
    await town.dismiss("grid_two", "clerk", "second_clerk", "committee_clerk")
    for who in ("grid", "secretary"):
        refusal = await town.refused(NOT_INDEPENDENT, check(town, who, case))
        assert refusal.message.endswith("社区没有其他可以核查的人,请上报上级(吹哨),由街道核查。")
    await town.denied(check(town, "street", case))
    await town.do("secretary", "escalate_case", case, reason="本社区无人可核查")
    assert (await check(town, "street", case)).checked_at
    closed = await town.do("street", "close_case", case, callback="已告知")
    assert closed.closed_at


async def test_where_the_district_has_nobody_a_checker_is_appointed(town: Any) -> None:
    case = await town.report("street_lead")
    await town.do("street", "file_case", case)
    await town.do("street", "escalate_case", case, reason="须区级出面")
    await town.do("dispatcher", "dispatch_case", case, organisation_id=town.organisations["bureau"])
    await town.do("official", "accept_case", case)
    await town.do("official", "start_case", case, plan="先清理")
    await town.do("official", "give_feedback", case, result="已清理", no_photo_reason="无")
    await town.dismiss("dispatcher")
    # Who supervises the street's leader is the only one left at the district.
    refusal = await town.refused(NOT_INDEPENDENT, check(town, "supervisor", case))
    assert refusal.message.endswith("请安全管理员授予核查员角色。")
    await town.appoint("checker", "CHK", "district")
    assert (await check(town, "checker", case)).checked_at
