"""Who is told what: each notice once, in the transaction of its occasion."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from guanjia.access.tenantpolicy import current_policy
from guanjia.cases.authority import levels_of
from guanjia.cases.service.casefile import CaseFile
from guanjia.cases.service.independence import holding
from guanjia.cases.transitions import Authority
from guanjia.db.pools import Transaction
from guanjia.notifications.notices import tell
from guanjia.whistles import notices

_SUPERVISES = "case:approve_suspension"
_MEMBERS = """
select distinct o.membership_id from organisation_members o
join grants g on g.tenant_id = o.tenant_id and g.membership_id = o.membership_id
  and g.role = any($3) and g.revoked_at is null and g.valid_from <= $4
  and (g.valid_to is null or g.valid_to > $4)
where o.tenant_id = $1 and o.organisation_id = any($2) and o.valid_from <= $4
  and (o.valid_to is null or o.valid_to > $4)
"""


async def tell_reminder(case: CaseFile, percent: int, key: str) -> None:
    """Those who work on the case are told how much of its limit is used up."""
    await _tell(
        case,
        notices.REMINDED,
        await _workers(case),
        {"percent": percent, "limit": case.facts.due_at},
        key,
    )


async def tell_unaccepted(case: CaseFile, limit: datetime, key: str) -> None:
    """Those who are to work on the case are reminded to accept it."""
    await _tell(case, notices.UNACCEPTED, await _workers(case), {"limit": limit}, key)


async def tell_overdue(case: CaseFile, key: str, *, handled: bool) -> None:
    """The supervisor is told that the case is late, and while it is in hand those who work on it;
    under supervision (督办) the district too."""
    policy = await current_policy(case.transaction)
    levels = set(levels_of(Authority.SUPERVISOR, case.facts))
    if case.facts.supervised:
        levels |= levels_of(Authority.DISTRICT, case.facts)
    above = await holding(case.transaction, policy, _SUPERVISES, case.region_path, case.now, levels)
    workers = await _workers(case) if handled else set()
    await _tell(case, notices.OVERDUE, above | workers, {"limit": case.facts.due_at}, key)


async def tell_raised(
    case: CaseFile, escalation_id: UUID, level: str, to_level: str, trigger: str, limit: datetime
) -> None:
    """The level that is called on is told."""
    above = await above_of(case, to_level)
    facts = {"level": str(level), "trigger": trigger, "limit": limit}
    await _tell(case, notices.RAISED, above, facts, str(escalation_id))


async def tell_task(case: CaseFile, task_id: UUID, organisation_id: UUID, limit: datetime) -> None:
    """The organisation that was given a task of a joint meeting is told."""
    members = await members_of(case.transaction, "escalation:work", [organisation_id], case.now)
    await _tell(case, notices.TASKED, members, {"limit": limit}, str(task_id))


async def tell_units(
    case: CaseFile, whistle: str, whistle_id: UUID, units: Collection[UUID], limit: datetime
) -> None:
    """The units that are called are told until when."""
    members = await members_of(case.transaction, "whistle:attend", units, case.now)
    facts = {"whistle": whistle, "limit": limit}
    await _tell(case, notices.SOUNDED, members, facts, str(whistle_id))


async def tell_of_whistle(
    case: CaseFile, code: str, recipients: Iterable[UUID], key: str, **facts: Any
) -> None:
    """Something about a whistle of the case that says no number of the case."""
    await tell(
        case.transaction,
        code,
        recipients=_others(case, recipients),
        facts=facts,
        subject=("Case", case.id),
        key=key,
        now=case.now,
    )


async def above_of(case: CaseFile, level: str) -> set[UUID]:
    """Those at the level who answer what is escalated to it where the case lies."""
    policy = await current_policy(case.transaction)
    return await holding(
        case.transaction, policy, "escalation:answer", case.region_path, case.now, {level}
    )


async def members_of(
    transaction: Transaction, permission: str, organisations: Collection[UUID], now: datetime
) -> set[UUID]:
    """The members of the organisations who hold the permission for their own organisation."""
    policy = await current_policy(transaction)
    rows = await transaction.connection.fetch(
        _MEMBERS,
        transaction.tenant_id,
        list(organisations),
        policy.bearers_of(permission, "organisation"),
        now,
    )
    return {row["membership_id"] for row in rows}


async def _workers(case: CaseFile) -> set[UUID]:
    working = [each.organisation_id for each in case.assigned if each.active]
    return await members_of(case.transaction, "case:handle", working, case.now)


async def _tell(
    case: CaseFile, code: str, recipients: Iterable[UUID], facts: dict[str, Any], key: str
) -> None:
    number = {"number": str(case.row["number"])}
    await tell_of_whistle(case, code, recipients, key, **facts, **number)


def _others(case: CaseFile, recipients: Iterable[UUID]) -> set[UUID]:
    """Without whoever did it: they know."""
    return set(recipients) - {case.actor.membership_id if case.actor else None}
