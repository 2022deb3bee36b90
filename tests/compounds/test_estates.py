"""Compounds, buildings and homes, and the grids that cover them."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.compounds.conftest import Estate
from tests.compounds.test_forms import SQUARE, polygon

from guanjia.db.ids import new_id
from guanjia.reading.rows import RowReader
from guanjia.tenancy import dependents

HOMES = "{ houseUnits { totalCount nodes { label building { name } compound { name } } } }"
MEMBERS = (
    "query ($id: ID!, $d: Date) { houseUnit(id: $id) { gridMembers(asOf: $d)"
    " { displayName role grid { code } } } }"
)


def today() -> dt.date:
    return dt.datetime.now(ZoneInfo("Asia/Shanghai")).date()


async def test_a_compound_is_made_found_changed_and_closed(estate: Estate) -> None:
    clerk, compound = estate.clerk, estate.compound
    assert estate.home["label"] == "1幢2单元501"
    changed = await clerk.done(
        "changeCompound", "compound { name address householdCount boundary version }",
        id=compound["id"], version=1, name="月光小区", householdCount=120,
        boundary=polygon(SQUARE),
    )  # fmt: skip
    assert changed["compound"] == {
        "name": "月光小区", "address": "北门路1号", "householdCount": 120, "version": 2,
        "boundary": polygon([*SQUARE, SQUARE[0]]),
    }  # fmt: skip
    search = "query ($s: String) { compounds(filter: { search: $s }) { nodes { boundary } } }"
    found = await clerk.data(search, {"s": "月光"})
    assert found["compounds"]["nodes"] == [{"boundary": polygon([*SQUARE, SQUARE[0]])}]
    assert (await clerk.data(search, {"s": "阳光"}))["compounds"]["nodes"] == []
    assert await clerk.refused("changeCompound", id=compound["id"], version=1) == "CONFLICT"
    assert await clerk.refused("closeCompound", id=compound["id"], version=2) == "CONFLICT"
    for building in estate.buildings:
        await clerk.done("closeBuilding", id=building["id"], version=1)
    assert (await clerk.data("{ houseUnits(filter: { inForce: true }) { totalCount } }")) == {
        "houseUnits": {"totalCount": 0}
    }
    closed = await clerk.done("closeCompound", "compound { active }", id=compound["id"], version=2)
    assert closed["compound"] == {"active": False}
    await clerk.done(
        "createCompound", regionId=estate.region("north1"), name="月光小区",
        managementMode="SELF_MANAGED",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"name": "阳光小区"}, "CONFLICT"),
        ({"name": " "}, "BAD_USER_INPUT"),
        ({"name": "甲", "householdCount": -1}, "BAD_USER_INPUT"),
        ({"name": "甲", "boundary": polygon([SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]])},
         "BAD_USER_INPUT"),
        ({"name": "甲", "region": "south1"}, "NOT_FOUND"),
        ({"name": "甲", "region": "north1grid"}, "BAD_USER_INPUT"),
    ],
)  # fmt: skip
async def test_a_wrong_compound_is_refused(
    estate: Estate, given: dict[str, Any], code: str
) -> None:
    region = given.pop("region", "north1")
    refused = await estate.clerk.refused(
        "createCompound", regionId=estate.region(region), managementMode="SELF_MANAGED", **given
    )
    assert refused == code
    assert await estate.clerk.data("{ compounds { totalCount } }") == {
        "compounds": {"totalCount": 1}
    }


async def test_buildings_are_numbered_by_the_community(estate: Estate) -> None:
    code = estate.town.tenant.regions["north1"].code
    assert [b["code"] for b in estate.buildings] == [f"{code}00001", f"{code}00002"]
    clerk, here = estate.clerk, {"compoundId": estate.compound["id"]}
    more = await clerk.done(
        "createBuildings", "buildings { code }", **here, names=["会所"], firstSequence=40
    )
    assert more["buildings"] == [{"code": f"{code}00040"}]
    after = await clerk.done("createBuildings", "buildings { code }", **here, names=["3幢"])
    assert after["buildings"] == [{"code": f"{code}00041"}]
    assert await clerk.refused("createBuildings", **here, names=["3–4幢"]) == "CONFLICT"
    taken = await clerk.refused("createBuildings", **here, names=["5幢"], firstSequence=2)
    assert taken == "CONFLICT"
    renamed = await clerk.done(
        "changeBuilding", "building { code name }", id=estate.buildings[0]["id"], version=1,
        name="A座", floors=18,
    )  # fmt: skip
    assert renamed["building"] == {"code": f"{code}00001", "name": "A座"}
    homes = await clerk.data(HOMES)
    assert homes["houseUnits"]["nodes"] == [
        {"label": "A座2单元501", "building": {"name": "A座"}, "compound": {"name": "阳光小区"}}
    ]


async def test_homes_by_pattern_and_one_by_one(estate: Estate) -> None:
    clerk, second = estate.clerk, {"buildingId": estate.buildings[1]["id"]}
    made = await clerk.done(
        "createHouseUnits", "created", **second, units=2, lastFloor=3, roomsPerFloor=2
    )
    assert made["created"] == 12
    again = {**second, "units": 1, "lastFloor": 1, "roomsPerFloor": 1}
    assert await clerk.refused("createHouseUnits", **again) == "CONFLICT"
    made = await clerk.done(
        "createHouseUnit", "houseUnit { id floor room label version }", **second, floor="B1",
        room="车 12",
    )  # fmt: skip
    cellar = made["houseUnit"]
    assert (cellar["floor"], cellar["room"], cellar["label"]) == (-1, "车12", "2幢车12")
    step = {"id": cellar["id"], "version": 1}
    moved = await clerk.done(
        "changeHouseUnit", "houseUnit { unit label areaDm2 }", **step, unit="1", floor="2",
        room="205", areaDm2=8850,
    )  # fmt: skip
    assert moved["houseUnit"] == {"unit": "01", "label": "2幢1单元205", "areaDm2": 8850}
    step["version"] = 2
    twin = await clerk.refused("changeHouseUnit", **step, room="201")
    assert twin == "CONFLICT"
    await clerk.done("closeHouseUnit", **step)
    assert await clerk.refused("changeHouseUnit", **step, room="206") == "CONFLICT"


async def test_a_grid_covers_a_building_and_all_in_it(estate: Estate) -> None:
    clerk, town = estate.clerk, estate.town
    north = await town.person("GRID", "north1grid")
    assert (await north.data(HOMES))["houseUnits"]["totalCount"] == 0
    owner = await estate.person("业主甲")
    await estate.bound(owner["id"])
    await clerk.done(
        "createHousehold", houseUnitId=estate.home["id"], occupancy="OWNER",
        members=[{"personId": owner["id"], "relation": "HEAD"}],
    )  # fmt: skip
    await estate.assign()
    seen = await north.data(
        "{ compounds { nodes { name } } houseBindings { totalCount } houseUnits { totalCount"
        " nodes { households { occupancy } } } }"
    )
    assert seen["compounds"]["nodes"] == [{"name": "阳光小区"}]
    assert seen["houseBindings"]["totalCount"] == seen["houseUnits"]["totalCount"] == 1
    assert seen["houseUnits"]["nodes"][0]["households"] == [{"occupancy": "OWNER"}]
    await clerk.done("assignGrid", buildingIds=[estate.buildings[0]["id"]])
    assert (await north.data(HOMES))["houseUnits"]["totalCount"] == 0
    assert (await north.data("{ houseBindings { totalCount } }"))["houseBindings"] == {
        "totalCount": 0
    }
    for wrong, code in (("south1grid", "NOT_FOUND"), ("north1", "BAD_USER_INPUT")):
        refused = await clerk.refused(
            "assignGrid", buildingIds=[estate.buildings[0]["id"]], gridId=estate.region(wrong)
        )
        assert refused == code


async def test_who_was_the_grid_member_on_a_day(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    town, clerk = estate.town, estate.clerk
    chief = await town.person("SYS")
    made = await chief.done(
        "createGrid", "region { id code }", communityId=estate.region("north1"), name="二网格",
        sequence=2,
    )  # fmt: skip
    await town.person("GRID", "north1grid")
    await town.person("BLD", "north1grid")
    long_ago, then = "2024-01-01", (today() - dt.timedelta(days=10)).isoformat()
    await estate.assign(**{"from": long_ago})
    home = {"id": estate.home["id"]}
    code = town.tenant.regions["north1grid"].code
    wanted = [
        {"displayName": f"测试{role}", "role": role, "grid": {"code": code}}
        for role in ("BLD", "GRID")
    ]
    asked, by_id = [], RowReader.by_id

    def counted(reader: RowReader, name: str, *given: Any, **named: Any) -> Any:
        asked.append(name)
        return by_id(reader, name, *given, **named)

    monkeypatch.setattr(RowReader, "by_id", counted)
    assert (await clerk.data(MEMBERS, home))["houseUnit"]["gridMembers"] == wanted
    assert asked == ["HouseUnit", "Region"]  # one grid, however many look after it
    await clerk.done(
        "assignGrid", buildingIds=[estate.buildings[0]["id"]], gridId=made["region"]["id"],
        **{"from": then},
    )  # fmt: skip
    assert (await clerk.data(MEMBERS, home))["houseUnit"]["gridMembers"] == []
    before = {**home, "d": (today() - dt.timedelta(days=11)).isoformat()}
    assert (await clerk.data(MEMBERS, before))["houseUnit"]["gridMembers"] == wanted
    assert (await clerk.data(MEMBERS, {**home, "d": then}))["houseUnit"]["gridMembers"] == []
    assert (await clerk.data(MEMBERS, {**home, "d": "2023-12-31"}))["houseUnit"] == {
        "gridMembers": []
    }
    early = await clerk.refused(
        "assignGrid", buildingIds=[estate.buildings[0]["id"]],
        gridId=estate.region("north1grid"), **{"from": "2024-06-01"},
    )  # fmt: skip
    assert early == "CONFLICT"
    late = (today() + dt.timedelta(days=2)).isoformat()
    future = await clerk.refused(
        "assignGrid", buildingIds=[estate.buildings[0]["id"]], **{"from": late}
    )
    assert future == "BAD_USER_INPUT"
    other = await town.person("COMM", "south1")
    assert (await other.data(MEMBERS, home))["houseUnit"] is None


async def test_compounds_follow_a_region_that_moves(estate: Estate, admin: Any) -> None:
    town, tenant = estate.town, estate.town.tenant
    await estate.assign()
    await estate.bound((await estate.person("业主甲"))["id"])
    pairs = []
    async with town.api.world.database.tenant_transaction(tenant.id) as transaction:
        successor, parent = new_id(), tenant.regions["south"]
        path = parent.path + "00zz/"
        rows = ((successor, "COMMUNITY", "990101002009", path, parent.id),
                (new_id(), "GRID", "990101002009001", path + "00zy/", successor))  # fmt: skip
        for old, (region, level, code, place, above) in zip(
            ("north1", "north1grid"), rows, strict=True
        ):
            await transaction.connection.execute(
                "insert into regions (id, level, code, name, parent_id, path, grid_kind,"
                " valid_from) values ($1, $2, $3, '新', $4, $5, $6, '2026-01-01')",
                region, level, code, above, place, "BASIC" if level == "GRID" else None,
            )  # fmt: skip
            pairs.append((tenant.regions[old].id, region))
        await dependents.follow(transaction, pairs)
    for table, place in (
        ("compounds", path), ("buildings", path + "00zy/"), ("house_units", path + "00zy/"),
        ("house_bindings", path + "00zy/"),
    ):  # fmt: skip
        found = await admin.fetch(
            f"select region_path from {table} where tenant_id = $1 order by region_path desc",
            tenant.id,
        )
        assert found[0][0] == place, table
    covers = await admin.fetch(
        "select grid_id, valid_to from grid_buildings where tenant_id = $1", tenant.id
    )
    assert [(row["grid_id"], row["valid_to"]) for row in covers] == [(pairs[1][1], None)]
    chief = await town.person("SCMD", "south")
    seen = await chief.data("{ compounds { nodes { buildings { nodes { code } } } } }")
    assert [b["code"] for b in seen["compounds"]["nodes"][0]["buildings"]["nodes"]] == [
        b["code"] for b in estate.buildings
    ]
