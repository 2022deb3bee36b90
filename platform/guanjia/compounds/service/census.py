"""摸底: who looks after the compounds of a region on a day, and which of them nobody does.

One statement a table, whatever the number of compounds; what is counted is counted from the same
rows that are listed, so that the numbers add up. Everything is as of the day: contracts, terms and
party organisations by their dates, what is registered of compounds, companies and branches as it
was then. Before its first change a row counts as it was entered, also for days before it was; names
and communities are those of now.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from guanjia.compounds.models.partyorganisations import INDEPENDENT, PartyKind
from guanjia.db.scope import Scope, path_end

COMMUNITY_PATH = 15
_OF_COMPANY = (PartyKind.COMPANY_BRANCH, PartyKind.JOINT_BRANCH)
# A 社区党委 counts those below it, a 党小组 is part of a branch: neither is counted again.
_BRANCHES = {*INDEPENDENT, PartyKind.JOINT_BRANCH} - {PartyKind.COMMUNITY_COMMITTEE}
_REGION = (
    "select path from regions where tenant_id = $1 and id = $2 and valid_to is null"
    " and level <> 'GRID'"
)
_COMMUNITIES = (
    "select id, code, name, path from regions where tenant_id = $1 and level = 'COMMUNITY'"
    " and valid_to is null and path >= $2 and path < $3 order by code"
)


def _then(states: str, key: str, row: str, alias: str, columns: Sequence[str]) -> str:
    """A join: the columns of the row as they were registered on the day $4."""
    names = ", ".join(
        f"case when k.since is null then {row}.{column} else k.{column} end as {column}"
        for column in columns
    )
    return (
        f"left join lateral (select {names} from (select 1) present left join lateral (select *"
        f" from {states} x where x.tenant_id = $1 and x.{key} = {row}.id and x.since <= $4"
        f" order by x.since desc limit 1) k on true) {alias} on true"
    )


_COMPOUND_THEN = _then(
    "compound_states", "compound_id", "c", "s",
    ("management_mode", "household_count", "area_m2", "active"),
)  # fmt: skip
_COMPANY_THEN = _then(
    "company_states", "company_id", "p", "q", ("qualification", "party_members")
)  # fmt: skip
_BRANCH_THEN = _then(
    "party_states", "party_organisation_id", "o", "s", ("full_members", "probationary_members")
)
_COMPOUNDS = f"""
select c.id, c.name, c.region_path, s.household_count, s.area_m2,
  case when t.id is null then s.management_mode else 'PROPERTY_COMPANY' end as management_mode,
  p.id as company_id, o.name as company, p.credit_code, q.qualification, q.party_members,
  t.starts_on, t.ends_on, w.term_to as committee_until
from compounds c
{_COMPOUND_THEN}
left join property_contracts t on t.tenant_id = $1 and t.compound_id = c.id
  and t.starts_on <= $4 and (t.ends_on is null or t.ends_on >= $4)
left join property_companies p on p.tenant_id = $1 and p.id = t.company_id
{_COMPANY_THEN}
left join organisations o on o.tenant_id = $1 and o.id = p.organisation_id
left join owners_committees w on w.tenant_id = $1 and w.compound_id = c.id
  and w.term_from <= $4 and w.term_to >= $4
where c.tenant_id = $1 and s.active and c.region_path >= $2 and c.region_path < $3
order by c.region_path, c.name, c.id
"""
_HOMES = (
    "select compound_id, count(*) as homes from house_units where tenant_id = $1"
    " and compound_id = any($2) and valid_from <= $3 and (valid_to is null or valid_to > $3)"
    " group by compound_id"
)
_PARTY = f"""
select o.id, o.kind, o.name, o.company_id, o.compound_id, o.region_id, r.path,
  s.full_members + s.probationary_members as members
from party_organisations o join regions r on r.tenant_id = $1 and r.id = o.region_id
{_BRANCH_THEN}
where o.tenant_id = $1 and o.established_on <= $4
  and (o.dissolved_on is null or o.dissolved_on > $4)
  and (r.path >= $2 and r.path < $3 or o.company_id = any($5))
order by o.name, o.id
"""
_COVERED = (
    "select distinct b.compound_id, g.grid_id from grid_buildings g"
    " join buildings b on b.tenant_id = $1 and b.id = g.building_id"
    " where g.tenant_id = $1 and g.grid_id = any($2) and g.valid_from <= $3"
    " and (g.valid_to is null or g.valid_to > $3)"
)


class Gap(StrEnum):
    """没有物业公司、没有业主委员会、没有党支部覆盖"""

    NO_COMPANY = "NO_COMPANY"
    NO_COMMITTEE = "NO_COMMITTEE"
    NO_BRANCH = "NO_BRANCH"


@dataclass(frozen=True, slots=True)
class CensusCompound:
    """A compound as it is looked after on the day. households: as registered, or else its homes."""

    row: Any
    households: int
    branches: tuple[str, ...]

    @property
    def gaps(self) -> tuple[Gap, ...]:
        lacking = {
            Gap.NO_COMPANY: self.row["company_id"] is None,
            Gap.NO_COMMITTEE: self.row["committee_until"] is None,
            Gap.NO_BRANCH: not self.branches,
        }
        return tuple(gap for gap, lacks in lacking.items() if lacks)


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of a part of the census. Companies that serve several compounds count once in it:
    those of two communities may together be more than those of the street."""

    compounds: int
    households: int
    area_m2: int
    projects: int
    companies: int
    qualified_companies: int
    company_party_members: int
    branches: int
    company_branches: int
    party_members: int
    without_company: int
    without_committee: int
    without_branch: int


