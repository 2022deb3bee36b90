"""The page of a compound as a frontend asks for it: its company, its committee, the four seats, its
lists, its buildings, 50 homes with their holders; and the same as somebody writes it by hand.

Each part of the page says what the document asks and what is written by hand for it over `$5`, the
compound. By hand who holds the seats is found once, for that compound and today.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson

from guanjia.reading.plan import fence

TODAY = "(now() at time zone 'Asia/Shanghai')::date"


def one(columns: str, source: str) -> str:
    return f"(select row_to_json(o) from (select {columns} from {source}) o)"


def listed(columns: str, source: str) -> str:
    rows = f"select {columns} from {source}"
    return f"(select coalesce(array_to_json(array_agg(l)), '[]') from ({rows}) l)"


def nodes(columns: str, source: str) -> str:
    return f"(select row_to_json(c) from (select {listed(columns, source)} nodes) c)"


def _of_today(row: str) -> str:
    return f"{row}.valid_from <= {TODAY} and ({row}.valid_to is null or {row}.valid_to > {TODAY})"


REGION = (
    "region { name }",
    one("r.name", "regions r where r.tenant_id = $2 and r.id = c.region_id"),
)
CONTRACT = (
    "contract { startsOn endsOn company { name creditCode servicePhone } }",
    one(
        't.starts_on "startsOn", t.ends_on "endsOn", '
        + one(
            'g.name, k.credit_code "creditCode", k.service_phone "servicePhone"',
            "property_companies k join organisations g on g.tenant_id = $2"
            " and g.id = k.organisation_id where k.tenant_id = $2 and k.id = t.company_id",
        )
        + " company",
        "property_contracts t where t.tenant_id = $2 and t.compound_id = c.id"
        f" and daterange(t.starts_on, t.ends_on, '[]') @> {TODAY}",
    ),
)
COMMITTEE = (
    "committee { termFrom termTo filedOn members { post name validFrom } }",
    one(
        'w.term_from "termFrom", w.term_to "termTo", w.filed_on "filedOn", '
        + listed(
            "m.post, (select p.name_mask from persons p where p.tenant_id = $2"
            ' and p.id = m.person_id) name, m.valid_from "validFrom"',
            "committee_members m where m.tenant_id = $2 and m.committee_id = w.id"
            " order by m.valid_from, m.id limit 100",
        )
        + " members",
        "owners_committees w where w.tenant_id = $2 and w.compound_id = c.id"
        f" and daterange(w.term_from, w.term_to, '[]') @> {TODAY}",
    ),
)
_IN_PARTY = (
    "exists (select 1 from party_posts q where q.tenant_id = $2 and q.party_organisation_id = o.id"
    f" and q.person_id = t.person_id and {_of_today('q')})"
    f" and (o.dissolved_on is null or o.dissolved_on > {TODAY})"
)
_SERVED = (
    "exists (select 1 from property_contracts k where k.tenant_id = $2 and k.compound_id = $5"
    f" and daterange(k.starts_on, k.ends_on, '[]') @> {TODAY}"
)
_LOCAL = "(%s at time zone 'Asia/Shanghai')::date"
_UNTIL = _LOCAL % "least(g.valid_to, g.revoked_at)"
# Whoever was appointed holds a seat while the party that he sits for is there, a substitute while
# it is not; the fourth seat is held by the members of the grids that cover a building.
_HELD = f"""
select t.seat, t.id, p.name, coalesce(o.name, case t.substitute
    when 'RESIDENTS_SUBCOMMITTEE' then '居委会环境和物业管理委员会'
    when 'MANAGEMENT_COMMITTEE' then '物业管理委员会' else '业主委员会' end) organisation,
  t.valid_from since, t.substitute is not null acting
from seat_tenures t
join persons p on p.tenant_id = $2 and p.id = t.person_id
left join party_organisations o on o.tenant_id = $2 and o.id = t.party_organisation_id
where t.tenant_id = $2 and t.compound_id = $5 and s.t is not null and {_of_today("t")}
and case
  when t.substitute is not null and t.seat = 'PROPERTY_PARTY' then not {_SERVED}) and {_IN_PARTY}
  when t.substitute is not null then not exists (select 1 from owners_committees w
    where w.tenant_id = $2 and w.compound_id = $5
    and daterange(w.term_from, w.term_to, '[]') @> {TODAY})
  when t.seat = 'OWNERS_COMMITTEE' then exists (select 1 from committee_members m
    join owners_committees w on w.tenant_id = $2 and w.id = m.committee_id
    where m.tenant_id = $2 and m.committee_id = t.committee_id and m.person_id = t.person_id
    and m.post <> 'ALTERNATE' and {_of_today("m")}
    and daterange(w.term_from, w.term_to, '[]') @> {TODAY})
  when t.seat = 'PROPERTY_PARTY' then {_SERVED} and k.company_id = o.company_id) and {_IN_PARTY}
  else {_IN_PARTY} end
union all
select 'BUILDING_GRID', md5($5::text || g.id::text)::uuid, m.display_name, r.name,
  {_LOCAL % "g.valid_from"}, false
from (select distinct y.grid_id from buildings u join grid_buildings y on y.tenant_id = $2
  and y.building_id = u.id and {_of_today("y")}
  where u.tenant_id = $2 and u.compound_id = $5 and s.t is not null) x
