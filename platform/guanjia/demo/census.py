"""The secretary of 珑樾台's company branch sits in the community too, and the street takes its
census (摸底): the old quarter has no company. What a run made before is not made again."""

from __future__ import annotations

from guanjia.demo.estates import LONGYUETAI, found_compound
from guanjia.demo.parties import BRANCH_PARTY, COMMITTEE_PARTY, SECRETARY
from guanjia.demo.people import STREET, Places
from guanjia.demo.stage import Stage

LEADER = "huang.wei"
KNOWN = (
    "{ partyOrganisations { nodes { id name posts { person { id } } } }"
    " crossAppointments { totalCount } }"
)
CENSUS = (
    "query ($r: ID!) { propertyCensus(regionId: $r) { totals { compounds households projects"
    " companies branches companyPartyMembers withoutCompany } } }"
)


async def take(stage: Stage, places: Places) -> str:
    """The cross-appointment is there; a line for the person at the terminal."""
    await _across(stage)
    found = await stage.ask(LEADER, CENSUS, {"r": places.regions[STREET]})
    totals = found["propertyCensus"]["totals"]
    return (
        f"演示摸底:四鹤街道小区 {totals['compounds']} 个({totals['households']} 户),"
        f"物业项目 {totals['projects']} 个、公司 {totals['companies']} 家"
        f"(党员 {totals['companyPartyMembers']} 人),党支部 {totals['branches']} 个,"
        f"无物业公司的小区 {totals['withoutCompany']} 个;物业党支部书记兼任社区党委兼职委员"
    )


async def _across(stage: Stage) -> None:
    known = await stage.ask(SECRETARY, KNOWN)
    if known["crossAppointments"]["totalCount"]:
        return
    party = {each["name"]: each for each in known["partyOrganisations"]["nodes"]}
    compound = await found_compound(stage, LONGYUETAI["name"])
    assert compound is not None
    [secretary] = party[BRANCH_PARTY]["posts"]
    await stage.do(
        SECRETARY,
        "appointAcross",
        {
            "personId": secretary["person"]["id"], "kind": "PART_TIME_MEMBER",
            "post": "PART_TIME_MEMBER", "on": "2025-09-01",
            "fromPartyId": party[BRANCH_PARTY]["id"], "toPartyId": party[COMMITTEE_PARTY]["id"],
            "compoundId": compound["id"],
        },
    )  # fmt: skip
