"""What a new tenant starts with: the workdays of the years with a notice, the categories, and whom
they go to."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from guanjia.cases.reasons import CategoryKind
from guanjia.cases.transitions import SURVEYED
from guanjia.db.ids import new_id
from guanjia.graph.times import Unit
from guanjia.surveys.kinds import seed_kind

_FOLDER = Path(__file__).parent / "seeds"
_YEAR_FILE = "workdays_{}.csv"


@dataclass(frozen=True, slots=True)
class WorkdaySeed:
    day: date
    is_workday: bool
    source: str


@dataclass(frozen=True, slots=True)
class CategorySeed:
    """A 小类 with its limit and the further limits of its steps, in order."""

    code: str
    name: str
    group: str
    kind: CategoryKind
    limit_value: int
    limit_unit: Unit
    lead_kind: str
    lead_name: str
    assisting: str
    filing_condition: str
    closing_condition: str
    photo_pair: bool
    source: str
    steps: tuple[tuple[str, Decimal, Unit], ...]


def seeded_years() -> list[int]:
    return sorted(int(path.stem[-4:]) for path in _FOLDER.glob(_YEAR_FILE.format("*")))


@cache
def seeded_workdays(year: int) -> tuple[WorkdaySeed, ...]:
    return tuple(
        WorkdaySeed(date.fromisoformat(row["day"]), row["is_workday"] == "1", row["source"])
        for row in _rows(_YEAR_FILE.format(year))
    )


@cache
def seeded_categories() -> tuple[CategorySeed, ...]:
    steps: dict[str, list[tuple[str, Decimal, Unit]]] = {}
    for row in _rows("category_limits.csv"):
        step = (row["name"], Decimal(row["limit_value"]), Unit(row["limit_unit"]))
        steps.setdefault(row["category"], []).append(step)
    return tuple(
        CategorySeed(
            row["code"],
            row["name"],
            row["group"],
            CategoryKind(row["kind"]),
            int(row["limit_value"]),
            Unit(row["limit_unit"]),
            row["lead_kind"],
            row["lead_name"],
            row["assisting"],
            row["filing_condition"],
            row["closing_condition"],
            row["photo_pair"] == "1",
            row["source"],
            tuple(steps.get(row["code"], ())),
        )
        for row in _rows("categories.csv")
    )


async def seed_cases(connection: Any) -> None:
    """The tenant of this transaction has the seeded workdays, categories and kind of survey. What
    it has already, changed or not, stays: seeding twice changes nothing."""
    await seed_kind(connection, SURVEYED, "案件处置满意度")
    days = [day for year in seeded_years() for day in seeded_workdays(year)]
    await connection.execute(
        "insert into workdays (day, is_workday, source)"
        " select * from unnest($1::date[], $2::boolean[], $3::text[]) on conflict do nothing",
        [d.day for d in days],
        [d.is_workday for d in days],
        [d.source for d in days],
    )
    seeds = {seed.code: seed for seed in seeded_categories()}
    columns = zip(*((new_id(), *_category(seed)) for seed in seeds.values()), strict=True)
    added = await connection.fetch(_CATEGORIES, *map(list, columns))
    steps = [
        (new_id(), row["id"], position, *step)
        for row in added
        for position, step in enumerate(seeds[row["code"]].steps, 1)
    ]
    if steps:
        await connection.execute(_STEPS, *map(list, zip(*steps, strict=True)))


_CATEGORIES = """
insert into case_categories (id, code, name, group_name, kind, limit_value, limit_unit, lead_kind,
  lead_name, assisting, filing_condition, closing_condition, photo_pair, source)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[],
  $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::boolean[],
  $14::text[])
on conflict (tenant_id, code) do nothing returning id, code
"""
_STEPS = """
insert into case_category_limits (id, category_id, position, name, limit_value, limit_unit)
select * from unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::numeric[], $6::text[])
"""


def _category(seed: CategorySeed) -> tuple[Any, ...]:
    return (
        seed.code, seed.name, seed.group, seed.kind, seed.limit_value, seed.limit_unit,
        seed.lead_kind, seed.lead_name, seed.assisting, seed.filing_condition,
        seed.closing_condition, seed.photo_pair, seed.source,
    )  # fmt: skip


_ROUTING = """
insert into case_routings (id, category_id, region_id, region_path, basis, role, level,
  organisation_id, party_kind, source, created_at)
select $1, c.id, r.id, r.path, $4, $5, $6, o.id, $8, $9, now()
from case_categories c
join regions r on r.valid_to is null and r.code = coalesce($3, (select code from tenants))
left join organisations o on o.kind = 'DEPARTMENT' and o.name = $7 and o.active
where c.code = $2 and (o.id is null) = ($8::text is not null)
  and not exists (select 1 from case_routings t where t.category_id = c.id and t.region_id = r.id
    and t.basis = $4 and t.role = $5 and t.any_level = coalesce($6, '')
    and ($5 = 'LEAD' or t.slot = coalesce(o.id::text, $8)))
returning id
"""


async def seed_routings(connection: Any, described: Iterable[Any]) -> int:
    """The tenant of this transaction has the routing that its file describes, and for what the file
    does not speak of that of the platform, without a day of beginning: no source says one. Where it
    has or had such a row, changed or not, that stays. Categories, regions and departments that it
    does not have are left out. Returns how many rows are new."""
    rows = [
        (r.category, r.region, r.basis, r.role, r.level, r.department, r.party_kind, r.source)
        for r in described
    ]
    rows += [
        (r["category"], None, r["basis"], r["role"], None, None, r["party_kind"], r["source"])
        for r in _rows("routings.csv")
    ]
    added = 0
    for row in rows:
        added += await connection.fetchval(_ROUTING, new_id(), *row) is not None
    return added


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (_FOLDER / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
