"""What one file of homes and residents may say, row by row and together: the rules alone."""

from __future__ import annotations

from typing import Any

import pytest
from tests.compounds.residents import HEADERS, homes, number, row
from tests.imports.conftest import workbook

from guanjia.compounds.homesheet.columns import COLUMNS
from guanjia.compounds.homesheet.kind import HOMES
from guanjia.imports.files import opened
from guanjia.imports.reading import Chunk, StagedRow, read, staged

CHOICES = {"compound": ["阳光小区", "小区1"]}
OWNER = {
    "compound": "阳光小区", "building": "1幢", "room": "501", "name": "甲一",
    "number": number(0), "relation": "产权人", "proof": "不动产登记核对",
}  # fmt: skip


def taken(*rows: list[Any]) -> list[StagedRow]:
    found: list[StagedRow] = []
    for part in read(opened(workbook(("数据", [HEADERS, *rows])), "a.xlsx"), HOMES, CHOICES):
        if isinstance(part, Chunk):
            found += staged(part.packed)
    return found


def owner(**given: Any) -> list[Any]:
    return row(**{**OWNER, **given})


def values(line: list[Any]) -> Any:
    (found,) = taken(line)
    assert found.problems == []
    return found.row(HOMES.names)


def problems(*rows: list[Any]) -> list[tuple[str | None, str]]:
    """What is wrong with the last of the rows; with the others nothing is."""
    found = taken(*rows)
    assert all(not before.problems for before in found[:-1])
    return found[-1].problems


def test_a_row_is_brought_to_its_normal_form() -> None:
    found = values(
        owner(
            building=" 1 幢", unit="2单元", room="5 0 1室", area="89.5㎡",
            number=" 3507 0219 8811 0299 72", phone="+86 139-0000-0001", since="2024年3月1日",
        )
    )  # fmt: skip
    assert (found["building"], found["unit"], found["floor"], found["room"]) == (
        "1幢", "02", 5, "501",
    )  # fmt: skip
    assert (found["area"], found["phone"], found["since"]) == (8950, "13900000001", "2024-03-01")
    assert (found["number"], found["document_kind"]) == ("350702198811029972", "居民身份证")
    assert (found["first"], found["owned"], found["odd"]) == (2, 1, None)


@pytest.mark.parametrize(
    ("room", "floor", "wanted"),
    [("501", "", 5), ("1203", "", 12), (302, "", 3), ("B101", "B1", -1), ("101", -1, -1)],
)
def test_the_floor_is_read_or_follows_from_the_room(room: Any, floor: Any, wanted: int) -> None:
    assert values(owner(room=room, floor=floor))["floor"] == wanted


def test_an_old_number_is_upgraded_and_both_are_kept() -> None:
    found = values(owner(number="350702560315998"))
    assert (found["number"], found["legacy"]) == ("35070219560315998X", "350702560315998")


def test_what_was_declared_is_compared_with_the_document() -> None:
    found = values(owner(number="350702198811029972", sex="女", birth="1988-11-03"))
    assert found["odd"] == "性别与证件不符、出生日期与证件不符"
    assert values(owner(number="350702198811029972", sex="男", birth="1988-11-02"))["odd"] is None


