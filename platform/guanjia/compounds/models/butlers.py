"""Butlers (小区管家): who holds the seats of a compound, and since when.

`seat_tenures` says who was appointed. Whether somebody holds a seat on a day is asked of their
source as well, so that nothing has to be written when a term or a contract runs out: the tenure
of a committee's member lapses with the committee, that of a company's branch with the contract,
and whoever acts for a missing party does so only while it is missing.
The building grid members are in no table of their own: `HOLDERS` reads them from the grids that
cover the compound's buildings and the grants at those grids.
"""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from guanjia.compounds.models.companies import ON_COMPOUND
from guanjia.compounds.models.estates import COMPOUND_REACH, PART_REACH
from guanjia.compounds.models.seats import NEEDED, Seat
from guanjia.db.ids import new_id
from guanjia.db.scope import Reachable
from guanjia.people.references import PersonReference, refers
from guanjia.reading.classes import DataClass, ProtectedText
from guanjia.reading.mapping import TODAY


class SubstituteKind(StrEnum):
    """网格党支部、居委会环境和物业管理委员会、物业管理委员会"""

    GRID_BRANCH = "GRID_BRANCH"
    RESIDENTS_SUBCOMMITTEE = "RESIDENTS_SUBCOMMITTEE"
    MANAGEMENT_COMMITTEE = "MANAGEMENT_COMMITTEE"


class MissingParty(StrEnum):
    """物业公司、业主委员会"""

    PROPERTY_COMPANY = "PROPERTY_COMPANY"
    OWNERS_COMMITTEE = "OWNERS_COMMITTEE"


class InactiveReason(StrEnum):
    """社区党组织席位空缺、楼栋网格员席位空缺、小区已关闭"""

    COMMUNITY_PARTY_VACANT = "COMMUNITY_PARTY_VACANT"
    BUILDING_GRID_VACANT = "BUILDING_GRID_VACANT"
    COMPOUND_CLOSED = "COMPOUND_CLOSED"


BUTLER_REACH = COMPOUND_REACH
SEAT_REACH = Reachable(inside=ON_COMPOUND, own=PART_REACH.own)
"""Seats are read where their compound is, and by who has a home in it."""

CONTRACT_OF = (
    "from property_contracts k where k.tenant_id = {tenant} and k.compound_id = %s"
    " and daterange(k.starts_on, k.ends_on, '[]') @> {day}"
)
COMMITTEE_OF = (
    "from owners_committees k where k.tenant_id = {tenant} and k.compound_id = %s"
    " and daterange(k.term_from, k.term_to, '[]') @> {day}"
)
"""The contract in force and the committee in office on the day, of the compound in `%s`."""

VALID = "{row}.valid_from <= {day} and ({row}.valid_to is null or {row}.valid_to > {day})"
IN_PARTY = (
    "exists (select 1 from party_posts hp join party_organisations ho on ho.tenant_id = {tenant}"
    " and ho.id = hp.party_organisation_id where hp.tenant_id = {tenant}"
    " and hp.party_organisation_id = {row}.party_organisation_id"
    " and hp.person_id = {row}.person_id and " + VALID.replace("{row}", "hp") + ""
    " and (ho.dissolved_on is null or ho.dissolved_on > {day}) offset 0)"
)
ON_COMMITTEE = (
    "exists (select 1 from committee_members hm join owners_committees hc"
    " on hc.tenant_id = {tenant} and hc.id = hm.committee_id where hm.tenant_id = {tenant}"
    " and hm.committee_id = {row}.committee_id and hm.person_id = {row}.person_id"
    " and hm.post <> 'ALTERNATE' and " + VALID.replace("{row}", "hm") + ""
    " and daterange(hc.term_from, hc.term_to, '[]') @> {day} offset 0)"
)
"""Whether somebody is in the post that a row says, on the day. With the offset each is looked up
for its row; without it the planner may read the tenant's posts, every one, to compare with."""

