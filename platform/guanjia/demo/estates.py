"""碧桂园·珑樾台 with its buildings, grids and 38 building stewards, and a compound that no company
looks after: made by those whose work it is. What a run made before is not made again."""

from __future__ import annotations

from typing import Any

from guanjia.demo.homes import BUILDINGS as BUILDINGS_WITH_HOMES
from guanjia.demo.homes import import_homes
from guanjia.demo.people import BUILDINGS, COVERED_FROM, XIMENQIAO, Places
from guanjia.demo.stage import Stage

LONGYUETAI: dict[str, Any] = {
    "name": "碧桂园·珑樾台",
    "address": "延平区西门桥路",
    "managementMode": "PROPERTY_COMPANY",
    "boundary": {
        "type": "Polygon",
        "coordinates": [
            [[118.1702, 26.6401], [118.1751, 26.6403], [118.1749, 26.6442], [118.1703, 26.6440]]
        ],
    },
}
OLD_QUARTER = {
    "name": "西门桥老宿舍(演示)",
    "address": "延平区西门桥路旧宿舍区",
    "managementMode": "COMMUNITY_FALLBACK",
}
YANFU: dict[str, Any] = {
    "name": "延府豪庭小区",
    "address": "延平区西门桥路",
    "managementMode": "COMMUNITY_FALLBACK",
    "boundary": {
        "type": "Polygon",
        "coordinates": [
            [[118.1746, 26.6383], [118.1760, 26.6383], [118.1760, 26.6395], [118.1746, 26.6395]]
        ],
    },
}
COMPOUND = (
    "query ($n: String) { compounds(filter: { search: $n, active: true }) { nodes { id name"
    " buildings(first: 100) { nodes { id name region { code } houseUnits(first: 1)"
    " { totalCount } } } } } }"
)


async def settle(stage: Stage, places: Places) -> str:
    """The compounds are there; a line for the person at the terminal."""
    longyuetai = await _compound(stage, places, LONGYUETAI, "1–38幢", 18)
    await _compound(stage, places, OLD_QUARTER, "1–3幢", 6)
    await _compound(stage, places, YANFU, "1–2幢", 18)
    grids = await _grids(stage, places)
    by_name = {building["name"]: building for building in longyuetai["buildings"]["nodes"]}
    places.buildings |= {name: building["id"] for name, building in by_name.items()}
    for number, (first, last) in BUILDINGS.items():
        covered = [by_name[f"{n}幢"] for n in range(first, last + 1)]
        waiting = [b["id"] for b in covered if b["region"]["code"] == XIMENQIAO]
        if waiting:
            given = {"buildingIds": waiting, "gridId": grids[number], "from": COVERED_FROM}
            await stage.do("li.na", "assignGrid", given)
    said = f"演示小区:{LONGYUETAI['name']}(38 幢、4 个网格)、{OLD_QUARTER['name']}(无物业)"
    if not by_name[BUILDINGS_WITH_HOMES[0]]["houseUnits"]["totalCount"]:
        said += "\n" + await import_homes(stage)
    await _inhabit(stage)
    return said


async def _compound(
    stage: Stage, places: Places, described: dict[str, Any], buildings: str, floors: int
) -> dict[str, Any]:
    found = await found_compound(stage, described["name"])
    if found is None:
        region = {"regionId": places.regions[XIMENQIAO]}
        await stage.do("li.na", "createCompound", {**described, **region})
        found = await found_compound(stage, described["name"])
    assert found is not None
    if not found["buildings"]["nodes"]:
        await stage.do(
            "li.na",
            "createBuildings",
            {"compoundId": found["id"], "names": [buildings], "floors": floors},
        )
        found = await found_compound(stage, described["name"])
    assert found is not None
    return found


async def found_compound(stage: Stage, name: str) -> dict[str, Any] | None:
    answer = await stage.ask("li.na", COMPOUND, {"n": name})
    return next((c for c in answer["compounds"]["nodes"] if c["name"] == name), None)


async def _grids(stage: Stage, places: Places) -> dict[int, str]:
    """The grids of 西门桥 by number."""
    found = await stage.ask(
        "li.na",
        "query ($c: [String!]) { regions(filter: { code: { in: $c }, inForce: true })"
        " { nodes { id code } } }",
        {"c": [f"{XIMENQIAO}{number:03}" for number in BUILDINGS]},
    )
    return {int(region["code"][-3:]): region["id"] for region in found["regions"]["nodes"]}


async def _inhabit(stage: Stage) -> None:
    """居敏 confirmed a visit code at the door and lives there; 林菊 was found in the estate
    registry."""
    found = await stage.ask(
        "wang.fang",
        '{ houseUnits(filter: { label: { in: ["1幢101", "2幢301"] }, inForce: true })'
        " { nodes { id label bindings { id } } } persons(first: 100, filter: { inForce: true })"
        " { nodes { id name documents { id } } } }",
    )
    if any(home["bindings"] for home in found["houseUnits"]["nodes"]):
        return
    homes = {home["label"]: home["id"] for home in found["houseUnits"]["nodes"]}
    people = {p["name"]: p["id"] for p in found["persons"]["nodes"] if p["documents"]}
    issued = await stage.do(
        "shen.lan",
        "issueVisitCode",
        {"houseUnitId": homes["1幢101"], "relation": "OWNER"},
        "code",
    )
    await stage.do("ju.min", "confirmVisitCode", {"code": issued["code"]})
    await stage.do(
        "shen.lan",
        "createHousehold",
        {
            "houseUnitId": homes["1幢101"], "occupancy": "OWNER",
            "members": [{"personId": people["居敏"], "relation": "HEAD"}],
        },
    )  # fmt: skip
    await stage.do(
        "wang.fang",
        "bindPerson",
        {
            "houseUnitId": homes["2幢301"], "personId": people["林菊"], "relation": "OWNER",
            "proof": "ESTATE_REGISTRY",
        },
    )  # fmt: skip
