"""Who is independent of a case, and who holds a permission where it lies (T2, T14)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from guanjia.access.actor import LEVEL_OF_DEPTH
from guanjia.access.policy import Policy
from guanjia.cases.authority import levels_of
from guanjia.cases.facts import CaseFacts
from guanjia.cases.reasons import LEVEL_ORDER, LEVEL_TITLES
from guanjia.cases.transitions import HANDLING, Authority
from guanjia.db.pools import Transaction
from guanjia.graph.times import local_date

CHECK = "case:check"
_HOLDING = """
select distinct g.membership_id, length(g.region_path) as depth from grants g
join memberships m on m.tenant_id = g.tenant_id and m.id = g.membership_id and m.active
where g.tenant_id = $1 and g.role = any($2) and starts_with($3, g.region_path)
  and g.revoked_at is null and g.valid_from <= $4 and (g.valid_to is null or g.valid_to > $4)
"""
# As what the reporter reported, and where they held it: a region that moved since has successors.
_REPORTED_AS = """
select e.actor_role as role, array_agg(distinct g.region_path) as posts from case_events e
join grants g on g.tenant_id = e.tenant_id and g.membership_id = e.actor_id
  and g.role = e.actor_role and g.valid_from <= $3
  and (g.valid_to is null or g.valid_to > e.at) and (g.revoked_at is null or g.revoked_at > e.at)
where e.tenant_id = $1 and e.case_id = $2 and e.seq = 1 group by e.actor_role
"""
_WORKED = """
select o.membership_id from case_assignments a join organisation_members o
  on o.tenant_id = a.tenant_id and o.organisation_id = a.organisation_id
  and o.valid_from <= $3 and (o.valid_to is null or o.valid_to > $3)
where a.tenant_id = $1 and a.case_id = $2
union select e.actor_id from case_events e
where e.tenant_id = $1 and e.case_id = $2 and e.action = any($4) and e.actor_id is not null
union select p.membership_id from case_assignments a join property_companies k
  on k.tenant_id = $1 and k.organisation_id = a.organisation_id
  join party_organisations g on g.tenant_id = $1 and g.company_id = k.id
  join (select party_organisation_id, person_id, valid_from, valid_to from seat_tenures
      where tenant_id = $1
    union all select party_organisation_id, person_id, valid_from, valid_to from party_posts
      where tenant_id = $1) h
    on h.party_organisation_id = g.id and daterange(h.valid_from, h.valid_to, '[]') @> $5::date
  join persons p on p.tenant_id = $1 and p.id = h.person_id and p.membership_id is not null
where a.tenant_id = $1 and a.case_id = $2
"""


async def holding(
    transaction: Transaction,
    policy: Policy,
    permission: str,
    path: str,
    now: datetime,
    levels: Collection[str] = tuple(LEVEL_OF_DEPTH.values()),
) -> set[UUID]:
    """The members who hold the permission over the place, by whatever role of the tenant, at a
    region of one of the levels."""
    rows = await transaction.connection.fetch(
        _HOLDING, transaction.tenant_id, policy.bearers_of(permission), path, now
    )
    return {row["membership_id"] for row in rows if LEVEL_OF_DEPTH[row["depth"]] in levels}


async def supervisors(
    transaction: Transaction, policy: Policy, case: Mapping[str, Any], now: datetime
) -> set[UUID]:
    """The supervisors of the reporter: who holds today a role that `leads` the one the case was
    reported as, at the smallest region around the reporter's own. Whoever reported as a resident
    or for a party of a compound has none."""
    reported = await transaction.connection.fetchrow(
        _REPORTED_AS, transaction.tenant_id, case["id"], now
    )
    if reported is None or not (leading := policy.leaders_of(reported["role"])):
        return set()
    found: set[UUID] = set()
    for post in reported["posts"]:
        rows = await transaction.connection.fetch(
            _HOLDING, transaction.tenant_id, leading, post, now
        )
        others = [row for row in rows if row["membership_id"] != case["reporter_id"]]
        nearest = max((row["depth"] for row in others), default=0)
        found |= {row["membership_id"] for row in others if row["depth"] == nearest}
    return found


async def involved(transaction: Transaction, case_id: UUID, now: datetime) -> set[UUID]:
    """Who belongs to an organisation that handles or handled the case, or worked on it for one;
    for a property company also who holds a post in its party branch, or a butler's seat for it."""
    working = await transaction.connection.fetch(
        _WORKED, transaction.tenant_id, case_id, now, sorted(HANDLING), local_date(now)
    )
    return {row["membership_id"] for row in working}


async def checker_fault(
    transaction: Transaction,
    policy: Policy,
    case: Mapping[str, Any],
    facts: CaseFacts,
    member: UUID,
    now: datetime,
) -> str | None:
    """Why the member may not check the case, and who may where nobody at the level is left; None
    for one who is independent: not the reporter or their supervisor, and nobody who works or
    worked on the case for an organisation that handles it."""
    leading = await supervisors(transaction, policy, case, now)
    apart = {case["reporter_id"], *await involved(transaction, case["id"], now)}
    if member in apart:
        sentence = "核查人不能是上报人,也不能是处置单位的人员。"
    elif member in leading:
        sentence = "核查人不能是上报人的主管。"
    else:
        return None
    able = await holding(
        transaction,
        policy,
        CHECK,
        case["region_path"],
        now,
        levels_of(Authority.CHECKER, facts),
    )
    return sentence if able - apart - leading else sentence + _nobody_left(facts)


def _nobody_left(facts: CaseFacts) -> str:
    title = LEVEL_TITLES[facts.level]
    if facts.level is LEVEL_ORDER[-1]:
        return f"{title}没有其他可以核查的人,请安全管理员授予核查员角色。"
    above = LEVEL_TITLES[facts.level.above]
    return f"{title}没有其他可以核查的人,请上报上级(吹哨),由{above}核查。"
