"""What a list may say when it is published, and how two editions differ."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guanjia.compounds.models.lists import CONTENT, WEIGHT_SUM, ListKind
from guanjia.compounds.models.seats import Seat
from guanjia.compounds.service.listbaseline import baseline
from guanjia.compounds.service.listdifference import difference
from guanjia.compounds.service.lists import unpublishable

TOMORROW = dt.timedelta(days=1)
LAW_IN_FORCE = dt.date(2026, 11, 24)


@pytest.mark.parametrize("kind", list(ListKind))
def test_a_baseline_can_be_published_as_it_is(kind: ListKind) -> None:
    items = baseline(kind)
    assert items
    assert all(set(item) == set(CONTENT) for item in items)
    assert unpublishable(kind, items, LAW_IN_FORCE) is None


def test_the_baselines_are_those_of_the_field() -> None:
    service = baseline(ListKind.SERVICE_LIST)
    assert {item["title"]: item["weight"] for item in service} == {
        "保洁": 15, "绿化养护": 10, "秩序维护": 15, "设施设备": 20, "电梯、消防": 15,
        "公开": 10, "议事": 10, "特殊群体关爱": 5,
    }  # fmt: skip
    assert sum(item["weight"] for item in service) == WEIGHT_SUM
    leads = {item["title"]: item["owner_seat"] for item in baseline(ListKind.BUTLER_DUTY_LIST)}
    assert leads == {
        "收集诉求": Seat.BUILDING_GRID,
        "召开议事会议": Seat.COMMUNITY_PARTY,
        "处置案件": Seat.PROPERTY_PARTY,
        "维修资金与公共收益": Seat.OWNERS_COMMITTEE,
        "评价物业": Seat.COMMUNITY_PARTY,
        "关爱特殊群体": Seat.BUILDING_GRID,
    }
    assert {i["owner_seat"] for i in baseline(ListKind.COMMITTEE_DUTY_LIST)} == {
        Seat.OWNERS_COMMITTEE
    }


@pytest.mark.parametrize(
    ("spoil", "code", "said"),
    [
        (lambda items: items.clear(), "LIST_INCOMPLETE", "没有任何一项"),
        (lambda items: items[2].update(standard=""), "LIST_INCOMPLETE", "标准:S-03"),
        (lambda items: items[0].update(weight=None), "LIST_INCOMPLETE", "权重:S-01"),
        (lambda items: items[0].update(weight=14), "WEIGHTS_NOT_100", "现为99"),
        (lambda items: items[0].update(weight=16), "WEIGHTS_NOT_100", "现为101"),
        (
            lambda items: items[0].update(basis_from=LAW_IN_FORCE + TOMORROW),
            "BASIS_NOT_IN_FORCE",
            "S-01",
        ),
        (lambda items: items[1].update(basis_to=LAW_IN_FORCE), "BASIS_NOT_IN_FORCE", "S-02"),
    ],
)
def test_what_may_not_be_published(
    spoil: Callable[[list[Any]], None], code: str, said: str
) -> None:
    items = baseline(ListKind.SERVICE_LIST)
    spoil(items)
    refusal = unpublishable(ListKind.SERVICE_LIST, items, LAW_IN_FORCE)
    assert refusal is not None
    assert refusal.code == code
    assert said in refusal.message


def test_a_duty_without_its_seat_may_not_be_published() -> None:
    items = baseline(ListKind.BUTLER_DUTY_LIST)
    items[0]["owner_seat"] = None
    refusal = unpublishable(ListKind.BUTLER_DUTY_LIST, items, LAW_IN_FORCE)
    assert refusal is not None
    assert refusal.message == "以下各项没有填写牵头席位:B-01。"


def test_the_difference_says_each_change_in_words() -> None:
    before, after = baseline(ListKind.BUTLER_DUTY_LIST), baseline(ListKind.BUTLER_DUTY_LIST)
    after[0] |= {
        "standard": "每月走访",
        "limit_value": 3,
        "limit_unit": "WORK_DAY",
        "co_seats": [Seat.COMMUNITY_PARTY],
        "public": False,
        "owner_seat": Seat.OWNERS_COMMITTEE,
    }
    after = [after[4], *after[:4], {**after[5], "code": "B-07"}]
    said = [(c.kind, c.code, c.field, c.words) for c in difference(before, after)]
    old = before[0]["standard"]
    assert said == [
        ("REMOVED", "B-06", None, "删去第6项 B-06 关爱特殊群体"),
        ("MOVED", "B-05", "position", "B-05 评价物业:由第5项移到第1项"),
        ("CHANGED", "B-01", "standard", f"B-01 收集诉求:标准由“{old}”改为“每月走访”"),
        ("CHANGED", "B-01", "limitValue", "B-01 收集诉求:时限由“无”改为“3个工作日”"),
        ("CHANGED", "B-01", "ownerSeat", "B-01 收集诉求:牵头席位由“楼栋网格员”改为“业委会”"),
        (
            "CHANGED",
            "B-01",
            "coSeats",
            "B-01 收集诉求:配合席位由“社区党组织、业委会、物业党支部”改为“社区党组织”",
        ),
        ("CHANGED", "B-01", "public", "B-01 收集诉求:是否公开由“是”改为“否”"),
        ("ADDED", "B-07", None, "新增第6项 B-07 关爱特殊群体"),
    ]


@given(st.permutations(range(8)), st.sets(st.integers(0, 7)), st.sets(st.integers(0, 7)))
def test_a_difference_is_empty_exactly_between_equals(
    order: list[int], gone: set[int], heavier: set[int]
) -> None:
    before = baseline(ListKind.SERVICE_LIST)
    after = [
        {**before[n], "weight": before[n]["weight"] + (n in heavier)}
        for n in order
        if n not in gone
    ]
    found = difference(before, after)
    assert bool(found) == (before != after)
    assert sum(change.kind == "REMOVED" for change in found) == len(gone)
    assert sum(change.kind == "CHANGED" for change in found) == len(heavier - gone)
