"""What a list would do to the routing table, row by row. Pure.

A row that stands already is not changed, or ends earlier than it would have; any other row begins:
in the place of the one that stands there on that day, or where none does. Days that are over stay
as they were, and so does what the list does not speak of.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.cases.reasons import AssignmentRole, Level
from guanjia.cases.routing import Basis, PartyKind
from guanjia.cases.service.routes import FARTHEST, NO_ACCOUNT, in_force
from guanjia.compounds.service.opening import span
from guanjia.imports.kinds import Change

_DAY = dt.timedelta(days=1)
Slot = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """A row of the list, read."""

    number: int
    category_id: UUID
    region_id: UUID
    region_path: str
    basis: Basis
    role: AssignmentRole
    level: Level | None
    organisation_id: UUID | None
    party_kind: PartyKind | None
    unit: str
    unit_kind: str | None
    since: dt.date | None
    until: dt.date | None
    source: str
    reason: str | None


@dataclass(slots=True)
class Standing:
    """A row of the table as it would be: `row` is the stored one, None for one of the list."""

    since: dt.date
    until: dt.date
    organisation_id: UUID | None
    party_kind: str | None
    named: str
    row: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What a row of the list does: ends the stored row `ends` on the day `on`, begins itself, both
    (it takes the other's place), or neither; or what is wrong with it, in `column`."""

    given: Given
    change: Change
    message: str = ""
    column: str | None = None
    ends: Mapping[str, Any] | None = None
    on: dt.date | None = None
    begins: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """steps: one for each row of the list, in its order. leads: by category, what would stand then
    of the rows that name who leads."""

    steps: list[Step]
    leads: Mapping[UUID, Sequence[Mapping[str, Any]]]


class _Wrong(Exception):
    def __init__(self, column: str, sentence: str) -> None:
        self.column, self.sentence = column, sentence


def planned(given: Sequence[Given], stored: Iterable[Mapping[str, Any]], today: dt.date) -> Plan:
    """The plan of a list for the stored rows of its categories."""
    table: dict[Slot, list[Standing]] = defaultdict(list)
    for row in stored:
        standing = _standing(row)
        if standing.since < standing.until:  # else it was taken back before it began
            table[_slot(row)].append(standing)
    seen: dict[tuple[Any, ...], int] = {}
    # What ends makes room for what begins, whichever stands first in the list.
    found = [
        _tried(row, lambda row: _ended(row, table[_slot_of(row)], seen, today)) for row in given
    ]
    begin = [row for row, step in zip(given, found, strict=True) if step is None]
    begun = {
        row.number: _tried(row, lambda row: _begun(row, table[_slot_of(row)], today))
        for row in sorted(begin, key=lambda row: (row.since or today, row.number))
    }
    steps = [step or begun[row.number] for row, step in zip(given, found, strict=True)]
    return Plan([step for step in steps if step is not None], _leads(table))


def _tried(row: Given, look: Callable[[Given], Step | None]) -> Step | None:
    try:
        return look(row)
    except _Wrong as wrong:
        return Step(row, Change.PROBLEM, wrong.sentence, wrong.column)


def _leads(table: Mapping[Slot, Sequence[Standing]]) -> dict[UUID, list[dict[str, Any]]]:
    leads: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for (category, _, region_path, _, role, *_), standing in table.items():
        if role is AssignmentRole.LEAD:
            leads[category] += [
                {
                    "region_path": region_path,
                    "organisation_id": each.organisation_id,
                    "party_kind": each.party_kind,
                    "valid_from": None if each.since == dt.date.min else each.since,
                    "valid_until": None if each.until == dt.date.max else each.until,
                }
                for each in standing
                if each.since < each.until
            ]
    return leads


def _ended(
    row: Given,
    beside: list[Standing],
    seen: dict[tuple[Any, ...], int],
    today: dt.date,
) -> Step | None:
    """What a row does that stands already; None for one that is to begin."""
    key = (_slot_of(row), row.organisation_id, row.party_kind, row.since)
    first = seen.setdefault(key, row.number)
    if first != row.number:
        raise _Wrong("since", f"与第 {first} 行重复。")
    if row.role is AssignmentRole.LEAD and row.unit_kind == "EXTERNAL_PARTY":
        raise _Wrong("unit", NO_ACCOUNT)
    since = row.since or dt.date.min
    same = next((each for each in beside if each.since == since and each.row is not None), None)
    if same is not None:
        if (same.organisation_id, same.party_kind) != (row.organisation_id, row.party_kind):
            raise _Wrong(
                "unit",
                f"这条路由的单位是{same.named},不能改写;由{row.unit}接替的,"
                "请把生效日期改为接替之日(不早于明天)。",
            )
        return _cut(row, same, today)
    if row.since is None:
        raise _Wrong("since", "没有这样的路由;新增的请填写生效日期。")
    if row.since < today:
        raise _Wrong("since", "没有这样的路由;新增的生效日期不能早于今天,过去的路由不能更改。")
    if row.since > today + FARTHEST:
        raise _Wrong("since", "生效日期须在今后三年之内。")
    if row.until is not None and not row.since < row.until <= today + FARTHEST:
        raise _Wrong("until", "失效日期须晚于生效日期,且在今后三年之内。")
    return None


