"""The page of a compound: its company, its committee, its buildings, 50 homes with their holders.

Each part of the page is one of PARTS: what the document asks and what somebody would write by hand
for it; LOADING makes the rows. They are synthetic, and their ciphers empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from guanjia.reading.plan import fence

COMMUNITY_PATH = "0001/0001/0003/"
BUILDINGS, HOMES = 10, 500

_COMPOUNDS = """
insert into compounds (tenant_id, id, name, region_id, region_path, management_mode,
  household_count, search_text)
select tenant_id, md5(id || 'compound')::uuid, name || '小区', id, path, 'PROPERTY_COMPANY',
  $2, name from regions where tenant_id = any($1) and level = 'COMMUNITY'
"""
_BUILDINGS = """
insert into buildings (tenant_id, id, compound_id, code, name, position, region_id, region_path)
select r.tenant_id, md5(r.id || 'building')::uuid, c.id,
  lpad(row_number() over (partition by r.tenant_id order by r.path)::text, 17, '0'),
  substr(r.path, 16, 4)::int || '幢', substr(r.path, 16, 4)::int, r.id, r.path
from regions r join compounds c on c.tenant_id = r.tenant_id and c.region_id = r.parent_id
where r.tenant_id = any($1) and r.level = 'GRID'
"""
_HOUSES = """
insert into house_units (tenant_id, id, building_id, compound_id, region_path, unit, floor, room,
  label, valid_from)
select b.tenant_id, md5(b.id || 'home' || n)::uuid, b.id, b.compound_id, b.region_path, '01',
  n / 4 + 1, lpad((n % 4 + 1)::text, 2, '0'), b.name || '1单元' || n / 4 + 1 || '0' || n % 4 + 1,
  '2020-01-01'
from buildings b cross join generate_series(0, $2 - 1) n where b.tenant_id = any($1)
"""
_PERSONS = """
insert into persons (tenant_id, id, name, name_mask, search_text, sex, region_id, region_path,
  created_at, created_by, sealed_key, key_version)
select h.tenant_id, md5(h.id || 'person' || n)::uuid, '住户' || n, '住*', '住户', 'UNKNOWN',
  b.region_id, h.region_path, '2025-01-01', md5(h.tenant_id || 'member')::uuid, ''::bytea, 1
from house_units h join buildings b on b.tenant_id = h.tenant_id and b.id = h.building_id
cross join generate_series(1, 2) n where h.tenant_id = any($1)
"""
_PHONES = """
insert into person_phones (tenant_id, id, person_id, kind, position, cipher, mask, blind_index,
  recorded_at)
select tenant_id, md5(id || 'phone')::uuid, id, 'MOBILE', 1, ''::bytea, '139****0001', ''::bytea,
  created_at from persons where tenant_id = any($1)
"""
_BINDINGS = """
insert into house_bindings (tenant_id, id, house_unit_id, building_id, compound_id, person_id,
  region_path, relation, proof, proven_by, proven_at, valid_from)
select h.tenant_id, md5(h.id || 'binding' || n)::uuid, h.id, h.building_id, h.compound_id,
  md5(h.id || 'person' || n)::uuid, h.region_path, case n when 1 then 'OWNER' else 'SPOUSE' end,
  'PROPERTY_DESK', md5(h.tenant_id || 'member')::uuid, '2025-01-01', '2025-01-01'
from house_units h cross join generate_series(1, 2) n where h.tenant_id = any($1)
"""
_COMPANIES = """
with made as (
  insert into organisations (tenant_id, id, kind, name, region_id, region_path)
  select tenant_id, md5(id || 'company')::uuid, 'PROPERTY_COMPANY', name || '物业', region_id,
    region_path from compounds where tenant_id = any($1) returning tenant_id, id)
insert into property_companies (tenant_id, id, organisation_id, credit_code, service_phone,
  party_members)
select tenant_id, id, id,
  lpad(row_number() over (partition by tenant_id order by id)::text, 18, '0'), '0599-8000000', 0
from made
"""
_CONTRACTS = """
insert into property_contracts (tenant_id, id, compound_id, company_id, starts_on)
select tenant_id, md5(id || 'contract')::uuid, id, md5(id || 'company')::uuid, '2025-01-01'
from compounds where tenant_id = any($1)
"""
_COMMITTEES = """
insert into owners_committees (tenant_id, id, compound_id, elected_on, term_from, term_to, file_by,
  filed_on, filing_number)
select tenant_id, md5(id || 'committee')::uuid, id, '2025-01-01', '2025-01-01', '2034-12-31',
  '2025-01-31', '2025-01-20', '2025-1' from compounds where tenant_id = any($1)
"""
_MEMBERS = """
insert into committee_members (tenant_id, id, committee_id, post, person_id, valid_from)
select c.tenant_id, md5(c.id || 'member' || n)::uuid, md5(c.id || 'committee')::uuid, 'MEMBER',
  p.person_id, '2025-01-01'
from compounds c cross join lateral (select b.person_id, row_number() over () n
  from house_bindings b where b.tenant_id = c.tenant_id and b.compound_id = c.id
  and b.relation = 'OWNER' order by b.house_unit_id limit 5) p where c.tenant_id = any($1)
