"""The columns of a list of homes and residents, and what its rows may say together. Pure.

A row is a home with one of its residents; a home of several residents has several rows, one of
none has a row without a name.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from guanjia.compounds import forms
from guanjia.compounds.models import BindingProof, BindingRelation
from guanjia.compounds.service.homes import LARGEST_DM2
from guanjia.graph.errors import BAD_USER_INPUT, Refusal
from guanjia.imports.columns import Column, Kind, Value
from guanjia.people.drafts import NAME_LENGTH, Today, checked_birth, checked_name
from guanjia.people.identity import (
    DataWarning,
    DocumentKind,
    Sex,
    disagreements,
    document,
    normal_number,
    phone,
)
from guanjia.tenancy.models import LOCAL

YES, NO = "是", "否"
RELATIONS = {
    "产权人": BindingRelation.OWNER,
    "配偶": BindingRelation.SPOUSE,
    "同住家属": BindingRelation.FAMILY,
    "承租人": BindingRelation.TENANT,
}
PROOFS = {
    "物业前台核对": BindingProof.PROPERTY_DESK,
    "不动产登记核对": BindingProof.ESTATE_REGISTRY,
}
DOCUMENTS = {
    "居民身份证": DocumentKind.CITIZEN_ID,
    "护照": DocumentKind.PASSPORT,
    "港澳台居民居住证": DocumentKind.HMT_RESIDENCE_PERMIT,
    "港澳居民来往内地通行证": DocumentKind.HM_TRAVEL_PERMIT,
    "台湾居民来往大陆通行证": DocumentKind.TAIWAN_TRAVEL_PERMIT,
    "外国人永久居留身份证": DocumentKind.FOREIGN_RESIDENT_CARD,
    "出生医学证明": DocumentKind.BIRTH_CERTIFICATE,
    "其他": DocumentKind.OTHER,
}
SEXES = {"男": Sex.MALE, "女": Sex.FEMALE}
WARNINGS = {
    DataWarning.SEX_MISMATCH: "性别与证件不符",
    DataWarning.BIRTH_DATE_MISMATCH: "出生日期与证件不符",
}
DERIVED = ("first", "owned", "legacy", "odd", "person_row")
"""first: the row in which the file first names the home. owned: whether it has named an owner of it
by now. legacy: the 15-digit number that was upgraded. odd: what differs from the document, in
words. person_row: the row in which the file first names the holder of the document."""

_ROOM_ON_FLOOR = re.compile(r"([1-9]\d?)\d{2}")
_AREA = re.compile(r"(\d{1,7}(?:\.\d{1,2})?)(?:平方米|平米|m2|M2)?")
_RESIDENT = (
    "document_kind", "number", "phone", "sex", "birth", "relation", "proof", "voter",
)  # fmt: skip


def _area(text: str) -> int:
    """Square metres as they are written, in 0.01 m²."""
    found = _AREA.fullmatch(normal_number(text))
    area = int(Decimal(found[1]) * 100) if found else 0
    if not 1 <= area <= LARGEST_DM2:
        raise Refusal(
            BAD_USER_INPUT,
            f"建筑面积须为 0.01 到 {LARGEST_DM2 // 100} 平方米的数字,最多两位小数。",
        )
    return area


def _phone(text: str) -> str:
    return phone(text).number


COLUMNS = (
    Column(
        "compound", "小区", Kind.CHOICE, ("小区名称",), required=True, example="碧桂园·珑樾台",
    ),
    Column(
        "building", "楼栋", aliases=("楼栋名称", "幢", "楼号"), required=True, longest=60,
        form=forms.building_name, example="1幢", note="须是该小区已建的楼栋",
    ),
    Column(
        "unit", "单元", aliases=("单元号",), form=forms.unit, example="2",
        note="无单元的楼不填",
    ),
    Column(
        "floor", "楼层", aliases=("层",), form=forms.floor, example="5",
        note="地下写 -1 或 B1;不填时由三、四位数的房号得出(501 为 5 层)",
    ),
    Column(
        "room", "房号", aliases=("室", "房间号", "门牌号"), required=True, form=forms.room,
        example="501",
    ),
    Column(
        "area", "建筑面积", aliases=("面积", "建筑面积(平方米)"), form=_area, example="89.50",
        note="平方米,最多两位小数;一房屋有多行时填在第一行",
    ),
    Column(
        "estate_code", "不动产单元代码", Kind.CODE, ("不动产单元号",), form=forms.estate_code,
        note="28 位,可不填",
    ),
    Column(
        "name", "姓名", aliases=("住户姓名", "业主姓名"), longest=NAME_LENGTH, form=checked_name,
        example="测试甲", note="空置的房屋不填;一人一行",
    ),
    Column(
        "document_kind", "证件类型", Kind.CHOICE, choices=tuple(DOCUMENTS), example="居民身份证",
        note="不填为居民身份证",
    ),
    Column(
        "number", "证件号码", Kind.CODE, ("身份证号", "身份证号码", "公民身份号码"), longest=40,
        protected=True, example="350702198811029972",
        note="15 位旧号码自动升为 18 位;没有证件号码时,以房屋和姓名认定同一人",
    ),
    Column(
        "phone", "联系电话", Kind.CODE, ("电话", "手机", "手机号", "手机号码"), longest=40,
        form=_phone, protected=True, example="13900000001",
    ),
    Column(
        "sex", "性别", Kind.CHOICE, choices=tuple(SEXES), example="男",
        note="可不填,由身份证得出;与身份证不符的会提示",
    ),
    Column(
        "birth", "出生日期", Kind.DATE, protected=True, note="可不填,由身份证得出",
    ),
    Column(
        "relation", "与房屋的关系", Kind.CHOICE, ("关系",), choices=tuple(RELATIONS),
        example="产权人", note="有住户时必填",
    ),
    Column(
        "proof", "核实方式", Kind.CHOICE, ("核验方式",), choices=tuple(PROOFS),
        example="不动产登记核对", note="有住户时必填",
    ),
    Column(
        "voter", "投票代表", Kind.CHOICE, choices=(YES, NO), example=YES,
        note="每套房屋至多一人,承租人不能担任;都不填时为第一位产权人",
    ),
    Column(
        "since", "起始日期", Kind.DATE, example="2024-03-01",
        note="不填为应用之日;没有住户的行为房屋的起始日期",
    ),
)  # fmt: skip

Problem = tuple[str | None, str]


@dataclass(slots=True)
class _Home:
    """What the file has said of a home so far."""

    row: int
    area: Value
    estate_code: Value
    voter: int | None = None
    holders: dict[Any, int] = field(default_factory=dict)
    names: dict[str, tuple[int, bool]] = field(default_factory=dict)


class Sift:
    """One file's rows, each held against those before it."""

    def __init__(self) -> None:
        self._today = dt.datetime.now(LOCAL).date()
        self._homes: dict[tuple[Value, ...], _Home] = {}
        self._with_owner: set[tuple[Value, ...]] = set()
        self._people: dict[tuple[Value, Value], tuple[int, Value]] = {}

    def __call__(self, number: int, values: dict[str, Value]) -> Sequence[Problem]:
        problems = [
            *_floor(values), *_since(values, self._today), *_resident(values, self._today),
        ]  # fmt: skip
        if problems:
            # An owner whose row is wrong is an owner all the same to the rows below.
            self._owned(values)
            return problems
        return [*self._home(number, values), *self._person(number, values)]

    def _home(self, number: int, values: dict[str, Value]) -> list[Problem]:
        """The home is named for the first time, or the row says no more of it than a resident."""
        home = self._homes.get(_place(values))
        if home is None:
            self._homes[_place(values)] = _Home(number, values["area"], values["estate_code"])
            values["first"] = number
            return []
        values["first"] = home.row
        if values["name"] is None:
            return [("room", f"该房屋已在第 {home.row} 行,本行没有住户。")]
        return [
            (column, _otherwise(title, stands, home.row))
            for column, title, stands in (
                ("area", "建筑面积", home.area),
                ("estate_code", "不动产单元代码", home.estate_code),
            )
            if values[column] not in (None, stands)
        ]

    def _person(self, number: int, values: dict[str, Value]) -> list[Problem]:
        name = values["name"]
        if name is None:
            return []
        home = self._homes[_place(values)]
        problems = self._known(number, values, home)
        values["owned"] = int(self._owned(values))
        if values["voter"] == YES:
            if home.voter is not None:
                problems.append(("voter", f"该房屋的投票代表已在第 {home.voter} 行。"))
            home.voter = home.voter or number
        return problems

    def _owned(self, values: dict[str, Value]) -> bool:
        """Whether a row up to this one named an owner of the home."""
        if values["relation"] == "产权人":
            self._with_owner.add(_place(values))
        return _place(values) in self._with_owner

    def _known(self, number: int, values: dict[str, Value], home: _Home) -> list[Problem]:
        """The person is somebody else than everybody of the home so far, and who they were before
        in other homes."""
        name, holder = values["name"], (values["document_kind"], values["number"])
        documented = values["number"] is not None
        before = home.names.setdefault(str(name), (number, documented))
        if before[0] != number and not (documented and before[1]):
            return [("number", f"第 {before[0]} 行是同一房屋的同名的人,请都填写证件号码以便区分。")]
        if not documented:
            return []
        if home.holders.setdefault(holder, number) != number:
            return [("number", f"此人在该房屋已登记于第 {home.holders[holder]} 行。")]
        row, called = self._people.setdefault(holder, (number, name))
        values["person_row"] = row
        if called != name:
            return [("name", f"同一证件号码在第 {row} 行是另一个姓名。")]
        return []


