"""Many grids at once: made, renamed, closed in one transaction, and taken back.

The caller holds the tree (`regions.lock_tree`) and has checked codes, names and reach.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from uuid import UUID

import asyncpg

from guanjia.db.pools import Transaction
from guanjia.db.references import referring
from guanjia.graph.errors import CONFLICT, Refusal
from guanjia.tenancy.models import Level
from guanjia.tenancy.regions import in_force, insert_regions, keep_names
from guanjia.tenancy.regiontree import Entry

_USED = "导入的网格中已有被使用的(例如已有案件或授权),不能撤销。请改为停用。"
_CHANGED = "导入之后,其中的网格已被他人修改,不能撤销。"


async def make_grids(
    transaction: Transaction, named: Mapping[str, str], today: dt.date
) -> dict[str, UUID]:
    """Grids with these codes and names, each in the community its code begins with. Their ids."""
    known = {region.code: region for region in await in_force(transaction)}
    entries = [Entry(0, Level.GRID, code, name, code[:12]) for code, name in named.items()]
    await insert_regions(transaction, entries, known, today)
    return {code: known[code].id for code in named}


async def close_grids(
    transaction: Transaction, grids: Sequence[UUID], today: dt.date
) -> dict[UUID, int]:
    """The grids are closed from `today`. Their versions now."""
    rows = await transaction.connection.fetch(
        "update regions set valid_to = $2, version = version + 1"
        " where id = any($1) and level = 'GRID' and valid_to is null returning id, version",
        list(grids),
        today,
    )
    return {row["id"]: row["version"] for row in rows}


async def withdraw_grids(transaction: Transaction, grids: Sequence[UUID], today: dt.date) -> None:
    """Grids that were made are closed: regions are never deleted. Refusal when something was built
    on one of them since."""
    if await referring(transaction.connection, "regions", grids):
        raise Refusal(CONFLICT, _USED)
    gone = await transaction.connection.fetch(
        "update regions set valid_to = $2, version = version + 1 where id = any($1)"
        " and level = 'GRID' and version = 1 and valid_to is null returning id",
        list(grids),
        today,
    )
    if len(gone) != len(grids):
        raise Refusal(CONFLICT, _CHANGED)


async def restore_grids(
    transaction: Transaction, grids: Sequence[tuple[UUID, int, str]], today: dt.date
) -> None:
    """The grids are in force with these names again. Refusal unless each is of this version still,
    or when its code was given to another grid since."""
    try:
        async with transaction.connection.transaction():
            await keep_names(transaction, [(grid, name) for grid, _, name in grids], today)
            restored = await transaction.connection.fetch(
                "update regions r set name = u.n, valid_to = null, version = r.version + 1"
                " from unnest($1::uuid[], $2::int[], $3::text[]) u(i, v, n)"
                " where r.id = u.i and r.version = u.v and r.level = 'GRID' returning r.id",
                [grid for grid, _, _ in grids],
                [version for _, version, _ in grids],
                [name for _, _, name in grids],
            )
    except asyncpg.UniqueViolationError:
        raise Refusal(CONFLICT, "停用的网格代码已被新的网格使用,不能撤销。") from None
    if len(restored) != len(grids):
        raise Refusal(CONFLICT, _CHANGED)