_LOCAL = "(%s at time zone 'Asia/Shanghai')::date"
_COMPANY = f"(select k.company_id {CONTRACT_OF % 't.compound_id'})"
_COMMITTEE = f"(select k.id {COMMITTEE_OF % 't.compound_id'})"
_APPOINTED_HOLDS = (
    f"{VALID.replace('{row}', 't')}"
    f" and (t.seat = '{Seat.OWNERS_COMMITTEE}' or {IN_PARTY.replace('{row}', 't')})"
    f" and case when t.seat = '{Seat.OWNERS_COMMITTEE}' then case when t.substitute is null"
    f" then {ON_COMMITTEE.replace('{row}', 't')} else {_COMMITTEE} is null end"
    f" when t.seat = '{Seat.PROPERTY_PARTY}' then case when t.substitute is null"
    f" then coalesce({_COMPANY} = o.company_id, false) else {_COMPANY} is null end else true end"
)
_APPOINTED = f"""
select t.tenant_id, t.id, t.compound_id, t.seat, t.person_id, p.name,
  coalesce(o.name, case t.substitute
    when '{SubstituteKind.RESIDENTS_SUBCOMMITTEE}' then '居委会环境和物业管理委员会'
    when '{SubstituteKind.MANAGEMENT_COMMITTEE}' then '物业管理委员会'
    else '业主委员会' end) as organisation,
  c.service_phone as contact, t.valid_from as since, t.valid_to as until,
  t.substitute is not null as acting,
  case when t.substitute is null then null
    when t.seat = '{Seat.PROPERTY_PARTY}' then '{MissingParty.PROPERTY_COMPANY}'
    else '{MissingParty.OWNERS_COMMITTEE}' end as acting_for,
  t.reason, t.version, null::text as role, p.membership_id, {_APPOINTED_HOLDS} as holds
from seat_tenures t
join persons p on p.tenant_id = {{tenant}} and p.id = t.person_id
left join party_organisations o on o.tenant_id = {{tenant}} and o.id = t.party_organisation_id
left join property_companies c on c.tenant_id = {{tenant}} and c.id = o.company_id
where t.tenant_id = {{tenant}}
"""
_SINCE, _UNTIL = _LOCAL % "g.valid_from", _LOCAL % "least(g.valid_to, g.revoked_at)"
_GRANTED = f"{_SINCE} <= {{day}} and ({_UNTIL} is null or {_UNTIL} > {{day}})"
_COVERS = VALID.replace("{row}", "gb")
# One row for a grant at a grid that covers, or once covered, some building of the compound. The
# seat is no constant: see `db.scope.NOTHING`.
_STEWARDS = f"""
select k.tenant_id, md5(k.compound_id::text || g.id::text)::uuid, k.compound_id,
  (select '{Seat.BUILDING_GRID}'::text), null::uuid, m.display_name, r.name, null::text,
  {_SINCE}, {_UNTIL}, false, null::text, null::text, null::integer, g.role,
  g.membership_id, k.covered and {_GRANTED}
from (select b.tenant_id, b.compound_id, gb.grid_id, bool_or({_COVERS}) covered
  from buildings b join grid_buildings gb on gb.tenant_id = {{tenant}} and gb.building_id = b.id
  where b.tenant_id = {{tenant}} group by b.tenant_id, b.compound_id, gb.grid_id) k
join regions r on r.tenant_id = {{tenant}} and r.id = k.grid_id
join grants g on g.tenant_id = {{tenant}} and g.region_id = r.id and g.region_path = r.path
  and g.role in ('GRID', 'BLD')
join memberships m on m.tenant_id = {{tenant}} and m.id = g.membership_id
"""
HOLDERS = f"{_APPOINTED} union all {_STEWARDS}"
"""Who was appointed to a seat and who stewards its buildings, now or once; `holds` says whether
they hold it on the day."""
HOLDS = "{row}.holds"


_HELD = f"""left join lateral (select coalesce(array_agg(h.seat), array[]::text[]) as held from (
  select t.seat from seat_tenures t left join party_organisations o on o.tenant_id = {{tenant}}
    and o.id = t.party_organisation_id
  where t.tenant_id = {{tenant}} and t.compound_id = c.id and {_APPOINTED_HOLDS}
  union all select '{Seat.BUILDING_GRID}' where exists (select 1 from buildings b
    join grid_buildings gb on gb.tenant_id = {{tenant}} and gb.building_id = b.id and {_COVERS}
    join regions r on r.tenant_id = {{tenant}} and r.id = gb.grid_id
    join grants g on g.tenant_id = {{tenant}} and g.region_id = r.id and g.region_path = r.path
      and g.role in ('GRID', 'BLD') and {_GRANTED}
    where b.tenant_id = {{tenant}} and b.compound_id = c.id)) h) f on true"""
