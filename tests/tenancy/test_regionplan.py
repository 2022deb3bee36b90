"""Comparing trees: who stays, moves, merges and closes."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from guanjia.tenancy.models import LEVELS, Level
from guanjia.tenancy.regionplan import Current, Plan, plan
from guanjia.tenancy.regiontree import DIGITS, Entry, parse

REGIONS = Path(__file__).parents[2] / "tenants" / "regions"


def tree(*rows: tuple[str, str] | tuple[str, str, str]) -> list[Entry]:
    """Entries from (code, name[, predecessors]); the level follows from the digits."""
    levels = {digits: level for level, digits in DIGITS.items()}
    entries = []
    for line, (code, name, *before) in enumerate((("990101", "甲区"), *rows), 2):
        parent = code[:-3] if len(code) > 6 else None
        entries.append(
            Entry(line, levels[len(code)], code, name, parent, before[0] if before else None)
        )
    return sorted(entries, key=lambda entry: LEVELS.index(entry.level))


def applied(now: list[Current], made: Plan) -> list[Current]:
    """What apply_plan does, without a database."""
    leaving = {region.id for region in made.leaving}
    names = {old.id: new.name for old, new in made.renamed}
    result = {
        r.code: Current(r.id, r.level, r.code, names.get(r.id, r.name), r.parent_id, r.path)
        for r in now
        if r.id not in leaving
    }
    numbers = count(max((r.id.int for r in now), default=0) + 1)
    for entry in made.inserted:
        assert entry.code not in result, "a code is in force once"
        parent = result[entry.parent_code] if entry.parent_code else None
        number = next(numbers)
        path = (parent.path if parent else "") + f"{number:04d}/"
        result[entry.code] = Current(
            UUID(int=number), entry.level, entry.code, entry.name,
            parent.id if parent else None, path,
        )  # fmt: skip
    return list(result.values())


def standing(entries: list[Entry]) -> list[Current]:
    return applied([], plan([], entries))


def pairs(found: tuple[tuple[Current, Entry], ...]) -> list[tuple[str, str]]:
    return [(old.code, new.code) for old, new in found]


A, B = ("990101001", "东街道"), ("990101002", "西街道")


def test_same_tree_changes_nothing() -> None:
    for file in sorted(REGIONS.glob("*.csv")):
        entries = parse(file.read_text(encoding="utf-8"))
        again = plan(standing(entries), entries)
        assert again.empty
        assert again.unchanged == len(entries)


def test_changes_between_2022_and_2023_are_recognised() -> None:
    """地税社区 moved between streets; 东太平社区 became 东泰社区 under its code."""
    new = parse((REGIONS / "231282.csv").read_text(encoding="utf-8"))
    text = (REGIONS / "231282.csv").read_text(encoding="utf-8")
    text = text.replace(
        "231282004013,地税社区居委会,community,231282004",
        "231282003002,地税社区居委会,community,231282003",
    ).replace("东泰社区居委会", "东太平社区居委会")
    found = plan(standing(parse(text)), new)
    assert pairs(found.moved) == [("231282003002", "231282004013")]
    assert [(old.name, entry.name) for old, entry in found.renamed] == [
        ("东太平社区居委会", "东泰社区居委会")
    ]
    assert [*found.added, *found.closed, *found.merged] == []
    words = "\n".join(found.lines())
    assert "划转 231282003002 地税社区居委会 → 231282004013 地税社区居委会" in words
    assert "更名 231282001006 东太平社区居委会 → 东泰社区居委会" in words


def test_reused_code_is_not_a_new_name() -> None:
    """Otherwise whoever holds a role in the old region would hold it in a stranger."""
    now = standing(tree(A, B, ("990101001001", "甲社区"), ("990101001002", "乙社区")))
    found = plan(now, tree(A, B, ("990101001001", "新社区"), ("990101001002", "乙社区"),
                           ("990101002001", "甲社区")))  # fmt: skip
    assert pairs(found.moved) == [("990101001001", "990101002001")]
    assert [entry.code for entry in found.added] == ["990101001001"]
    assert not found.renamed


def test_same_name_in_two_places_moves_nobody() -> None:
    now = standing(tree(A, B, ("990101001001", "胜利村"), ("990101002001", "胜利村")))
    found = plan(now, tree(A, B, ("990101001009", "丰收村"), ("990101001008", "胜利村"),
                           ("990101002001", "胜利村")))  # fmt: skip
    assert pairs(found.moved) == [("990101001001", "990101001008")]
    both = plan(now, tree(A, B, ("990101001002", "胜利新村"), ("990101002002", "胜利老村")))
    assert not both.moved
    assert len(both.closed) == len(both.added) == 2


def test_communities_follow_a_street_whose_code_changes() -> None:
    """A 乡 that becomes a 镇: names below it may also stand elsewhere."""
    now = standing(tree(A, ("990101200", "巨口乡"), ("990101200201", "胜利村"),
                        ("990101001201", "胜利村")))  # fmt: skip
    found = plan(now, tree(A, ("990101100", "巨口镇", "990101200"), ("990101100201", "胜利村"),
                           ("990101001201", "胜利村")))  # fmt: skip
    assert pairs(found.moved) == [("990101200", "990101100"), ("990101200201", "990101100201")]
    assert not found.closed


def test_grids_go_with_their_community() -> None:
    now = standing(tree(A, B, ("990101001001", "甲社区"), ("990101001001001", "第一网格"),
                        ("990101001001901", "园区网格")))  # fmt: skip
    found = plan(now, tree(A, B, ("990101002007", "甲社区")))
    assert pairs(found.moved) == [
        ("990101001001", "990101002007"),
        ("990101001001001", "990101002007001"),
        ("990101001001901", "990101002007901"),
    ]
    assert not found.closed, "nothing is lost, so nothing needs to be confirmed"
    closing = plan(now, tree(A, B))
    assert len(closing.closed) == 3


def test_merging_into_a_community_that_stays() -> None:
    grids = ("990101001001001", "第一网格"), ("990101001002001", "第一网格")
    now = standing(tree(A, ("990101001001", "甲社区"), ("990101001002", "乙社区"), *grids))
    wanted = tree(A, ("990101001002", "乙社区", "990101001001"))
    found = plan(now, wanted)
    assert pairs(found.merged) == [("990101001001", "990101001002")]
    assert pairs(found.moved) == [("990101001001001", "990101001002002")], "001 is taken there"
    assert not found.closed
    assert plan(applied(now, found), wanted).empty, "said again it means nothing"


def test_two_communities_become_a_third() -> None:
    now = standing(tree(A, ("990101001001", "甲社区"), ("990101001002", "乙社区")))
    wanted = tree(A, ("990101001003", "甲乙社区", "990101001001;990101001002"))
    found = plan(now, wanted)
    assert pairs(found.moved) == [
        ("990101001001", "990101001003"),
        ("990101001002", "990101001003"),
    ]
    assert [entry.code for entry in found.inserted] == ["990101001003"]
    assert plan(applied(now, found), wanted).empty


def test_carving_out_of_a_community_that_stays() -> None:
    now = standing(tree(A, ("990101001001", "甲社区")))
    wanted = tree(A, ("990101001001", "甲社区"), ("990101001002", "乙社区", "990101001001"))
    found = plan(now, wanted)
    assert pairs(found.carved) == [("990101001001", "990101001002")]
    assert [entry.code for entry in found.added] == ["990101001002"]
    assert not found.moved
    assert plan(applied(now, found), wanted).empty


def test_file_with_grids_lists_all_of_them() -> None:
    now = standing(tree(A, ("990101001001", "甲社区"), ("990101001001001", "第一网格"),
                        ("990101001001002", "第二网格")))  # fmt: skip
    found = plan(now, tree(A, ("990101001001", "甲社区"), ("990101001001001", "东网格")))
    assert [old.code for old in found.closed] == ["990101001001002"]
    assert len(found.renamed) == 1


names = st.sampled_from(["甲", "乙", "丙", "丁", "戊"])


@st.composite
def trees(draw: st.DrawFn) -> list[Entry]:
    """Small trees over few codes and names, so that every kind of change meets every other."""
    rows: list[tuple[str, str, str]] = []

    def below(parent: str, digits: int) -> None:
        named = draw(st.dictionaries(st.integers(1, 3), names, max_size=3))
        seen: set[str] = set()
        for number, name in named.items():
            if name in seen:
                continue
            seen.add(name)
            code = f"{parent}{number:03d}"
            before = ""
            if digits > 9 and draw(st.booleans()):
                before = f"990101{draw(st.integers(1, 3)):03d}{draw(st.integers(1, 3)):03d}"
            rows.append((code, name, before if len(before) == digits else ""))
            if digits < 15:
                below(code, digits + 3)

    below("990101", 9)
    return tree(*rows)


@given(trees(), trees())
def test_applying_a_plan_gives_the_wanted_tree_and_then_nothing(
    first: list[Entry], second: list[Entry]
) -> None:
    now = standing(first)
    made = plan(now, second)
    after = applied(now, made)
    listed = any(entry.level is Level.GRID for entry in second)
    shown = {(e.code, e.name) for e in second}
    assert {(r.code, r.name) for r in after if listed or r.level is not Level.GRID} == shown
    by_id = {region.id: region for region in after}
    for region in after:
        if region.parent_id is not None:
            parent = by_id[region.parent_id]
            assert region.path[:-5] == parent.path
            assert region.code.startswith(parent.code)
    left = [region.id for region in made.leaving]
    assert len(left) == len(set(left)), "a region leaves once"
    assert plan(after, second).empty