def _place(values: dict[str, Value]) -> tuple[Value, ...]:
    return tuple(values[part] for part in ("compound", "building", "unit", "floor", "room"))


def _otherwise(title: str, stands: Value, row: int) -> str:
    if stands is None:
        return f"{title}请填在该房屋的第一行(第 {row} 行)。"
    return f"{title}与第 {row} 行不同。"


def _floor(values: dict[str, Value]) -> list[Problem]:
    """The unit and the floor have values: no unit is 00, the floor is in the room's number."""
    values["unit"] = values["unit"] or forms.NO_UNIT
    if values["floor"] is None:
        found = _ROOM_ON_FLOOR.fullmatch(str(values["room"]))
        if found is None:
            return [("floor", f"缺少楼层:从房号“{values['room']}”看不出在几层。")]
        values["floor"] = int(found[1])
    return []


def _since(values: dict[str, Value], today: dt.date) -> list[Problem]:
    if values["since"] is not None and str(values["since"]) > today.isoformat():
        return [("since", "起始日期不能晚于今天。")]
    return []


def _resident(values: dict[str, Value], today: dt.date) -> list[Problem]:
    """The row names a person with all that belongs to one, or nobody."""
    if values["name"] is None:
        if any(values[column] is not None for column in _RESIDENT):
            return [("name", "填写了住户的内容,但缺少姓名。")]
        return []
    problems: list[Problem] = [
        (column, f"有住户时须填写{title}。")
        for column, title in (("relation", "与房屋的关系"), ("proof", "核实方式"))
        if values[column] is None
    ]
    if values["voter"] == YES and values["relation"] == "承租人":
        problems.append(("voter", "承租人不能作为房屋的投票代表。"))
    return problems + _document(values, today)


def _document(values: dict[str, Value], today: dt.date) -> list[Problem]:
    """The document in its one form, and what was declared beside it compared with it."""
    try:
        birth = checked_birth(birth_of(values["birth"]), Today(today))
    except Refusal as refused:
        return [("birth", str(refused))]
    if values["number"] is None:
        if values["document_kind"] is not None:
            return [("number", "填写了证件类型,但缺少证件号码。")]
        return []
    values["document_kind"] = values["document_kind"] or "居民身份证"
    kind = DOCUMENTS[str(values["document_kind"])]
    try:
        found = document(kind, str(values["number"]), today, imported=True)
    except Refusal as refused:
        return [("number", str(refused))]
    values["number"], values["legacy"] = found.number, found.legacy
    odd = disagreements(found, SEXES.get(str(values["sex"])), birth)
    values["odd"] = "、".join(WARNINGS[warning] for warning in odd) or None
    return []


def birth_of(value: Value) -> dt.date | None:
    return None if value is None else dt.date.fromisoformat(str(value))
