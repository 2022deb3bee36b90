"""Grids through a workbook, as a clerk does it: wrong, corrected, seen, applied, undone."""

from __future__ import annotations

import io
from typing import Any

import pytest
from python_calamine import CalamineWorkbook, SheetVisibleEnum
from tests.imports.conftest import done, grids, stepped, uploaded, when_settled

from guanjia.db.ids import new_id

NAMES = "{ regions(first: 100, filter: { level: { in: [GRID] } }) { nodes { code name validTo } } }"


def north(town: Any, number: int) -> str:
    return f"{town.tenant.regions['north1'].code}{number:03}"


def label(town: Any, name: str) -> str:
    return f"测试{name} {town.tenant.regions[name].code}"


async def names(person: Any) -> dict[str, str]:
    found = await person.data(NAMES)
    return {r["code"]: r["name"] for r in found["regions"]["nodes"] if r["validTo"] is None}


def sheet(body: bytes, name: str = "数据") -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_name(name).to_python()


async def test_a_workbook_goes_all_the_way(town: Any) -> None:
    clerk = await town.person("SYS")
    before = await names(clerk)
    code, home = north(town, 1), label(town, "north1")
    rows = [
        (code, "东区网格", home, "基础网格", ""),
        (north(town, 2), "二网格", home, "", ""),
        (north(town, 901), "园区网格", home, "基础网格", ""),
        (north(town, 2), "又一个", home, "", ""),
        ("350702004013001", "别处", home, "", ""),
        (north(town, 3), "", label(town, "north2"), "", ""),
    ]
    batch = await uploaded(clerk, grids(*rows))
    assert (batch["state"], batch["rows"], batch["wrong"]) == ("INVALID", 6, 4)
    said = {n["rowNumber"]: n for n in batch["findings"]["nodes"] if n["change"] == "PROBLEM"}
    assert said[4]["message"] == "网格类别与代码不符:序号 901 是专属网格。"
    assert said[5]["message"] == "网格代码与第 3 行重复。"
    assert said[6]["message"].startswith("代码为 350702004013 的社区不存在,或不在您的管辖范围内")
    assert (said[7]["message"], said[7]["columnTitle"]) == ("缺少网格名称。", "网格名称")
    refused = await stepped(clerk, "applyImport", batch["id"])
    assert refused["userErrors"][0]["code"] == "CONFLICT"
    assert await names(clerk) == before

    back = await clerk.send("GET", f"/imports/batches/{batch['id']}/workbook")
    assert back.headers["content-disposition"].startswith("attachment")
    returned = sheet(back.content)
    assert returned[0][-1] == "检查结果"
    assert [row[:5] for row in returned[1:]] == [list(row) for row in rows]
    assert [bool(row[5]) for row in returned[1:]] == [False, False, True, True, True, True]
    assert any("4 行有错误" in str(line) for line in sheet(back.content, "说明"))

    # The clerk corrects the workbook that came back, with its extra column, and sends it again.
    fixed = [list(row) for row in returned]
    fixed[3][3] = "专属网格"
    del fixed[4:]
    again = await uploaded(clerk, grids(*fixed[1:], headers=fixed[0]), previous=batch["id"])
    assert (again["state"], again["added"], again["changed"]) == ("READY", 2, 1)
    assert {n["message"] for n in again["findings"]["nodes"]} == {
        "网格名称:测试north1grid → 东区网格。",
        "新增基础网格“二网格”。",
        "新增专属网格“园区网格”。",
    }  # fmt: skip
    assert (await when_settled(clerk, batch["id"]))["state"] == "DISCARDED"

    applied = await done(clerk, "applyImport", again["id"])
    assert (applied["state"], applied["done"]) == ("APPLIED", 3), applied
    assert applied["undoUntil"]
    wanted = {
        **before, code: "东区网格", north(town, 2): "二网格", north(town, 901): "园区网格",
    }  # fmt: skip
    assert await names(clerk) == wanted

    undone = await done(clerk, "undoImport", again["id"])
    assert undone["state"] == "UNDONE", undone
    assert await names(clerk) == before
    records = await (await town.person("AUD")).data(
        "{ auditRecords(first: 20) { nodes { action } } }"
    )
    actions = [record["action"] for record in records["auditRecords"]["nodes"]]
    assert {"import.hand_in", "import.apply", "import.applied", "import.undone"} <= set(actions)


async def test_a_grid_is_closed_and_comes_back(town: Any) -> None:
    clerk = await town.person("SYS")
    before = await names(clerk)
    batch = await uploaded(clerk, grids((north(town, 1), "x", label(town, "north1"), "", "是")))
    assert (batch["removed"], batch["findings"]["nodes"][0]["change"]) == (1, "REMOVED")
    assert (await done(clerk, "applyImport", batch["id"]))["state"] == "APPLIED"
    assert north(town, 1) not in await names(clerk)
    assert (await done(clerk, "undoImport", batch["id"]))["state"] == "UNDONE"
    assert await names(clerk) == before


async def test_nothing_is_undone_once_something_was_built_on_it(town: Any) -> None:
    clerk = await town.person("SYS")
    rows = [(north(town, n), f"第{n}网格", label(town, "north1"), "", "") for n in (5, 6)]
    batch = await uploaded(clerk, grids(*rows))
    await done(clerk, "applyImport", batch["id"])
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        grid = await transaction.connection.fetchrow(
            "select id, path from regions where code = $1", north(town, 5)
        )
        await transaction.connection.execute(
            "insert into organisations (id, kind, name, region_id, region_path)"
            " values ($1, 'EXTERNAL_PARTY', '某某', $2, $3)", new_id(), grid["id"], grid["path"],
        )  # fmt: skip
    left = await done(clerk, "undoImport", batch["id"])
    assert (left["state"], left["message"]) == (
        "APPLIED", "导入的网格中已有被使用的(例如已有案件或授权),不能撤销。请改为停用。",
    )  # fmt: skip
    assert north(town, 6) in await names(clerk)


