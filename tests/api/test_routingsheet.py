"""The routing table as a workbook: wrong, corrected, seen, applied, taken back, and what is over
stays as it was."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any
from uuid import UUID

import pytest
from python_calamine import CalamineWorkbook
from tests.api.test_routing import TODAY, TOMORROW, table
from tests.imports.conftest import done, settled, workbook

from guanjia.cases.routingsheet.kind import ROUTINGS
from guanjia.cases.seeding import seed_routings
from guanjia.db.scope import Reach, Scope
from guanjia.graph.errors import Refusal
from guanjia.imports.kinds import Change, Place, Row

__all__ = ["table"]

LATER = TODAY + dt.timedelta(days=30)
STANDING = (
    "query ($on: Date, $c: [ID!]) { caseRoutings(first: 50, filter: { asOf: $on,"
    " category: { in: $c } }) { nodes { party role validFrom validUntil source reason } } }"
)


def sheet(body: bytes, name: str = "数据") -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_name(name).to_python()


async def sent(person: Any, rows: list[list[Any]], **query: str) -> dict[str, Any]:
    body = workbook(("数据", rows))
    return await settled(
        person, await person.send("POST", "/imports/routings", body, name="路由.xlsx", **query)
    )


def said(batch: dict[str, Any]) -> dict[int, tuple[str, str]]:
    return {n["rowNumber"]: (n["change"], n["message"]) for n in batch["findings"]["nodes"]}


async def test_a_table_goes_all_the_way(town: Any, table: Any) -> None:
    manager, category, bureau, _, _ = table
    await town.organisation("住建局")
    await town.organisation("某建设公司", "EXTERNAL_PARTY")
    clerk = await town.person("SCMD", "north")
    refused = await clerk.send("GET", "/imports/routings/template")
    assert (refused.status_code, (await clerk.send("GET", "/exports/routings")).status_code) == (
        403, 403,
    )  # fmt: skip

    out = sheet((await manager.send("GET", "/exports/routings")).content)
    at = next(n for n, row in enumerate(out) if row[0] == "案件类别")
    header = out[at]
    mine = [row for row in out[at + 1 :] if str(row[0]).startswith("C01-01 ")]
    assert [row[2:6] for row in mine] == [
        ["属主", "主办", "各层级", "市政局"], ["属主", "协办", "各层级", "所在街道"],
    ]  # fmt: skip
    kind, whole = mine[0][:2]
    # What always was in force goes out too, comes back unchanged, and another cannot lie over it.
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        await seed_routings(transaction.connection, ())
    whole_table = sheet((await manager.send("GET", "/exports/routings")).content)
    [always] = [row for row in whole_table if str(row[0]).startswith("P-03 ")]
    assert always[5:8] == ["小区物业企业(无合同的由社区代行)", "", ""]
    assert (await sent(manager, whole_table))["unchanged"] == len(whole_table) - 1
    found = await manager.data(
        '{ caseCategories(filter: { code: { in: ["P-03"] } }) { nodes { id } } }'
    )
    over = {
        "categoryId": found["caseCategories"]["nodes"][0]["id"], "basis": "OWNER", "role": "LEAD",
        "regionId": str(town.tenant.regions["district"].id), "organisationId": bureau,
        "validFrom": str(TOMORROW), "source": "测试",
    }  # fmt: skip
    assert await manager.refused("addRouting", over) == "CONFLICT"
    wrong = [
        [*mine[0][:7], str(TOMORROW), "测试", ""],  # no reason
        [kind, whole, "属主", "主办", "", "住建局", str(TODAY), "", "测试", ""],
        [kind, whole, "属主", "主办", "", "住建局", "", "", "测试", ""],
        [kind, whole, "属地", "主办", "", "某建设公司", str(TOMORROW), "", "测试", ""],
        [kind, "哪里", "属地", "主办", "", "住建局", str(TOMORROW), "", "测试", ""],
        mine[1],
    ]
    batch = await sent(manager, [header, *wrong])
    found = said(batch)
    assert (batch["state"], batch["wrong"], batch["unchanged"]) == ("INVALID", 5, 1)
    assert found[2] == ("PROBLEM", "请填写终止的理由。")
    assert found[3][1].startswith("这条路由的单位是市政局,不能改写;由住建局接替的")
    assert found[4] == ("PROBLEM", "没有这样的路由;新增的请填写生效日期。")
    assert found[5] == ("PROBLEM", "外部单位没有账号,只能协办,不能主办。")
    assert found[6][1].startswith("区域“哪里”不在可选项中")

    # What leaves communities without anybody is held, with the places; a successor fills them.
    ending = [*mine[0][:7], str(LATER), "测试", "机构改革"]
    batch = await sent(manager, [header, ending])
    assert batch["state"] == "INVALID"
    assert said(batch)[2][1].startswith(f"自 {LATER} 起,测试north1 C01-01、")
    assert said(batch)[2][1].endswith("将没有主办单位;请在文件中同时写明接替的单位。")
    follows = [kind, whole, "属主", "主办", "", "住建局", str(LATER), "", "机构改革方案", ""]
    again = await sent(manager, [header, mine[1], follows, mine[0]], previous=batch["id"])
    assert (again["state"], again["changed"], again["unchanged"]) == ("READY", 1, 2)
    assert said(again) == {3: ("CHANGED", f"自 {LATER} 起由住建局接替市政局主办。")}
    assert (await done(manager, "applyImport", again["id"]))["state"] == "APPLIED"

    async def stands(day: dt.date) -> set[tuple[str, str]]:
        got = await manager.data(STANDING, {"on": str(day), "c": [category]})
        return {(r["party"], r["role"]) for r in got["caseRoutings"]["nodes"]}

    helps = ("所在街道", "ASSIST")
    assert await stands(TOMORROW) == {("市政局", "LEAD"), helps}
    assert await stands(LATER) == {("住建局", "LEAD"), helps}
    assert (await done(manager, "undoImport", again["id"]))["state"] == "UNDONE"
    assert await stands(LATER) == {("市政局", "LEAD"), helps}

    # Undone rows never were: the same file may come again. Then somebody builds on it.
    again = await sent(manager, [header, mine[0], follows])
    await done(manager, "applyImport", again["id"])
    rows = await manager.data(
        "query ($on: Date) { caseRoutings(filter: { asOf: $on }) { nodes { id version party } } }",
        {"on": str(LATER)},
    )
    new = next(r for r in rows["caseRoutings"]["nodes"] if r["party"] == "住建局")
    await manager.done(
        "endRouting", "routing { id }", id=new["id"], version=new["version"],
        on=str(LATER + dt.timedelta(days=9)), reason="又改", successorId=bureau,
    )  # fmt: skip
    kept = await done(manager, "undoImport", again["id"])
    assert (kept["state"], kept["message"][:8]) == ("UNDONE", "已撤销;其中 1")
    assert await stands(LATER) == {("住建局", "LEAD"), helps}


async def test_a_table_is_taken_back(town: Any, table: Any) -> None:
    """After the other has begun, the one before follows it from the next day on: days that are over
    stay. What was a hole before may be one again, but no other."""
    manager, category, bureau, lead, _ = table
    world = town.api.world
    await town.organisation("住建局")
    scope = Scope("routing:manage", (Reach("region", town.tenant.regions["district"].path),))
    place = Place(town.tenant.id, scope, TODAY, world.settings)
    names = [column.name for column in ROUTINGS.columns]

    async def apply(transaction: Any, code: str, basis: str, change: Change) -> Any:
        words = await ROUTINGS.choices(transaction.connection, place)
        kind = next(word for word in words["category"] if word.startswith(f"{code} "))
        whole = words["region"][0]
        cells = (kind, whole, basis, "主办", "各层级", "住建局", str(TOMORROW), None, "改", None)
        row = Row(2, zip(names, cells, strict=True))
        found = await ROUTINGS.examine(transaction.connection, place, [row])
        assert [finding.change for finding in found] == [change], found
        return await ROUTINGS.apply(transaction, place, [(row, change)], None)

    async with world.database.tenant_transaction(town.tenant.id) as transaction:
        effects = await apply(transaction, "E01-02", "属主", Change.ADDED)
        assert await ROUTINGS.undo(transaction, place, effects) == 0

    async with world.database.tenant_transaction(town.tenant.id) as transaction:
        effects = await apply(transaction, "C01-01", "属地", Change.ADDED)
    await manager.done(
        "endRouting", "routing { id }", id=lead["id"], version=lead["version"],
        on=str(LATER), reason="改由住建局",
    )  # fmt: skip
    with pytest.raises(
        Refusal, match=r"撤销之后,自 .* 起,测试north1 C01-01、.*将没有主办单位"
    ) as hole:
        async with world.database.tenant_transaction(town.tenant.id) as transaction:
            await ROUTINGS.undo(transaction, place, effects)
    assert hole.value.code == "ROUTING_HOLE"

    async with world.database.tenant_transaction(town.tenant.id) as transaction:
        await transaction.connection.execute(
            "update case_routings set valid_until = null where id = $1", UUID(lead["id"])
        )
        effects = await apply(transaction, "C01-01", "属主", Change.CHANGED)
        late = Place(place.tenant_id, scope, LATER, world.settings)
        assert await ROUTINGS.undo(transaction, late, effects) == 0
        rows = await transaction.connection.fetch(
            "select organisation_id, valid_from, valid_until from case_routings"
            " where category_id = $1 and role = 'LEAD' and basis = 'OWNER' order by valid_from",
            UUID(category),
        )
        next_day = LATER + dt.timedelta(days=1)
        assert [(r["valid_from"], r["valid_until"]) for r in rows] == [
            (TODAY, TOMORROW), (TOMORROW, next_day), (next_day, None),
        ]  # fmt: skip
        owners = [str(r["organisation_id"]) for r in rows]
        assert owners[0] == owners[2] == bureau != owners[1]
