"""Regions as they change: applying a plan to the tree, and the grids inside a community."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from guanjia.audit.service import Recorded, record
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, not_found
from guanjia.tenancy import dependents
from guanjia.tenancy.models import REGION_REACH, Level
from guanjia.tenancy.regionplan import Current, Plan
from guanjia.tenancy.regiontree import DEDICATED_FROM, MAX_NAME, Entry, grid_kind

SEGMENT_DIGITS = 4
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


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


async def lock_tree(transaction: Transaction) -> None:
    """Until the transaction ends nobody else changes this tenant's regions. Taken before the tree
    is read, so that what was planned is what is found."""
    await transaction.connection.execute("select 1 from tenants for update")


async def apply_plan(transaction: Transaction, plan: Plan, today: dt.date) -> None:
    """The plan is in force from `today`, and history stays: what closed keeps its id and path.

    The plan was made in this transaction, after `lock_tree`. What hangs on regions has followed
    them.
    """
    closing = [region.id for region in plan.leaving]
    await transaction.connection.execute(
        "update regions set valid_to = $1, version = version + 1 where id = any($2)",
        today,
        closing,
    )
    await rename_regions(transaction, [(old.id, new.name) for old, new in plan.renamed], today)
    # Read after the closing: a code may pass from a region that leaves to another one.
    known = {region.code: region for region in await in_force(transaction)}
    await insert_regions(transaction, plan.inserted, known, today)
    became = [(old.id, known[new.code].id) for old, new in (*plan.moved, *plan.merged)]
    await _remember(
        transaction, [*became, *((old.id, known[new.code].id) for old, new in plan.carved)]
    )
    if became:
        await dependents.follow(transaction, became)


async def rename_regions(
    transaction: Transaction, named: Sequence[tuple[UUID, str]], today: dt.date
) -> dict[UUID, int]:
    """The regions are called so from `today`; what they were called until then stays on record.
    Their versions now."""
    await keep_names(transaction, named, today)
    rows = await transaction.connection.fetch(
        "update regions r set name = u.n, version = r.version + 1"
        " from unnest($1::uuid[], $2::text[]) u(i, n) where r.id = u.i returning r.id, r.version",
        [region for region, _ in named],
        [name for _, name in named],
    )
    return {row["id"]: row["version"] for row in rows}


async def keep_names(
    transaction: Transaction, named: Sequence[tuple[UUID, str]], today: dt.date
) -> None:
    """The present names of the regions that will be called otherwise are on record as former ones.
    A name of less than a day was never that of any day."""
    await transaction.connection.execute(
        "insert into region_former_names (id, region_id, region_path, name, valid_to)"
        " select u.h, r.id, r.path, r.name, $4 from unnest($1::uuid[], $2::uuid[], $3::text[])"
        " u(h, i, n) join regions r on r.id = u.i and r.name <> u.n and r.valid_from < $4"
        " on conflict (tenant_id, region_id, valid_to) do nothing",
        [new_id() for _ in named],
        [region for region, _ in named],
        [name for _, name in named],
        today,
    )


async def _remember(transaction: Transaction, pairs: Sequence[tuple[UUID, UUID]]) -> None:
    await transaction.connection.execute(
        "insert into region_predecessors (id, predecessor_id, region_id)"
        " select * from unnest($1::uuid[], $2::uuid[], $3::uuid[]) on conflict do nothing",
        [new_id() for _ in pairs],
        [old for old, _ in pairs],
        [new for _, new in pairs],
    )


async def insert_regions(
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
            (
                region.id,
                region.level,
                region.code,
                region.name,
                region.parent_id,
                path,
                entry.grid_kind,
            )
        )
    ids, levels, codes, names, parents, paths, kinds = zip(*rows, strict=True)
    await transaction.connection.execute(
        "insert into regions (id, level, code, name, parent_id, path, grid_kind, valid_from)"
        " select i, l, c, n, p, t, k, $8 from unnest($1::uuid[], $2::text[], $3::text[],"
        " $4::text[], $5::uuid[], $6::text[], $7::text[]) u(i, l, c, n, p, t, k)",
        list(ids),
        list(levels),
        list(codes),
        list(names),
        list(parents),
        list(paths),
        list(kinds),
        today,
    )


async def create_grid(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    community_id: UUID | None,
    name: str,
    sequence: int,
    today: dt.date,
) -> UUID:
    """A grid inside a community; its code is the community's and three digits. Returns its id."""
    await lock_tree(transaction)
    community = await _reached(transaction, scope, community_id, "社区", "communityId")
    if community["level"] != Level.COMMUNITY:
        raise Refusal(BAD_USER_INPUT, "网格只能建在社区(村)之内。", ("communityId",))
    if not 1 <= sequence <= 999 or sequence == DEDICATED_FROM - 1:
        raise Refusal(BAD_USER_INPUT, "网格序号须为 1–899(基础)或 901–999(专属)。", ("sequence",))
    name = _grid_name(name)
    code = f"{community['code']}{sequence:03d}"
    known = {region.code: region for region in await in_force(transaction)}
    if code in known:
        raise Refusal(CONFLICT, f"网格 {code} 已存在。", ("sequence",))
    entry = Entry(0, Level.GRID, code, name, community["code"])
    await insert_regions(transaction, [entry], known, today)
    detail = {"code": code, "kind": grid_kind(code)}
    await _record(transaction, actor, "create_grid", known[code].id, known[code].path, detail)
    return known[code].id