async def test_what_changed_since_the_preview_is_not_applied(town: Any) -> None:
    clerk = await town.person("SYS")
    row = (north(town, 7), "七网格", label(town, "north1"), "", "")
    batch = await uploaded(clerk, grids(row))
    other = await uploaded(clerk, grids(row, (north(town, 8), "八", label(town, "north1"), "", "")))
    await done(clerk, "applyImport", other["id"])
    late = await done(clerk, "applyImport", batch["id"])
    assert (late["state"], late["message"][:4]) == ("READY", "预览之后")
    assert (await stepped(clerk, "discardImport", batch["id"]))["importBatch"]["state"] == (
        "DISCARDED"
    )


async def test_the_same_file_counts_once(town: Any) -> None:
    clerk, other = await town.person("SYS"), await town.person("SYS")
    body = grids((north(town, 4), "四网格", label(town, "north1"), "", ""))
    batch = await uploaded(clerk, body)
    again = await other.send("POST", "/imports/grids", body, name="副本.xlsx")
    assert again.status_code == 409
    assert "同一个文件已由其他人于" in again.json()["errors"][0]["message"]
    await done(clerk, "applyImport", batch["id"])
    again = await clerk.send("POST", "/imports/grids", body, name="网格.xlsx")
    assert (again.status_code, "并已应用" in again.text) == (409, True)
    await done(clerk, "undoImport", batch["id"])
    assert (await uploaded(clerk, body))["state"] == "READY"


async def test_a_csv_of_an_old_spreadsheet_is_read(town: Any) -> None:
    clerk = await town.person("SYS")
    text = (
        "停用,所属社区,网格编码,备注,名称\r\n"
        f',{label(town, "north1")} ,="{north(town, 9)}",不导入, 九网格 \r\n'
    )
    batch = await uploaded(clerk, text.encode("gb18030"), "网格.csv")
    assert (batch["state"], batch["added"]) == ("READY", 1), batch
    assert batch["message"] == "未导入的列:备注。"
    assert batch["findings"]["nodes"][0]["message"] == "新增基础网格“九网格”。"


async def test_the_template_offers_only_the_own_communities(town: Any) -> None:
    clerk = await town.person("SYS")
    body = (await clerk.send("GET", "/imports/grids/template")).content
    assert sheet(body)[0] == ["网格代码", "网格名称", "所属社区", "网格类别", "停用"]
    listed = CalamineWorkbook.from_filelike(io.BytesIO(body))
    assert [s.name for s in listed.sheets_metadata if s.visible == SheetVisibleEnum.Visible] == [
        "数据",
        "说明",
    ]
    communities = [row[0] for row in sheet(body, "选项") if row[0] not in ("是", "否", "")]
    assert communities == [label(town, c) for c in ("north1", "north2", "south1", "south2")]
    assert (await uploaded(clerk, body))["message"] == "表头(第 1 行)下面没有数据。"


async def test_an_export_says_whose_it_is_and_can_be_sent_back(town: Any) -> None:
    clerk, secretary = await town.person("SYS"), await town.person("CSEC", "north1")
    body = (await secretary.send("GET", "/exports/grids")).content
    rows = sheet(body)
    assert [row[0] for row in rows[1:]] == [north(town, 1)], "its own community and no more"
    assert ["导出人", "测试CSEC"] in sheet(body, "来源")
    assert [row[0] for row in sheet(body, "数据字典")][1:] == rows[0]
    assert (await uploaded(clerk, grids(*rows[1:], headers=rows[0])))["unchanged"] == 1
    records = await (await town.person("AUD")).data(
        "{ auditRecords(first: 5) { nodes { action result permission } } }"
    )
    assert {"action": "export", "result": "READ", "permission": "region:export"} in (
        records["auditRecords"]["nodes"]
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/imports/grids"),
        ("GET", "/imports/grids/template"),
        ("GET", "/exports/grids"),
        ("GET", "/imports/batches/00000000-0000-0000-0000-000000000000/workbook"),
    ],
)
async def test_files_need_a_token_and_the_permission(town: Any, method: str, path: str) -> None:
    nobody, clerk = await town.person(None), await town.person("COMM", "north1")
    assert (await nobody.send(method, path)).status_code == 403
    if "batches" not in path:
        assert (await clerk.send(method, path)).status_code == 403, "no right to manage regions"
    nobody.token = None
    answer = await nobody.send(method, path)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (
        401, "UNAUTHENTICATED",
    )  # fmt: skip
    assert nobody.slug not in answer.text


async def test_a_batch_is_its_clerks(town: Any, make_town: Any) -> None:
    clerk = await town.person("SYS")
    batch = await uploaded(clerk, grids((north(town, 4), "四", label(town, "north1"), "", "")))
    other, stranger = await town.person("SYS"), await (await make_town()).person("SYS")
    for person in (other, stranger):
        answer = await stepped(person, "applyImport", batch["id"])
        assert answer["userErrors"][0]["code"] == "NOT_FOUND"
        back = await person.send("GET", f"/imports/batches/{batch['id']}/workbook")
        assert back.status_code == 404
    seen = await other.data("{ importBatches { nodes { id fileName } } importKinds { code } }")
    assert seen["importBatches"]["nodes"][0]["fileName"] == "网格.xlsx", "SYS sees the district's"
    assert (await stranger.data("{ importBatches { totalCount } }"))["importBatches"] == {
        "totalCount": 0
    }
