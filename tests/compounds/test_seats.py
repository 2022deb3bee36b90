"""Appointments to the seats of a butler through the API, those who act among them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from tests.compounds.housing import TODAY, House, house

from guanjia.compounds.rules import substitutes_for

__all__ = ["house"]


async def test_a_holder_is_of_the_organisation_that_the_seat_is_for(house: House) -> None:
    stranger = await house.place.person("路人")
    party = {"partyOrganisationId": house.committee_party}
    assert await house.refused("COMMUNITY_PARTY", stranger, **party) == (
        "BAD_USER_INPUT 此人当日在该党组织没有职务。"
    )
    assert await house.refused("COMMUNITY_PARTY", house.secretary) == (
        "BAD_USER_INPUT 请选择所代表的党组织。"
    )
    assert await house.refused("COMMUNITY_PARTY", house.secretary, **party, on="2025-05-31") == (
        "BAD_USER_INPUT 此人当日在该党组织没有职务。"
    )
    tomorrow = str(TODAY + dt.timedelta(days=1))
    said = await house.refused("COMMUNITY_PARTY", house.secretary, **party, on=tomorrow)
    assert said == "BAD_USER_INPUT 日期不能晚于今天。"
    said = await house.refused(
        "COMMUNITY_PARTY", house.grid_secretary, partyOrganisationId=house.grid_branch
    )
    assert said == "BAD_USER_INPUT 须为本小区所在社区的社区党委。"
    said = await house.refused("BUILDING_GRID", house.secretary)
    assert said.startswith("BAD_USER_INPUT 楼栋网格员随网格所覆盖的楼栋和授权确定")
    said = await house.refused(
        "COMMUNITY_PARTY", house.secretary, **party, substitute="GRID_BRANCH", reason="因故"
    )
    assert said == "BAD_USER_INPUT 「社区党组织」席位不能代行。"
    _, chair = await house.elected()
    said = await house.refused("OWNERS_COMMITTEE", stranger)
    assert said == "BAD_USER_INPUT 此人当日不是在任业主委员会的委员。"
    assert await house.refused("OWNERS_COMMITTEE", chair, **party) == (
        "BAD_USER_INPUT 业委会席位不填党组织。"
    )
    assert (await house.appointed("OWNERS_COMMITTEE", chair))["organisation"] == "业主委员会"
    await house.company_branch()
    said = await house.refused("PROPERTY_PARTY", house.secretary, **party)
    assert said == "BAD_USER_INPUT 须为当日服务本小区的物业公司的党支部。"


async def test_a_single_seat_is_taken_once(house: House) -> None:
    committee, chair = await house.elected()
    await house.appointed("OWNERS_COMMITTEE", chair)
    other = await house.place.person("第二人")
    await house.place.do(
        "addCommitteeMember", "member { id }", committeeId=committee["id"], personId=other,
        post="MEMBER",
    )  # fmt: skip
    said = await house.refused("OWNERS_COMMITTEE", other)
    assert said == "CONFLICT 该席位已有人担任,请先免去。"
    assert await house.refused("OWNERS_COMMITTEE", chair) == "CONFLICT 此人已任该席位。"
    # The same party has as many people in the first seat as it sends.
    party = {"partyOrganisationId": house.committee_party}
    await house.appointed("COMMUNITY_PARTY", house.secretary, **party)
    deputy = await house.posted(house.committee_party, "副书记", post="DEPUTY_SECRETARY")
    await house.appointed("COMMUNITY_PARTY", deputy, **party)
    assert await house.names("COMMUNITY_PARTY") == ["李娜", "副书记"]


async def test_the_database_keeps_single_seats_apart(house: House, admin: Any) -> None:
    """The wall behind the rule: two tenures of one single seat do not overlap."""
    _, chair = await house.elected()
    holder = await house.appointed("OWNERS_COMMITTEE", chair)
    copy = (
        "insert into seat_tenures (tenant_id, id, compound_id, seat, person_id, committee_id,"
        " valid_from) select tenant_id, gen_random_uuid(), compound_id, seat, person_id,"
        " committee_id, $2::date from seat_tenures where id = $1"
    )
    with pytest.raises(Exception, match="exclusion constraint"):
        await admin.execute(copy, holder["id"], dt.date(2026, 6, 1))


async def test_who_acts_is_shown_so_and_a_real_holder_ends_it(house: House) -> None:
    delegate = await house.place.person("代表甲")
    acting = {"substitute": "RESIDENTS_SUBCOMMITTEE"}
    assert await house.refused("OWNERS_COMMITTEE", delegate) == (
        "CONFLICT 该小区 2026-02-01 没有在任的业主委员会,「业委会」席位可以空缺或代行。"
    )
    said = await house.refused("OWNERS_COMMITTEE", delegate, **acting)
    assert said == "BAD_USER_INPUT 请填写代行理由,例如委派的文号。"
    said = await house.refused(
        "OWNERS_COMMITTEE", delegate, substitute="GRID_BRANCH", reason="因故"
    )
    assert said == (
        "BAD_USER_INPUT 「业委会」席位只能由居委会环境和物业管理委员会、物业管理委员会代行。"
    )
    holder = await house.appointed(
        "OWNERS_COMMITTEE", delegate, **acting, reason="居委会决定〔2026〕1号"
    )
    assert holder["acting"]
    assert holder["actingFor"] == "OWNERS_COMMITTEE"
    assert holder["organisation"] == "居委会环境和物业管理委员会"
    assert holder["reason"] == "居委会决定〔2026〕1号"
    assert not (await house.seat("OWNERS_COMMITTEE"))["vacant"]
    # The committee comes into office: who acted for it no longer does, whoever holds the seat.
    _, chair = await house.elected(electedOn="2026-04-01")
    assert await house.names("OWNERS_COMMITTEE", "2026-03-31") == ["代表甲"]
    assert await house.names("OWNERS_COMMITTEE", "2026-04-01") == []
    said = await house.refused(
        "OWNERS_COMMITTEE", delegate, **acting, reason="再次委派", on="2026-05-01"
    )
    assert said == "CONFLICT 该小区当日有业主委员会,不能代行。"
    said = await house.refused("OWNERS_COMMITTEE", chair, reason="无", on="2026-05-01")
    assert said == "BAD_USER_INPUT 只有代行才填写理由。"
    await house.appointed("OWNERS_COMMITTEE", chair, on="2026-05-01")
    assert await house.names("OWNERS_COMMITTEE") == ["林菊"]
    found = await house.place.secretary.data(
        "query ($c: ID!) { butler(compound: $c) { seats { seat history { name until } } } }",
        {"c": house.place.compound},
    )
    assert found["butler"]["seats"][1]["history"] == [
        {"name": "代表甲", "until": "2026-05-01"},
        {"name": "林菊", "until": None},
    ]


async def test_the_grid_branch_acts_where_there_is_no_company(house: House) -> None:
    assert (await house.butler())["communityFallback"]
    given = {"substitute": "GRID_BRANCH", "reason": "无物业公司"}
    said = await house.refused(
        "PROPERTY_PARTY", house.secretary, **given, partyOrganisationId=house.committee_party
    )
    assert said == "BAD_USER_INPUT 须为当日覆盖本小区楼栋的网格的党支部。"
    holder = await house.appointed(
        "PROPERTY_PARTY", house.grid_secretary, **given, partyOrganisationId=house.grid_branch
    )
    assert (holder["acting"], holder["actingFor"]) == (True, "PROPERTY_COMPANY")
    branch, secretary, contract = await house.company_branch(startsOn="2026-06-01")
    assert await house.names("PROPERTY_PARTY", "2026-05-31") == ["陈浩"]
    assert await house.names("PROPERTY_PARTY") == []
    assert not (await house.butler())["communityFallback"]
    said = await house.refused(
        "PROPERTY_PARTY", house.grid_secretary, **given, partyOrganisationId=house.grid_branch,
        on="2026-07-01",
    )  # fmt: skip
    assert said == "CONFLICT 该小区当日有物业公司,不能代行。"
    held = await house.appointed(
        "PROPERTY_PARTY", secretary, partyOrganisationId=branch, on="2026-07-01"
    )
    assert held["contact"] == "0599-1234567"
    assert await house.names("PROPERTY_PARTY") == ["吴晔"]
    # The contract ends and with it the seat; nothing is written, and somebody else may follow.
    ended = await house.place.do(
        "endContract", "contract { id }", id=contract, version=1, endsOn="2026-08-31",
        reason="到期",
    )  # fmt: skip
    assert ended["userErrors"] == []
    assert await house.names("PROPERTY_PARTY", "2026-08-31") == ["吴晔"]
    assert await house.names("PROPERTY_PARTY", "2026-09-01") == []
    await house.appointed(
        "PROPERTY_PARTY", house.grid_secretary, **given, partyOrganisationId=house.grid_branch,
        on="2026-09-02",
    )  # fmt: skip
    assert await house.names("PROPERTY_PARTY") == ["陈浩"]


async def related(house: House, one: str, other: str) -> None:
    made = await house.place.do(
        "declareKinship", "kinship { id }", personId=one, relativeId=other, kind="SIBLING"
    )
    assert made["userErrors"] == []


async def test_relatives_do_not_hold_the_seats_of_owners_and_company(house: House) -> None:
    _, secretary, _ = await house.company_branch()
    _, chair = await house.elected()
    await related(house, chair, secretary)
    said = await house.refused("OWNERS_COMMITTEE", chair)
    assert said.startswith("CONFLICT 业主委员会委员与服务本小区的物业党组织成员")
    assert "近亲属任「物业党支部」书记" in said
    assert "「林菊" not in said
    assert await house.names("OWNERS_COMMITTEE") == []


async def test_relatives_do_not_act_for_both_sides(house: House) -> None:
    delegate = await house.place.person("代表甲")
    await related(house, delegate, house.grid_secretary)
    acting = {"substitute": "RESIDENTS_SUBCOMMITTEE", "reason": "居委会决定〔2026〕1号"}
    await house.appointed("OWNERS_COMMITTEE", delegate, **acting)
    given = {"substitute": "GRID_BRANCH", "reason": "无物业公司"}
    said = await house.refused(
        "PROPERTY_PARTY", house.grid_secretary, **given, partyOrganisationId=house.grid_branch
    )
    assert "近亲属任「珑樾台」小区管家「业委会」席位" in said
    # Once the committee is in office, nobody acts for it any more.
    await house.elected(electedOn="2026-04-01")
    await house.appointed(
        "PROPERTY_PARTY", house.grid_secretary, **given, partyOrganisationId=house.grid_branch,
        on="2026-04-01",
    )  # fmt: skip


async def test_sent_twice_and_seen_too_late(house: House) -> None:
    given = {"partyOrganisationId": house.committee_party, "idempotencyKey": "一次"}
    first = await house.appointed("COMMUNITY_PARTY", house.secretary, **given)
    again = await house.appointed("COMMUNITY_PARTY", house.secretary, **given)
    assert again == first
    said = await house.refused("COMMUNITY_PARTY", house.secretary, **given, on="2026-02-02")
    assert said.startswith("IDEMPOTENCY_KEY_REUSED")
    step = {"id": first["id"], "on": "2026-03-01"}
    late = await house.place.do("endSeatTenure", "holder { id }", version=7, **step)
    assert late["userErrors"][0]["code"] == "CONFLICT"
    early = await house.place.do(
        "endSeatTenure", "holder { id }", version=1, id=first["id"], on="2026-01-31"
    )
    assert early["userErrors"][0]["message"] == "日期须不早于 2026-02-01。"
    ended = await house.place.do(
        "endSeatTenure", "holder { until }", version=1, idempotencyKey="免", **step
    )
    assert ended["holder"] == {"until": "2026-03-01"}
    ended = await house.place.do(
        "endSeatTenure", "holder { until }", version=1, idempotencyKey="免", **step
    )
    assert ended["holder"] == {"until": "2026-03-01"}
    written = await (await house.place.town.person("AUD")).data(
        "{ auditRecords(first: 5) { nodes { action objectType objectId } } }"
    )
    assert [
        (r["action"], r["objectType"]) for r in written["auditRecords"]["nodes"]
        if r["objectId"] == first["id"]
    ] == [("butler.end", "SeatTenure"), ("butler.appoint", "SeatTenure")]  # fmt: skip


async def test_only_their_own_secretary_appoints(house: House) -> None:
    town, given = house.place.town, {"partyOrganisationId": house.committee_party}
    south = await town.person("CSEC", "south1")
    said = await house.refused("COMMUNITY_PARTY", house.secretary, south, **given)
    assert said.startswith("NOT_FOUND")
    assert (await house.butler(who=south)) is None
    holder = await house.appointed("COMMUNITY_PARTY", house.secretary, **given)
    late = await house.place.do(
        "endSeatTenure", "holder { id }", south, id=holder["id"], version=1, on="2026-03-01"
    )
    assert late["userErrors"][0]["code"] == "NOT_FOUND"
    leader = await town.person("SLEAD", "north")
    ended = await house.place.do(
        "endSeatTenure", "holder { until }", leader, id=holder["id"], version=1, on="2026-03-01"
    )
    assert ended["userErrors"] == []


def test_substitutes_are_dated_and_say_what_they_rest_on() -> None:
    day = dt.date(2026, 1, 1)
    assert [s.code for s in substitutes_for("PROPERTY_PARTY", day)] == ["GRID_BRANCH"]
    assert len(substitutes_for("OWNERS_COMMITTEE", day)) == 2
    assert substitutes_for("COMMUNITY_PARTY", day) == []
    assert all(s.source for s in substitutes_for("OWNERS_COMMITTEE", day))
