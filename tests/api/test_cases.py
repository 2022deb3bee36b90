"""What a clerk sees of places, duplicates and supervision through the API."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

HERE = {"longitude": 118.178406, "latitude": 26.641}
# About 20 m and 40 m further north: a degree of latitude is 111.2 km.
NEAR, FAR = 26.64118, 26.64136
CANDIDATES = "query ($id: ID!) { duplicateCandidates(id: $id) { number latitude } }"
READ = "query ($id: ID!) { case(id: $id) { longitude latitude supervised supervisionReason } }"


async def reported(person: Any, town: Any, region: str, **given: Any) -> dict[str, Any]:
    """The payload of openCase."""
    found = await person.data(
        '{ caseCategories(filter: { code: { in: ["C01-01"] } }) { nodes { id } } }'
    )
    values = {
        "categoryId": found["caseCategories"]["nodes"][0]["id"],
        "regionId": str(town.tenant.regions[region].id),
        "title": "井盖缺失",
        "location": "北门",
        "source": "COMMUNITY",
        "noPhotoReason": "夜间",
    }
    answer = await person.data(
        "mutation ($input: OpenCaseInput!) { openCase(input: $input)"
        " { case { id number version longitude latitude } userErrors { code message field } } }",
        {"input": {**values, **given}},
    )
    payload: dict[str, Any] = answer["openCase"]
    return payload


async def step(person: Any, name: str, kind: str, case: Any, **given: Any) -> dict[str, Any]:
    """The payload of one step on the case as it is now."""
    now = await person.data("query ($id: ID!) { case(id: $id) { version } }", {"id": case["id"]})
    answer = await person.data(
        f"mutation ($input: {kind}!) {{ {name}(input: $input)"
        " { case { id state supervised } userErrors { code message field } } }",
        {"input": {"id": case["id"], "version": now["case"]["version"], **given}},
    )
    payload: dict[str, Any] = answer[name]
    return payload


async def test_a_case_has_coordinates(town: Any) -> None:
    clerk = await town.person("COMM", "north1")
    opened = (await reported(clerk, town, "north1", **HERE))["case"]
    assert {name: opened[name] for name in HERE} == HERE
    whole = (await reported(clerk, town, "north1", longitude=118, latitude=26.5))["case"]
    for case, written in (
        (opened, '"longitude":118.178406,"latitude":26.641,'),
        (whole, '"longitude":118,"latitude":26.5,'),
    ):
        for name, plan in (("case", "fast"), ("c" * 64, "slow:alias")):
            query = f"query ($id: ID!) {{ {name}: case(id: $id) {{ longitude latitude id }} }}"
            answer = await clerk.post({"query": query, "variables": {"id": case["id"]}})
            assert answer.headers["x-plan"] == plan
            assert written in answer.text


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"longitude": 118.2}, "latitude"),
        ({"latitude": 26.6}, "longitude"),
        ({"longitude": 26.6, "latitude": 118.2}, "longitude"),
        ({"longitude": -73.9, "latitude": 40.7}, "longitude"),
        ({"longitude": 118.2, "latitude": 60}, "latitude"),
    ],
)
async def test_a_place_that_cannot_be(town: Any, given: Any, field: str) -> None:
    clerk = await town.person("COMM", "north1")
    payload = await reported(clerk, town, "north1", **given)
    assert payload["case"] is None
    [fault] = payload["userErrors"]
    assert (fault["code"], fault["field"]) == ("BAD_USER_INPUT", [field])
    assert (await clerk.data("{ cases { totalCount } }"))["cases"]["totalCount"] == 0


async def test_a_near_open_case_is_named_before_filing(town: Any) -> None:
    clerk, grid = await town.person("COMM", "north1"), await town.person("GRID", "north1grid")
    first = (await reported(grid, town, "north1grid", **HERE))["case"]
    assert (await clerk.data(CANDIDATES, {"id": first["id"]}))["duplicateCandidates"] == []
    near = {**HERE, "latitude": NEAR, "location": "南门"}
    second = (await reported(grid, town, "north1grid", **near))["case"]
    found = await clerk.data(CANDIDATES, {"id": second["id"]})
    assert found["duplicateCandidates"] == [{"number": first["number"], "latitude": 26.641}]

    refused = await step(clerk, "fileCase", "FileCaseInput", second)
    [fault] = refused["userErrors"]
    assert (fault["code"], fault["field"]) == ("POSSIBLE_DUPLICATE", ["notDuplicate"])
    assert first["number"] in fault["message"]
    filed = await step(clerk, "fileCase", "FileCaseInput", second, notDuplicate=True)
    assert filed["case"]["state"] == "FILED"
    events = await clerk.data(
        "query ($id: ID!) { case(id: $id) { timeline { nodes { action notDuplicate } } } }",
        {"id": second["id"]},
    )
    assert events["case"]["timeline"]["nodes"] == [
        {"action": "report_case", "notDuplicate": False},
        {"action": "file_case", "notDuplicate": True},
    ]

    # The other way on: one matter, two reporters.
    joined = await step(
        clerk, "linkDuplicate", "LinkDuplicateInput", first, originalId=second["id"]
    )
    assert joined["case"]["state"] == "NOT_FILED"
    assert (await clerk.data(CANDIDATES, {"id": second["id"]}))["duplicateCandidates"] == []


async def test_how_near_is_near(town: Any) -> None:
    clerk = await town.person("COMM", "north1")
    lone = (await reported(clerk, town, "north1", **HERE))["case"]
    for place in ({"latitude": FAR, "longitude": HERE["longitude"]}, {}):
        await reported(clerk, town, "north1", **place, location="别处")
    assert (await clerk.data(CANDIDATES, {"id": lone["id"]}))["duplicateCandidates"] == []
    # 30 m along the parallel are more degrees than along the meridian.
    east = {**HERE, "longitude": HERE["longitude"] + 0.00029, "location": "东门"}
    beside = (await reported(clerk, town, "north1", **east))["case"]
    found = await clerk.data(CANDIDATES, {"id": lone["id"]})
    assert [c["number"] for c in found["duplicateCandidates"]] == [beside["number"]]


async def test_without_coordinates_the_place_in_words_decides(town: Any) -> None:
    clerk, street = await town.person("COMM", "north1"), await town.person("SCMD", "north")
    first = (await reported(clerk, town, "north1", location="3号楼 东侧"))["case"]
    same = (await reported(clerk, town, "north1grid", **HERE, location="3号楼东侧"))["case"]
    await reported(street, town, "north2", location="3号楼东侧")
    found = await clerk.data(CANDIDATES, {"id": first["id"]})
    assert [c["number"] for c in found["duplicateCandidates"]] == [same["number"]]


async def test_candidates_stay_behind_the_scope(town: Any, make_town: Any) -> None:
    north, south = await town.person("COMM", "north1"), await town.person("COMM", "south1")
    grid = await town.person("GRID", "north1grid")
    mine = (await reported(north, town, "north1", **HERE))["case"]
    theirs = (await reported(south, town, "south1", **HERE, location="对面"))["case"]
    assert (await north.data(CANDIDATES, {"id": mine["id"]}))["duplicateCandidates"] == []
    assert (await south.data(CANDIDATES, {"id": mine["id"]}))["duplicateCandidates"] is None
    assert await grid.code(CANDIDATES, {"id": mine["id"]}) == "FORBIDDEN"
    filed = await step(south, "fileCase", "FileCaseInput", theirs)
    assert filed["userErrors"] == []
    foreign = await (await make_town()).person("DCMD")
    assert (await foreign.data(CANDIDATES, {"id": mine["id"]}))["duplicateCandidates"] is None


async def test_the_district_supervises_and_releases(town: Any) -> None:
    clerk, lead = await town.person("COMM", "north1"), await town.person("DSUP")
    dispatcher = await town.person("DCMD")
    case = (await reported(clerk, town, "north1"))["case"]
    await reported(clerk, town, "north1", location="西门")
    supervise = ("superviseCase", "SuperviseCaseInput", case)
    assert await _denied(dispatcher, *supervise, reason="久拖不决")
    late = {"reason": "久拖不决", "answerBy": "2020-01-01T09:00:00+08:00"}
    assert (await step(lead, *supervise, **late))["userErrors"][0]["code"] == "BAD_USER_INPUT"
    missing = await step(lead, *supervise, reason=" ")
    assert missing["userErrors"][0]["code"] == "MISSING_DATA"
    soon = (dt.datetime.now(dt.UTC) + dt.timedelta(days=3)).isoformat()
    done = await step(lead, *supervise, reason="久拖不决", answerBy=soon)
    assert done["case"] == {"id": case["id"], "state": "REPORTED", "supervised": True}
    again = await step(lead, *supervise, reason="再次")
    assert again["userErrors"][0]["code"] == "ALREADY_SUPERVISED"

    chosen = "query ($yes: Boolean) { cases(filter: { supervised: $yes }) { nodes { id } } }"
    assert (await clerk.data(chosen, {"yes": True}))["cases"]["nodes"] == [{"id": case["id"]}]
    assert len((await clerk.data(chosen, {"yes": False}))["cases"]["nodes"]) == 1
    shown = (await clerk.data(READ, {"id": case["id"]}))["case"]
    assert (shown["supervised"], shown["supervisionReason"]) == (True, "久拖不决")

    release = ("releaseSupervision", "ReasonedStepInput", case)
    freed = await step(lead, *release, reason="已有进展")
    assert freed["case"]["supervised"] is False
    assert (await step(lead, *release, reason="x"))["userErrors"][0]["code"] == "NOT_SUPERVISED"
    events = await clerk.data(
        "query ($id: ID!) { case(id: $id)"
        " { timeline { nodes { code reason answerBy toState } } } }",
        {"id": case["id"]},
    )
    supervised, released = events["case"]["timeline"]["nodes"][1:]
    assert supervised["code"] == "SUPERVISED"
    assert supervised["answerBy"] is not None
    assert (released["code"], released["reason"]) == ("SUPERVISION_RELEASED", "已有进展")
    assert {supervised["toState"], released["toState"]} == {"REPORTED"}


async def _denied(person: Any, name: str, kind: str, case: Any, **given: Any) -> bool:
    code = await person.code(
        f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ case {{ id }} }} }}",
        {"input": {"id": case["id"], "version": 1, **given}},
    )
    return code == "FORBIDDEN"