@dataclass(frozen=True, slots=True)
class Census:
    """compounds: by community and name. branches: those that lie in it."""

    communities: Sequence[Any]
    compounds: Sequence[CensusCompound]
    branches: Sequence[Any]

    @property
    def totals(self) -> Counts:
        return _counted(self.compounds, self.branches)

    def by_community(self) -> list[tuple[Any, list[CensusCompound], Counts]]:
        """Each community with its compounds and numbers."""
        compounds: dict[str, list[CensusCompound]] = defaultdict(list)
        branches: dict[str, list[Any]] = defaultdict(list)
        for compound in self.compounds:
            compounds[compound.row["region_path"][:COMMUNITY_PATH]].append(compound)
        for branch in self.branches:
            branches[branch["path"][:COMMUNITY_PATH]].append(branch)
        return [
            (row, compounds[row["path"]], _counted(compounds[row["path"]], branches[row["path"]]))
            for row in self.communities
        ]


async def census_of(
    connection: Any, tenant_id: UUID, scope: Scope, region_id: UUID | None, day: dt.date
) -> Census | None:
    """The census of a district, street or community; None when it lies outside the scope."""
    path = await connection.fetchval(_REGION, tenant_id, region_id)
    if path is None or not scope.covering(path):
        return None
    return await census_at(connection, tenant_id, path, day)


async def census_at(connection: Any, tenant_id: UUID, path: str, day: dt.date) -> Census:
    """The census of the region with this path."""
    within = (tenant_id, path, path_end(path))
    communities = await connection.fetch(_COMMUNITIES, *within)
    rows = await connection.fetch(_COMPOUNDS, *within, day)
    unknown = [row["id"] for row in rows if row["household_count"] is None]
    homes = {
        row["compound_id"]: row["homes"]
        for row in await connection.fetch(_HOMES, tenant_id, unknown, day)
    }
    companies = list({row["company_id"] for row in rows} - {None})
    party = await connection.fetch(_PARTY, *within, day, companies)
    branches = await _branches(connection, tenant_id, rows, party, day)
    return Census(
        communities,
        [
            CensusCompound(
                row,
                homes.get(row["id"], 0)
                if row["household_count"] is None
                else row["household_count"],
                tuple(branches[row["id"]]),
            )
            for row in rows
        ],
        [row for row in party if row["path"].startswith(path) and row["kind"] in _BRANCHES],
    )


async def _branches(
    connection: Any, tenant_id: UUID, compounds: Iterable[Any], party: Sequence[Any], day: dt.date
) -> dict[UUID, list[str]]:
    """The branches that cover each compound: its own, its company's, and those of its grids."""
    covered: dict[UUID, list[str]] = defaultdict(list)
    grids = {row["region_id"]: row["name"] for row in party if row["kind"] == PartyKind.GRID_BRANCH}
    for row in await connection.fetch(_COVERED, tenant_id, list(grids), day):
        covered[row["compound_id"]].append(grids[row["grid_id"]])
    of_company, of_compound = defaultdict(list), defaultdict(list)
    for row in party:
        if row["kind"] not in _BRANCHES:
            continue
        if row["compound_id"] is not None:
            of_compound[row["compound_id"]].append(row["name"])
        elif row["company_id"] is not None and row["kind"] in _OF_COMPANY:
            of_company[row["company_id"]].append(row["name"])
    for row in compounds:
        covered[row["id"]] += of_compound[row["id"]] + of_company[row["company_id"]]
    return covered


def _counted(compounds: Sequence[CensusCompound], branches: Sequence[Any]) -> Counts:
    companies = {c.row["company_id"]: c.row for c in compounds if c.row["company_id"] is not None}
    return Counts(
        compounds=len(compounds),
        households=sum(c.households for c in compounds),
        area_m2=sum(c.row["area_m2"] or 0 for c in compounds),
        projects=sum(c.row["company_id"] is not None for c in compounds),
        companies=len(companies),
        qualified_companies=sum(row["qualification"] is not None for row in companies.values()),
        company_party_members=sum(row["party_members"] for row in companies.values()),
        branches=len(branches),
        company_branches=sum(row["kind"] == PartyKind.COMPANY_BRANCH for row in branches),
        party_members=sum(row["members"] for row in branches),
        **{gap.replace("NO_", "WITHOUT_").lower(): sum(gap in c.gaps for c in compounds)
           for gap in Gap},
    )  # fmt: skip