"""Beside a compound the seats that somebody holds on the day, found once for all who ask."""
BUTLERS = f"select c.*, f.held from compounds c {_HELD} where c.tenant_id = {{tenant}}"
_SEAT_LIST = ", ".join(f"('{seat}', {number})" for number, seat in enumerate(Seat, 1))
SEATS = (
    "select c.tenant_id, md5(c.id::text || s.seat)::uuid as id, c.id as compound_id, s.seat,"
    f" s.position, f.held from compounds c {_HELD} cross join (values {_SEAT_LIST})"
    " s(seat, position) where c.tenant_id = {tenant}"
)
"""The four seats of each compound."""
FILLED = "%s = any({row}.held)"
"""SQL: somebody holds the seat on the day, of a row of `BUTLERS` or `SEATS`."""

_NEEDED = {seat: FILLED % f"'{seat}'" for seat in NEEDED}
_OPEN = f"({{row}}.active or {{day}} < {TODAY})"
"""A compound has no date of closing: on days before today it counts as it stood."""
ACTIVE = "(" + " and ".join((_OPEN, *_NEEDED.values())) + ")"
_REASONS = ", ".join(
    f"case when not {test} then '{reason}' end"
    for test, reason in (
        *((f"({test})", f"{seat}_VACANT") for seat, test in _NEEDED.items()),
        (_OPEN, InactiveReason.COMPOUND_CLOSED),
    )
)
INACTIVE_REASONS = f"array_remove(array[{_REASONS}], null)"


PARTY_ORGANISATIONS = f"""(
select c.tenant_id, c.id as compound_id, o.id as party_organisation_id
from compounds c join party_organisations o on o.tenant_id = {{tenant}}
where c.tenant_id = {{tenant}} and (o.compound_id = c.id
  or o.kind = 'COMMUNITY_COMMITTEE' and o.region_id = c.region_id
  or o.company_id in (select t.company_id from property_contracts t
    where t.tenant_id = {{tenant}} and t.compound_id = c.id
    and daterange(t.starts_on, t.ends_on, '[]') @> {TODAY})
  or o.kind = 'GRID_BRANCH' and o.region_id in (select b.region_id from buildings b
    where b.tenant_id = {{tenant}} and b.compound_id = c.id))
)"""
"""Pairs of a compound and a party organisation that has to do with it today."""


class SeatTenure(Model):
    """席位任职:某人自何日至何日(不含)在某小区担任何席位"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    compound_id = fields.UUIDField()
    seat = fields.TextField()
    person_id = fields.UUIDField()
    party_organisation_id = fields.UUIDField(null=True)
    committee_id = fields.UUIDField(null=True)
    substitute = fields.TextField(null=True)
    reason = fields.TextField(null=True)
    valid_from = fields.DateField()
    valid_to = fields.DateField(null=True)
    version = fields.IntField()

    class Meta:
        table = "seat_tenures"


class ButlerSeat(Model):
    """小区的一个席位"""

    id = fields.UUIDField(primary_key=True)
    compound_id = fields.UUIDField()
    seat = fields.TextField()
    position = fields.IntField()

    class Meta:
        table = "butler_seats"


class ButlerHolder(Model):
    """某人某时在某小区的席位,含已终止的"""

    id = fields.UUIDField(primary_key=True)
    compound_id = fields.UUIDField()
    seat = fields.TextField()
    person_id = fields.UUIDField(null=True)
    name = ProtectedText(DataClass.S1)
    organisation = fields.TextField()
    contact = fields.TextField(null=True)
    since = fields.DateField()
    until = fields.DateField(null=True)
    acting = fields.BooleanField()
    acting_for = fields.TextField(null=True)
    reason = fields.TextField(null=True)
    role = fields.TextField(null=True)
    version = fields.IntField(null=True)

    class Meta:
        table = "butler_holders"


refers(PersonReference("seat_tenures", same=("compound_id", "seat", "ends")))