@pytest.mark.parametrize(
    ("given", "column", "sentence"),
    [
        ({"number": "350702198811029973"}, "number", "公民身份号码的校验码不符,请核对是否录错。"),
        ({"number": "350702198802309972"}, "number", "公民身份号码中的出生日期不存在。"),
        ({"number": "35070219881102997"}, "number", "公民身份号码应为 18 位,现有 17 位。"),
        ({"number": 350702198811029972}, "number", "证件号码以数字格式保存"),
        ({"phone": "139000000019"}, "phone", "电话应为 11 位手机号"),
        ({"area": 0}, "area", "建筑面积须为 0.01 到 100000 平方米的数字"),
        ({"area": "-5"}, "area", "建筑面积须为"),
        ({"area": "89.555"}, "area", "建筑面积须为"),
        ({"area": "约90"}, "area", "建筑面积须为"),
        ({"floor": 0}, "floor", "楼层须为 1 到 200 的数字"),
        ({"room": "商铺"}, "floor", "缺少楼层:从房号“商铺”看不出在几层。"),
        ({"unit": "甲"}, "unit", "单元须为 1 到 99 的数字"),
        ({"estate_code": "123"}, "estate_code", "不动产单元代码须为 28 位数字或字母。"),
        ({"name": ""}, "name", "填写了住户的内容,但缺少姓名。"),
        ({"relation": ""}, "relation", "有住户时须填写与房屋的关系。"),
        ({"proof": ""}, "proof", "有住户时须填写核实方式。"),
        ({"proof": "口头"}, "proof", "核实方式“口头”不在可选项中"),
        ({"number": "", "document_kind": "护照"}, "number", "填写了证件类型,但缺少证件号码。"),
        ({"since": "2999-01-01"}, "since", "起始日期不能晚于今天。"),
        ({"birth": "1870-01-01"}, "birth", "出生日期应在 1880 年以后"),
        ({"relation": "承租人", "voter": "是"}, "voter", "承租人不能作为房屋的投票代表。"),
        ({"compound": "阳光小曲"}, "compound", "小区“阳光小曲”不在可选项中,是否应为“阳光小区”?"),
    ],
)
def test_a_wrong_cell_is_named(given: dict[str, Any], column: str, sentence: str) -> None:
    ((place, said),) = problems(owner(**given))
    assert (place, said[: len(sentence)]) == (column, sentence)
    assert number(0) not in said
    assert "3507021988" not in said


@pytest.mark.parametrize(
    ("second", "column", "sentence"),
    [
        (row(compound="阳光小区", building="1幢", room="501室"), "room",
         "该房屋已在第 2 行,本行没有住户。"),
        (owner(relation="配偶"), "number", "此人在该房屋已登记于第 2 行。"),
        (owner(number=""), "number", "第 2 行是同一房屋的同名的人,请都填写证件号码以便区分。"),
        (owner(number=number(1), name="乙二", area="91"), "area", "建筑面积与第 2 行不同。"),
        (owner(number=number(1), name="乙二", estate_code="1" * 28), "estate_code",
         "不动产单元代码请填在该房屋的第一行(第 2 行)。"),
        (owner(room="502", name="乙二"), "name", "同一证件号码在第 2 行是另一个姓名。"),
        (owner(number=number(1), name="乙二", voter="是"), "voter",
         "该房屋的投票代表已在第 2 行。"),
    ],
)  # fmt: skip
def test_rows_may_not_contradict_each_other(second: list[Any], column: str, sentence: str) -> None:
    assert problems(owner(area="90", voter="是"), second) == [(column, sentence)]


def test_what_looks_alike_and_is_not_is_two() -> None:
    twin = owner(number=number(3))
    assert problems(owner(), twin, owner(room="502"), owner(unit="2")) == []


def test_a_wrong_owner_does_not_make_the_spouse_wrong() -> None:
    spouse = owner(number=number(1), name="乙二", relation="配偶", voter="是")
    for wrong in ({"number": number(0)[:-1] + "?"}, {"phone": "1"}, {"area": "?"}):
        first, second = taken(owner(**wrong), spouse)
        assert len(first.problems) == 1
        assert second.row(HOMES.names)["owned"] == 1


def test_the_synthetic_list_is_right_and_of_the_reserved_block() -> None:
    rows = list(homes(1, 1))
    assert len(rows) == 240
    assert [found.problems for found in taken(*rows) if found.problems] == []
    at = [column.name for column in COLUMNS].index("number")
    assert all(line[at][14:17] in ("996", "997", "998", "999") for line in rows)
    assert len({number(n) for n in range(120_000)}) == 120_000
