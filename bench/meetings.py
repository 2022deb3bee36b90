"""The page of a meeting as a frontend asks for it: agenda with resolutions and votes, what was read
back, who attended, minutes and signatures; and the same as somebody writes it by hand.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson

from bench.page import listed, nodes, one
from guanjia.reading.plan import fence

MEETINGS, ITEMS, ATTENDEES = 200, 8, 12
COMMUNITY_PATH = "0001/0001/0003/"

_TYPES = """
insert into meeting_types (tenant_id, id, code, name, decides, seat_quorum, resident_quorum, source)
select t, md5(t || 'deliberation')::uuid, 'BENCH', '议事会议', true, 3, 3, ''
from unnest($1::uuid[]) t
"""
_PERSONS = """
insert into persons (tenant_id, id, name, name_mask, search_text, sex, region_id, region_path,
  created_at, created_by, sealed_key, key_version)
select r.tenant_id, md5(r.tenant_id || 'attendee' || n)::uuid, '居民' || n, '居*', '居民',
  'UNKNOWN', r.id, r.path, '2025-01-01', md5(r.tenant_id || 'member')::uuid, ''::bytea, 1
from regions r cross join generate_series(1, $2) n where r.tenant_id = any($1) and r.path = $3
"""
_MEETINGS = """
insert into meetings (tenant_id, id, type_id, region_id, region_path, title, place, planned_on,
  starts_at, ends_at, state, seat_quorum, resident_quorum, minutes, content_hash, created_at)
select r.tenant_id, md5(r.tenant_id || 'meeting' || n)::uuid,
  md5(r.tenant_id || 'deliberation')::uuid, r.id, r.path, '第' || n || '次议事会议', '党群服务中心',
  at::date, at, at + interval '90 minutes', 'SIGNED', 3, 3, repeat('会议记录。', 100),
  repeat('0', 64), at
from regions r cross join generate_series(1, $2) n
cross join lateral (select '2025-01-01 11:00Z'::timestamptz + n * interval '1 day' as at) x
where r.tenant_id = any($1) and r.path = $3
"""
_AGENDA = """
insert into agenda_items (tenant_id, id, meeting_id, position, title, detail, source,
  proposer_public)
select tenant_id, md5(id || 'item' || n)::uuid, id, n, '议题' || n, '说明', 'RESIDENT', false
from meetings cross join generate_series(1, $2) n where tenant_id = any($1)
"""
_RESOLUTIONS = """
insert into resolutions (tenant_id, id, meeting_id, item_id, outcome, text, votes_for,
  votes_against, votes_abstained, seats_present, residents_present, adopted, case_id, decided_at)
select i.tenant_id, md5(i.id || 'resolution')::uuid, i.meeting_id, i.id,
  case when c.id is null then 'RESOLVED_ON_SITE' else 'TO_CASE' end, '决议', 3, 1, 0, 4, 8, true,
  c.id, m.starts_at
from agenda_items i join meetings m on m.tenant_id = i.tenant_id and m.id = i.meeting_id
left join cases c on c.tenant_id = i.tenant_id and i.position = 1
  and c.number = '990101-2025-' || lpad(substr(m.title, 2, length(m.title) - 6), 6, '0')
where i.tenant_id = any($1)
"""
_CLOSED = """
update cases c set state = 'CLOSED', closed_at = r.decided_at + interval '9 days'
from resolutions r where r.tenant_id = any($1) and c.tenant_id = r.tenant_id and c.id = r.case_id
"""
# Two rounds for a case that a meeting opened: only the second was satisfied.
_SURVEYS = """
insert into surveys (tenant_id, id, kind, subject_id, round, title, region_id, region_path, state,
  opened_at, closes_at, uploads_until, closed_at, asked, answered, satisfied, dissatisfied)
select c.tenant_id, md5(c.id || 'survey' || n)::uuid, 'CASE', c.id, n, '满意度调查', c.region_id,
  c.region_path, 'CLOSED', at, at + interval '7 days', at + interval '9 days',
  at + interval '9 days', 10, 8, n * 3, 8 - n * 3
from resolutions r join cases c on c.tenant_id = r.tenant_id and c.id = r.case_id
cross join generate_series(1, 2) n
cross join lateral (select r.decided_at + n * interval '10 days' as at) x
where r.tenant_id = any($1)
"""
_READ_BACKS = """
insert into read_backs (tenant_id, id, meeting_id, item_id, position, outcome)
select m.tenant_id, md5(m.id || 'back' || i.position)::uuid, m.id, i.id, i.position, 'TO_CASE'
from meetings m join meetings b on b.tenant_id = m.tenant_id
  and b.starts_at = m.starts_at - interval '1 day'
join agenda_items i on i.tenant_id = m.tenant_id and i.meeting_id = b.id
where m.tenant_id = any($1)
"""
_ATTENDANCES = """
insert into attendances (tenant_id, id, meeting_id, kind, seat, acting, chair, person_id, capacity)
select tenant_id, md5(id || 'attendance' || n)::uuid, id, case when n <= 4 then 'SEAT'
  else 'RESIDENT' end, (array['COMMUNITY_PARTY', 'OWNERS_COMMITTEE', 'PROPERTY_PARTY',
  'BUILDING_GRID'])[n], false, n = 1, md5(tenant_id || 'attendee' || n)::uuid, '到会'
from meetings cross join generate_series(1, $2) n where tenant_id = any($1)
"""
_SIGNATURES = """
insert into minute_signatures (tenant_id, id, meeting_id, attendance_id, on_paper, recorded_by,
  signed_at)
