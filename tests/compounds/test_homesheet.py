"""A list of homes and residents from a clerk: wrong, corrected, applied, undone, exported."""

from __future__ import annotations

import io
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from tests.compounds.conftest import Estate
from tests.compounds.residents import HEADERS, number, row
from tests.imports.conftest import done, settled, workbook

NAMES = ("甲一", "乙二", "丙三", "丁四")
HOMES = (
    "{ houseUnits(first: 50) { nodes { label floor areaDm2 validFrom bindings { relation"
    " proof voteHolder validFrom person { name documents { number } phones { number } sex"
    " warnings } } } } }"
)


def resident(n: int = 0, **given: Any) -> list[Any]:
    """A row of 阳光小区 with the n-th person as the owner of 1幢101."""
    return row(
        **{
            "compound": "阳光小区", "building": "1幢", "room": "101", "name": NAMES[n],
            "number": number(n), "relation": "产权人", "proof": "不动产登记核对", **given,
        }
    )  # fmt: skip


async def sent(person: Any, *rows: list[Any], **query: str) -> dict[str, Any]:
    body = workbook(("数据", [HEADERS, *rows]))
    answer = await person.send("POST", "/imports/homes", body, name="住户.xlsx", **query)
    return await settled(person, answer)


async def applied(person: Any, *rows: list[Any]) -> dict[str, Any]:
    batch = await sent(person, *rows)
    assert batch["state"] == "READY", batch
    found = await done(person, "applyImport", batch["id"])
    assert found["state"] == "APPLIED", found
    return found


async def homes(person: Any) -> dict[str, Any]:
    found = await person.data(HOMES)
    return {home["label"]: home for home in found["houseUnits"]["nodes"]}


def said(batch: dict[str, Any]) -> dict[int, str]:
    return {n["rowNumber"]: n["message"] for n in batch["findings"]["nodes"]}


async def test_a_list_goes_all_the_way(estate: Estate) -> None:
    clerk = estate.clerk
    before = await homes(clerk)
    wrong = number(1)[:-1] + ("1" if number(1)[-1] != "1" else "2")
    rows = [
        resident(0, area="89.50", phone="139 0000 0001", since="2021-05-01"),
        resident(1, number=wrong, relation="配偶", proof="物业前台核对", voter="是"),
        row(compound="阳光小区", building="2栋", room="302"),
        row(compound="没有的小区", building="1幢", room="303"),
    ]
    batch = await sent(clerk, *rows)
    assert (batch["state"], batch["rows"], batch["wrong"]) == ("INVALID", 4, 3)
    assert said(batch) == {
        2: "新增房屋“1幢101”;登记住户并绑定为产权人。",
        3: "公民身份号码的校验码不符,请核对是否录错。",
        4: "该小区没有楼栋“2栋”,是否应为“2幢”。",
        5: "小区“没有的小区”不在可选项中,请从下拉列表中选择。",
    }
    assert await homes(clerk) == before

    back = await clerk.send("GET", f"/imports/batches/{batch['id']}/workbook")
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(back.content)).get_sheet_by_name("数据")
    fixed = sheet.to_python()
    assert [bool(line[-1]) for line in fixed[1:]] == [False, True, True, True]
    fixed[2][HEADERS.index("证件号码")] = number(1)
    fixed[3][HEADERS.index("楼栋")] = "2幢"
    body = workbook(("数据", fixed[:4]))
    again = await settled(
        clerk, await clerk.send("POST", "/imports/homes", body, name="b.xlsx", previous=batch["id"])
    )
    assert (again["state"], again["added"]) == ("READY", 3)
    assert said(again)[3] == "登记住户并绑定为配偶;为投票代表。"
    assert (await done(clerk, "applyImport", again["id"]))["state"] == "APPLIED"

    there = await homes(clerk)
    assert set(there) == {*before, "1幢101", "2幢302"}
    assert there["2幢302"]["bindings"] == []
    home = there["1幢101"]
    assert (home["floor"], home["areaDm2"], home["validFrom"]) == (1, 8950, "2021-05-01")
    owner, spouse = home["bindings"]
    assert (owner["relation"], owner["proof"], owner["voteHolder"], owner["validFrom"]) == (
        "OWNER", "ESTATE_REGISTRY", False, "2021-05-01",
    )  # fmt: skip
    assert (spouse["relation"], spouse["proof"], spouse["voteHolder"]) == (
        "SPOUSE", "PROPERTY_DESK", True,
    )  # fmt: skip
    assert owner["person"]["documents"] == [{"number": f"{number(0)[:6]}********{number(0)[-4:]}"}]
    assert owner["person"]["phones"] == [{"number": "139****0001"}]

    undone = await done(clerk, "undoImport", again["id"])
    assert (undone["state"], undone["message"]) == ("UNDONE", None)
    assert await homes(clerk) == before
    assert (await clerk.data("{ persons { totalCount } }"))["persons"]["totalCount"] == 0


