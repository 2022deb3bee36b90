"""Regions as they change: applying a plan, and the grids inside a community."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from guanjia.audit.service import record
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import CONFLICT, Refusal, not_found
from guanjia.tenancy.models import REGION_REACH, Level
from guanjia.tenancy.regiontree import Current, Entry, Plan, grid_kind

SEGMENT_DIGITS = 4
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
Carry = Callable[[Transaction, Sequence[tuple[UUID, UUID]]], Awaitable[None]]
"""Told which region became which, so that what hangs on the old one can follow."""


def segment(ordinal: int) -> str:
    """A region's piece of a path: its number in the tenant, four digits in base 36, and '/'."""
    text = ""
    for _ in range(SEGMENT_DIGITS):
        ordinal, digit = divmod(ordinal, len(_DIGITS))
        text = _DIGITS[digit] + text
    if ordinal:
        raise OverflowError("a tenant has at most 1,679,615 regions over all time")
    return text + "/"


async def in_force(transaction: Transaction) -> list[Current]:
    """Every region of the tenant that is not closed, parents before children."""
    rows = await transaction.connection.fetch(
        "select id, level, code, name, parent_id, path from regions"
        " where valid_to is null order by length(path), path"
    )
    return [
        Current(r["id"], Level(r["level"]), r["code"], r["name"], r["parent_id"], r["path"])
        for r in rows
    ]


async def apply_plan(
    transaction: Transaction, plan: Plan, today: dt.date, carry: Carry | None = None
) -> None:
    """The plan is in force from `today`; history stays: closed rows keep their path and id."""
    known = {region.code: region for region in await in_force(transaction)}
    pairs: list[tuple[UUID, UUID]] = []
    closing = [*plan.closed, *(old for old, _ in plan.moved)]
    closing += _grids_of([old for old, _ in plan.moved], list(known.values()), plan)
    await transaction.connection.execute(
        "update regions set valid_to = $1, version = version + 1 where id = any($2)",
        today,
        [region.id for region in closing],
    )
    for region in closing:
        known.pop(region.code, None)
    for old, new in plan.renamed:
        await transaction.connection.execute(
            "update regions set name = $1, version = version + 1 where id = $2", new.name, old.id
        )
    entries = sorted(
        [*plan.added, *(new for _, new in plan.moved)], key=lambda e: list(Level).index(e.level)
    )
    await _insert(transaction, entries, known, today)
    for old, new in plan.moved:
        pairs.append((old.id, known[new.code].id))
    await transaction.connection.executemany(
        "insert into region_predecessors (id, region_id, predecessor_id) values ($1, $2, $3)",
        [(new_id(), new, old) for old, new in pairs],
    )
    if carry is not None and pairs:
        await carry(transaction, pairs)


def _grids_of(moved: Sequence[Current], known: Sequence[Current], plan: Plan) -> list[Current]:
    """The grids of communities that move: they close with them, unless the plan names them."""
    named = {old.id for old, _ in plan.moved} | {old.id for old in plan.closed}
    return [
        grid
        for grid in known
        if grid.level is Level.GRID
        and grid.id not in named
        and any(grid.path.startswith(region.path) for region in moved)
    ]


async def _insert(
    transaction: Transaction,
    entries: Sequence[Entry],
    known: dict[str, Current],
    today: dt.date,
) -> None:
    """New rows with new paths; `known` learns them. Entries come parents first."""
    if not entries:
        return
    first: int = await transaction.connection.fetchval(
        "update tenants set next_region = next_region + $1 returning next_region - $1",
        len(entries),
    )
    rows: list[tuple[Any, ...]] = []
    for ordinal, entry in enumerate(entries, start=first):
        parent = known[entry.parent_code] if entry.parent_code else None
        path = (parent.path if parent else "") + segment(ordinal)
        region = Current(
            new_id(), entry.level, entry.code, entry.name, parent.id if parent else None, path
        )
        known[entry.code] = region
        rows.append(
            (region.id, region.level, region.code, region.name, region.parent_id, path,
             entry.grid_kind)
        )
    ids, levels, codes, names, parents, paths, kinds = zip(*rows, strict=True)
    await transaction.connection.execute(
        "insert into regions (id, level, code, name, parent_id, path, grid_kind, valid_from)"
        " select i, l, c, n, p, t, k, $8 from unnest($1::uuid[], $2::text[], $3::text[],"
        " $4::text[], $5::uuid[], $6::text[], $7::text[]) u(i, l, c, n, p, t, k)",
        list(ids), list(levels), list(codes), list(names), list(parents), list(paths),
        list(kinds), today,
    )


async def create_grid(
    transaction: Transaction,
    actor: Any,
    scope: Scope,
    *,
    community_id: UUID,
    name: str,
    sequence: int,
    today: dt.date,
) -> UUID:
    """A grid inside a community; its code is the community's and three digits. Returns its id."""
    values: list[Any] = [transaction.tenant_id, community_id]

    def bind(value: Any, kind: str) -> str:
        values.append(value)
        return f"${len(values)}::{kind}"

    reach = scope.predicate(REGION_REACH, "r", "$1", bind)
    community = await transaction.connection.fetchrow(
        "select r.id, r.level, r.code, r.name, r.parent_id, r.path from regions r"
        f" where r.tenant_id = $1 and r.id = $2 and r.valid_to is null and {reach} for update",
        *values,
    )
    if community is None:
        raise not_found("社区", "communityId")
    if community["level"] != Level.COMMUNITY:
        raise Refusal("BAD_USER_INPUT", "网格只能建在社区(村)之内。", ("communityId",))
    if not 1 <= sequence <= 999 or sequence == 900:
        raise Refusal("BAD_USER_INPUT", "网格序号须为 1–899(基础)或 901–999(专属)。", ("sequence",))
    name = name.strip()
    if not 1 <= len(name) <= 60 or not name.isprintable():
        raise Refusal("BAD_USER_INPUT", "网格名称须为 1 到 60 个字。", ("name",))
    code = f"{community['code']}{sequence:03d}"
    if await transaction.connection.fetchval(
        "select exists (select 1 from regions where code = $1 and valid_to is null)", code
    ):
        raise Refusal(CONFLICT, f"网格 {code} 已存在。", ("sequence",))
    parent = Current(
        community["id"], Level.COMMUNITY, community["code"], community["name"],
        community["parent_id"], community["path"],
    )
    known = {parent.code: parent}
    await _insert(transaction, [Entry(0, Level.GRID, code, name, parent.code)], known, today)
    await record(
        transaction,
        actor=actor,
        action="region.create_grid",
        permission="region:manage",
        object_type="Region",
        object_id=known[code].id,
        region_path=known[code].path,
        detail={"code": code, "kind": grid_kind(code)},
    )
    return known[code].id
