"""Holes: communities that nobody owns a category in, from a day on, by the table as it is stored or
as it would be."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.cases.coverage import GAPS, PLANNED_GAPS

HOLE = "ROUTING_HOLE"
_NAMED = 6
"""Pairs that a sentence spells out; the others are counted."""
_FOUND = (
    "select d.day, x.region_path, x.region_name, x.code from unnest($3::date[]) d(day)"
    " cross join lateral (%s and c.id = $2) x order by d.day, x.region_path"
)
_STORED = _FOUND % GAPS.format(tenant="$1", day="d.day")
_PLANNED = (
    "with planned as (select $1::uuid as tenant_id, $2::uuid as category_id, 'LEAD' as role, u.*"
    " from unnest($4::text[], $5::uuid[], $6::text[], $7::date[], $8::date[])"
    " u(region_path, organisation_id, party_kind, valid_from, valid_until)) "
) + _FOUND % PLANNED_GAPS.format(tenant="$1", day="d.day")
_COLUMNS = ("region_path", "organisation_id", "party_kind", "valid_from", "valid_until")


@dataclass(frozen=True, slots=True, order=True)
class Hole:
    """From the day on, nobody owns the category of this code in the community."""

    day: dt.date
    region_path: str
    region_name: str
    code: str


async def holes(
    connection: Any, tenant_id: UUID, category_id: UUID, days: Iterable[dt.date]
) -> set[Hole]:
    """The holes in the category on each of the days, by the table as it is stored."""
    rows = await connection.fetch(_STORED, tenant_id, category_id, sorted(days))
    return {Hole(*row) for row in rows}


async def planned_holes(
    connection: Any,
    tenant_id: UUID,
    category_id: UUID,
    days: Iterable[dt.date],
    leads: Collection[Mapping[str, Any]],
) -> set[Hole]:
    """The holes if these were the only rows of the category that name who leads."""
    values = ([row[name] for row in leads] for name in _COLUMNS)
    rows = await connection.fetch(_PLANNED, tenant_id, category_id, sorted(days), *values)
    return {Hole(*row) for row in rows}


def told(new: Sequence[Hole]) -> str:
    """The holes in words, without a full stop; the first day is that of the first of them."""
    pairs = list(dict.fromkeys(f"{hole.region_name} {hole.code}" for hole in new))
    rest = f"等 {len(pairs)} 处" if len(pairs) > _NAMED else ""
    return f"自 {new[0].day} 起,{'、'.join(pairs[:_NAMED])}{rest}将没有主办单位"
