"""An escalation is raised, by hand or by itself, and answered by the level it calls on. The case
stays the same one; who is in charge of it changes only by `escalateCase`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.cases.facts import Payload
from guanjia.cases.guards import MACHINE as CASE_MACHINE
from guanjia.cases.service.casefile import CaseFile, Step, open_file
from guanjia.cases.transitions import SYSTEM_STEP, Authority, Who
from guanjia.compounds.service.opening import same_version, store
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Reach, Scope
from guanjia.graph import texts
from guanjia.graph.errors import forbidden
from guanjia.graph.times import local_date
from guanjia.whistles.levels import (
    ESCALATION_MACHINE,
    FROM,
    LABELS,
    TO,
    TRIGGER_TITLES,
    Circumstances,
    EscalationLevel,
    EscalationState,
    Trigger,
)
from guanjia.whistles.models.escalations import ESCALATION_REACH
from guanjia.whistles.rules import limit
from guanjia.whistles.service.opening import case_file, reached

NOUN = "升级"
_INSERT = """
insert into escalations (id, case_id, region_path, level, trigger_code, from_level, to_level, state,
  reason, raised_at, raised_by, answer_by, limit_provisional, whistle_id)
values ($1, $2, $3, $4, $5, $6, $7, 'OPEN', $8, $9, $10, $11, $12, $13)
on conflict (tenant_id, case_id, level, trigger_code) where state = 'OPEN' do nothing returning id
"""
_LEVEL_NAMES = {"GRID": "网格", "COMMUNITY": "社区", "STREET": "街道", "DISTRICT": "区级"}


async def raise_escalation(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    case_id: UUID,
    level: EscalationLevel,
    trigger: Trigger,
    reason: str,
    now: datetime,
) -> UUID:
    """The level above is called on, by somebody at the level below in whose region the case lies.
    An L4 puts the case under supervision if it is not."""
    case = await open_file(transaction, actor, scope, case_id, None, now, name="caseId")
    chosen = EscalationLevel(level)
    reach = _at_level(scope, case.region_path, FROM[chosen])
    why = texts.text(reason, LABELS["reason"], "reason")
    row = ESCALATION_MACHINE.row("raise_escalation", None)
    data = {"trigger": Trigger(trigger), "reason": why}
    ESCALATION_MACHINE.check_data(row, data)
    waiting = await _waiting(case, chosen, Trigger(trigger))
    ESCALATION_MACHINE.check_guards(row, Circumstances(case.facts.state, chosen, data, waiting))
    step = Step(row, reach, Who(scope.permission, Authority.REACH))
    made = await insert(case, chosen, Trigger(trigger), reason=why, step=step)
    assert made is not None
    return made


async def answer_escalation(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    answer: str,
    now: datetime,
) -> UUID:
    """The level that was called on has said what it does."""
    case, row = await open_escalation(transaction, actor, scope, id, version, now)
    said = texts.text(answer, LABELS["answer"], "answer")
    step = answering(case, scope, row, "answer_escalation", {"answer": said})
    await store(
        transaction,
        "escalations",
        id,
        {
            "state": EscalationState.ANSWERED, "answered_at": now, "answer": said,
            "answered_by": actor.membership_id,
        },
    )  # fmt: skip
    await case.annotate(step, Payload(reason=said, note=str(row["level"])))
    return id


async def insert(
    case: CaseFile,
    level: EscalationLevel,
    trigger: Trigger,
    *,
    reason: str | None = None,
    step: Step | None = None,
    whistle_id: UUID | None = None,
    answer_by: datetime | None = None,
    by: UUID | None = None,
    told: bool = True,
) -> UUID | None:
    """The escalation is there and stands in the timeline, unless that says it already; None while
    one of this level and trigger waits for its answer. Without a step the system raised it."""
    allowed = limit(f"{level}_RESPONSE", local_date(case.now))
    due = case.calendar.due(case.now, allowed.value, allowed.unit)
    author = by or (case.actor.membership_id if case.actor and step and step.reach else None)
    below = step.reach.level if step and step.reach else None
    made: UUID | None = await case.transaction.connection.fetchval(
        _INSERT, new_id(), case.id, case.region_path, level, trigger, below, TO[level], reason,
        case.now, author, answer_by or due.at,
        not due.complete, whistle_id,
    )  # fmt: skip
    if made is None:
        return None
    if told:
        title = TRIGGER_TITLES[trigger]
        said = f"{level}:{title},由{_LEVEL_NAMES[TO[level]]}回应"
        taken = step or Step(ESCALATION_MACHINE.row("raise_automatically", None), None, SYSTEM_STEP)
        await case.annotate(taken, Payload(reason=reason, note=said, answer_by=answer_by or due.at))
    watched = case.facts.supervised or not CASE_MACHINE.find("supervise_case", case.facts.state)
    if level is EscalationLevel.L4 and not watched:
        why = f"L4 升级:{TRIGGER_TITLES[trigger]}"
        await case.follow("supervise_case", Payload(reason=why))
    return made


async def settle(
    case: CaseFile,
    action: str,
    triggers: Collection[Trigger],
    answer: str,
    whistle_id: UUID | None = None,
) -> None:
    """Those of the case's open escalations are answered, or over, by a step of the case itself."""
    target = ESCALATION_MACHINE.row(action, EscalationState.OPEN).target
    await case.transaction.connection.execute(
        "update escalations set state = $3, answered_at = $4, answer = $5, version = version + 1"
        " where tenant_id = $1 and case_id = $2 and state = 'OPEN' and trigger_code = any($6)"
        " and ($7::uuid is null or whistle_id = $7)",
        case.transaction.tenant_id,
        case.id,
        target,
        case.now,
        answer,
        sorted(triggers),
        whistle_id,
    )


