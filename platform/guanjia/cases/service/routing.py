"""The routing table read at a place: which organisation each row means there, and the answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.cases.places import place_key
from guanjia.cases.reasons import AssignmentRole, CategoryKind, Level
from guanjia.cases.routing import PARTY_TITLES, Answer, Basis, Party, PartyKind, Route, resolve
from guanjia.compounds.boundaries import encloses
from guanjia.compounds.models.butlers import CONTRACT_OF
from guanjia.db.scope import PATH_SEGMENT, path_end

_COMMUNITY, _STREET = 3 * PATH_SEGMENT, 2 * PATH_SEGMENT
ROWS = (
    "select t.*, g.name as place, o.name as organisation, o.kind as organisation_kind, o.active"
    " from case_routings t join regions g on g.tenant_id = $1 and g.id = t.region_id"
    " left join organisations o on o.tenant_id = $1 and o.id = t.organisation_id"
    " where t.tenant_id = $1 and t.category_id = $2"
)
_COMPANY = (
    "select o.id, o.name, o.kind from organisations o join property_companies p"
    " on p.tenant_id = $1 and p.organisation_id = o.id where o.tenant_id = $1 and o.active"
    f" and p.id = (select k.company_id {CONTRACT_OF.format(tenant='$1', day='$3::date') % '$2'})"
)
_TERRITORY = (
    "select id, name, kind from organisations where tenant_id = $1 and active"
    " and (kind = 'COMMUNITY' and region_path = $2 or kind = 'STREET_OFFICE' and region_path = $3)"
)
_COMPOUNDS = (
    "select id, name, community_path, boundary::text as boundary, west, east, south, north"
    " from compounds where tenant_id = $1 and active"
    " and community_path >= $2 and community_path < $3"
)


@dataclass(frozen=True, slots=True)
class Matter:
    """What is to be given to somebody: a category, at a place, at the level in charge."""

    category_id: UUID
    kind: CategoryKind
    level: Level
    region_path: str
    compound_id: UUID | None = None
    longitude: float | None = None
    latitude: float | None = None
    words: str = ""
    """The place in words; the name of a compound in it says which compound is meant."""


@dataclass(frozen=True, slots=True)
class Local:
    """The organisations that follow from a place, each with the sentence that says how it was
    found; without one, the sentence says why not."""

    found: Mapping[PartyKind, tuple[Party | None, str]]


async def answer_for(connection: Any, tenant_id: UUID, matter: Matter, day: dt.date) -> Answer:
    """Whom the rows in force on the day give the matter to."""
    rows = await connection.fetch(
        f"{ROWS} and t.region_path = any($3)",
        tenant_id,
        matter.category_id,
        prefixes(matter.region_path),
    )
    local = await Atlas(connection, tenant_id).local(matter, day)
    return resolve(matter.kind, matter.level, day, routes_of(rows, local))


def prefixes(path: str) -> list[str]:
    """The region and those it lies in, the widest first."""
    return [path[:end] for end in range(PATH_SEGMENT, len(path) + 1, PATH_SEGMENT)]


def routes_of(rows: Iterable[Mapping[str, Any]], local: Local) -> list[Route]:
    return [_route(row, local) for row in rows]


def _route(row: Mapping[str, Any], local: Local) -> Route:
    party, why = None, "该单位已停用"
    if row["party_kind"] is not None:
        party, why = local.found[PartyKind(row["party_kind"])]
    elif row["active"]:
        party = Party(row["organisation_id"], row["organisation"], row["organisation_kind"])
        why = ""
    return Route(
        id=row["id"],
        region_path=row["region_path"],
        place=row["place"],
        basis=Basis(row["basis"]),
        role=AssignmentRole(row["role"]),
        level=Level(row["level"]) if row["level"] else None,
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
        named=row["organisation"] or PARTY_TITLES[PartyKind(row["party_kind"])],
        party=party,
        why=why,
    )


class Atlas:
    """Which organisations follow from a place, each place looked up once."""

    def __init__(self, connection: Any, tenant_id: UUID) -> None:
        self._connection = connection
        self._tenant = tenant_id
        self._known: dict[Any, Any] = {}

    async def local(self, matter: Matter, day: dt.date) -> Local:
        """The community and the street of the place, and the company that serves its compound on
        the day; where none does, the community stands in (社区兜底)."""
        compound = await self._compound(matter)
        path = compound["community_path"] if compound else matter.region_path
        territory = await self._fetched(_TERRITORY, path[:_COMMUNITY], path[:_STREET])
        open_here = {row["kind"]: Party(row["id"], row["name"], row["kind"]) for row in territory}
        community, street = (open_here.get(kind) for kind in ("COMMUNITY", "STREET_OFFICE"))
        found: dict[PartyKind, tuple[Party | None, str]] = {
            PartyKind.COMMUNITY: (
                community,
                "" if community else "地点不在社区之内,或社区没有机构",
            ),
            PartyKind.STREET_OFFICE: (street, "" if street else "地点不在街道之内,或街道没有机构"),
            PartyKind.PROPERTY_COMPANY: await self._serving(compound, community, day),
        }
        return Local(found)

    async def _serving(
        self, compound: Mapping[str, Any] | None, community: Party | None, day: dt.date
    ) -> tuple[Party | None, str]:
        if compound is None:
            return None, "由坐标和地点名称都对应不到小区"
        for row in await self._fetched(_COMPANY, compound["id"], day):
            return Party(row["id"], row["name"], row["kind"]), f"{compound['name']}当日的物业企业"
        without = f"{compound['name']}当日没有有效的物业服务合同"
        return community, without + (",由社区兜底" if community else ",所在社区也没有机构")

    async def _compound(self, matter: Matter) -> Mapping[str, Any] | None:
        """The compound that the place lies in: the one that is named by id, else the one whose
        outline holds the point, else the only one whose name is in the place's words."""
        around = matter.region_path[:_COMMUNITY]
        rows = await self._fetched(_COMPOUNDS, around, path_end(around))
        if matter.compound_id is not None:
            return next((row for row in rows if row["id"] == matter.compound_id), None)
        if matter.longitude is not None and matter.latitude is not None:
            x, y = matter.longitude, matter.latitude
            for row in rows:
                # A compound without an outline has no corners either.
                near = row["west"] is not None and (
                    row["west"] <= x <= row["east"] and row["south"] <= y <= row["north"]
                )
                if near and encloses(row["boundary"], x, y):
                    return row
        words = place_key(matter.words)
        named = [row for row in rows if place_key(row["name"]) in words]
        return named[0] if len(named) == 1 else None

    async def _fetched(self, sql: str, *values: Any) -> Sequence[Mapping[str, Any]]:
        key = (sql, *values)
        if key not in self._known:
            self._known[key] = await self._connection.fetch(sql, self._tenant, *values)
        rows: Sequence[Mapping[str, Any]] = self._known[key]
        return rows


async def matter_of(
    connection: Any, tenant_id: UUID, case: Mapping[str, Any], level: Level | None = None
) -> Matter:
    """The matter of a case, at the level in charge of it or another one."""
    kind = await connection.fetchval(
        "select kind from case_categories where tenant_id = $1 and id = $2",
        tenant_id,
        case["category_id"],
    )
    return Matter(
        category_id=case["category_id"],
        kind=CategoryKind(kind),
        level=level or Level(case["level"]),
        region_path=case["region_path"],
        compound_id=case["compound_id"],
        longitude=case["longitude"],
        latitude=case["latitude"],
        words=case["location"],
    )
