"""How buildings and homes are named, and what outline a compound may have."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from guanjia.compounds import forms
from guanjia.compounds.boundaries import MOST_POINTS, boundary
from guanjia.compounds.service.homes import Home, pattern
from guanjia.graph.errors import Refusal

SQUARE = [[118.17, 26.64], [118.175, 26.64], [118.175, 26.644], [118.17, 26.644]]


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["1–3幢"], ["1幢", "2幢", "3幢"]),
        (["A1~A2栋", "会所"], ["A1栋", "A2栋", "会所"]),
        (["8-10号楼", "11 幢"], ["8号楼", "9号楼", "10号楼", "11幢"]),
        (["北区1至2幢"], ["北区1幢", "北区2幢"]),
    ],
)
def test_a_range_of_buildings_is_written_out(given: list[str], names: list[str]) -> None:
    assert forms.building_names(given) == names


@pytest.mark.parametrize("given", [[], ["3-1幢"], ["1-900幢"], ["1-3幢", "2幢"], [" "], ["x" * 41]])
def test_a_wrong_range_is_refused(given: list[str]) -> None:
    with pytest.raises(Refusal) as refused:
        forms.building_names(given)
    assert refused.value.field == ("names",)


@pytest.mark.parametrize(
    ("given", "number"),
    [("5", 5), ("05", 5), ("-1", -1), ("-01", -1), ("b1", -1), ("负2层", -2), ("12F", 0)],
)
def test_floors(given: str, number: int) -> None:
    if number:
        assert forms.floor(given) == number
    else:
        with pytest.raises(Refusal):
            forms.floor(given)


@pytest.mark.parametrize("given", ["0", "", "201", "-10", "一"])
def test_no_such_floor(given: str) -> None:
    with pytest.raises(Refusal):
        forms.floor(given)


def test_units_rooms_and_doors() -> None:
    assert [forms.unit(text) for text in ("2", "02", "2单元", "", None)] == [
        "02", "02", "02", "00", "00",
    ]  # fmt: skip
    assert [forms.room(text) for text in ("501室", " a 501", "501 a")] == ["501", "A501", "501A"]
    assert forms.label("3幢", "02", "501") == "3幢2单元501"
    assert forms.label("3幢", "00", "501") == "3幢501"
    for wrong in ("甲", "100"):
        with pytest.raises(Refusal):
            forms.unit(wrong)
    with pytest.raises(Refusal):
        forms.estate_code("350702")


def test_a_pattern_of_homes() -> None:
    homes = pattern(units=2, first_floor=9, last_floor=10, rooms=2)
    assert homes[:3] == [Home("01", 9, "901"), Home("01", 9, "902"), Home("01", 10, "1001")]
    assert len(homes) == 8
    assert pattern(0, 1, 1, 1) == [Home("00", 1, "101")]
    for wrong in ((21, 1, 1, 1), (0, 3, 2, 1), (0, 1, 1, 0), (20, 1, 33, 50)):
        with pytest.raises(Refusal):
            pattern(*wrong)


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def test_an_outline_is_closed_and_measured() -> None:
    found = boundary(polygon(SQUARE))
    assert orjson.loads(found.document)["coordinates"] == [[*SQUARE, SQUARE[0]]]
    assert found.box == (118.17, 26.64, 118.175, 26.644)
    many = {"type": "MultiPolygon", "coordinates": [[SQUARE]]}
    assert orjson.loads(boundary(many).document)["type"] == "MultiPolygon"


A, B, C, D = SQUARE


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (polygon([A, C, B, D]), "重叠,位置约在 [118.1725, 26.642]"),
        (polygon([[26.64, 118.17], B, C]), "经度在前、纬度在后"),
        (polygon([A, B]), "三个不同的点"),
        (polygon([A, B, "x"]), "[经度, 纬度]"),
        (polygon([A, B, [float("nan"), 26.0]]), "[经度, 纬度]"),
        (polygon([A, B, [True, 26.0]]), "[经度, 纬度]"),
        (polygon([[100, 20], [110, 20], [110, 30]]), "不像一个小区"),
        (polygon(SQUARE, [[119, 27], [119.001, 27], [119.001, 27.001]]), "内圈"),
        (polygon([A, A, A]), "三个不同的点"),
        (polygon([A, B, A, B]), "边界"),
        (polygon([A] * (MOST_POINTS + 1)), "最多"),
        ({"type": "Point", "coordinates": A}, "Polygon"),
        ({"type": "Polygon", "coordinates": {}}, "格式"),
        ({"type": "MultiPolygon", "coordinates": []}, "没有坐标"),
        ({"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE]]}, "重叠"),
        ("POLYGON", "GeoJSON"),
    ],
)
def test_a_wrong_outline_is_refused_with_its_place(given: Any, said: str) -> None:
    with pytest.raises(Refusal) as refused:
        boundary(given)
    assert said in refused.value.message
    assert refused.value.field == ("boundary",)
