"""Grids and organisations that people manage, and the regions as they were on a day."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

import pytest

from guanjia.db.ids import new_id
from guanjia.tenancy.models import LOCAL

HISTORY = (
    "query ($id: ID!) { region(id: $id) { name validTo version predecessors { name }"
    " successors { id name } } }"
)
AS_OF = "query ($day: Date!) { regions(first: 100, filter: { asOf: $day }) { nodes { code } } }"


async def new_grid(person: Any, town: Any, sequence: int, **more: Any) -> dict[str, Any]:
    payload = await person.do(
        "createGrid",
        {
            "communityId": str(town.tenant.regions["north1"].id),
            "name": f"第{sequence}网格",
            "sequence": sequence,
            **more,
        },
        "region { id version code }",
    )
    assert payload["userErrors"] == [], payload
    region: dict[str, Any] = payload["region"]
    return region


async def test_a_grid_is_made_once_renamed_and_closed(town: Any) -> None:
    leader = await town.person("SLEAD", "north")
    made = await new_grid(leader, town, 7, idempotencyKey="k")
    assert await new_grid(leader, town, 7, idempotencyKey="k") == made
    renamed = await leader.do(
        "renameGrid", {"id": made["id"], "version": 1, "name": "北园"}, "region { name version }"
    )
    assert renamed["region"] == {"name": "北园", "version": 2}
    assert await leader.refused("closeGrid", {"id": made["id"], "version": 1}) == "CONFLICT"
    closed = await leader.do(
        "closeGrid", {"id": made["id"], "version": 2}, "region { validTo successors { id } }"
    )
    assert closed["userErrors"] == []
    assert closed["region"]["validTo"]
    assert await leader.refused("closeGrid", {"id": made["id"], "version": 3}) == "NOT_FOUND"
    auditor = await town.person("AUD")
    records = await auditor.data("{ auditRecords(first: 3) { nodes { action permission } } }")
    assert [r["action"] for r in records["auditRecords"]["nodes"]] == [
        "region.close_grid", "region.rename_grid", "region.create_grid",
    ]  # fmt: skip


async def test_a_renamed_grid_keeps_the_names_it_had(town: Any) -> None:
    leader, other = await town.person("SLEAD", "north"), await town.person("SLEAD", "south")
    grid = str(town.tenant.regions["north1grid"].id)
    await leader.done("renameGrid", id=grid, version=1, name="北园")
    names = "query ($id: ID!) { region(id: $id) { name formerNames { name validTo } } }"
    shown = (await leader.data(names, {"id": grid}))["region"]
    today = dt.datetime.now(LOCAL).date().isoformat()
    assert shown == {
        "name": "北园", "formerNames": [{"name": "测试north1grid", "validTo": today}],
    }  # fmt: skip
    assert (await other.data(names, {"id": grid}))["region"] is None


async def test_a_street_manages_its_own_grids_only(town: Any) -> None:
    leader = await town.person("SLEAD", "south")
    grid = {"id": str(town.tenant.regions["north1grid"].id), "version": 1}
    assert await leader.refused("renameGrid", {**grid, "name": "夺来"}) == "NOT_FOUND"
    assert await leader.refused("closeGrid", grid) == "NOT_FOUND"
    for role, place in (("COMM", "north1"), ("SEC", "district"), ("DCMD", "district")):
        other = await town.person(role, place)
        answer = await other.ask(
            "mutation ($i: CloseGridInput!) { closeGrid(input: $i) { region { id } } }", {"i": grid}
        )
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_what_hangs_on_a_grid_is_counted_or_follows_its_successor(
    town: Any, admin: Any
) -> None:
    system, worker = await town.person("SYS"), await town.person("GRID", "north1grid")
    twice = await town.person("GRID", "north1grid")
    old, rest = str(town.tenant.regions["north1grid"].id), await new_grid(system, town, 8)
    await add_grant(town, twice, rest["id"])
    shop = await system.do(
        "createOrganisation",
        {"kind": "PROPERTY_COMPANY", "name": "安居物业", "regionId": old, "idempotencyKey": "a"},
        "organisation { id }",
    )
    refused = await system.do("closeGrid", {"id": old, "version": 1})
    assert refused["userErrors"] == [
        {
            "code": "REGION_IN_USE",
            "message": "该网格尚有有效授权 2 条、机构 1 个,请先办结或撤销,或指定承接的网格。",
            "field": ["id"],
        }
    ]
    for successor, code in (
        (old, "BAD_USER_INPUT"),
        (str(town.tenant.regions["north2grid"].id), "BAD_USER_INPUT"),
        (str(town.tenant.regions["north1"].id), "BAD_USER_INPUT"),
        (str(new_id()), "NOT_FOUND"),
        ("x", "BAD_USER_INPUT"),
    ):
        given = {"id": old, "version": 1, "successorId": successor}
        assert await system.refused("closeGrid", given) == code, successor
    assert (await worker.data("{ regions { nodes { id } } }"))["regions"]["nodes"] == [{"id": old}]

    moved = await system.do(
        "closeGrid",
        {"id": old, "version": 1, "successorId": rest["id"]},
        "region { successors { id } }",
    )
    assert moved == {"region": {"successors": [{"id": rest["id"]}]}, "userErrors": []}
    shown = await worker.data("{ regions { nodes { id } } viewer { grants { region { id } } } }")
    assert {r["id"] for r in shown["regions"]["nodes"]} == {old, rest["id"]}
    assert len(shown["viewer"]["grants"]) == 2
    both = await twice.data("{ viewer { grants { region { id } } } }")
    assert len(both["viewer"]["grants"]) == 2, "what was held there already is not given again"
    place = await system.data(
        "query ($id: ID!) { organisation(id: $id) { region { id } } }",
        {"id": shop["organisation"]["id"]},
    )
    assert place["organisation"]["region"]["id"] == rest["id"]


async def add_grant(town: Any, person: Any, region: str) -> None:
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        await transaction.connection.execute(
            "insert into grants (id, membership_id, role, region_id, region_path, valid_from)"
            " select $1, $2, 'GRID', id, path, now() from regions where id = $3",
            new_id(), person.membership, UUID(region),
        )  # fmt: skip


async def test_an_open_case_keeps_its_grid_and_its_handler_open(town: Any) -> None:
    system, clerk = await town.person("SYS"), await town.person("COMM", "north1")
    case = await town.opened(clerk, "north1grid")
    grid = {"id": str(town.tenant.regions["north1grid"].id), "version": 1}
    refused = await system.do("closeGrid", grid)
    assert "未归档案件 1 件" in refused["userErrors"][0]["message"]

    company = await town.organisation("甲物业", "PROPERTY_COMPANY")
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        await transaction.connection.execute(
            "insert into case_assignments (id, case_id, organisation_id, role, assigned_at,"
            " region_path, reporter_id) select $1, id, $2, 'LEAD', now(), region_path, reporter_id"
            " from cases where id = $3",
            new_id(), company, UUID(case["id"]),
        )  # fmt: skip
    given = {"id": str(company), "version": 1}
    refused = await system.do("closeOrganisation", given)
    assert refused["userErrors"][0]["code"] == "ORGANISATION_IN_USE"
    assert "未办结案件 1 件" in refused["userErrors"][0]["message"]
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        await transaction.connection.execute("update cases set state = 'NOT_FILED'")
    closed = await system.do("closeOrganisation", given, "organisation { active version }")
    assert closed["organisation"] == {"active": False, "version": 2}
    assert (await system.do("closeGrid", grid))["userErrors"] == []


async def test_an_open_case_follows_its_grid(town: Any) -> None:
    leader, clerk = await town.person("SLEAD", "north"), await town.person("COMM", "north1")
    case, rest = await town.opened(clerk, "north1grid"), await new_grid(leader, town, 5)
    old = str(town.tenant.regions["north1grid"].id)
    given = {"id": old, "version": 1, "successorId": rest["id"]}
    assert (await leader.do("closeGrid", given))["userErrors"] == []
    found = await clerk.data("{ cases { nodes { id region { id } } } }")
    assert found["cases"]["nodes"] == [{"id": case["id"], "region": {"id": rest["id"]}}]


async def test_an_organisation_is_made_once_and_renamed(town: Any) -> None:
    system = await town.person("SYS")
    given = {
        "kind": "PROPERTY_COMPANY", "name": "安居物业", "idempotencyKey": "b",
        "regionId": str(town.tenant.regions["north1"].id),
    }  # fmt: skip
    made = [await system.do("createOrganisation", given, "organisation { id }") for _ in range(2)]
    assert made[0] == made[1]
    key = {"id": made[0]["organisation"]["id"], "version": 1}
    renamed = await system.do(
        "renameOrganisation", {**key, "name": "宜居物业"}, "organisation { name version }"
    )
    assert renamed["organisation"] == {"name": "宜居物业", "version": 2}
    assert await system.refused("renameOrganisation", {**key, "name": "再改"}) == "CONFLICT"


@pytest.mark.parametrize("name", ["", "\u3000", "长" * 10_000, "网\x00格", "名\u202e"])
async def test_a_bad_name_is_refused(town: Any, name: str) -> None:
    system = await town.person("SYS")
    grid = {"id": str(town.tenant.regions["north1grid"].id), "version": 1}
    company = {"id": str(await town.organisation("甲物业", "PROPERTY_COMPANY")), "version": 1}
    for mutation, key in (("renameGrid", grid), ("renameOrganisation", company)):
        assert await system.refused(mutation, {**key, "name": name}) == "BAD_USER_INPUT"
    new = {"communityId": str(town.tenant.regions["north1"].id), "sequence": 9, "name": "网格"}
    assert await system.refused("createGrid", {**new, "idempotencyKey": name}) == "BAD_USER_INPUT"


async def test_the_tree_as_of_a_day(town: Any) -> None:
    system = await town.person("SYS")
    made = await new_grid(system, town, 9)
    today = await system.data(
        "query ($id: ID!) { region(id: $id) { validFrom } }", {"id": made["id"]}
    )
    day = dt.date.fromisoformat(today["region"]["validFrom"])

    async def codes(on: dt.date) -> set[str]:
        found = await system.data(AS_OF, {"day": on.isoformat()})
        return {region["code"] for region in found["regions"]["nodes"]}

    everything = {row.code for row in town.tenant.regions.values()}
    assert await codes(day) == everything | {made["code"]}
    assert await codes(day - dt.timedelta(days=1)) == everything
    assert await codes(dt.date(2019, 12, 31)) == set()
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        await transaction.connection.execute(
            "update regions set valid_to = '2026-01-01' where code like '990101002%'"
        )
    south = {code for code in everything if code.startswith("990101002")}
    assert await codes(dt.date(2025, 12, 31)) == everything
    assert await codes(dt.date(2026, 1, 1)) == everything - south


async def test_what_a_region_came_from_is_shown_within_reach(town: Any) -> None:
    north, south = town.tenant.regions["north1"], town.tenant.regions["south1"]
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        await transaction.connection.execute(
            "insert into region_predecessors (id, region_id, predecessor_id) values ($1, $2, $3)",
            new_id(), north.id, south.id,
        )  # fmt: skip
    system, clerk = await town.person("SYS"), await town.person("COMM", "north1")
    other = await town.person("COMM", "south1")
    seen = {
        who: (await person.data(HISTORY, {"id": str(region.id)}))["region"]
        for who, person, region in (
            ("district", system, north), ("north", clerk, north), ("south", other, south),
            ("before", system, south),
        )
    }  # fmt: skip
    assert seen["district"]["predecessors"] == [{"name": "测试south1"}]
    assert seen["district"]["successors"] == []
    assert seen["before"]["successors"] == [{"id": str(north.id), "name": "测试north1"}]
    assert seen["north"]["predecessors"] == seen["south"]["successors"] == []
