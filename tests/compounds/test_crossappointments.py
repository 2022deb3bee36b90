"""Cross-appointments and the avoidance of near relatives, through the API."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from tests.compounds.test_partyorganisations import founded

from guanjia.compounds import avoidances
from guanjia.compounds.service import avoidance
from guanjia.tenancy.dependents import follow, hanging_on_organisation

ONE = "crossAppointment"
FINDINGS = "{ avoidanceFindings { code rule since one { title } other { title } } }"


@dataclass
class Sides:
    """The community's party committee, its 居委会, and the party branch of a company at work."""

    place: Any
    committee: str
    residents: str
    company: str
    company_organisation: str
    branch: str

    async def officer(self, party: str, post: str, name: str = "林晓") -> str:
        person: str = await self.place.person(name)
        await self.posted(party, post, person)
        return person

    async def posted(self, party: str, post: str, person: str) -> None:
        made = await self.place.do(
            "appointPartyPost", "post { id }", partyOrganisationId=party, personId=person,
            post=post, on="2026-01-05",
        )  # fmt: skip
        assert made["userErrors"] == []

    def into_residents(self, person: str, post: str = "COMMITTEE_MEMBER") -> dict[str, Any]:
        return {
            "personId": person, "kind": "PARTY_TO_COMMITTEE", "post": post, "on": "2026-02-01",
            "fromPartyId": self.committee, "toOrganisationId": self.residents,
        }  # fmt: skip

    async def across(self, wanted: str = "id version", **given: Any) -> Any:
        made = await self.place.do("appointAcross", f"{ONE} {{ {wanted} }}", **given)
        assert made["userErrors"] == [], made
        return made[ONE]

    async def related(self, one: str, other: str, **given: Any) -> Any:
        made = await self.place.do(
            "declareKinship", "kinship { id version name relativeName }",
            personId=one, relativeId=other, **{"kind": "SIBLING", **given},
        )  # fmt: skip
        assert made["userErrors"] == [], made
        return made["kinship"]

    async def findings(self, who: Any = None) -> Any:
        return (await (who or self.place.secretary).data(FINDINGS))["avoidanceFindings"]


@pytest.fixture
async def sides(place: Any) -> Sides:
    residents = await place.town.organisation("北一社区居委会", "COMMUNITY", "north1")
    company = await place.company(partyMembers=4)
    await place.do(
        "signContract", "contract { id }", compoundId=place.compound, companyId=company,
        startsOn="2025-01-01",
    )  # fmt: skip
    found = await place.secretary.data("{ propertyCompanies { nodes { organisation { id } } } }")
    return Sides(
        place,
        (await founded(place, kind="COMMUNITY_COMMITTEE", name="社区党委"))["id"],
        str(residents),
        company,
        found["propertyCompanies"]["nodes"][0]["organisation"]["id"],
        (await founded(place, kind="COMPANY_BRANCH", name="物业党支部", companyId=company))["id"],
    )


async def test_a_company_secretary_sits_in_the_community_and_leaves(sides: Sides) -> None:
    person = await sides.officer(sides.branch, "SECRETARY")
    made = await sides.across(
        "id version name post fromParty { name } toParty { name } compound { name }"
        " person { name }",
        personId=person, kind="PART_TIME_MEMBER", post="PART_TIME_MEMBER", on="2026-02-01",
        fromPartyId=sides.branch, toPartyId=sides.committee, compoundId=sides.place.compound,
    )  # fmt: skip
    step = {"id": made.pop("id"), "version": made.pop("version")}
    assert made == {
        "name": "林*", "post": "PART_TIME_MEMBER", "fromParty": {"name": "物业党支部"},
        "toParty": {"name": "社区党委"}, "compound": {"name": "珑樾台"},
        "person": {"name": "林晓"},
    }  # fmt: skip
    ended = await sides.place.do(
        "endCrossAppointment", f"{ONE} {{ validTo }}", **step, on="2026-06-01"
    )
    assert ended[ONE] == {"validTo": "2026-06-01"}
    asked = "query ($f: CrossAppointmentFilter) { crossAppointments(filter: $f) { totalCount } }"
    region = str(sides.place.town.tenant.regions["north"].id)
    for more, count in (
        ({"asOf": "2026-05-31"}, 1), ({"asOf": "2026-06-01"}, 0), ({"asOf": "2026-01-31"}, 0),
        ({"kind": {"in": ["PART_TIME_MEMBER"]}}, 1), ({"kind": {"in": ["PARTY_INSTRUCTOR"]}}, 0),
        ({"compound": {"in": [sides.place.compound]}}, 1), ({"compound": {"in": [region]}}, 0),
        ({"region": {"within": region}}, 1),
    ):  # fmt: skip
        found = await sides.place.secretary.data(asked, {"f": more})
        assert found["crossAppointments"]["totalCount"] == count, more
    stranger = await sides.place.town.person("CSEC", "south1")
    assert (await stranger.data(asked))["crossAppointments"]["totalCount"] == 0
    said = await sides.place.refused("endCrossAppointment", ONE, stranger, **step, on="2026-07-01")
    assert said.startswith("NOT_FOUND")


