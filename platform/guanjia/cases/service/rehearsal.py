"""What a change of the routing would have done to the cases of a period. Nothing is written."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from guanjia.cases.models import CASE_REACH
from guanjia.cases.reasons import AssignmentRole, CategoryKind, Level
from guanjia.cases.routing import Basis, Party, PartyKind, resolve
from guanjia.cases.service.routing import Atlas, Matter, prefixes, routes_of
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, LIMIT_EXCEEDED, Denied
from guanjia.graph.times import CHINA, local_date

LONGEST = dt.timedelta(days=92)
MOST_CASES, MOST_CHANGES = 5_000, 50
_CASES = (
    "select c.id, c.category_id, c.region_path, c.compound_id, c.longitude, c.latitude, c.location,"
    " c.dispatched_at, coalesce(c.dispatched_level, c.level) as level, k.kind,"
    " o.id as handler_id, o.name as handler, o.kind as handler_kind"
    " from cases c join case_categories k on k.tenant_id = $1 and k.id = c.category_id"
    " join organisations o on o.tenant_id = $1 and o.id = c.handler_id"
    " where c.tenant_id = $1 and c.category_id = any($2) and c.dispatched_at >= $3"
    f" and c.dispatched_at < $4 and %s order by c.dispatched_at, c.id limit {MOST_CASES + 1}"
)
_ROWS = (
    "select t.*, g.name as place, o.name as organisation, o.kind as organisation_kind, o.active"
    " from case_routings t join regions g on g.tenant_id = $1 and g.id = t.region_id"
    " left join organisations o on o.tenant_id = $1 and o.id = t.organisation_id"
    " where t.tenant_id = $1 and t.category_id = any($2)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A row ends (`routing_id` alone), is followed by another organisation (with one of the
    targets), or is added (without `routing_id`)."""

    routing_id: UUID | None = None
    category_id: UUID | None = None
    region_id: UUID | None = None
    basis: Basis | None = None
    role: AssignmentRole | None = None
    level: Level | None = None
    organisation_id: UUID | None = None
    party_kind: PartyKind | None = None

    @property
    def has_target(self) -> bool:
        return self.organisation_id is not None or self.party_kind is not None


@dataclass(frozen=True, slots=True)
class Moved:
    """A case, whom the table gave it to, whom it would have been given to, and who had it."""

    case_id: UUID
    before: Party | None
    after: Party | None
    handler: Party


@dataclass(slots=True)
class Rehearsal:
    total: int = 0
    before: Counter[Party | None] = field(default_factory=Counter)
    after: Counter[Party | None] = field(default_factory=Counter)
    moved: list[Moved] = field(default_factory=list)
    unowned: list[Moved] = field(default_factory=list)
    """Cases for which the changed table has nobody."""


async def preview_routing(
    connection: Any,
    tenant_id: UUID,
    scope: Scope,
    changes: Sequence[Change],
    first: dt.date,
    until: dt.date,
) -> Rehearsal:
    """Every case of the scope that was dispatched from `first` to before `until`, of the categories
    that the changes speak of, by the table as it was on the day and by the changed one, as if the
    changes had held all along. Denied for a period or a change that cannot be."""
    if not first < until <= first + LONGEST:
        raise Denied(BAD_USER_INPUT, f"期间须为 1 到 {LONGEST.days} 天。")
    if not 1 <= len(changes) <= MOST_CHANGES:
        raise Denied(BAD_USER_INPUT, f"须有 1 到 {MOST_CHANGES} 项变更。")
    stored = await _stored(connection, tenant_id, changes)
    categories = list({row["category_id"] for row in stored} | _named(changes))
    rows = await connection.fetch(_ROWS, tenant_id, categories)
    changed = await _changed(connection, tenant_id, scope, changes, rows)
    cases = await _dispatched(connection, tenant_id, scope, categories, first, until)
    atlas, found = Atlas(connection, tenant_id), Rehearsal(total=len(cases))
    tables = [_by_place(rows), _by_place(changed)]
    for case in cases:
        before, after = await _leads(atlas, case, tables)
        found.before[before] += 1
        found.after[after] += 1
        handler = Party(case["handler_id"], case["handler"], case["handler_kind"])
        if before != after:
            found.moved.append(Moved(case["id"], before, after, handler))
        if after is None:
            found.unowned.append(Moved(case["id"], before, after, handler))
    return found


_Table = Mapping[tuple[UUID, str], list[Mapping[str, Any]]]