def _cut(row: Given, same: Standing, today: dt.date) -> Step:
    until = row.until or dt.date.max
    if until == same.until:
        return Step(row, Change.UNCHANGED)
    if same.until <= today:
        raise _Wrong("until", f"这条路由已于 {same.until} 失效,过去的路由不能更改。")
    if until > same.until:
        raise _Wrong(
            "until", f"这条路由至 {same.until} 为止;要延续,请另加一行,自 {same.until} 起生效。"
        )
    if until < max(today + _DAY, same.since):
        raise _Wrong("until", f"失效日期不能早于 {max(today + _DAY, same.since)}。")
    if not row.reason:
        raise _Wrong("reason", "请填写终止的理由。")
    same.until = until
    said = f"{same.named}自 {until} 起不再{_does(row)}。"
    return Step(row, Change.REMOVED, said, ends=same.row, on=until)


def _begun(row: Given, beside: list[Standing], today: dt.date) -> Step:
    assert row.since is not None
    until = row.until or dt.date.max
    begins = Standing(row.since, until, row.organisation_id, row.party_kind, row.unit)
    over = [each for each in beside if each.since < until and row.since < each.until]
    if not over:
        beside.append(begins)
        return Step(row, Change.ADDED, f"{row.unit}{span(row.since, row.until)}{_does(row)}。",
                    begins=True)  # fmt: skip
    old, *more = over
    if more or old.row is None or old.since >= row.since:
        other = max(over, key=lambda each: each.since)
        raise _Wrong(
            "since",
            f"与{other.named}{_days(other)}的路由重叠;请先终止它,或填写失效日期。",
        )
    if row.since <= today:
        raise _Wrong("since", f"今天由{old.named}{_does(row)};最早自 {today + _DAY} 起接替。")
    if (old.organisation_id, old.party_kind) == (row.organisation_id, row.party_kind):
        raise _Wrong("since", f"{row.unit}已有{_days(old)}的同一路由,不必再加。")
    old.until = row.since
    beside.append(begins)
    said = f"自 {row.since} 起由{row.unit}接替{old.named}{_does(row)}。"
    return Step(row, Change.CHANGED, said, ends=old.row, on=row.since, begins=True)


def _days(each: Standing) -> str:
    return in_force(
        None if each.since == dt.date.min else each.since,
        None if each.until == dt.date.max else each.until,
    )


def _does(row: Given) -> str:
    return "主办" if row.role is AssignmentRole.LEAD else "协办"


def _standing(row: Mapping[str, Any]) -> Standing:
    return Standing(
        row["valid_from"] or dt.date.min,
        row["valid_until"] or dt.date.max,
        row["organisation_id"],
        row["party_kind"],
        row["named"],
        row,
    )


def _slot(row: Mapping[str, Any]) -> Slot:
    """Of two leads only one can be meant; assistants are as many as there are organisations."""
    role = AssignmentRole(row["role"])
    which = (row["organisation_id"], row["party_kind"]) if role is AssignmentRole.ASSIST else ()
    level = Level(row["level"]) if row["level"] else None
    return (
        row["category_id"], row["region_id"], row["region_path"], Basis(row["basis"]), role, level,
        *which,
    )  # fmt: skip


def _slot_of(row: Given) -> Slot:
    which = (row.organisation_id, row.party_kind) if row.role is AssignmentRole.ASSIST else ()
    return (
        row.category_id, row.region_id, row.region_path, row.basis, row.role, row.level, *which
    )  # fmt: skip


def changed_days(steps: Sequence[Step]) -> dict[UUID, set[dt.date]]:
    """By category, the days on which a row would end that stands now."""
    days: dict[UUID, set[dt.date]] = defaultdict(set)
    for step in steps:
        if step.on is not None:
            days[step.given.category_id].add(step.on)
    return dict(days)
