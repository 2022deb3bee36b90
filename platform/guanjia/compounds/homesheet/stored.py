"""What is stored of the homes and persons that some rows name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.compounds.homesheet.columns import DOCUMENTS
from guanjia.db.scope import Reachable
from guanjia.imports.kinds import Place, Row
from guanjia.people.identity import DocumentKind
from guanjia.people.service import holders_of
from guanjia.people.vault import Keyring

Key = tuple[UUID, str, int, str]
"""Building, unit, floor, room: what names a home on a day (domain §1.4)."""

_BY_COMMUNITY = Reachable(region="region_path")
_BUILDINGS = (
    "select id, compound_id, name, region_id, region_path from buildings where tenant_id = $1"
    " and compound_id = any($2) and name = any($3) and active"
)
# Each row of an array is looked up by itself (`offset 0`): while a list comes in, tables grow that
# the planner takes for small, and a scan for each part of the list would read them whole. The order
# is that of the index: of a tenant that it knows nothing of, the planner thinks that any will do.
_HOMES = (
    "select h.* from unnest($2::uuid[], $3::text[], $4::int[], $5::text[])"
    " u(building, unit, floor, room) cross join lateral (select id, building_id, unit, floor, room,"
    " label, area_dm2, estate_code, valid_from, valid_to, version from house_units x"
    " where x.tenant_id = $1 and x.building_id = u.building and x.unit = u.unit"
    " and x.floor = u.floor and x.room between u.room and u.room order by x.room, x.id"
    " offset 0{lock}) h"
)
_BINDINGS = (
    "select b.*, p.name from unnest($2::uuid[]) u(home) cross join lateral (select house_unit_id,"
    " person_id, relation from house_bindings x where x.tenant_id = $1"
    " and x.house_unit_id = u.home and x.valid_to is null order by x.valid_from, x.id offset 0) b"
    " cross join lateral (select id, name from persons x where x.tenant_id = $1"
    " and x.id >= b.person_id order by x.id limit 1) p where p.id = b.person_id"
)
_VOTERS = (
    "select v.* from unnest($2::uuid[]) u(home) cross join lateral (select house_unit_id,"
    " person_id from vote_holdings x where x.tenant_id = $1 and x.house_unit_id = u.home"
    " and x.ended_at is null order by x.began_at, x.id offset 0) v"
)
_PHONES = (
    "select f.* from unnest($2::uuid[]) u(person) cross join lateral (select person_id,"
    " blind_index from person_phones x where x.tenant_id = $1 and x.person_id = u.person"
    " order by x.position, x.id offset 0) f"
)


@dataclass(frozen=True, slots=True)
class Bound:
    """Somebody bound to a home."""

    person_id: UUID
    name: str
    relation: str


@dataclass(frozen=True, slots=True)
class Stored:
    """at: the building and the key of the home that each row names, by the row's number.
    closed: the day on which the last home of a key ended."""

    keyring: Keyring
    compounds: dict[str, UUID]
    at: dict[int, tuple[Any, Key]]
    homes: dict[Key, Any]
    closed: dict[Key, dt.date]
    holders: dict[tuple[DocumentKind, str], Any]
    bound: dict[UUID, list[Bound]]
    voters: dict[UUID, UUID]
    phones: dict[UUID, set[bytes]]

    def building(self, row: Row) -> Any:
        """The building of the row; None when it is not stored."""
        return self.at.get(row.number, (None,))[0]

    def key(self, row: Row) -> Key:
        """The key of a row whose building is stored."""
        return self.at[row.number][1]

    def binding(self, home_id: UUID, person_id: UUID) -> Bound | None:
        return next((b for b in self.bound.get(home_id, ()) if b.person_id == person_id), None)

    def owned(self, home_id: UUID) -> bool:
        return any(b.relation == "OWNER" for b in self.bound.get(home_id, ()))


def holder(row: Row) -> tuple[DocumentKind, str] | None:
    """The document that names the row's person."""
    return (DOCUMENTS[row["document_kind"]], row["number"]) if row["number"] else None