async def test_a_kind_joins_its_two_organisations_and_no_other(sides: Sides) -> None:
    person = await sides.officer(sides.branch, "COMMITTEE_MEMBER")
    given = {
        "personId": person, "kind": "PART_TIME_MEMBER", "post": "PART_TIME_MEMBER",
        "on": "2026-02-01", "fromPartyId": sides.branch, "toPartyId": sides.committee,
    }  # fmt: skip
    for more, said in (
        ({}, "此人当日不是物业党组织的书记、副书记,不能派出。"),
        ({"post": "COMMITTEE_MEMBER"}, "该类交叉任职没有这个职务。"),
        ({"fromPartyId": sides.committee}, "该类交叉任职此端须为物业党组织。"),
        (
            {"toPartyId": None, "toOrganisationId": sides.residents},
            "该类交叉任职此端须为社区党委。",
        ),
        ({"toOrganisationId": sides.residents}, "每一端须选择一个党组织或一个机构,不能都选。"),
        ({"fromPartyId": None}, "每一端须选择一个党组织或一个机构,不能都选。"),
    ):
        message = await sides.place.refused("appointAcross", ONE, **{**given, **more})
        assert message == f"BAD_USER_INPUT {said}", more
    elsewhere = await sides.place.town.organisation("南二社区居委会", "COMMUNITY", "north2")
    officer = await sides.officer(sides.committee, "COMMITTEE_MEMBER")
    leader = await sides.place.town.person("SLEAD", "north")
    message = await sides.place.refused(
        "appointAcross", ONE, leader,
        **{**sides.into_residents(officer), "toOrganisationId": str(elsewhere)},
    )  # fmt: skip
    assert message == "BAD_USER_INPUT 居民委员会与社区党委须属同一社区。"


async def test_an_instructor_goes_to_a_company_without_a_branch(sides: Sides) -> None:
    person = await sides.officer(sides.committee, "COMMITTEE_MEMBER")
    given = {
        "personId": person, "kind": "PARTY_INSTRUCTOR", "post": "PARTY_INSTRUCTOR",
        "on": "2026-02-01", "fromPartyId": sides.committee,
        "toOrganisationId": sides.company_organisation,
    }  # fmt: skip
    made = await sides.across("toOrganisation { name } toParty { name }", **given)
    assert made == {"toOrganisation": {"name": "甲物业"}, "toParty": None}
    again = await sides.place.refused("appointAcross", ONE, **given)
    assert again == "CONFLICT 此人已任该交叉任职。"


