"""Reading a region tree: real ones whole, bad ones refused line by line."""

from __future__ import annotations

import contextlib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guanjia.tenancy.models import GridKind, Level
from guanjia.tenancy.regiontree import BadTree, Entry, parse

REGIONS = Path(__file__).parents[2] / "tenants" / "regions"
HEAD = "code,name,level,parent_code\n"
GOOD = HEAD + "990101,甲区,district,\n990101001,东街道,street,990101\n"


def faults(text: str) -> list[str]:
    with pytest.raises(BadTree) as raised:
        parse(text)
    return list(raised.value.faults)


@pytest.mark.parametrize(
    ("code", "streets", "communities"),
    [("350702", 21, 317), ("231282", 27, 224), ("350703", 16, 230), ("350111", 9, 212)],
)
def test_real_trees_are_read_whole(code: str, streets: int, communities: int) -> None:
    entries = parse((REGIONS / f"{code}.csv").read_text(encoding="utf-8"))
    counts = Counter(entry.level for entry in entries)
    assert counts == {Level.DISTRICT: 1, Level.STREET: streets, Level.COMMUNITY: communities}
    assert entries[0].code == code
    known: set[str] = set()
    for entry in entries:  # parents come first
        assert entry.parent_code is None or entry.parent_code in known
        known.add(entry.code)


def test_places_of_the_story_are_where_the_statistics_bureau_has_them() -> None:
    entries = {e.code: e for e in parse((REGIONS / "350702.csv").read_text(encoding="utf-8"))}
    assert entries["350702004"].name == "四鹤街道"
    assert entries["350702004013"].name.startswith("西门桥")
    assert entries["350702004003"].name.startswith("马坑")
    assert entries["350702006004"].name.startswith("南铝")


def test_byte_order_mark_line_ends_and_full_width_digits_are_understood() -> None:
    text = "\ufeff" + GOOD.replace("990101001", "990101001").replace("\n", "\r\n")
    assert [entry.code for entry in parse(text)] == ["990101", "990101001"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("990101001001,乙社区,community,990101009", "上级 990101009 不存在"),
        ("99010100100,乙社区,community,990101001", "应为 12 位数字"),
        ("99010100100x,乙社区,community,990101001", "应为 12 位数字"),
        ("990101000,乙街道,street,990101", "末三位不能全为 0"),
        ("990101600,乙街道,street,990101", "001–599"),
        ("990101001600,乙社区,community,990101001", "001–599"),
        ("990101001000,乙社区,community,990101001", "末三位不能全为 0"),
        ("990101001,乙街道,street,990101", "与第 3 行重复"),
        ("990101002,东街道,street,990101", "名称 东街道 重复"),
        ("990101002, ,street,990101", "名称为空"),
        ("990101002,乙\x00街道,street,990101", "不可见字符"),
        (f"990101002,{'长' * 61},street,990101", "超过 60 个字"),
        ("990101002,乙街道,town,990101", "层级 'town'"),
        ("990102,乙区,district,", "只能有一个区县"),
        ("990101001001,乙社区,community,990101", "层级不对"),
        ("990102002,乙街道,street,990101", "不以上级代码 990101 开头"),
        ("990101002,乙街道,street,", "缺少上级代码"),
        ("990101001001900,网格,grid,990101001001", "901–999"),
        ("990101002,乙街道,street,990101,多", "多出 1 个单元格"),
    ],
)
def test_bad_rows_are_named_by_line(line: str, said: str) -> None:
    found = faults(GOOD + line + "\n")
    assert any(fault.startswith("第 4 行:") and said in fault for fault in found), found


def test_all_faults_are_listed_at_once_and_children_are_not_blamed() -> None:
    text = GOOD + "99010100,乙,street,990101\n990101001001,,community,990101001\n"
    text += "\n99010100001,丙,community,99010100\n"
    assert [fault.split(":")[0] for fault in faults(text)] == ["第 4 行", "第 5 行", "第 7 行"]


def test_columns_are_checked() -> None:
    assert faults("code,name\n") == ["第 1 行:缺少列 level、parent_code"]
    assert "未知的列" in faults("code,name,level,parent_code,population\n")[0]
    assert "缺少列" in faults("")[0]
    assert faults(HEAD) == ["第 1 行:没有区县一级"]


def test_city_code_is_not_a_district() -> None:
    assert "省或市" in faults(HEAD + "990100,甲市,district,\n")[0]


def test_enormous_cells_are_a_fault_and_not_an_error() -> None:
    assert "CSV" in faults(GOOD + "990101002," + "长" * 200_000 + ",street,990101\n")[0]
    long = faults(GOOD + "9" * 10_000 + ",乙街道,street,990101\n")
    assert all(len(fault) < 200 for fault in long)


def test_kind_of_a_grid_follows_from_its_number() -> None:
    def kind(sequence: str) -> GridKind | None:
        code = f"990101001001{sequence}"
        return Entry(0, Level.GRID, code, "网格", code[:12]).grid_kind

    assert [kind("001"), kind("899")] == [GridKind.BASIC, GridKind.BASIC]
    assert [kind("901"), kind("999")] == [GridKind.DEDICATED, GridKind.DEDICATED]


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    for candidate in (text, HEAD + text):
        with contextlib.suppress(BadTree):
            assert parse(candidate)[0].level is Level.DISTRICT