async def compounds_of(connection: Any, place: Place) -> dict[str, UUID]:
    """The active compounds of the scope by name; those of one name with their community's."""
    values: list[Any] = [place.tenant_id]

    def bind(value: Any, kind: str) -> str:
        values.append(value)
        return f"${len(values)}::{kind}"

    reach = place.scope.predicate(_BY_COMMUNITY, "c", "$1", bind)
    rows = await connection.fetch(
        "select c.id, c.name, r.name as community, count(*) over (partition by c.name) as named"
        " from compounds c join regions r on r.tenant_id = $1 and r.id = c.region_id"
        f" where c.tenant_id = $1 and c.active and {reach} order by c.name, r.code",
        *values,
    )
    return {
        row["name"] if row["named"] == 1 else f"{row['name']}({row['community']})": row["id"]
        for row in rows
    }


async def look(
    connection: Any, place: Place, keyring: Keyring, rows: Sequence[Row], *, lock: bool = False
) -> Stored:
    """What is stored of the rows, in the scope; with `lock`, held until the transaction ends."""
    tenant = place.tenant_id
    compounds = await compounds_of(connection, place)
    at = await _places(connection, tenant, compounds, rows, lock)
    homes, closed = await _homes(connection, tenant, at, lock)
    holders = await holders_of(connection, keyring, {h for h in map(holder, rows) if h})
    home_ids = [home["id"] for home in homes.values()]
    bound: dict[UUID, list[Bound]] = {}
    for b in await connection.fetch(_BINDINGS, tenant, home_ids):
        bound.setdefault(b["house_unit_id"], []).append(
            Bound(b["person_id"], b["name"], b["relation"])
        )
    voters = await connection.fetch(_VOTERS, tenant, home_ids)
    here = {b.person_id for home in bound.values() for b in home}
    phones = await _phones(connection, tenant, here | {h["id"] for h in holders.values()})
    return Stored(
        keyring, compounds, at, homes, closed, holders, bound,
        {v["house_unit_id"]: v["person_id"] for v in voters}, phones,
    )  # fmt: skip


async def _places(
    connection: Any, tenant: UUID, compounds: dict[str, UUID], rows: Sequence[Row], lock: bool
) -> dict[int, tuple[Any, Key]]:
    named = {compounds[row["compound"]] for row in rows if row["compound"] in compounds}
    found = await connection.fetch(
        _BUILDINGS + " for share" * lock, tenant, list(named), list({r["building"] for r in rows})
    )
    buildings = {(row["compound_id"], row["name"]): row for row in found}
    at: dict[int, tuple[Any, Key]] = {}
    for row in rows:
        compound = compounds.get(row["compound"])
        building = buildings.get((compound, row["building"])) if compound else None
        if building:
            at[row.number] = (building, (building["id"], row["unit"], row["floor"], row["room"]))
    return at


async def _homes(
    connection: Any, tenant: UUID, at: dict[int, tuple[Any, Key]], lock: bool
) -> tuple[dict[Key, Any], dict[Key, dt.date]]:
    """The homes in force by their keys, and when others of these keys ended."""
    keys = {key for _, key in at.values()}
    columns = [list(column) for column in zip(*keys, strict=True)] or [[], [], [], []]
    found = await connection.fetch(_HOMES.format(lock=" for update" * lock), tenant, *columns)
    homes: dict[Key, Any] = {}
    closed: dict[Key, dt.date] = {}
    for row in found:
        key = (row["building_id"], row["unit"], row["floor"], row["room"])
        if row["valid_to"] is None:
            homes[key] = row
        else:
            closed[key] = max(row["valid_to"], closed.get(key, row["valid_to"]))
    return homes, closed


async def _phones(
    connection: Any, tenant: UUID, person_ids: Iterable[UUID]
) -> dict[UUID, set[bytes]]:
    phones: dict[UUID, set[bytes]] = {}
    for row in await connection.fetch(_PHONES, tenant, list(person_ids)):
        phones.setdefault(row["person_id"], set()).add(bytes(row["blind_index"]))
    return phones
