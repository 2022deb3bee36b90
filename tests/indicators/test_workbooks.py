"""The board as a workbook: of regions and of organisations, for whoever may take it."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

from python_calamine import load_workbook
from tests.indicators.conftest import month

from guanjia.graph.times import CHINA
from guanjia.indicators.boardexport import COLUMNS


async def test_the_workbook_of_the_board(ledger: Any) -> None:
    town, now = ledger.town, dt.datetime.now(CHINA)
    last = (now.replace(day=1) - dt.timedelta(days=1)).replace(day=1, hour=9)
    ids = await ledger.report(3, "north1", last)
    await ledger.step(ids[:2], 2, "file_case", "north1", last)
    leader = await town.person("SLEAD", "north")
    body = (await leader.send("GET", "/exports/board")).content
    header, *rows = load_workbook(io.BytesIO(body)).get_sheet_by_name("数据").to_python()
    assert tuple(header) == tuple(title for title, _ in COLUMNS)
    lines = [dict(zip(header, row, strict=True)) for row in rows]
    filed = [
        line for line in lines
        if line["指标"] == "立案率" and line["统计期"] == f"{last:%Y-%m}" and line["分母"]
    ]  # fmt: skip
    assert len(filed) == 2
    assert {(f["数值"], f["分子"], f["分母"]) for f in filed} == {("66.67", 2, 3)}
    assert {line["说明"] for line in lines if line["数值"] == ""} >= {
        f"期内没有可计的行,不能计算{word}。" for word in ("比率", "时长", "评价")
    }
    reader = await town.person("SCMD", "north")
    assert (await reader.send("GET", "/exports/board")).status_code == 403


async def test_the_workbook_of_an_organisation(ledger: Any) -> None:
    """What a company handled, for its manager and for whoever has the region; one mechanism."""
    town = ledger.town
    await month(ledger)
    company, south = str(ledger.handler), str(town.tenant.regions["south"].id)
    manager = await town.person("PROP", "north1", "甲物业")
    leader = await town.person("SLEAD", "south")
    kinds = "{ exportKinds { path parameters { name } } }"
    [kind] = [k for k in (await manager.data(kinds))["exportKinds"] if "board" in k["path"]]
    assert [p["name"] for p in kind["parameters"]][:2] == ["regionId", "organisationId"]

    async def lines(who: Any, **given: str) -> list[dict[str, Any]]:
        answer = await who.send("GET", kind["path"], **given)
        assert answer.status_code == 200, answer.text
        sheet = load_workbook(io.BytesIO(answer.content)).get_sheet_by_name("数据")
        header, *rows = sheet.to_python()
        return [dict(zip(header, row, strict=True)) for row in rows]

    def due(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
        return [
            (line["主办单位"], line["名称"], line["统计期"], line["分母"])
            for line in found
            if line["指标"] == "按期结案率" and line["分母"]
        ]

    everywhere = await lines(manager, period="2016-12")
    regions = town.tenant.regions
    names = [await _name(town, regions[place]) for place in ("district", "north", "south")]
    assert sorted(due(everywhere), key=lambda line: -line[-1]) == [
        ("甲物业", names[0], "2016-12", 972), ("甲物业", names[1], "2016-12", 737),
        ("甲物业", names[2], "2016-12", 235),
    ]  # fmt: skip
    assert "立案率" not in {line["指标"] for line in everywhere}
    [printed] = [
        line for line in everywhere if line["标识"] == "case.on_time_rate" and line["散列"]
    ]
    given = {"o": company, "h": printed["散列"], "a": printed["截至"]}
    check = (
        'query ($o: ID!, $a: DateTime!, $h: String!) { checkIndicator(id: "case.on_time_rate",'
        ' organisationId: $o, period: "2016-12", asOf: $a, hash: $h) { matches } }'
    )
    assert (await manager.data(check, given))["checkIndicator"]["matches"]
    by_category = await lines(
        leader, organisationId=company, regionId=south, period="2016", by="CATEGORY",
        asOf="2016-12-25T00:00:00+08:00",
    )  # fmt: skip
    assert [line[3] for line in due(by_category)] == [235, 235]
    assert {line["截至"] for line in by_category} == {"2016-12-25 00:00:00+08:00"}
    assert {line[0] for line in due(await lines(leader, regionId=south, period="2016-12"))} == {""}
    for who, given, status in (
        (manager, {"regionId": south}, 404), (manager, {"organisationId": south}, 404),
        (leader, {"organisationId": company}, 404), (leader, {"regionId": "x"}, 404),
        (leader, {"regionId": str(regions["north"].id)}, 404), (leader, {"period": "2099"}, 400),
        (leader, {"period": "2016-12", "asOf": "gestern"}, 400), (leader, {"by": "X"}, 400),
        (leader, {"asOf": "2016-12-25T00:00:00+08:00"}, 400), (leader, {"region": south}, 400),
    ):  # fmt: skip
        answer = await who.send("GET", kind["path"], **given)
        assert answer.status_code == status, (given, answer.text)


async def _name(town: Any, region: Any) -> str:
    async with town.api.world.database.tenant_transaction(town.tenant.id) as opened:
        found = await opened.connection.fetchval(
            "select name from regions where id = $1", region.id
        )
    return str(found)