async def test_the_same_list_again_changes_what_differs(estate: Estate) -> None:
    clerk = estate.clerk
    await applied(clerk, resident(area="89.50", phone="13900000001"))
    # Another file that says the same: the very same one is refused.
    same = await sent(clerk, resident(area="89.5", phone="13900000001"))
    assert (same["state"], same["unchanged"]) == ("READY", 1)
    before = await homes(clerk)
    batch = await applied(clerk, resident(area=90, phone="0599-0000000"))
    assert said(batch) == {2: "建筑面积:89.50 → 90.00;补充联系电话。"}
    home = (await homes(clerk))["1幢101"]
    assert home["areaDm2"] == 9000
    assert home["bindings"][0]["person"]["phones"] == [
        {"number": "139****0001"}, {"number": "0599-*****00"},
    ]  # fmt: skip
    assert (await done(clerk, "undoImport", batch["id"]))["state"] == "UNDONE"
    assert await homes(clerk) == before


async def test_one_document_is_one_person_and_one_name_may_be_two(estate: Estate) -> None:
    clerk = estate.clerk
    await estate.town.registered(
        clerk, "north1", name="甲一", documents=[{"kind": "CITIZEN_ID", "number": number(0)}]
    )
    batch = await applied(
        clerk,
        resident(0),
        resident(0, room="102", relation="承租人"),
        resident(0, room="103", number=number(3)),
        resident(1, room="103", number=f"{number(1)[:6]}{number(1)[8:17]}", relation="配偶"),
        resident(2, room="104", number="", sex="女"),
        resident(2, room="105", number="", birth="1990-01-02"),
    )
    assert said(batch)[2] == "新增房屋“1幢101”;已登记的居民绑定为产权人。"
    people = await clerk.data("{ persons(first: 20) { nodes { name } } }")
    assert sorted(p["name"] for p in people["persons"]["nodes"]) == [
        "丙三", "丙三", "乙二", "甲一", "甲一",
    ]  # fmt: skip
    (holder,) = (await homes(clerk))["1幢102"]["bindings"]
    assert holder["voteHolder"] is False, "a tenant votes for no home"
    again = await sent(clerk, resident(2, room="104", number="", sex="女", area="80"))
    assert said(again) == {2: "建筑面积:无 → 80.00。"}
    found = await clerk.data(
        "query ($n: String!) { findPerson(kind: CITIZEN_ID, number: $n) { name } }",
        {"n": number(1)},
    )
    assert found["findPerson"] == {"name": "乙二"}, "the old number was upgraded"


async def test_what_contradicts_the_register_is_a_wrong_row(estate: Estate) -> None:
    clerk, town = estate.clerk, estate.town
    elsewhere = await town.person("COMM", "south1")
    await town.registered(
        elsewhere, "south1", name="丁四", documents=[{"kind": "CITIZEN_ID", "number": number(3)}]
    )
    await applied(clerk, resident(0), resident(1, relation="配偶"))
    batch = await sent(
        clerk,
        resident(0, name="别名", room="102"),
        resident(1, relation="承租人"),
        resident(2, relation="同住家属", voter="是"),
        resident(2, room="103", relation="同住家属", voter="是"),
        resident(3, room="104"),
    )
    assert said(batch) == {
        2: "该证件登记的姓名与本行不同,请核对。",
        3: "此人与该房屋的关系已登记为“配偶”;有变时请先在系统中结束原绑定。",
        4: "该房屋已有投票代表;更换请在系统中办理。",
        5: "该房屋尚无产权人,不能委托投票:请先登记产权人,或把其行放在本行之前。",
        6: "该证件已有登记,不能重复登记:请核对已有登记;看不到的,请向上一级核对。",
    }
    for name in NAMES:
        assert name not in str(batch)


