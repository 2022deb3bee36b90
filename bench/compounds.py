"""Compounds as rows: homes and who is bound to them, the company, the committee, the party
organisations, the seats, the lists. They are synthetic, and their ciphers empty.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

COMMUNITY_PATH = "0001/0001/0003/"
BUILDINGS, HOMES, ITEMS = 10, 500, 20

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
# Of each compound: what is party to it, and who of its owners is that party's secretary.
_PARTIES = """
insert into party_organisations (tenant_id, id, kind, name, region_id, company_id, full_members,
  probationary_members, established_on)
select c.tenant_id, md5(c.id || kind)::uuid, kind, c.name || title, c.region_id,
  case kind when 'COMPANY_BRANCH' then md5(c.id || 'company')::uuid end, 5, 0, '2025-01-01'
from compounds c cross join (values ('COMMUNITY_COMMITTEE', '社区党委'),
  ('COMPANY_BRANCH', '物业党支部')) k(kind, title) where c.tenant_id = any($1)
"""
_POSTS = """
insert into party_posts (tenant_id, id, party_organisation_id, post, person_id, valid_from)
select o.tenant_id, md5(o.id || 'secretary')::uuid, o.id, 'SECRETARY', b.person_id, '2025-01-01'
from compounds c join party_organisations o on o.tenant_id = c.tenant_id
  and o.id in (md5(c.id || 'COMMUNITY_COMMITTEE')::uuid, md5(c.id || 'COMPANY_BRANCH')::uuid)
cross join lateral (select b.person_id from house_bindings b where b.tenant_id = c.tenant_id
  and b.compound_id = c.id and b.relation = 'OWNER' order by b.house_unit_id desc
  offset case o.kind when 'COMPANY_BRANCH' then 1 else 0 end limit 1) b
where c.tenant_id = any($1)
"""
_TENURES = """
insert into seat_tenures (tenant_id, id, compound_id, seat, person_id, party_organisation_id,
  committee_id, valid_from)
select c.tenant_id, md5(c.id || s.seat)::uuid, c.id, s.seat, coalesce(p.person_id, m.person_id),
  p.party_organisation_id, m.committee_id, '2025-01-01'
from compounds c cross join (values ('COMMUNITY_PARTY', 'COMMUNITY_COMMITTEE'),
  ('PROPERTY_PARTY', 'COMPANY_BRANCH'), ('OWNERS_COMMITTEE', null)) s(seat, kind)
left join party_posts p on p.tenant_id = c.tenant_id
  and p.party_organisation_id = md5(c.id || s.kind)::uuid
left join lateral (select * from committee_members m where m.tenant_id = c.tenant_id
  and m.committee_id = md5(c.id || 'committee')::uuid order by m.id limit 1) m on s.kind is null
where c.tenant_id = any($1)
"""
_COVERS = """
insert into grid_buildings (tenant_id, id, building_id, grid_id, valid_from)
select tenant_id, md5(id || 'cover')::uuid, id, region_id, '2025-01-01'
from buildings where tenant_id = any($1)
"""
_STEWARDS = """
with made as (
  insert into memberships (tenant_id, id, home_tenant_id, user_id, display_name, kind)
  select tenant_id, md5(id || 'steward')::uuid, tenant_id, md5(id || 'user')::uuid,
    name || '网格员', 'STAFF'
  from regions where tenant_id = any($1) and level = 'GRID' returning tenant_id, id)
insert into grants (tenant_id, id, membership_id, role, region_id, region_path, valid_from)
select r.tenant_id, md5(r.id || 'grant')::uuid, m.id, 'BLD', r.id, r.path, '2025-01-01'
from regions r join made m on m.tenant_id = r.tenant_id and m.id = md5(r.id || 'steward')::uuid
"""
_LISTS = """
insert into compound_lists (tenant_id, id, compound_id, kind, edition, state, valid_from,
  content_hash, created_by, editors, created_at, published_by, published_at)
select tenant_id, md5(id || kind)::uuid, id, kind, 1, 'PUBLISHED', '2025-01-01', '',
  md5(tenant_id || 'member')::uuid, '{}', '2025-01-01', md5(tenant_id || 'member')::uuid,
  '2025-01-01'
from compounds cross join
  unnest(array['SERVICE_LIST', 'BUTLER_DUTY_LIST', 'COMMITTEE_DUTY_LIST']) kind
where tenant_id = any($1)
"""
_ITEMS = """
insert into list_items (tenant_id, id, list_id, compound_id, position, code, title, standard,
  frequency, evidence, basis, contract_clause, weight, co_seats, public)
select tenant_id, md5(id || 'item' || n)::uuid, id, compound_id, n, 'A-' || n, '公共区域' || n,
  '每日一次,无积存垃圾,发现问题当日处置并公示', '每日', '照片', '', '',
  case kind when 'SERVICE_LIST' then 100 / $2 end, '{}', true
from compound_lists cross join generate_series(1, $2::int) n where tenant_id = any($1)
"""
HOUSING = (
    (_COMPOUNDS, HOMES), (_BUILDINGS,), (_HOUSES, HOMES // BUILDINGS), (_PERSONS,), (_PHONES,),
    (_BINDINGS,), (_COMPANIES,), (_CONTRACTS,), (_COMMITTEES,), (_MEMBERS,),
)  # fmt: skip
BUTLERS = (
    (_PARTIES,), (_POSTS,), (_TENURES,), (_COVERS,), (_STEWARDS,), (_LISTS,), (_ITEMS, ITEMS),
)  # fmt: skip
LOADING = {"compounds": HOUSING, "seat_tenures": BUTLERS}
"""By the table that shows whether it was loaded."""


async def loaded(connection: Any, tenants: list[UUID]) -> None:
    """Each community of these tenants has one compound: 10 buildings, one a grid with its steward,
    of 50 homes, each with two who are bound to it; four seats filled; three lists. Made once."""
    for table, statements in LOADING.items():
        if await connection.fetchval(f"select 1 from {table} where tenant_id = any($1)", tenants):
            continue
        async with connection.transaction():
            await connection.execute("set local session_replication_role = replica")
            for statement, *more in statements:
                await connection.execute(statement, tenants, *more)
        await connection.execute("vacuum (freeze, analyze)")
