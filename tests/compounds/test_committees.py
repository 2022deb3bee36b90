"""Owners' committees through the API."""

from __future__ import annotations

from typing import Any

FOUND = "{ ownersCommittees(filter: { filingOverdue: true }) { nodes { id filingOverdue } } }"
WHO = "{ ownersCommittees { nodes { members { name post person { name } } } } }"


async def elected(place: Any) -> Any:
    payload = await place.do(
        "electCommittee", "committee { id version fileBy inOffice }", compoundId=place.compound,
        electedOn="2026-01-10", termTo="2125-01-09",
    )  # fmt: skip
    assert payload["userErrors"] == []
    return payload["committee"]


async def test_filing_is_due_in_thirty_days_and_overdue_is_found(place: Any) -> None:
    committee = await elected(place)
    assert committee["fileBy"] == "2026-02-09"
    assert committee["inOffice"]
    found = await place.secretary.data(FOUND)
    assert found["ownersCommittees"]["nodes"] == [{"id": committee["id"], "filingOverdue": True}]
    step = {"id": committee["id"], "version": committee["version"], "filingNumber": "备 1 号"}
    early = await place.refused("fileCommittee", "committee", **step, filedOn="2026-01-09")
    assert early == "BAD_USER_INPUT 日期须不早于 2026-01-10。"
    filed = await place.do(
        "fileCommittee", "committee { filingOverdue }", **step, filedOn="2026-02-01"
    )
    assert filed["committee"] == {"filingOverdue": False}
    assert (await place.secretary.data(FOUND))["ownersCommittees"]["nodes"] == []


async def test_a_compound_has_one_committee_at_a_time(place: Any) -> None:
    committee = await elected(place)
    given = {"compoundId": place.compound, "electedOn": "2026-06-01", "termTo": "2126-01-01"}
    said = await place.refused("electCommittee", "committee", **given)
    assert said.startswith("CONFLICT 该小区已有自 2026-01-10 至 2125-01-09任期")
    await place.do(
        "endCommittee", "committee { id }", id=committee["id"], version=committee["version"],
        termTo="2026-05-31",
    )  # fmt: skip
    after = await place.do("electCommittee", "committee { inOffice }", **given)
    assert after["committee"] == {"inOffice": True}


async def test_members_sit_once_and_one_of_them_chairs(place: Any) -> None:
    committee, first, second = await elected(place), await place.person(), await place.person()
    given = {"committeeId": committee["id"], "post": "CHAIR"}
    made = await place.do("addCommitteeMember", "member { id version }", **given, personId=first)
    other = await place.refused("addCommitteeMember", "member", **given, personId=second)
    assert other == "CONFLICT 该业主委员会职务已有人担任,请先免去。"
    again = await place.refused("addCommitteeMember", "member", **given, personId=first)
    assert again == "CONFLICT 此人已任该业主委员会职务。"
    ended = await place.do(
        "endCommitteeMember", "member { validTo }", **made["member"], on="2026-03-01"
    )
    assert ended["member"] == {"validTo": "2026-03-01"}
    after = await place.do(
        "addCommitteeMember", "member { id }", **given, personId=second, on="2026-03-01"
    )
    assert after["userErrors"] == []


async def test_a_resident_sees_the_members_masked_and_no_person(place: Any) -> None:
    committee, person = await elected(place), await place.person("欧阳晓")
    await place.do(
        "addCommitteeMember", "member { id }", committeeId=committee["id"], personId=person,
        post="MEMBER",
    )  # fmt: skip
    resident = await place.town.person("RES", "north1")
    member = (await resident.data(WHO))["ownersCommittees"]["nodes"][0]["members"]
    assert member == [{"name": "欧阳*", "post": "MEMBER", "person": None}]
    member = (await place.secretary.data(WHO))["ownersCommittees"]["nodes"][0]["members"]
    assert member[0]["person"] == {"name": "欧阳晓"}
    outside = await place.town.registered(await place.town.person("COMM", "south1"), "south1")
    said = await place.refused(
        "addCommitteeMember", "member", committeeId=committee["id"], post="MEMBER",
        personId=outside["person"]["id"],
    )  # fmt: skip
    assert said.startswith("NOT_FOUND")
