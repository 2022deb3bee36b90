"""The seats of three butlers: 珑樾台's four, and those of 延府豪庭 and an old quarter without a
company and a committee, in which others act (代行). Names and dates are invented; what a run made
before is not made again."""

from __future__ import annotations

from typing import Any

from guanjia.demo.estates import LONGYUETAI, OLD_QUARTER, YANFU, found_compound
from guanjia.demo.parties import BRANCH_PARTY, COMMITTEE_PARTY, SECRETARY
from guanjia.demo.people import (
    COVERED_FROM,
    GRID_OLD_QUARTER,
    GRID_YANFU,
    XIMENQIAO,
    Places,
)
from guanjia.demo.stage import Stage

GRID_PARTY = "老宿舍网格党支部(演示)"
OFFICIALS = ("李娜", "吴晔", "孙梅", "何平")
"""Persons in the register who hold posts; the first three have accounts of the same names."""
SEATED = "query ($c: ID!) { butler(compound: $c) { active seats { seat vacant history { id } } } }"
PARTIES = "{ partyOrganisations { nodes { id name posts { id } } } }"


async def fill(stage: Stage, places: Places) -> str:
    """The seats are filled; a line for the person at the terminal."""
    people = await _officials(stage, places)
    await _cover(stage, OLD_QUARTER, {"gridId": places.regions[GRID_OLD_QUARTER]})
    await _cover(stage, YANFU, {"gridId": places.regions[GRID_YANFU], "from": COVERED_FROM})
    parties = await _posts(stage, places, people)
    await _longyuetai(stage, people, parties)
    await _yanfu(stage, people, parties)
    await _old_quarter(stage, people, parties)
    return (
        f"演示小区管家:{LONGYUETAI['name']}四席齐备;{YANFU['name']}三席到位;"
        f"{OLD_QUARTER['name']}的业委会、物业党支部两席由他方代行"
    )


async def _officials(stage: Stage, places: Places) -> dict[str, str]:
    """Their ids by name."""
    found = {}
    for number, name in enumerate(OFFICIALS, 3):
        made = await stage.do(
            "wang.fang",
            "registerPerson",
            {
                "name": name, "regionId": places.regions[XIMENQIAO],
                "phones": [f"1390000000{number}"], "idempotencyKey": f"demo-official-{number}",
            },
            "person { id }",
        )  # fmt: skip
        found[name] = made["person"]["id"]
    return found


async def _cover(stage: Stage, described: dict[str, Any], grid: dict[str, str]) -> None:
    """The compound has a grid of its own."""
    compound = await found_compound(stage, described["name"])
    assert compound is not None
    waiting = [b["id"] for b in compound["buildings"]["nodes"] if b["region"]["code"] == XIMENQIAO]
    if waiting:
        await stage.do(SECRETARY, "assignGrid", {"buildingIds": waiting, **grid})


async def _posts(stage: Stage, places: Places, people: dict[str, str]) -> dict[str, str]:
    """The party organisations by name, each with its secretary."""
    known = (await stage.ask(SECRETARY, PARTIES))["partyOrganisations"]["nodes"]
    if GRID_PARTY not in [party["name"] for party in known]:
        await stage.do(
            SECRETARY,
            "foundPartyOrganisation",
            {
                "kind": "GRID_BRANCH", "name": GRID_PARTY, "fullMembers": 4,
                "regionId": places.regions[GRID_OLD_QUARTER], "establishedOn": "2025-07-01",
            },
        )  # fmt: skip
        known = (await stage.ask(SECRETARY, PARTIES))["partyOrganisations"]["nodes"]
    parties = {party["name"]: party for party in known}
    for name, person in ((COMMITTEE_PARTY, "李娜"), (BRANCH_PARTY, "吴晔"), (GRID_PARTY, "孙梅")):
        if not parties[name]["posts"]:
            await stage.do(
                SECRETARY,
                "appointPartyPost",
                {
                    "partyOrganisationId": parties[name]["id"], "personId": people[person],
                    "post": "SECRETARY", "on": "2025-07-01",
                },
            )  # fmt: skip
    return {name: party["id"] for name, party in parties.items()}


async def _longyuetai(stage: Stage, people: dict[str, str], parties: dict[str, str]) -> None:
    chair = await stage.ask(
        SECRETARY,
        "{ ownersCommittees(filter: { inOffice: true }) { nodes { compound { name } members"
        " { post person { id } } } } }",
    )
    on = {"on": "2026-03-02"}
    await _seat(stage, LONGYUETAI, "COMMUNITY_PARTY", people["李娜"],
                {"partyOrganisationId": parties[COMMITTEE_PARTY], **on})  # fmt: skip
    for committee in chair["ownersCommittees"]["nodes"]:
        if committee["compound"]["name"] == LONGYUETAI["name"]:
            person = committee["members"][0]["person"]["id"]
            await _seat(stage, LONGYUETAI, "OWNERS_COMMITTEE", person, on)
    await _seat(stage, LONGYUETAI, "PROPERTY_PARTY", people["吴晔"],
                {"partyOrganisationId": parties[BRANCH_PARTY], **on})  # fmt: skip


async def _yanfu(stage: Stage, people: dict[str, str], parties: dict[str, str]) -> None:
    """Without a property party: no company looks after it."""
    on = {"on": "2026-04-01"}
    await _seat(stage, YANFU, "COMMUNITY_PARTY", people["李娜"],
                {"partyOrganisationId": parties[COMMITTEE_PARTY], **on})  # fmt: skip
    await _seat(
        stage, YANFU, "OWNERS_COMMITTEE", people["何平"],
        {"substitute": "RESIDENTS_SUBCOMMITTEE", "reason": "尚未成立业主委员会,由居委会委派", **on},
    )  # fmt: skip


async def _old_quarter(stage: Stage, people: dict[str, str], parties: dict[str, str]) -> None:
    await _seat(stage, OLD_QUARTER, "COMMUNITY_PARTY", people["李娜"],
                {"partyOrganisationId": parties[COMMITTEE_PARTY]})  # fmt: skip
    await _seat(
        stage, OLD_QUARTER, "OWNERS_COMMITTEE", people["何平"],
        {"substitute": "RESIDENTS_SUBCOMMITTEE", "reason": "尚未成立业主委员会,由居委会委派"},
    )  # fmt: skip
    await _seat(
        stage, OLD_QUARTER, "PROPERTY_PARTY", people["孙梅"],
        {
            "substitute": "GRID_BRANCH", "reason": "无物业公司,由网格党支部代行",
            "partyOrganisationId": parties[GRID_PARTY],
        },
    )  # fmt: skip


async def _seat(
    stage: Stage, described: dict[str, Any], seat: str, person: str, given: dict[str, Any]
) -> None:
    """Somebody holds the seat, unless somebody did before."""
    compound = await found_compound(stage, described["name"])
    assert compound is not None
    butler = (await stage.ask(SECRETARY, SEATED, {"c": compound["id"]}))["butler"]
    if not next(each for each in butler["seats"] if each["seat"] == seat)["history"]:
        wanted = {"compoundId": compound["id"], "seat": seat, "personId": person, **given}
        await stage.do(SECRETARY, "appointToSeat", wanted)