"""
LOADING = (
    (_COMPOUNDS, HOMES), (_BUILDINGS,), (_HOUSES, HOMES // BUILDINGS), (_PERSONS,), (_PHONES,),
    (_BINDINGS,), (_COMPANIES,), (_CONTRACTS,), (_COMMITTEES,), (_MEMBERS,),
)  # fmt: skip


async def loaded(connection: Any, tenants: list[UUID]) -> None:
    """Each community of these tenants has one compound: 10 buildings, one a grid, of 50 homes,
    each with two who are bound to it. Made once."""
    if await connection.fetchval("select 1 from compounds where tenant_id = any($1)", tenants):
        return
    async with connection.transaction():
        await connection.execute("set local session_replication_role = replica")
        for statement, *more in LOADING:
            await connection.execute(statement, tenants, *more)
    await connection.execute("vacuum (freeze, analyze)")


@dataclass(frozen=True)
class Part:
    """A root field of the page, and the same by hand over `$5`, the compound."""

    asked: str
    by_hand: str


def _one(columns: str, source: str) -> str:
    return f"(select row_to_json(o) from (select {columns} from {source}) o)"


def _list(columns: str, source: str) -> str:
    rows = f"select {columns} from {source}"
    return f"(select coalesce(array_to_json(array_agg(l)), '[]') from ({rows}) l)"


def _nodes(columns: str, source: str) -> str:
    return f"(select row_to_json(c) from (select {_list(columns, source)} nodes) c)"


TODAY = "(now() at time zone 'Asia/Shanghai')::date"
_PERSON = _one(
    "p.name, " + _list(
        "f.kind, f.mask number",
        "person_phones f where f.tenant_id = $2 and f.person_id = p.id order by f.position, f.id"
        " limit 100",
    ) + " phones",
    "persons p where p.tenant_id = $2 and p.id = b.person_id",
)  # fmt: skip
_BOUND = _list(
    "b.relation, b.valid_from \"validFrom\", exists (select 1 from vote_holdings v"
    " where v.tenant_id = $2 and v.house_unit_id = b.house_unit_id and v.person_id = b.person_id"
    f" and v.ended_at is null) \"voteHolder\", {_PERSON} person",
    "house_bindings b where b.tenant_id = $2 and b.house_unit_id = h.id and b.valid_to is null"
    " order by b.valid_from, b.id limit 100",
)  # fmt: skip
PARTS = (
    Part(
        "compound(id: $id) { id name managementMode householdCount region { name }"
        " buildings(first: 20) { nodes { id name } } }",
        _one(
            'c.id, c.name, c.management_mode "managementMode", c.household_count "householdCount", '
            + _one("r.name", "regions r where r.tenant_id = $2 and r.id = c.region_id")
            + " region, "
            + _nodes(
                "u.id, u.name",
                "buildings u where u.tenant_id = $2 and u.compound_id = c.id"
                " order by u.position, u.id limit 20",
            )
            + " buildings",
            "compounds c where c.tenant_id = $2 and c.id = $5 and s.t is not null",
        )
        + " compound",
    ),
    Part(
        "propertyContracts(first: 1, filter: { compound: { in: $ids }, inForce: true })"
        " { nodes { startsOn endsOn company { name creditCode servicePhone } } }",
        _nodes(
            't.starts_on "startsOn", t.ends_on "endsOn", '
            + _one(
                'g.name, k.credit_code "creditCode", k.service_phone "servicePhone"',
                "property_companies k join organisations g on g.tenant_id = $2"
                " and g.id = k.organisation_id where k.tenant_id = $2 and k.id = t.company_id",
            )
            + " company",
            "property_contracts t where t.tenant_id = $2 and t.compound_id = $5 and s.t is not null"
            f" and t.starts_on <= {TODAY} and (t.ends_on is null or t.ends_on >= {TODAY})"
            " order by t.starts_on desc, t.id desc limit 1",
        )
        + ' "propertyContracts"',
    ),
    Part(
        "ownersCommittees(first: 1, filter: { compound: { in: $ids }, inOffice: true })"
        " { nodes { termFrom termTo filedOn members { post name validFrom } } }",
        _nodes(
            'w.term_from "termFrom", w.term_to "termTo", w.filed_on "filedOn", '
            + _list(
                'm.post, (select p.name_mask from persons p where p.tenant_id = $2'
                ' and p.id = m.person_id) name, m.valid_from "validFrom"',
                "committee_members m where m.tenant_id = $2 and m.committee_id = w.id"
                " order by m.valid_from, m.id limit 100",
            )
            + " members",
            "owners_committees w where w.tenant_id = $2 and w.compound_id = $5 and s.t is not null"
            f" and w.term_from <= {TODAY} and w.term_to >= {TODAY}"
            " order by w.term_from desc, w.id desc limit 1",
        )
        + ' "ownersCommittees"',
    ),
    Part(
        "houseUnits(first: 50, filter: { compound: { in: $ids }, inForce: true })"
        " { nodes { id label floor room building { name } bindings"
        " { relation validFrom voteHolder person { name phones { kind number } } } } }",
        _nodes(
            "h.id, h.label, h.floor, h.room, "
            + _one("u.name", "buildings u where u.tenant_id = $2 and u.id = h.building_id")
            + f" building, {_BOUND} bindings",
            "house_units h where h.tenant_id = $2 and h.compound_id = $5 and s.t is not null"
            " and h.valid_to is null order by h.label, h.id limit 50",
        )
        + ' "houseUnits"',
    ),
)  # fmt: skip
PAGE = "query ($id: ID!, $ids: [ID!]) { " + " ".join(part.asked for part in PARTS) + " }"
BY_HAND = fence(", ".join(part.by_hand for part in PARTS))


def asked(compound: UUID) -> bytes:
    return orjson.dumps({"query": PAGE, "variables": {"id": str(compound), "ids": [str(compound)]}})


def given(body: bytes) -> list[Any]:
    return [UUID(orjson.loads(body)["variables"]["id"])]
