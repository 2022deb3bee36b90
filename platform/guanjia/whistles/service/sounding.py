"""吹哨 and 收哨: a whistle is sounded by those who may, and withdrawn by whoever sounded it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.cases.facts import Payload
from guanjia.cases.service.assignments import organisation
from guanjia.cases.service.casefile import CaseFile, Step, open_file
from guanjia.cases.transitions import Authority, Who
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Reach, Scope
from guanjia.graph import texts
from guanjia.graph.errors import BAD_USER_INPUT, Refusal, forbidden
from guanjia.graph.times import local_date
from guanjia.whistles.levels import EscalationLevel, Trigger
from guanjia.whistles.rules import grounds, limit
from guanjia.whistles.service.ending import move
from guanjia.whistles.service.escalating import insert
from guanjia.whistles.service.opening import open_whistle, tell
from guanjia.whistles.service.outcomes import keep_outcomes
from guanjia.whistles.states import (
    LABELS,
    OPEN,
    WHISTLE_MACHINE,
    WHISTLING,
    Condition,
    Situation,
    WhistleLevel,
)

MOST_UNITS = 10
_NOT_MINE = {
    WhistleLevel.L2: "L2 哨由案件所在社区吹响。",
    WhistleLevel.L3: "L3 哨由案件所在街道吹响。",
}
_INSERT = """
insert into whistles (id, number, case_id, region_path, level, state, state_since, condition,
  urgent, reason, from_region_id, role, sounded_by, sounded_at, attend_by, answer_by,
  limits_provisional)
select $2, $3, $4, $5, $6, 'SOUNDED', $7, $8, $9, $10, r.id, $12, $13, $7, $14, $15, $16
from regions r where r.tenant_id = $1 and r.path = $11
"""


async def sound_whistle(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    case_id: UUID,
    level: WhistleLevel,
    condition: Condition,
    reason: str,
    organisation_ids: Sequence[UUID],
    now: datetime,
    urgent: bool | None = None,
) -> UUID:
    """The units are called to the place of the case: L2 by its community, L3 by its street. The
    case, its state and its clock stay as they are. One whistle of a level is open at a time.
    Urgent as the case is unless said otherwise."""
    case = await open_file(transaction, actor, scope, case_id, None, now, name="caseId")
    reach = _standing(scope, case.region_path, WhistleLevel(level))
    why = texts.text(reason, LABELS["reason"], "reason")
    units = tuple(dict.fromkeys(organisation_ids))
    if len(units) > MOST_UNITS:
        raise Refusal(BAD_USER_INPUT, f"一次最多请{MOST_UNITS}个单位报到。", ("organisationIds",))
    day = local_date(now)
    row = WHISTLE_MACHINE.row("sound_whistle", None)
    data = {"condition": condition, "reason": why, "organisation_ids": units}
    WHISTLE_MACHINE.check_data(row, data)
    for unit in units:
        await organisation(case, unit, "organisationIds")
    kinds = await _kinds(transaction, units)
    situation = Situation(
        now,
        data,
        case.facts.state,
        sounded=await _sounded(case, WhistleLevel(level)),
        unit_kinds=frozenset(kind for kind, _ in kinds),
        level=WhistleLevel(level),
        condition_levels=grounds(condition, day).levels,
    )
    WHISTLE_MACHINE.check_guards(row, situation)
    hurried = case.facts.urgent if urgent is None else urgent
    attend, answer = limit("ATTEND_URGENT" if hurried else "ATTEND", day), limit("RESULT", day)
    attend_by = case.calendar.due(now, attend.value, attend.unit)
    answer_by = case.calendar.due(now, answer.value, answer.unit)
    made, number = new_id(), await _next_number(transaction, day.year)
    await transaction.connection.execute(
        _INSERT, transaction.tenant_id, made, number, case_id, case.region_path,
        WhistleLevel(level), now, Condition(condition), hurried, why, reach.path, reach.role,
        actor.membership_id, attend_by.at, answer_by.at,
        not (attend_by.complete and answer_by.complete),
    )  # fmt: skip
    await transaction.connection.execute(
        "insert into whistle_calls (id, whistle_id, region_path, organisation_id)"
        " select i, $1, $2, o from unnest($3::uuid[], $4::uuid[]) u(i, o)",
        made,
        case.region_path,
        [new_id() for _ in units],
        list(units),
    )
    await keep_outcomes(transaction, [made], now)
    await insert(
        case,
        EscalationLevel(level),
        Trigger.WHISTLE,
        reason=why,
        whistle_id=made,
        answer_by=attend_by.at,
        by=actor.membership_id,
        told=False,
    )
    names = "、".join(name for _, name in kinds)
    await case.annotate(
        Step(row, reach, Who(scope.permission, Authority.REACH)),
        Payload(reason=why, note=f"{number} {level}:请{names}报到", answer_by=attend_by.at),
    )
    return made


async def withdraw_whistle(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    reason: str,
    now: datetime,
) -> UUID:
    """The whistle is WITHDRAWN (收哨) by whoever sounded it: nobody need come any more."""
    file = await open_whistle(transaction, actor, scope, id, now, version)
    why = texts.text(reason, LABELS["reason"], "reason")
    step = file.prepare("withdraw_whistle", {"reason": why})
    await move(file, "withdraw_whistle", why)
    await tell(file, step, Payload(reason=why))
    return id


def _standing(scope: Scope, path: str, level: WhistleLevel) -> Reach:
    for reach in scope.covering(path):
        if reach.level == WHISTLING[level]:
            return reach
    raise forbidden(scope.permission, _NOT_MINE[level])


async def _kinds(transaction: Transaction, units: Sequence[UUID]) -> list[tuple[str, str]]:
    rows = await transaction.connection.fetch(
        "select kind, name from organisations where tenant_id = $1 and id = any($2) order by name",
        transaction.tenant_id,
        list(units),
    )
    return [(row["kind"], row["name"]) for row in rows]


async def _sounded(case: CaseFile, level: WhistleLevel) -> bool:
    found: bool = await case.transaction.connection.fetchval(
        "select exists (select 1 from whistles where tenant_id = $1 and case_id = $2"
        " and level = $3 and state = any($4))",
        case.transaction.tenant_id,
        case.id,
        level,
        sorted(OPEN),
    )
    return found


async def _next_number(transaction: Transaction, year: int) -> str:
    """The tenant's next whistle, for example 350702-哨-2026-0001. The counter's row is locked until
    the transaction ends: there are no gaps and no doubles."""
    row: Mapping[str, Any] = await transaction.connection.fetchrow(
        "with counted as (insert into whistle_counters (year, last) values ($1, 1)"
        " on conflict (tenant_id, year) do update set last = whistle_counters.last + 1"
        " returning last) select t.code, c.last from counted c, tenants t where t.tenant_id = $2",
        year,
        transaction.tenant_id,
    )
    return f"{row['code']}-哨-{year}-{row['last']:04d}"
