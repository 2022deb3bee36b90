"""The routing table makes itself known: what comes in, and what goes out."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from guanjia.cases.reasons import AssignmentRole, Level
from guanjia.cases.routing import BASIS_TITLES, PARTY_TITLES, ROLE_TITLES, Basis, PartyKind
from guanjia.cases.routingsheet.columns import COLUMNS, LEVELS, MOST_ROWS, Words, choices, words
from guanjia.cases.routingsheet.planning import Given, Plan, Step, changed_days, planned
from guanjia.cases.routingsheet.writing import lock, undo, write
from guanjia.cases.service.holes import Hole, holes, planned_holes, told
from guanjia.db.pools import Transaction
from guanjia.imports.exports import Export, offer
from guanjia.imports.kinds import (
    Change,
    Effect,
    Finding,
    ImportKind,
    Part,
    Place,
    Row,
    register,
)

_STORED = (
    "select t.*, o.name as organisation from case_routings t left join organisations o"
    " on o.tenant_id = $1 and o.id = t.organisation_id where t.tenant_id = $1"
)
_BASES = {title: basis for basis, title in BASIS_TITLES.items()}
_ROLES = {title: role for role, title in ROLE_TITLES.items()}
_PARTIES = {title: kind for kind, title in PARTY_TITLES.items()}
_GONE = {
    "category": "该案件类别已停用或不存在,请重新下载模板。",
    "region": "该区域已停用或不在您的管辖范围内,请重新下载模板。",
    "unit": "该单位已停用或改名,请重新下载模板。",
}


async def _examine(connection: Any, place: Place, rows: Sequence[Row]) -> list[Finding]:
    """Each row by itself, and whether all of them together would leave a category without anybody
    in a community: said at the row that ends what stood there."""
    known = await words(connection, place)
    findings, given = [], []
    for row in rows:
        missing = next((name for name in _GONE if not _known(known, name, row[name])), None)
        if missing is not None:
            findings.append(Finding(row.number, Change.PROBLEM, _GONE[missing], missing))
        else:
            given.append(_given(known, row))
    plan = await _planned(connection, place, given)
    problems = await _holes(connection, place, plan)
    for step in plan.steps:
        hole = problems.get(step.given.number)
        if hole is not None:
            findings.append(Finding(step.given.number, Change.PROBLEM, hole, "until"))
        else:
            findings.append(Finding(step.given.number, step.change, step.message, step.column))
    return findings


def _known(known: Words, name: str, word: str) -> bool:
    return {
        "category": word in known.categories,
        "region": word in known.regions,
        "unit": word in _PARTIES or word in known.units,
    }[name]


def _given(known: Words, row: Row) -> Given:
    region, kind = known.regions[row["region"]], _PARTIES.get(row["unit"])
    unit = {"id": None, "kind": None} if kind else known.units[row["unit"]]
    return Given(
        number=row.number,
        category_id=known.categories[row["category"]]["id"],
        region_id=region["id"],
        region_path=region["path"],
        basis=_BASES[row["basis"]],
        role=_ROLES[row["role"]],
        level=LEVELS[row["level"]] if row["level"] else None,
        organisation_id=unit["id"],
        party_kind=kind,
        unit=row["unit"],
        unit_kind=unit["kind"],
        since=_day(row["since"]),
        until=_day(row["until"]),
        source=row["source"],
        reason=row["reason"],
    )


def _day(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


async def _planned(connection: Any, place: Place, given: Sequence[Given]) -> Plan:
    categories = list({row.category_id for row in given})
    stored = await connection.fetch(
        f"{_STORED} and t.category_id = any($2::uuid[])", place.tenant_id, categories
    )
    rows = [
        {**row, "named": row["organisation"] or PARTY_TITLES[PartyKind(row["party_kind"])]}
        for row in stored
    ]
    return planned(given, rows, place.today)


async def _holes(connection: Any, place: Place, plan: Plan) -> dict[int, str]:
    """By the number of the row that makes it, the sentence of each hole that is not there yet."""
    found: dict[int, str] = {}
    for category, days in changed_days(plan.steps).items():
        leads = plan.leads.get(category, [])
        days |= {
            day
            for row in leads
            for day in (row["valid_from"], row["valid_until"])
            if day is not None and day > place.today
        }
        before = await holes(connection, place.tenant_id, category, days)
        after = await planned_holes(connection, place.tenant_id, category, days, leads)
        ending = [s for s in plan.steps if s.on is not None and s.given.category_id == category]
        by_row: dict[int, list[Hole]] = {}
        for hole in sorted(after - before):
            by_row.setdefault(_cause(hole, ending).given.number, []).append(hole)
        found |= {
            number: f"{told(made)};请在文件中同时写明接替的单位。"
            for number, made in by_row.items()
        }
    return found


def _cause(hole: Hole, ending: Sequence[Step]) -> Step:
    """The row that ended there last before the hole; in doubt, any that ends something."""

    def near(step: Step) -> tuple[bool, bool, dt.date]:
        assert step.on is not None
        return (
            hole.region_path.startswith(step.given.region_path), step.on <= hole.day, step.on
        )  # fmt: skip

    return max(ending, key=near)


async def _apply(transaction: Transaction, place: Place, rows: Part, ready: None) -> list[Effect]:
    known = await words(transaction.connection, place)
    given = [_given(known, row) for row, _ in rows]
    plan = await _planned(transaction.connection, place, given)
    return await write(transaction, plan.steps, dt.datetime.now(dt.UTC))


ROUTINGS = ImportKind(
    code="routings",
    title="派遣路由",
    permission="routing:manage",
    home="guanjia.cases.routingsheet.kind:ROUTINGS",
    columns=COLUMNS,
    key=("category", "region", "basis", "role", "level", "unit", "since"),
    examine=_examine,
    apply=_apply,
    undo=undo,
    choices=choices,
    prepare=lock,
    together=MOST_ROWS,
)
register(ROUTINGS)


async def _rows(connection: Any, place: Place) -> AsyncIterator[list[list[str | int | None]]]:
    """The rows of the scope that are in force or will be, as the list has them."""
    known = await words(connection, place)
    categories = {row["id"]: word for word, row in known.categories.items()}
    regions = {row["id"]: word for word, row in known.regions.items()}
    units: dict[UUID, str] = {row["id"]: word for word, row in known.units.items()}
    levels = {level: word for word, level in LEVELS.items()}
    stored = await connection.fetch(
        f"{_STORED} and not isempty(daterange(t.valid_from, t.valid_until))"
        " and (t.valid_until is null or t.valid_until > $2)"
        " order by t.category_id, t.region_path, t.basis desc, t.role desc, t.valid_from nulls"
        " first, t.id",
        place.tenant_id,
        place.today,
    )
    order = {category: at for at, category in enumerate(categories)}
    yield [
        [
            categories[row["category_id"]],
            regions[row["region_id"]],
            BASIS_TITLES[Basis(row["basis"])],
            ROLE_TITLES[AssignmentRole(row["role"])],
            levels[Level(row["level"]) if row["level"] else None],
            units.get(row["organisation_id"], row["organisation"])
            if row["organisation_id"]
            else PARTY_TITLES[PartyKind(row["party_kind"])],
            row["valid_from"] and row["valid_from"].isoformat(),
            row["valid_until"] and row["valid_until"].isoformat(),
            row["source"],
            None,
        ]
        for row in sorted(stored, key=lambda row: order.get(row["category_id"], 0))
        if row["category_id"] in categories and row["region_id"] in regions
    ]


offer(
    Export(
        code="routings",
        title="派遣路由",
        permission="routing:export",
        columns=tuple((column.header, column.note or column.header) for column in COLUMNS),
        rows=_rows,
    )
)
