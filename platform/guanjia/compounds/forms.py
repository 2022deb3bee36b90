"""The normal forms of what names a building or a home (楼栋、单元、楼层、房号)."""

from __future__ import annotations

import re
import unicodedata

from guanjia.graph.errors import BAD_USER_INPUT, Refusal

NO_UNIT = "00"
LOWEST_FLOOR, HIGHEST_FLOOR = -9, 200
ROOM_LENGTH, NAME_LENGTH = 20, 40
MOST_BUILDINGS = 200
_RANGE = re.compile(
    r"(?P<head>\D*?)(?P<first>\d{1,4})[-~至到–—―−](?:(?P=head))?(?P<last>\d{1,4})(?P<tail>\D*)"
)
_BELOW = re.compile(r"(?:B|-|负|地下)0*(\d{1,2})")
_ABOVE = re.compile(r"F?0*(\d{1,3})")


def building_names(given: list[str]) -> list[str]:
    """The names, with each range written out: `1–3幢` is 1幢, 2幢, 3幢."""
    names = [name for text in given for name in _written_out(text)]
    if not names:
        raise Refusal(BAD_USER_INPUT, "请给出楼栋名称,例如 1–12幢。", ("names",))
    if len(names) > MOST_BUILDINGS:
        raise Refusal(BAD_USER_INPUT, f"一次最多建 {MOST_BUILDINGS} 幢楼。", ("names",))
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise Refusal(BAD_USER_INPUT, f"楼栋名称“{twice}”重复。", ("names",))
    return names


def building_name(given: str, field: str = "name") -> str:
    """One name without blanks, in NFKC."""
    name = _squeezed(given)
    if not 1 <= len(name) <= NAME_LENGTH or not name.isprintable():
        raise Refusal(BAD_USER_INPUT, f"楼栋名称须为 1 到 {NAME_LENGTH} 个字。", (field,))
    return name


def unit(given: str | None, field: str = "unit") -> str:
    """Two digits: `2`, `02` and `2单元` are 02; nothing is 00, a building without units."""
    text = _squeezed(given or "").removesuffix("单元")
    if not text:
        return NO_UNIT
    if not re.fullmatch(r"[0-9]{1,2}", text):
        raise Refusal(BAD_USER_INPUT, "单元须为 1 到 99 的数字;无单元时留空。", (field,))
    return text.zfill(2)


def floor(given: str, field: str = "floor") -> int:
    """A number below zero under ground: `B1`, `-1`, `-01` and `负1` are -1. There is no floor 0."""
    text = _squeezed(given).upper().removesuffix("层").removesuffix("楼")
    below, above = _BELOW.fullmatch(text), _ABOVE.fullmatch(text)
    number = -int(below[1]) if below else int(above[1]) if above else 0
    if number == 0 or not LOWEST_FLOOR <= number <= HIGHEST_FLOOR:
        raise Refusal(
            BAD_USER_INPUT,
            f"楼层须为 1 到 {HIGHEST_FLOOR} 的数字,地下写 -1 或 B1。",
            (field,),
        )
    return number


def room(given: str, field: str = "room") -> str:
    """The room in NFKC, capitals, without blanks and without 室."""
    text = _squeezed(given).upper().removesuffix("室")
    if not 1 <= len(text) <= ROOM_LENGTH or not text.isprintable():
        raise Refusal(BAD_USER_INPUT, f"房号须为 1 到 {ROOM_LENGTH} 个字,例如 501。", (field,))
    return text


def estate_code(given: str | None, field: str = "estateCode") -> str | None:
    """不动产单元代码: 28 capitals and digits."""
    text = _squeezed(given or "").upper()
    if text and not re.fullmatch(r"[0-9A-Z]{28}", text):
        raise Refusal(BAD_USER_INPUT, "不动产单元代码须为 28 位数字或字母。", (field,))
    return text or None


def label(building: str, unit_code: str, room_name: str) -> str:
    """What stands on the door, for example 3幢2单元501."""
    middle = "" if unit_code == NO_UNIT else f"{int(unit_code)}单元"
    return f"{building}{middle}{room_name}"


def _written_out(text: str) -> list[str]:
    found = _RANGE.fullmatch(_squeezed(text))
    if found is None:
        return [building_name(text, "names")]
    first, last = int(found["first"]), int(found["last"])
    if not first <= last < first + MOST_BUILDINGS:
        raise Refusal(
            BAD_USER_INPUT,
            f"楼栋范围“{text}”不正确:须从小到大,最多 {MOST_BUILDINGS} 幢。",
            ("names",),
        )
    names = (f"{found['head']}{number}{found['tail']}" for number in range(first, last + 1))
    return [building_name(name, "names") for name in names]


def _squeezed(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())