async def _leads(
    atlas: Atlas, case: Mapping[str, Any], tables: Sequence[_Table]
) -> list[Party | None]:
    """Whom each of the tables gives the case to, on the day of its dispatch."""
    kind, level = CategoryKind(case["kind"]), Level(case["level"])
    matter = Matter(
        case["category_id"],
        kind,
        level,
        case["region_path"],
        case["compound_id"],
        longitude=case["longitude"],
        latitude=case["latitude"],
        words=case["location"],
    )
    day = local_date(case["dispatched_at"])
    local = await atlas.local(matter, day)
    found = []
    for table in tables:
        rows = [
            row
            for path in prefixes(matter.region_path)
            for row in table.get((matter.category_id, path), ())
        ]
        found.append(resolve(kind, level, day, routes_of(rows, local)).lead)
    return found


def _by_place(rows: Sequence[Mapping[str, Any]]) -> _Table:
    table: dict[tuple[UUID, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        table[row["category_id"], row["region_path"]].append(row)
    return table


async def _stored(
    connection: Any, tenant_id: UUID, changes: Sequence[Change]
) -> Sequence[Mapping[str, Any]]:
    ids = [change.routing_id for change in changes if change.routing_id is not None]
    rows: Sequence[Mapping[str, Any]] = await connection.fetch(
        "select id, category_id from case_routings where tenant_id = $1 and id = any($2)",
        tenant_id,
        ids,
    )
    if {row["id"] for row in rows} != set(ids):
        raise Denied(BAD_USER_INPUT, "找不到要变更的路由。")
    return rows


def _named(changes: Sequence[Change]) -> set[UUID]:
    return {c.category_id for c in changes if c.routing_id is None and c.category_id is not None}


async def _changed(
    connection: Any,
    tenant_id: UUID,
    scope: Scope,
    changes: Sequence[Change],
    rows: Sequence[Mapping[str, Any]],
) -> list[Mapping[str, Any]]:
    """The rows with the changes made, without days: as if they had held all along."""
    ended = {change.routing_id for change in changes}
    found = [row for row in rows if row["id"] not in ended]
    old = {row["id"]: row for row in rows}
    for change in changes:
        if change.routing_id is None:
            place = await _place(connection, tenant_id, scope, change)
        elif change.has_target:
            place = {name: old[change.routing_id][name] for name in _KEPT}
        else:
            continue
        found.append({**place, **await _party(connection, tenant_id, change)})
    return found


_KEPT = ("category_id", "region_path", "place", "basis", "role", "level")


async def _place(connection: Any, tenant_id: UUID, scope: Scope, change: Change) -> dict[str, Any]:
    region = await connection.fetchrow(
        "select path, name from regions where tenant_id = $1 and id = $2",
        tenant_id,
        change.region_id,
    )
    known = await connection.fetchval(
        "select true from case_categories where tenant_id = $1 and id = $2",
        tenant_id,
        change.category_id,
    )
    if region is None or not scope.covering(region["path"]) or not known:
        raise Denied(BAD_USER_INPUT, "找不到新增路由的类别或区域。")
    if change.basis is None or change.role is None:
        raise Denied(BAD_USER_INPUT, "新增的路由须写明依据(属主、属地)与主办或协办。")
    return {
        "category_id": change.category_id,
        "region_path": region["path"],
        "place": region["name"],
        "basis": change.basis,
        "role": change.role,
        "level": change.level,
    }


async def _party(connection: Any, tenant_id: UUID, change: Change) -> dict[str, Any]:
    organisation = None
    if change.organisation_id is not None:
        organisation = await connection.fetchrow(
            "select name, kind from organisations where tenant_id = $1 and id = $2 and active",
            tenant_id,
            change.organisation_id,
        )
    if (organisation is None) == (change.party_kind is None):
        raise Denied(BAD_USER_INPUT, "每项变更须指明一个单位,或按地点确定的单位类别。")
    return {
        "id": uuid4(),
        "organisation_id": change.organisation_id,
        "organisation": organisation and organisation["name"],
        "organisation_kind": organisation and organisation["kind"],
        "active": organisation is not None,
        "party_kind": change.party_kind,
        "valid_from": None,
        "valid_until": None,
    }


async def _dispatched(
    connection: Any,
    tenant_id: UUID,
    scope: Scope,
    categories: list[UUID],
    first: dt.date,
    until: dt.date,
) -> Sequence[Mapping[str, Any]]:
    begins, ends = (dt.datetime.combine(day, dt.time(), CHINA) for day in (first, until))
    arguments: list[Any] = [tenant_id, categories, begins, ends]

    def bind(value: Any, kind: str) -> str:
        arguments.append(value)
        return f"${len(arguments)}::{kind}"

    reach = scope.predicate(CASE_REACH, "c", "$1", bind)
    cases: Sequence[Mapping[str, Any]] = await connection.fetch(_CASES % reach, *arguments)
    if len(cases) > MOST_CASES:
        raise Denied(LIMIT_EXCEEDED, f"该期间的案件多于 {MOST_CASES} 件,请缩短期间。")
    return cases