select tenant_id, md5(id || 'signature' || n)::uuid, id, md5(id || 'attendance' || n)::uuid, true,
  md5(tenant_id || 'member')::uuid, ends_at
from meetings cross join generate_series(1, 3) n where tenant_id = any($1)
"""
_TABLES = (
    "meeting_types", "persons", "meetings", "agenda_items", "resolutions", "surveys", "read_backs",
    "attendances", "minute_signatures",
)  # fmt: skip


async def loaded(connection: Any, tenants: list[UUID]) -> None:
    """One community of each tenant has its meetings; nothing if it has them already."""
    if await connection.fetchval("select exists (select 1 from meetings)"):
        return
    async with connection.transaction():
        await connection.execute("set local session_replication_role = replica")
        await connection.execute(_TYPES, tenants)
        await connection.execute(_PERSONS, tenants, ATTENDEES, COMMUNITY_PATH)
        await connection.execute(_MEETINGS, tenants, MEETINGS, COMMUNITY_PATH)
        await connection.execute(_AGENDA, tenants, ITEMS)
        await connection.execute(_RESOLUTIONS, tenants)
        await connection.execute(_CLOSED, tenants)
        await connection.execute(_SURVEYS, tenants)
        await connection.execute(_READ_BACKS, tenants)
        await connection.execute(_ATTENDANCES, tenants, ATTENDEES)
        await connection.execute(_SIGNATURES, tenants)
    await connection.execute(f"vacuum (freeze, analyze) {', '.join(_TABLES)}")


_FINISHED = "('ARCHIVED', 'CLOSED', 'EVALUATED', 'EVALUATING', 'NOT_FILED', 'VOIDED')"
_SOLVED = (
    "(select case r.outcome when 'RESOLVED_ON_SITE' then r.decided_at when 'TO_CASE' then"
    " (select k.closed_at from cases k where k.tenant_id = $2 and k.id = r.case_id"
    f" and k.state in {_FINISHED} and (select v.state = 'CLOSED' and v.answered > 0"
    " and v.satisfied * 100 >= 60 * v.answered from surveys v where v.tenant_id = $2"
    " and v.kind = 'CASE'"
    " and v.subject_id = k.id order by v.round desc limit 1)) end from resolutions r"
    " where r.tenant_id = $2 and r.item_id = i.id and r.adopted)"
)
_RESOLVED = listed(
    'r.outcome, r.text, r.votes_for "votesFor", r.votes_against "votesAgainst",'
    ' r.votes_abstained "votesAbstained", r.seats_present "seatsPresent", r.adopted,'
    ' (select k.state from cases k where k.tenant_id = $2 and k.id = r.case_id) "caseState"',
    "resolutions r where r.tenant_id = $2 and r.item_id = i.id order by r.id limit 100",
)
_AGENDA_BY_HAND = listed(
    "i.position, i.title, i.source, (select count(*)::int from agenda_households a"
    f' where a.tenant_id = $2 and a.item_id = i.id) "householdCount", {_SOLVED} "resolvedAt",'
    f" {_RESOLVED} resolutions",
    "agenda_items i where i.tenant_id = $2 and i.meeting_id = m.id"
    " order by i.position, i.id limit 100",
)
_BACK = nodes(
    "b.position, b.outcome, "
    + one("i.title", "agenda_items i where i.tenant_id = $2 and i.id = b.item_id")
    + " item",
    "read_backs b where b.tenant_id = $2 and b.meeting_id = m.id"
    " order by b.position, b.id limit 20",
)
_ATTENDED = nodes(
    "a.kind, a.seat, a.chair, a.capacity, coalesce((select p.name_mask from persons p"
    " where p.tenant_id = $2 and p.id = a.person_id), (select h.display_name from memberships h"
    " where h.tenant_id = $2 and h.id = a.membership_id), a.name) name",
    "attendances a where a.tenant_id = $2 and a.meeting_id = m.id order by a.id limit 50",
)
_SIGNED = listed(
    's.on_paper "onPaper", s.signed_at "signedAt"',
    "minute_signatures s where s.tenant_id = $2 and s.meeting_id = m.id order by s.id limit 100",
)
PAGE = (
    "query ($id: ID!) { meeting(id: $id) { id title place startsAt state minutes contentHash"
    " type { name } region { name } items { position title source householdCount resolvedAt"
    " resolutions { outcome text votesFor votesAgainst votesAbstained seatsPresent adopted"
    " caseState } } readBacks(first: 20) { nodes { position outcome item { title } } }"
    " attendance(first: 50) { nodes { kind seat chair capacity name } }"
    " signatures { onPaper signedAt } } }"
)
BY_HAND = fence(
    one(
        'm.id, m.title, m.place, m.starts_at "startsAt", m.state, m.minutes,'
        ' m.content_hash "contentHash", '
        + one("t.name", "meeting_types t where t.tenant_id = $2 and t.id = m.type_id")
        + " type, "
        + one("r.name", "regions r where r.tenant_id = $2 and r.id = m.region_id")
        + f' region, {_AGENDA_BY_HAND} items, {_BACK} "readBacks", {_ATTENDED} attendance,'
        f" {_SIGNED} signatures",
        "meetings m where m.tenant_id = $2 and m.id = $5 and s.t is not null",
    )
    + " meeting"
)


def asked(meeting: UUID) -> bytes:
    return orjson.dumps({"query": PAGE, "variables": {"id": str(meeting)}})


def given(body: bytes) -> list[Any]:
    return [UUID(orjson.loads(body)["variables"]["id"])]