join regions r on r.tenant_id = $2 and r.id = x.grid_id
join grants g on g.tenant_id = $2 and g.region_id = x.grid_id and g.role in ('GRID', 'BLD')
  and {_LOCAL % "g.valid_from"} <= {TODAY} and ({_UNTIL} is null or {_UNTIL} > {TODAY})
join memberships m on m.tenant_id = $2 and m.id = g.membership_id
"""
_IS_HELD = "exists (select 1 from held h where h.seat = '%s')"
_SEATS = listed(
    "v.seat, v.label, not exists (select 1 from held h where h.seat = v.seat) vacant, "
    + listed(
        "h.name, h.organisation, h.since, h.acting",
        "held h where h.seat = v.seat order by h.since, h.id limit 100",
    )
    + " holders",
    "(values (1, 'COMMUNITY_PARTY', '社区党组织'), (2, 'OWNERS_COMMITTEE', '业委会'),"
    " (3, 'PROPERTY_PARTY', '物业党支部'), (4, 'BUILDING_GRID', '楼栋网格员'))"
    " v(position, seat, label) order by v.position",
)
BUTLER = (
    "butler { active seats { seat label vacant holders { name organisation since acting } } }",
    f"(with held as materialized ({_HELD}) select row_to_json(o) from (select c.active"
    f" and {_IS_HELD % 'COMMUNITY_PARTY'} and {_IS_HELD % 'BUILDING_GRID'} active,"
    f" {_SEATS} seats) o)",
)
LISTS = (
    "listsInForce { nodes { kind edition validFrom"
    " items(first: 20) { nodes { code title standard weight } } } }",
    nodes(
        'l.kind, l.edition, l.valid_from "validFrom", '
        + nodes(
            "i.code, i.title, i.standard, i.weight",
            "list_items i where i.tenant_id = $2 and i.list_id = l.id and i.public"
            " order by i.position, i.id limit 20",
        )
        + " items",
        "compound_lists l where l.tenant_id = $2 and l.compound_id = c.id"
        f" and l.state in ('PUBLISHED', 'SUPERSEDED') and {_of_today('l')}"
        " order by l.kind, l.id limit 20",
    ),
)
BUILDINGS = (
    "buildings(first: 20) { nodes { id name } }",
    nodes(
        "u.id, u.name",
        "buildings u where u.tenant_id = $2 and u.compound_id = c.id"
        " order by u.position, u.id limit 20",
    ),
)
PARTS = {
    "region": REGION, "contract": CONTRACT, "committee": COMMITTEE, "butler": BUTLER,
    "listsInForce": LISTS, "buildings": BUILDINGS,
}  # fmt: skip

_PERSON = one(
    "p.name, " + listed(
        "f.kind, f.mask number",
        "person_phones f where f.tenant_id = $2 and f.person_id = p.id order by f.position, f.id"
        " limit 100",
    ) + " phones",
    "persons p where p.tenant_id = $2 and p.id = b.person_id",
)  # fmt: skip
_BOUND = listed(
    "b.relation, b.valid_from \"validFrom\", exists (select 1 from vote_holdings v"
    " where v.tenant_id = $2 and v.house_unit_id = b.house_unit_id and v.person_id = b.person_id"
    f" and v.ended_at is null) \"voteHolder\", {_PERSON} person",
    "house_bindings b where b.tenant_id = $2 and b.house_unit_id = h.id and b.valid_to is null"
    " order by b.valid_from, b.id limit 100",
)  # fmt: skip
HOMES = (
    "houseUnits(first: 50, filter: { compound: { in: $ids }, inForce: true })"
    " { nodes { id label floor room building { name } bindings"
    " { relation validFrom voteHolder person { name phones { kind number } } } } }",
    nodes(
        "h.id, h.label, h.floor, h.room, "
        + one("u.name", "buildings u where u.tenant_id = $2 and u.id = h.building_id")
        + f" building, {_BOUND} bindings",
        "house_units h where h.tenant_id = $2 and h.compound_id = $5 and s.t is not null"
        " and h.valid_to is null order by h.label, h.id limit 50",
    )
    + ' "houseUnits"',
)


def page(*names: str, homes: bool = True) -> tuple[str, str]:
    """The document with these parts of the compound, and the statement by hand."""
    asked = " ".join(PARTS[name][0] for name in names)
    found = "".join(f', {PARTS[name][1]} "{name}"' for name in names)
    compound = one(
        'c.id, c.name, c.management_mode "managementMode", c.household_count "householdCount"'
        + found,
        "compounds c where c.tenant_id = $2 and c.id = $5 and s.t is not null",
    )
    document = f"compound(id: $id) {{ id name managementMode householdCount {asked} }}"
    statement = compound + " compound"
    if not homes:
        return f"query ($id: ID!) {{ {document} }}", fence(statement)
    return (
        f"query ($id: ID!, $ids: [ID!]) {{ {document} {HOMES[0]} }}",
        fence(f"{statement}, {HOMES[1]}"),
    )


PAGE, BY_HAND = page(*PARTS)


def asked(compound: UUID, document: str = PAGE) -> bytes:
    ids = {"id": str(compound), "ids": [str(compound)]}
    return orjson.dumps({"query": document, "variables": ids})


def given(body: bytes) -> list[Any]:
    return [UUID(orjson.loads(body)["variables"]["id"])]
