"""Whom a case affects: named from the report on, joined with what others say, asked in the end."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from tests.api.test_reading import agreed, both
from tests.surveys.conftest import Street

AFFECTED = (
    "affectedHomes affectedBuildings { name } affectedHouseUnits { nodes { houseUnit { label } } }"
)
SEEN = f"query ($id: ID!) {{ case(id: $id) {{ version {AFFECTED} }} }}"
EVENTS = (
    "query ($id: ID!) { case(id: $id) { timeline(first: 50) { nodes { code title households note"
    " actorName } } } }"
)


async def seen(person: Any, case: dict[str, Any]) -> dict[str, Any]:
    """What the case affects as the person reads it, compiled and by the stock executor."""
    assert agreed(SEEN, await both(person, SEEN, {"id": case["id"]}))
    found = (await person.data(SEEN, {"id": case["id"]}))["case"]
    case["version"] = found.pop("version")
    homes = found.pop("affectedHouseUnits")["nodes"]
    return {**found, "homes": sorted(each["houseUnit"]["label"] for each in homes)}


async def told(street: Street, case: dict[str, Any], code: str) -> list[dict[str, Any]]:
    found = await street.clerk.data(EVENTS, {"id": case["id"]})
    return [event for event in found["case"]["timeline"]["nodes"] if event["code"] == code]


async def named(person: Any, case: dict[str, Any], **given: Any) -> None:
    made = await person.done(
        "nameAffectedBuildings", "case { version }", id=case["id"], version=case["version"], **given
    )
    case["version"] = made["case"]["version"]


async def test_whom_a_case_affects_is_named_from_the_report_on(street: Street) -> None:
    town, clerk = street.town, street.clerk
    grid = await town.person("GRID", "north1grid")
    case = await town.opened(grid, "north1grid", affectedBuildingIds=[street.building] * 2)
    assert await seen(clerk, case) == {
        "affectedHomes": 4, "affectedBuildings": [{"name": "1幢"}], "homes": [],
    }  # fmt: skip
    assert [event["households"] for event in await told(street, case, "T1")] == [4]
    step = {"id": case["id"], "version": case["version"]}
    whole = {"affectedBuildingIds": [street.building]}
    stranger = await town.person("COMM", "south1")
    assert await stranger.refused("nameAffectedBuildings", step, **whole) == "NOT_FOUND"
    far = {"affectedHouseUnitIds": [case["id"]]}
    assert await grid.refused("nameAffectedBuildings", step, **far) == "NOT_FOUND"
    many = {"affectedBuildingIds": [street.estate.buildings[0]["id"], *_ids(100)]}
    assert await grid.refused("nameAffectedBuildings", step, **many) == "LIMIT_EXCEEDED"
    old = {**step, "version": case["version"] - 1}
    assert await grid.refused("nameAffectedBuildings", old, **whole) == "CONFLICT"
    naming = (
        "mutation ($i: NameAffectedBuildingsInput!) { nameAffectedBuildings(input: $i)"
        " { case { id } } }"
    )
    assert await street.company.code(naming, {"i": step}) == "FORBIDDEN"
    resident = street.owners[2]
    with pytest.raises(AssertionError, match="找不到该楼栋"):
        await town.opened(resident, "north1grid", **whole)  # The neighbours are not theirs to name.

    await named(clerk, case, affectedHouseUnitIds=street.homes[:2])
    assert await seen(clerk, case) == {
        "affectedHomes": 2, "affectedBuildings": [], "homes": ["1幢101", "1幢2单元501"],
    }  # fmt: skip
    [event] = await told(street, case, "AFFECTED_NAMED")
    assert (event["title"], event["households"], event["note"]) == ("登记受影响范围", 2, "房屋2户")
    # Two households report the same, one of them twice, and somebody who has no home here.
    homeless = await town.person("RES", "north1")
    reports = [
        await town.opened(person, "north1grid")
        for person in (street.owners[0], resident, resident, homeless)
    ]
    await street.handled(None, case, *reports)
    survey = await street.closed(case)
    assert [target["label"] for target in survey["targets"]["nodes"]] == [
        "1幢101", "1幢102", "1幢2单元501", "上报人",
    ]  # fmt: skip
    assert survey["satisfaction"]["asked"] == 4
    [asked] = (await homeless.data("{ mySurveys { id } }"))["mySurveys"]
    assert asked["id"] == survey["id"], "whose report was joined is asked as well"
    step = {"id": case["id"], "version": case["version"]}
    assert await clerk.refused("nameAffectedBuildings", step) == "ILLEGAL_TRANSITION"
    for statement in (
        "delete from case_homes",
        "insert into case_buildings (id, case_id, building_id) select b.id, c.id, b.id"
        " from buildings b join cases c on c.state = 'EVALUATING'",
    ):
        with pytest.raises(asyncpg.CheckViolationError):
            await street.sql(statement)

    for person in (*street.owners[:2], homeless):
        await street.answered(person, survey, "DISSATISFIED")
    await street.answered(resident, survey, "DISSATISFIED")
    await street.fresh(case)
    await street.step(clerk, "finishEvaluation", case)
    await street.step(street.chief, "reopenCase", case, reason="不满意")
    await named(clerk, case, **whole)
    await street.step(street.checker, "checkCase", case, passed=True)
    again = await street.closed(case)
    assert again["satisfaction"]["asked"] == 5, "those named since, and who reported"


async def test_many_homes_call_the_district_once_the_case_is_filed(street: Street) -> None:
    await street.sql(
        "insert into house_units (id, building_id, compound_id, region_path, unit, floor, room,"
        " label, valid_from) select gen_random_uuid(), h.building_id, h.compound_id, h.region_path,"
        " '00', 9, n::text, '1幢9' || n, h.valid_from from house_units h, generate_series(1, 16) n"
        " where h.id::text = $1",
        street.homes[0],
    )
    waits = "select trigger_code, reason from escalations where case_id::text = $1"
    whole = {"affectedBuildingIds": [street.building]}
    case = await street.town.opened(street.checker, "north1grid", **whole)
    assert await street.sql(waits, case["id"]) == [], "reported is not yet taken for true"
    report = await street.town.opened(street.checker, "north1grid", **whole)
    await street.step(street.clerk, "fileCase", case, notDuplicate=True)
    raised = [("HOUSEHOLDS", "已知影响20户")]
    assert [tuple(row) for row in await street.sql(waits, case["id"])] == raised
    other = await street.town.opened(street.checker, "north1grid")
    await street.step(street.clerk, "fileCase", other, notDuplicate=True)
    await street.step(street.clerk, "linkDuplicate", report, originalId=other["id"])
    assert (await seen(street.clerk, other))["affectedHomes"] == 20, "what the report said"
    assert [tuple(row) for row in await street.sql(waits, other["id"])] == raised
    await named(street.clerk, other)
    assert (await seen(street.clerk, other))["affectedHomes"] == 0
    await named(street.clerk, other, **whole)
    assert len(await street.sql(waits, other["id"])) == 1, "once a case"


async def test_a_point_within_an_outline_is_in_its_compound(street: Street) -> None:
    ring = [[118.17, 26.64], [118.175, 26.64], [118.175, 26.644], [118.17, 26.64]]
    outline = {"type": "Polygon", "coordinates": [ring]}
    found = await street.clerk.data("{ compounds { nodes { id version } } }")
    [compound] = found["compounds"]["nodes"]
    await street.clerk.done("changeCompound", **compound, boundary=outline)
    query = "query ($id: ID!) { case(id: $id) { compound { id } } }"
    # Within; within the corners alone; outside.
    for place, within in (((118.174, 26.642), True), ((118.171, 26.6435), False),
                          ((118.18, 26.65), False)):  # fmt: skip
        longitude, latitude = place
        case = await street.town.opened(
            street.clerk, "north1grid", longitude=longitude, latitude=latitude,
            affectedBuildingIds=[street.building],
        )  # fmt: skip
        shown = (await street.clerk.data(query, {"id": case["id"]}))["case"]["compound"]
        assert shown == ({"id": compound["id"]} if within else None), place
    # Others are named by whoever closes the case: they are asked, and the timeline says so.
    await street.handled(None, case)
    survey = await street.closed(case, affectedHouseUnitIds=street.homes[:1])
    assert survey["satisfaction"]["asked"] == 1
    [event] = await told(street, case, "AFFECTED_NAMED")
    assert (event["households"], event["note"]) == (1, "房屋1户")
    assert (await seen(street.clerk, case))["homes"] == ["1幢2单元501"]


def _ids(count: int) -> list[str]:
    return [f"00000000-0000-7000-8000-{n:012}" for n in range(count)]