async def open_escalation(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    escalation_id: UUID,
    version: int,
    now: datetime,
) -> tuple[CaseFile, Mapping[str, Any]]:
    """An escalation that the scope reaches, locked after its case; CONFLICT when it has changed."""
    key = await reached(
        transaction,
        scope,
        "escalations",
        ESCALATION_REACH,
        escalation_id,
        "x.case_id",
        NOUN,
    )
    case = await case_file(transaction, actor, key["case_id"], now, scope)
    row = await transaction.connection.fetchrow(
        "select * from escalations where tenant_id = $1 and id = $2 for update",
        transaction.tenant_id,
        escalation_id,
    )
    same_version(row, version, NOUN)
    return case, row


def answering(
    case: CaseFile, scope: Scope, row: Mapping[str, Any], action: str, data: Mapping[str, Any]
) -> Step:
    """The answer that may be given now; a Refusal or Denied says why not."""
    taken = ESCALATION_MACHINE.row(action, EscalationState(row["state"]))
    reach = _at_level(scope, case.region_path, {row["to_level"]})
    ESCALATION_MACHINE.check_data(taken, data)
    level = EscalationLevel(row["level"])
    ESCALATION_MACHINE.check_guards(taken, Circumstances(case.facts.state, level, data))
    return Step(taken, reach, Who(scope.permission, Authority.REACH))


def _at_level(scope: Scope, path: str, levels: Collection[str]) -> Reach:
    for reach in scope.covering(path):
        if reach.level in levels:
            return reach
    names = "、".join(_LEVEL_NAMES[each] for each in sorted(levels))
    raise forbidden(scope.permission, f"该级升级的这一步由案件所在的{names}办理。")


async def _waiting(case: CaseFile, level: EscalationLevel, trigger: Trigger) -> bool:
    found: bool = await case.transaction.connection.fetchval(
        "select exists (select 1 from escalations where tenant_id = $1 and case_id = $2"
        " and level = $3 and trigger_code = $4 and state = 'OPEN')",
        case.transaction.tenant_id,
        case.id,
        level,
        trigger,
    )
    return found
