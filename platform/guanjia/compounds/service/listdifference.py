"""What changed from one edition of a list to another, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

from guanjia.compounds.models.lists import CONTENT
from guanjia.compounds.models.seats import SEAT_TITLES, Seat
from guanjia.graph.filters import camel
from guanjia.graph.times import UNIT_TITLES, Unit

Item = Mapping[str, Any]


class ChangeKind(StrEnum):
    """新增、删去、修改、移动"""

    ADDED = "ADDED"
    REMOVED = "REMOVED"
    CHANGED = "CHANGED"
    MOVED = "MOVED"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `field` is the changed field's name in the API; `words` say it in Chinese."""

    kind: ChangeKind
    code: str
    field: str | None
    words: str


_LABELS = {
    "title": "名称",
    "standard": "标准",
    "frequency": "频次",
    "evidence": "佐证",
    "basis": "依据",
    "basis_from": "依据生效日",
    "basis_to": "依据失效日",
    "contract_clause": "合同条款",
    "limit": "时限",
    "weight": "权重",
    "owner_seat": "牵头席位",
    "co_seats": "配合席位",
    "public": "是否公开",
}


def difference(before: Sequence[Item], after: Sequence[Item]) -> list[Change]:
    """The changes from one edition's items to another's, both in their order. Items are the same
    when their codes are. Removed ones come first, then the rest in the order of `after`."""
    old = {item["code"]: item for item in before}
    new = {item["code"]: item for item in after}
    changes = [
        Change(ChangeKind.REMOVED, code, None, f"删去第{position}项 {_name(item)}")
        for position, (code, item) in enumerate(old.items(), 1)
        if code not in new
    ]
    moved = _moved([code for code in old if code in new], [code for code in new if code in old])
    places = {code: position for position, code in enumerate(old, 1)}
    for position, (code, item) in enumerate(new.items(), 1):
        if code not in old:
            words = f"新增第{position}项 {_name(item)}"
            changes.append(Change(ChangeKind.ADDED, code, None, words))
            continue
        changes += _changed(old[code], item)
        if code in moved:
            words = f"{_name(item)}:由第{places[code]}项移到第{position}项"
            changes.append(Change(ChangeKind.MOVED, code, "position", words))
    return changes


def _moved(before: list[str], after: list[str]) -> set[str]:
    """The codes that left their place among those both editions have: the rest kept its order."""
    kept = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    return set(after) - {code for block in kept for code in after[block.b : block.b + block.size]}


def _changed(old: Item, new: Item) -> list[Change]:
    was, now = _said(old), _said(new)
    return [
        Change(
            ChangeKind.CHANGED,
            new["code"],
            "limitValue" if field == "limit" else camel(field),
            f"{_name(new)}:{_LABELS[field]}由“{was[field]}”改为“{now[field]}”",
        )
        for field in now
        if was[field] != now[field]
    ]


def _said(item: Item) -> dict[str, str]:
    """What an item says, field by field, as people read it."""
    said: dict[str, str] = {}
    for name in CONTENT:
        value = item[name]
        match name:
            case "code" | "limit_unit":
                continue
            case "limit_value":
                name = "limit"
                value = value and f"{value}个{UNIT_TITLES[Unit(item['limit_unit'])]}"
            case "owner_seat":
                value = value and SEAT_TITLES[Seat(value)]
            case "co_seats":
                value = "、".join(SEAT_TITLES[seat] for seat in Seat if seat in value)
            case "public":
                value = "是" if value else "否"
        said[name] = "无" if value is None or value == "" else str(value)
    return said


def _name(item: Item) -> str:
    return f"{item['code']} {item['title']}"
