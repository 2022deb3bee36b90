"""创世纪小区 of 马坑社区 and who sits in its butler, so that its 民生驿站 can decide. Names are
invented; what a run made before is not made again."""

from __future__ import annotations

from typing import Any

from guanjia.demo.people import COVERED_FROM, GRID_MAKENG, MAKENG, Places
from guanjia.demo.sittings import Rows, seats_of
from guanjia.demo.stage import Stage

SECRETARY, CITY = "zhou.lan", "延平区城市管理局"
COMPOUND, PARTY = "创世纪小区", "马坑社区党委(演示)"
REPRESENTATIVES = ("陈禾(演示)", "苏岩(演示)", "叶青(演示)")
SINCE, HELD = "2026-05-06", "2026-06-03"
KNOWN = (
    "query ($n: String) { compounds(filter: { search: $n, active: true }) { nodes { id"
    " buildings(first: 100) { nodes { id region { code } } } } }"
    " partyOrganisations { nodes { id name posts { id } } } }"
)
SEATED = "query ($c: ID!) { butler(compound: $c) { seats { seat history { id } } } }"


async def settle(stage: Stage, places: Places) -> str:
    """The compound and its seats are there; a line for the person at the terminal."""
    known = await stage.ask(SECRETARY, KNOWN, {"n": COMPOUND})
    if not known["compounds"]["nodes"]:
        given = {
            "name": COMPOUND, "address": "延平区马坑路", "managementMode": "COMMUNITY_FALLBACK",
            "regionId": places.regions[MAKENG],
        }  # fmt: skip
        await stage.do(SECRETARY, "createCompound", given)
        known = await stage.ask(SECRETARY, KNOWN, {"n": COMPOUND})
    [compound] = known["compounds"]["nodes"]
    if not compound["buildings"]["nodes"]:
        made = {"compoundId": compound["id"], "names": ["1–6幢"], "floors": 18}
        await stage.do(SECRETARY, "createBuildings", made)
        known = await stage.ask(SECRETARY, KNOWN, {"n": COMPOUND})
        [compound] = known["compounds"]["nodes"]
    waiting = [b["id"] for b in compound["buildings"]["nodes"] if b["region"]["code"] == MAKENG]
    if waiting:
        grid = {"gridId": places.regions[GRID_MAKENG], "from": COVERED_FROM}
        await stage.do(SECRETARY, "assignGrid", {"buildingIds": waiting, **grid})
    people = {name: await _person(stage, places, name) for name in ("周岚", "邱河(演示)")}
    party = await _party(stage, places, known, people["周岚"])
    butler = (await stage.ask(SECRETARY, SEATED, {"c": compound["id"]}))["butler"]
    for seat, person, more in (
        ("COMMUNITY_PARTY", "周岚", {"partyOrganisationId": party}),
        ("OWNERS_COMMITTEE", "邱河(演示)",
         {"substitute": "RESIDENTS_SUBCOMMITTEE", "reason": "尚未成立业主委员会,由居委会委派"}),
    ):  # fmt: skip
        if not next(each for each in butler["seats"] if each["seat"] == seat)["history"]:
            wanted = {"compoundId": compound["id"], "seat": seat, "personId": people[person]}
            await stage.do(SECRETARY, "appointToSeat", {**wanted, "on": SINCE, **more})
    return f"演示小区管家:{COMPOUND}(马坑社区)三席到位"


async def attendees(stage: Stage, places: Places) -> Rows:
    """The seats that are held, the secretary in the chair; three residents; and who was invited."""
    known = await stage.ask(SECRETARY, KNOWN, {"n": COMPOUND})
    compound = known["compounds"]["nodes"][0]["id"]
    seats = await seats_of(stage, SECRETARY, compound, HELD)
    residents: Rows = [
        {"kind": "RESIDENT", "personId": await _person(stage, places, name)}
        for name in REPRESENTATIVES
    ]
    invited: Rows = [
        {
            "kind": "INVITED", "name": "程林", "capacity": "区城市管理局",
            "organisationId": places.organisations[CITY],
        },
        {"kind": "INVITED", "name": "方代表(演示)", "capacity": "区人大代表"},
        {"kind": "INVITED", "name": "石书记(演示)", "capacity": "物业公司党支部"},
    ]  # fmt: skip
    return [*seats, *residents, *invited]


async def _person(stage: Stage, places: Places, name: str) -> str:
    number = ("周岚", "邱河(演示)", *REPRESENTATIVES).index(name)
    made = await stage.do(
        SECRETARY,
        "registerPerson",
        {
            "name": name, "regionId": places.regions[MAKENG],
            "phones": [f"1390000002{number}"], "idempotencyKey": f"demo-makeng-{number}",
        },
        "person { id }",
    )  # fmt: skip
    identifier: str = made["person"]["id"]
    return identifier


async def _party(stage: Stage, places: Places, known: dict[str, Any], secretary: str) -> str:
    """The party committee of the community, with its secretary."""
    there = {party["name"]: party for party in known["partyOrganisations"]["nodes"]}
    if PARTY not in there:
        made = await stage.do(
            SECRETARY,
            "foundPartyOrganisation",
            {
                "kind": "COMMUNITY_COMMITTEE", "name": PARTY, "fullMembers": 45,
                "regionId": places.regions[MAKENG], "establishedOn": "2025-07-01",
            },
            "partyOrganisation { id name posts { id } }",
        )  # fmt: skip
        there[PARTY] = made["partyOrganisation"]
    party = there[PARTY]
    if not party["posts"]:
        post = {"personId": secretary, "post": "SECRETARY", "on": "2025-07-01"}
        await stage.do(SECRETARY, "appointPartyPost", {"partyOrganisationId": party["id"], **post})
    identifier: str = party["id"]
    return identifier