async def rename_grid(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    grid_id: UUID | None,
    name: str,
    version: int,
    today: dt.date,
) -> UUID:
    """The grid has this name from `today`; its id, code and path stay. Returns its id."""
    await lock_tree(transaction)
    grid = await _grid(transaction, scope, grid_id, version)
    await rename_regions(transaction, [(grid["id"], _grid_name(name))], today)
    detail = {"code": grid["code"]}
    await _record(transaction, actor, "rename_grid", grid["id"], grid["path"], detail)
    found: UUID = grid["id"]
    return found


async def close_grid(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    grid_id: UUID | None,
    version: int,
    successor_id: UUID | None,
    today: dt.date,
) -> UUID:
    """The grid is closed from `today`; what happened in it stays readable. Returns its id.

    Refused with what hangs on it, in numbers. With a successor, a grid of the same community,
    what can follow it there does, and the successor remembers where it came from.
    """
    await lock_tree(transaction)
    grid = await _grid(transaction, scope, grid_id, version)
    # Nobody opens a case or gives a role here from now on: they read this row for share.
    await transaction.connection.execute("select 1 from regions where id = $1 for update", grid_id)
    hanging = await dependents.hanging_on_region(
        transaction, grid["path"], stays=successor_id is not None
    )
    if hanging:
        raise Refusal(
            "REGION_IN_USE",
            f"该网格尚有{'、'.join(hanging)},请先办结或撤销"
            + ("。" if successor_id else ",或指定承接的网格。"),
            ("id",),
        )
    if successor_id is not None:
        await _succeed(transaction, scope, grid, successor_id)
    await transaction.connection.execute(
        "update regions set valid_to = $1, version = version + 1 where id = $2", today, grid["id"]
    )
    detail = {"code": grid["code"], "successor": successor_id}
    await _record(transaction, actor, "close_grid", grid["id"], grid["path"], detail)
    found: UUID = grid["id"]
    return found


async def _succeed(transaction: Transaction, scope: Scope, grid: Any, successor_id: UUID) -> None:
    """The successor takes over what hangs on the grid."""
    successor = await _reached(transaction, scope, successor_id, "网格", "successorId")
    if successor["id"] == grid["id"] or successor["path"][:-5] != grid["path"][:-5]:
        raise Refusal(BAD_USER_INPUT, "承接的须是同一社区的另一个网格。", ("successorId",))
    became = [(grid["id"], successor["id"])]
    await _remember(transaction, became)
    await dependents.follow(transaction, became)


async def _grid(transaction: Transaction, scope: Scope, grid_id: UUID | None, version: int) -> Any:
    grid = await _reached(transaction, scope, grid_id, "网格", "id")
    if grid["level"] != Level.GRID:
        raise Refusal(BAD_USER_INPUT, "只有网格可以在此变更;其他区域随区划文件变更。", ("id",))
    if grid["version"] != version:
        raise Refusal(CONFLICT, "该网格已被他人修改,请刷新后重试。", ("version",))
    return grid


async def _reached(
    transaction: Transaction, scope: Scope, region_id: UUID | None, noun: str, field: str
) -> Any:
    """A region in force that lies in the scope, and nothing else."""
    values: list[Any] = [transaction.tenant_id, region_id]

    def bind(value: Any, kind: str) -> str:
        values.append(value)
        return f"${len(values)}::{kind}"

    reach = scope.predicate(REGION_REACH, "r", "$1", bind)
    found = await transaction.connection.fetchrow(
        "select r.id, r.level, r.code, r.path, r.version from regions r"
        f" where r.tenant_id = $1 and r.id = $2 and r.valid_to is null and {reach}",
        *values,
    )
    if found is None:
        raise not_found(noun, field)
    return found


def _grid_name(given: str) -> str:
    name = unicodedata.normalize("NFKC", given).strip()
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise Refusal(BAD_USER_INPUT, f"网格名称须为 1 到 {MAX_NAME} 个字。", ("name",))
    return name


async def _record(
    transaction: Transaction,
    actor: Recorded,
    action: str,
    region_id: UUID,
    path: str,
    detail: dict[str, Any],
) -> None:
    await record(
        transaction,
        actor=actor,
        action=f"region.{action}",
        permission="region:manage",
        object_type="Region",
        object_id=region_id,
        region_path=path,
        detail=detail,
    )
