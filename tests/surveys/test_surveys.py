"""One household, one answer: who is asked, who may answer, what counts, and what it leads to."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from tests.surveys.conftest import Street

from guanjia.reading.metrics import hundredths_of_percent
from guanjia.reading.rates import rate_sql, wilson_lower_bound, wilson_sql

UNTOLD = dict.fromkeys(("satisfied", "partly", "dissatisfied", "rate", "lowerBound"))
"""What a survey says of its answers while it runs."""


async def test_the_homes_of_the_building_are_asked_and_a_majority_reopens_once(
    street: Street,
) -> None:
    case = await street.handled()
    survey = await street.closed(case, affectedBuildingIds=[street.building])
    assert survey["satisfaction"] == {
        "asked": 4, "answered": 0, **UNTOLD,
    }  # fmt: skip
    assert "王阿姨" not in survey["title"], "what was reported is not told to everybody"
    # A home that comes later is not asked, one that leaves was.
    await street.clerk.done("createHouseUnit", buildingId=street.building, floor="2", room="201")
    first, second, third = street.owners
    wife = await street.resident(street.homes[0], relation="SPOUSE")
    child = await street.resident(street.homes[3], born="2015-01-01", relation="FAMILY")
    unknown = await street.resident(street.homes[3], born=None, relation="FAMILY")
    mine = "{ mySurveys { id targets { nodes { label answered } } } }"
    found = await wife.data(mine)
    assert [s["id"] for s in found["mySurveys"]] == [survey["id"]]
    assert found["mySurveys"][0]["targets"]["nodes"] == [
        {"label": "1幢2单元501", "answered": False}
    ]
    said = await street.answered(first, survey, "DISSATISFIED", comment="还是松动")
    assert said["satisfaction"] == {"asked": 4, "answered": 1, **UNTOLD}, "whose, all would know"
    found = await wife.data(mine)
    assert found["mySurveys"][0]["targets"]["nodes"][0]["answered"], "others of the home see 已答"
    assert await street.refused(wife, survey) == "ALREADY_ANSWERED"
    assert await street.refused(first, survey) == "ALREADY_ANSWERED"
    assert await street.refused(child, survey) == "NOT_ADULT"
    assert await street.refused(unknown, survey) == "NOT_ADULT"
    outsider = await street.town.person("RES", "north1")
    assert await street.refused(outsider, survey) == "NOT_FOUND"
    assert await street.refused(second, survey, houseUnitId=street.homes[2]) == "NOT_FOUND"
    await street.answered(second, survey, "DISSATISFIED")
    await street.answered(third, survey, "SATISFIED")
    await street.fresh(case)
    step = {"id": case["id"], "version": case["version"]}
    assert await street.clerk.refused("finishEvaluation", **step) == "TOO_EARLY"
    last = await street.resident(street.homes[3])
    await street.answered(last, survey, "PARTLY")
    now = await street.fresh(case)
    assert (now["answerCount"], now["dissatisfiedCount"]) == (4, None)
    now = await street.step(street.clerk, "finishEvaluation", case)
    assert (now["answerCount"], now["dissatisfiedCount"]) == (4, 2)
    assert now["survey"]["satisfaction"] == {
        "asked": 4, "answered": 4, "satisfied": 1, "partly": 1, "dissatisfied": 2, "rate": 50,
        "lowerBound": 15,
    }  # fmt: skip
    again = await street.step(street.chief, "reopenCase", case, reason="过半不满意")
    assert again["survey"]["state"] == "CLOSED"
    await street.step(street.checker, "checkCase", case, passed=True)
    # Those who were asked before are asked again, the home that has come since is not.
    second_survey = await street.closed(case)
    assert (second_survey["round"], second_survey["targets"]["totalCount"]) == (2, 4)
    for owner in (*street.owners, last):
        await street.answered(owner, second_survey, "DISSATISFIED")
    await street.fresh(case)
    await street.step(street.clerk, "finishEvaluation", case)
    step = {"id": case["id"], "version": case["version"], "reason": "再查"}
    assert await street.chief.refused("reopenCase", **step) == "ALREADY_REOPENED"


async def test_who_handled_it_is_told_the_rate_and_nothing_else(street: Street) -> None:
    """And nobody is told which home said what."""
    tenant = await street.town.also(street.company, "RES", "north1")
    person = (await street.town.registered(street.clerk, "north1", birthDate="1990-01-01"))[
        "person"
    ]
    await street.clerk.done(
        "linkPersonMember", id=person["id"], version=person["version"],
        memberId=str(tenant.membership),
    )  # fmt: skip
    await street.estate.bound(person["id"], "TENANT", houseUnitId=street.homes[3])
    case = await street.handled()
    # Who sits in the butler's seat of the company's branch is of the company too.
    butler = street.owners[1]
    await street.sql(
        "with k as (insert into property_companies (id, organisation_id, credit_code,"
        " party_members) values (gen_random_uuid(), $1, '91350702MA99999965', 3) returning id),"
        " g as (insert into party_organisations (id, kind, name, region_id, company_id,"
        " full_members, probationary_members, established_on) select gen_random_uuid(),"
        " 'COMPANY_BRANCH', '甲物业党支部', o.region_id, k.id, 3, 0, '2020-01-01' from k"
        " join organisations o on o.id = $1 returning id)"
        " insert into seat_tenures (id, compound_id, seat, person_id, party_organisation_id,"
        " valid_from) select gen_random_uuid(), c.id, 'PROPERTY_PARTY', p.id, g.id, '2020-01-01'"
        " from g, compounds c, persons p where p.membership_id = $2",
        street.town.organisations["甲物业"], butler.membership,
    )  # fmt: skip
    survey = await street.closed(case, affectedBuildingIds=[street.building])
    assert await street.refused(tenant, survey) == "NOT_INDEPENDENT"
    assert await street.refused(butler, survey) == "NOT_INDEPENDENT"
    inbox = "{ notifications { nodes { title kind } } }"
    told = {"title": "请为处置结果评价", "kind": "survey.opened"}
    assert told in (await street.owners[0].data(inbox))["notifications"]["nodes"]
    assert told not in (await tenant.data(inbox))["notifications"]["nodes"]
    await street.answered(street.owners[0], survey, "DISSATISFIED", comment="还是松动")
    seen = await street.fresh(case, street.company)
    assert seen["survey"]["satisfaction"]["answered"] == 1
    found = await street.company.data(
        "query ($id: ID!) { case(id: $id) { timeline(last: 1) { nodes { actorName actorRole code"
        " note } } survey { targets { totalCount } } } }",
        {"id": case["id"]},
    )
    assert found["case"]["timeline"]["nodes"] == [
        {"actorName": "系统", "actorRole": "SYSTEM", "code": "ANSWERED", "note": None}
    ]
    assert found["case"]["survey"]["targets"]["totalCount"] == 1, "as a resident: their own home"
    # The hash that is shown is over more than anybody could try out.
    [event] = await street.sql("select choice, salt from case_events where code = 'ANSWERED'")
    assert (event["choice"], len(event["salt"])) == ("DISSATISFIED", 32)
    answers = "query ($id: ID!) { survey(id: $id) { answers { nodes { choice comment } } } }"
    said = [{"choice": "DISSATISFIED", "comment": "还是松动"}]
    found = await street.chief.data(answers, {"id": survey["id"]})
    assert found["survey"]["answers"]["nodes"] == [], "while it runs one would see who adds what"
    await street.sql("update surveys set state = 'CLOSED', closed_at = now()")
    found = await street.chief.data(answers, {"id": survey["id"]})
    assert found["survey"]["answers"]["nodes"] == said
    for person in (street.clerk, street.checker, street.owners[0]):
        found = await person.data(answers, {"id": survey["id"]})
        assert found["survey"]["answers"]["nodes"] == []


async def test_without_buildings_the_reporters_household_is_asked(street: Street) -> None:
    case = await street.handled(street.owners[1])
    survey = await street.closed(case)
    assert [t["label"] for t in survey["targets"]["nodes"]] == ["1幢101"]
    await street.answered(street.owners[1], survey, "SATISFIED")
    homeless = await street.town.person("RES", "north1")
    case = await street.handled(homeless)
    survey = await street.closed(case)
    assert [t["label"] for t in survey["targets"]["nodes"]] == ["上报人"]
    assert survey["satisfaction"]["asked"] == 1
    await street.answered(homeless, survey, "PARTLY")
    await street.fresh(case)
    found = await street.step(street.clerk, "finishEvaluation", case)
    assert found["survey"]["satisfaction"]["rate"] == 100
    case = await street.handled()
    survey = await street.closed(case)
    assert survey["satisfaction"]["asked"] == 0, "an official's report asks nobody by itself"
    assert (await street.fresh(case))["state"] == "EVALUATING"
    await street.sql("update surveys set state = 'CLOSED', closed_at = now() where asked = 0")
    rate = (await street.fresh(case))["survey"]["satisfaction"]
    assert (rate["answered"], rate["rate"], rate["lowerBound"]) == (0, None, None), "not 0, not 100"


@pytest.mark.parametrize(("part", "whole"), [(n, m) for m in (1, 5, 30, 300) for n in (0, 1, m)])
async def test_the_rates_of_the_database_are_those_of_python(
    admin: Any, part: int, whole: int
) -> None:
    rate, bound = await admin.fetchrow(
        f"select {rate_sql(str(part), str(whole))}, {wilson_sql(str(part), str(whole))}"
    )
    assert rate * 100 == hundredths_of_percent(part, whole)
    assert bound * 100 == wilson_lower_bound(part, whole)
    if part == whole == 300:
        assert float(bound) == 98.74


async def test_an_answer_is_counted_once_however_often_it_is_sent(street: Street) -> None:
    case = await street.handled()
    survey = await street.closed(case, affectedHouseUnitIds=street.homes[:2])
    owner, key = street.owners[0], str(uuid4())
    given = {"clientKey": key, "answeredAt": survey["opensAt"], "comment": "好"}
    for _ in range(3):
        said = await street.answered(owner, survey, "SATISFIED", **given)
        assert said["satisfaction"]["answered"] == 1
    assert await street.refused(owner, survey, "PARTLY", **given) == "CONFLICT"
    assert (
        await street.refused(owner, survey, "SATISFIED", **{**given, "comment": "不"}) == "CONFLICT"
    )
    assert await street.refused(street.owners[1], survey, "SATISFIED", **given) == "CONFLICT"
    assert await street.refused(street.owners[1], survey, clientKey="一") == "BAD_USER_INPUT"
    assert (await street.fresh(case))["answerCount"] == 1