async def test_near_relatives_do_not_sit_on_one_committee(sides: Sides) -> None:
    first = await sides.officer(sides.committee, "SECRETARY", "林晓")
    second = await sides.officer(sides.committee, "COMMITTEE_MEMBER", "林阳")
    kinship = await sides.related(first, second)
    assert kinship.pop("name") == kinship.pop("relativeName") == "林*"
    await sides.across(**sides.into_residents(first, "COMMITTEE_DIRECTOR"))
    said = await sides.place.refused("appointAcross", ONE, **sides.into_residents(second))
    assert said == (
        "CONFLICT 居民委员会成员实行近亲属回避(《城市居民委员会组织法》(2025 年修订)第 8 条):"
        "此人的近亲属任「北一社区居委会」主任,此人不能同时任「北一社区居委会」委员。"
    )
    seen = await sides.place.secretary.data("{ crossAppointments { totalCount } }")
    assert seen["crossAppointments"]["totalCount"] == 1
    assert await sides.findings() == []
    gone = await sides.place.do(
        "withdrawKinship", "kinship { withdrawalReason }", **kinship, reason="误录"
    )
    assert gone["kinship"] == {"withdrawalReason": "误录"}
    await sides.across(**sides.into_residents(second))
    assert await sides.findings() == []


async def test_a_kinship_that_is_declared_later_is_a_finding(sides: Sides) -> None:
    first = await sides.officer(sides.committee, "SECRETARY")
    second = await sides.officer(sides.committee, "COMMITTEE_MEMBER")
    given = sides.into_residents(first, "COMMITTEE_DIRECTOR")
    director = await sides.across(**given)
    await sides.across(**{**sides.into_residents(second), "on": "2026-03-01"})
    assert await sides.findings() == []
    await sides.related(second, first, kind="SPOUSE", since="2026-05-20")
    (found,) = await sides.findings()
    assert {found["one"]["title"], found["other"]["title"]} == {
        "「北一社区居委会」主任", "「北一社区居委会」委员",
    }  # fmt: skip
    assert (found["code"], found["since"]) == ("RESIDENTS_COMMITTEE", "2026-05-20")
    assert await sides.findings(await sides.place.town.person("CSEC", "south1")) == []
    await sides.place.do("endCrossAppointment", f"{ONE} {{ id }}", **director, on="2026-06-01")
    assert await sides.findings() == []


async def test_the_owners_committee_and_the_companys_branch_are_kept_apart(sides: Sides) -> None:
    secretary = await sides.officer(sides.branch, "SECRETARY")
    owner = await sides.place.person("林木")
    await sides.related(secretary, owner, kind="PARENT")
    elected = await sides.place.do(
        "electCommittee", "committee { id }", compoundId=sides.place.compound,
        electedOn="2026-01-10", termTo="2125-01-09",
    )  # fmt: skip
    said = await sides.place.refused(
        "addCommitteeMember", "member", committeeId=elected["committee"]["id"], personId=owner,
        post="CHAIR",
    )  # fmt: skip
    assert said == (
        "CONFLICT 业主委员会委员与服务本小区的物业党组织成员不得为近亲属(本平台设定):"
        "此人的近亲属任「物业党支部」书记,此人不能同时任「珑樾台业主委员会」主任。"
    )


async def test_two_relatives_who_begin_at_once_do_not_both(sides: Sides) -> None:
    both = [await sides.officer(sides.committee, "COMMITTEE_MEMBER") for _ in range(2)]
    await sides.related(*both)
    answers = await asyncio.gather(
        *(
            sides.place.do("appointAcross", f"{ONE} {{ id }}", **sides.into_residents(person))
            for person in both
        )
    )
    assert sorted(len(answer["userErrors"]) for answer in answers) == [0, 1]


async def test_kinship_is_declared_once_between_two_who_live_here(sides: Sides) -> None:
    one, other = await sides.place.person(), await sides.place.person()
    await sides.related(one, other)
    given = {"personId": other, "relativeId": one, "kind": "CHILD"}
    assert (await sides.place.refused("declareKinship", "kinship", **given)).startswith("CONFLICT")
    said = await sides.place.refused("declareKinship", "kinship", **{**given, "relativeId": other})
    assert said == "BAD_USER_INPUT 本人不是自己的近亲属。"
    town = sides.place.town
    away = await town.registered(await town.person("COMM", "south1"), "south1")
    said = await sides.place.refused(
        "declareKinship", "kinship", **{**given, "relativeId": away["person"]["id"]}
    )
    assert said.startswith("NOT_FOUND")
    clerk, stranger = await town.person("COMM", "north1"), await town.person("CSEC", "south1")
    assert await clerk.code("{ kinships { totalCount } }") == "FORBIDDEN"
    assert (await stranger.data("{ kinships { totalCount } }"))["kinships"]["totalCount"] == 0


