"""Who looks after 珑樾台: its property company under contract, its owners' committee, and the party
organisations. Names, numbers and dates are invented; what a run made before is not made again."""

from __future__ import annotations

from typing import Any

from guanjia.demo.estates import LONGYUETAI, found_compound
from guanjia.demo.people import COMPANY, XIMENQIAO, Places
from guanjia.demo.stage import Stage

SECRETARY = "li.na"
CREDIT_CODE = "91350702MA99999965"
"""Of the examples made for this: no company has it."""
COMMITTEE_PARTY, BRANCH_PARTY = "西门桥社区党委(演示)", "珑樾台物业党支部(演示)"
KNOWN = (
    "query ($c: ID!) { propertyCompanies { nodes { id creditCode } }"
    " propertyContracts(filter: { compound: { in: [$c] } }) { totalCount }"
    " ownersCommittees(filter: { compound: { in: [$c] } }) { totalCount }"
    " partyOrganisations { nodes { id name } } }"
)


async def organise(stage: Stage, places: Places) -> str:
    """The parties are there; a line for the person at the terminal."""
    compound = await found_compound(stage, LONGYUETAI["name"])
    assert compound is not None
    known = await stage.ask(SECRETARY, KNOWN, {"c": compound["id"]})
    company = await _company(stage, places, known)
    if not known["propertyContracts"]["totalCount"]:
        await stage.do(
            SECRETARY,
            "signContract",
            {"compoundId": compound["id"], "companyId": company, "startsOn": "2025-01-01"},
        )
    if not known["ownersCommittees"]["totalCount"]:
        await _committee(stage, compound["id"])
    await _party(stage, places, known, company)
    return f"演示各方:{COMPANY[0]}(合同有效)、业主委员会(已备案)、社区党委与物业党支部"


async def _company(stage: Stage, places: Places, known: dict[str, Any]) -> str:
    for there in known["propertyCompanies"]["nodes"]:
        if there["creditCode"] == CREDIT_CODE:
            identifier: str = there["id"]
            return identifier
    made = await stage.do(
        SECRETARY,
        "registerCompany",
        {
            "organisationId": places.organisations[COMPANY[0]], "creditCode": CREDIT_CODE,
            "servicePhone": "0599-0000000", "partyMembers": 5,
        },
        "company { id }",
    )  # fmt: skip
    registered: str = made["company"]["id"]
    return registered


async def _committee(stage: Stage, compound: str) -> None:
    """Elected, filed within the thirty days, with 林菊 in the chair."""
    made = await stage.do(
        SECRETARY,
        "electCommittee",
        {"compoundId": compound, "electedOn": "2026-03-01", "termTo": "2029-02-28"},
        "committee { id version }",
    )
    committee = made["committee"]
    await stage.do(
        SECRETARY,
        "fileCommittee",
        {**committee, "filedOn": "2026-03-20", "filingNumber": "演示-2026-001"},
    )
    found = await stage.ask(
        SECRETARY,
        "{ persons(first: 100, filter: { inForce: true }) { nodes { id name documents { id } } } }",
    )
    chair = next(
        p["id"] for p in found["persons"]["nodes"] if p["name"] == "林菊" and p["documents"]
    )
    await stage.do(
        SECRETARY,
        "addCommitteeMember",
        {"committeeId": committee["id"], "personId": chair, "post": "CHAIR"},
    )


async def _party(stage: Stage, places: Places, known: dict[str, Any], company: str) -> None:
    there = {party["name"]: party["id"] for party in known["partyOrganisations"]["nodes"]}
    region = {"regionId": places.regions[XIMENQIAO], "establishedOn": "2025-07-01"}
    if COMMITTEE_PARTY not in there:
        made = await stage.do(
            SECRETARY,
            "foundPartyOrganisation",
            {"kind": "COMMUNITY_COMMITTEE", "name": COMMITTEE_PARTY, "fullMembers": 60, **region},
            "partyOrganisation { id }",
        )
        there[COMMITTEE_PARTY] = made["partyOrganisation"]["id"]
    if BRANCH_PARTY not in there:
        await stage.do(
            SECRETARY,
            "foundPartyOrganisation",
            {
                "kind": "COMPANY_BRANCH", "name": BRANCH_PARTY, "fullMembers": 5,
                "parentId": there[COMMITTEE_PARTY], "companyId": company, **region,
            },
        )  # fmt: skip