async def test_another_community_is_as_if_it_were_not(estate: Estate) -> None:
    other = await estate.town.person("COMM", "north2")
    there = (await sent(other, resident()))["findings"]["nodes"]
    nowhere = (await sent(other, resident(compound="从来没有")))["findings"]["nodes"]
    assert there[0]["message"].replace("阳光小区", "从来没有") == nowhere[0]["message"]
    body = await other.send("GET", "/imports/homes/template")
    assert "阳光小区" not in str(
        CalamineWorkbook.from_filelike(io.BytesIO(body.content))
        .get_sheet_by_name("选项")
        .to_python()
    )
    for role in ("GRID", "SYS", "SCMD"):
        person = await estate.town.person(role, {"GRID": "north1grid"}.get(role, "north"))
        denied = await person.send("POST", "/imports/homes", b"x", name="a.xlsx")
        assert denied.status_code == 403


async def test_who_was_used_since_stays(estate: Estate) -> None:
    clerk = estate.clerk
    batch = await applied(clerk, resident(0), resident(1, room="102"))
    people = await clerk.data("{ persons(first: 9) { nodes { id name } } }")
    first = next(p["id"] for p in people["persons"]["nodes"] if p["name"] == "甲一")
    await clerk.done(
        "createHousehold",
        houseUnitId=estate.home["id"],
        occupancy="OWNER",
        members=[{"personId": first, "relation": "HEAD"}],
    )
    undone = await done(clerk, "undoImport", batch["id"])
    assert undone["state"] == "UNDONE"
    assert undone["message"] == "已撤销;其中 1 条登记此后已在别处使用或有改动,予以保留。"
    left = await clerk.data("{ persons { nodes { name } } }")
    assert left["persons"]["nodes"] == [{"name": "甲一"}]
    assert set(await homes(clerk)) == {estate.home["label"]}


@pytest.mark.parametrize(
    ("built", "sentence"),
    [
        ("household", "其中有房屋此后已有新的登记(绑定、居住户等),不能撤销。"),
        ("change", "有 1 套房屋此后已有修改,不能撤销。"),
        ("end", "有 1 项房屋的投票代表此后已有变动,不能撤销。"),
    ],
)
async def test_nothing_is_undone_once_something_was_built_on_it(
    estate: Estate, built: str, sentence: str
) -> None:
    clerk = estate.clerk
    batch = await applied(clerk, resident(0))
    found = await clerk.data(
        "{ houseUnits(first: 9) { nodes { id version label bindings { id version } } } }"
    )
    home = next(h for h in found["houseUnits"]["nodes"] if h["label"] == "1幢101")
    (binding,) = home["bindings"]
    match built:
        case "household":
            other = await estate.person("丁四")
            await clerk.done(
                "createHousehold", houseUnitId=home["id"], occupancy="TENANT",
                members=[{"personId": other["id"], "relation": "HEAD"}],
            )  # fmt: skip
        case "change":
            await clerk.done(
                "changeHouseUnit", id=home["id"], version=home["version"], areaDm2=7000
            )
        case "end":
            await clerk.done("endBinding", id=binding["id"], version=binding["version"])
    before = await homes(clerk)
    left = await done(clerk, "undoImport", batch["id"])
    assert (left["state"], left["message"]) == ("APPLIED", sentence)
    assert await homes(clerk) == before


async def test_the_export_is_masked_and_has_a_right_of_its_own(estate: Estate) -> None:
    clerk = estate.clerk
    await applied(clerk, resident(0, area="89.50", phone="13900000001"))
    assert (await clerk.send("GET", "/exports/homes")).status_code == 403
    secretary = await estate.town.person("CSEC", "north1")
    answer = await secretary.send("GET", "/exports/homes")
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    head, *rows = book.get_sheet_by_name("数据").to_python()
    mine = dict(zip(head, next(r for r in rows if r[head.index("房号")] == "101"), strict=True))
    assert {mine[h] for h in ("姓名", "证件号码", "联系电话", "建筑面积", "投票代表")} == {
        "甲*", f"{number(0)[:6]}********{number(0)[-4:]}", "139****0001", "89.50", "是",
    }  # fmt: skip
    assert "出生日期" not in head
    other = await estate.town.person("CSEC", "south1")
    away = await other.send("GET", "/exports/homes")
    book = CalamineWorkbook.from_filelike(io.BytesIO(away.content))
    assert book.get_sheet_by_name("数据").to_python()[1:] == []
    records = await (await estate.town.person("AUD")).data(
        "{ auditRecords(first: 20) { nodes { permission result } } }"
    )
    assert {"permission": "house:export", "result": "READ"} in records["auditRecords"]["nodes"]