async def test_without_its_rule_nothing_is_refused(
    sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: the refusal above is the rule's, and no other check's."""
    rules = avoidances.avoidances()
    rest = tuple(rule for rule in rules if rule.code != "RESIDENTS_COMMITTEE")
    assert len(rest) == len(rules) - 1
    monkeypatch.setattr(avoidance, "avoidances", lambda: rest)
    both = [await sides.officer(sides.committee, "COMMITTEE_MEMBER") for _ in range(2)]
    await sides.related(*both)
    for person in both:
        await sides.across(**sides.into_residents(person))
    assert await sides.findings() == []
    monkeypatch.undo()
    assert len(await sides.findings()) == 1


def test_the_law_on_committees_holds_since_2026() -> None:
    (rule,) = (r for r in avoidances.avoidances() if r.code == "RESIDENTS_COMMITTEE")
    assert rule.valid_from == dt.date(2026, 1, 1)


async def test_what_joined_a_dissolved_party_organisation_ends_with_it(sides: Sides) -> None:
    person = await sides.officer(sides.branch, "SECRETARY")
    await sides.across(
        personId=person, kind="PART_TIME_MEMBER", post="PART_TIME_MEMBER", on="2026-02-01",
        fromPartyId=sides.branch, toPartyId=sides.committee,
    )  # fmt: skip
    gone = await sides.place.do(
        "dissolvePartyOrganisation", "partyOrganisation { id }", id=sides.branch, version=1,
        on="2026-08-01",
    )  # fmt: skip
    assert gone["userErrors"] == []
    seen = await sides.place.secretary.data("{ crossAppointments { nodes { validTo } } }")
    assert seen["crossAppointments"]["nodes"] == [{"validTo": "2026-08-01"}]


async def test_kinship_and_posts_follow_when_two_rows_are_one_person(sides: Sides) -> None:
    """A is a sibling of B and of C; B and C are one. Then B and A are one: no kinship stays."""
    first, second, third = [
        await sides.officer(sides.committee, "COMMITTEE_MEMBER") for _ in range(3)
    ]
    for other in (second, third):
        await sides.related(first, other)
    await sides.across(**sides.into_residents(third))
    asked = (
        "{ kinships { nodes { person { id } relative { id } } }"
        " crossAppointments { nodes { person { id } } } }"
    )

    async def merged(kept: str, gone: str) -> Any:
        found = await sides.place.secretary.data(
            "query ($f: PersonFilter) { persons(filter: $f) { nodes { id version } } }",
            {"f": {"id": {"in": [kept, gone]}}},
        )
        version = {p["id"]: p["version"] for p in found["persons"]["nodes"]}
        await sides.place.secretary.done(
            "mergePersons", "person { id }", keptId=kept, keptVersion=version[kept],
            mergedId=gone, mergedVersion=version[gone], reason="同一人",
        )  # fmt: skip
        return await sides.place.secretary.data(asked)

    one = await merged(second, third)
    assert one["kinships"]["nodes"] == [{"person": {"id": first}, "relative": {"id": second}}]
    assert one["crossAppointments"]["nodes"] == [{"person": {"id": second}}]
    none = await merged(second, first)
    assert none["kinships"]["nodes"] == []


async def test_it_follows_its_community_and_keeps_organisations_open(sides: Sides) -> None:
    person = await sides.officer(sides.committee, "COMMITTEE_MEMBER")
    await sides.across(**sides.into_residents(person))
    regions = sides.place.town.tenant.regions
    pairs = [(regions["north1"].id, regions["north2"].id)]
    database = sides.place.town.api.world.database
    async with database.tenant_transaction(sides.place.town.tenant.id) as opened:
        hanging = await hanging_on_organisation(opened, UUID(sides.residents))
        assert "在任交叉任职 1 项" in hanging
        await follow(opened, pairs)
    new = await sides.place.town.person("CSEC", "north2")
    seen = await new.data("{ crossAppointments { totalCount } }")
    assert seen["crossAppointments"]["totalCount"] == 1
