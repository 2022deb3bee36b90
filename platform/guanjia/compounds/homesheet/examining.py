"""What a list of homes and residents would change, or what is wrong with it: a finding a row.

A finding names homes and columns, never a person: those who may see that there was an import may
not all read names.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from guanjia.compounds import forms
from guanjia.compounds.homesheet.columns import RELATIONS, YES
from guanjia.compounds.homesheet.stored import Stored, holder, look
from guanjia.compounds.models import BindingRelation
from guanjia.imports.kinds import Change, Finding, Place, Row
from guanjia.people.drafts import MOST_PHONES
from guanjia.people.service import KNOWN, phone_index
from guanjia.people.vault import vault_of

TITLES = {relation: title for title, relation in RELATIONS.items()}


class _Wrong(Exception):
    def __init__(self, column: str, sentence: str) -> None:
        super().__init__(sentence)
        self.column, self.sentence = column, sentence


class _Said:
    """What one row would do, as it is found out."""

    def __init__(self) -> None:
        self.change = Change.UNCHANGED
        self.words: list[str] = []

    def add(self, change: Change, words: str) -> None:
        if self.change is not Change.ADDED:
            self.change = change
        self.words.append(words)


async def examine(connection: Any, place: Place, rows: Sequence[Row]) -> list[Finding]:
    """One finding for each row, in the scope of the place."""
    keyring = await vault_of(place.settings).reading(connection, place.tenant_id)
    assert keyring is not None, "the batch is sealed, so there are keys"
    stored = await look(connection, place, keyring, rows)
    names = await _names_near(connection, place, stored, rows)
    return [_finding(place, stored, names, row) for row in rows]


def _finding(place: Place, stored: Stored, names: dict[UUID, list[str]], row: Row) -> Finding:
    said = _Said()
    try:
        home = _home(stored, names, row, said)
        if row["name"] is not None:
            _resident(place, stored, home, row, said)
    except _Wrong as wrong:
        return Finding(row.number, Change.PROBLEM, wrong.sentence, wrong.column)
    sentence = ";".join(said.words)
    return Finding(row.number, said.change, sentence and sentence + "。")


def _home(stored: Stored, names: dict[UUID, list[str]], row: Row, said: _Said) -> Any:
    """The home that the row names, None for a new one; said once, in the first of its rows."""
    compound = stored.compounds.get(row["compound"])
    if compound is None:
        raise _Wrong("compound", f"小区“{row['compound']}”不存在,或不在您的管辖范围内。")
    building = stored.building(row)
    if building is None:
        near = _near(row["building"], names.get(compound, []))
        meant = f",是否应为“{near}”" if near else "。须先建楼栋"
        raise _Wrong("building", f"该小区没有楼栋“{row['building']}”{meant}。")
    key = stored.key(row)
    home = stored.homes.get(key)
    if home is None:
        ended = stored.closed.get(key)
        if ended and row["since"] and row["since"] < ended.isoformat():
            raise _Wrong("since", f"{ended} 以前该房号属于另一已注销的房屋。")
        if row["first"] == row.number:
            label = forms.label(building["name"], row["unit"], row["room"])
            said.add(Change.ADDED, f"新增房屋“{label}”")
    elif row["first"] == row.number:
        for column, title in (("area", "建筑面积"), ("estate_code", "不动产单元代码")):
            before = home["area_dm2" if column == "area" else column]
            if row[column] not in (None, before):
                said.add(Change.CHANGED, f"{title}:{_shown(before)} → {_shown(row[column])}")
    return home


def _resident(place: Place, stored: Stored, home: Any, row: Row, said: _Said) -> None:
    person = _person(place, stored, home, row)
    if home and row["since"] and row["since"] < home["valid_from"].isoformat():
        raise _Wrong("since", f"起始日期不能早于房屋的起始日期 {home['valid_from']}。")
    bound = stored.binding(home["id"], person) if home and person else None
    if bound is None:
        who = "登记住户并" if person is None else "已登记的居民"
        if person is None and row["person_row"] not in (None, row.number):
            who = f"第 {row['person_row']} 行的住户"
        said.add(Change.ADDED, f"{who}绑定为{row['relation']}")
    elif bound.relation != RELATIONS[row["relation"]]:
        raise _Wrong(
            "relation",
            f"此人与该房屋的关系已登记为“{TITLES[BindingRelation(bound.relation)]}”;"
            "有变时请先在系统中结束原绑定。",
        )
    if person is not None:
        _phone(stored, person, row, said)
    _voter(stored, home, person, row, said)
    if row["odd"] and person is None:
        said.words.append(f"提示:{row['odd']}")


def _person(place: Place, stored: Stored, home: Any, row: Row) -> UUID | None:
    """Who the row names; None for somebody who is not registered. A document decides, and without
    one the name among those bound to the home."""
    named = holder(row)
    found = stored.holders.get(named) if named else None
    if found is not None:
        if not (found["in_force"] and place.scope.covering(found["region_path"])):
            # The same wherever that person lives, as for whoever registers one person.
            raise _Wrong("number", KNOWN)
        if found["name"] != row["name"]:
            raise _Wrong("name", "该证件登记的姓名与本行不同,请核对。")
        known: UUID = found["id"]
        return known
    if named is not None or home is None:
        return None
    same = [b for b in stored.bound.get(home["id"], ()) if b.name == row["name"]]
    if len(same) > 1:
        raise _Wrong("number", "该房屋已有几位同名的人,请填写证件号码。")
    return same[0].person_id if same else None


def _phone(stored: Stored, person: UUID, row: Row, said: _Said) -> None:
    phones = stored.phones.get(person, set())
    if row["phone"] is None or phone_index(stored.keyring, row["phone"]) in phones:
        return
    if len(phones) >= MOST_PHONES:
        raise _Wrong("phone", f"此人已登记 {MOST_PHONES} 个电话,请先在系统中更正。")
    said.add(Change.CHANGED, "补充联系电话")


def _voter(stored: Stored, home: Any, person: UUID | None, row: Row, said: _Said) -> None:
    """At most one person votes for a home, and for an owner who is known (domain §4.5)."""
    if row["voter"] != YES:
        return
    holds = stored.voters.get(home["id"]) if home else None
    if holds is not None and holds == person:
        return
    if holds is not None:
        raise _Wrong("voter", "该房屋已有投票代表;更换请在系统中办理。")
    if not row["owned"] and not (home and stored.owned(home["id"])):
        raise _Wrong("voter", "该房屋尚无产权人,不能委托投票:请先登记产权人,或把其行放在本行之前。")
    said.add(Change.CHANGED, "为投票代表")


async def _names_near(
    connection: Any, place: Place, stored: Stored, rows: Sequence[Row]
) -> dict[UUID, list[str]]:
    """The buildings of each compound in which a row names one that is not there."""
    asked = {
        stored.compounds[row["compound"]]
        for row in rows
        if row["compound"] in stored.compounds and stored.building(row) is None
    }
    names: dict[UUID, list[str]] = {}
    if asked:
        for found in await connection.fetch(
            "select compound_id, name from buildings where tenant_id = $1"
            " and compound_id = any($2) and active order by position, id",
            place.tenant_id,
            list(asked),
        ):
            names.setdefault(found["compound_id"], []).append(found["name"])
    return names


def _near(name: str, names: list[str]) -> str | None:
    """The building that was probably meant: of the same number, else spelt nearly so."""
    digits = re.sub(r"\D", "", name)
    same = [n for n in names if digits and re.sub(r"\D", "", n) == digits]
    return next(iter(same or difflib.get_close_matches(name, names, n=1)), None)


def _shown(value: Any) -> str:
    if value is None:
        return "无"
    return f"{value // 100}.{value % 100:02}" if isinstance(value, int) else str(value)
