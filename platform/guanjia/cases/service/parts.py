"""The parts of those who assist (协办): given, and let go, by whoever dispatched the case."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.cases import inputs
from guanjia.cases.facts import Payload
from guanjia.cases.models import Case
from guanjia.cases.reasons import AssignmentRole
from guanjia.cases.service.assignments import MOST_ASSISTANTS, add_assistant, organisation
from guanjia.cases.service.casefile import CaseFile, open_file
from guanjia.cases.service.contents import Assigned
from guanjia.cases.transitions import LABELS
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, LIMIT_EXCEEDED, Refusal, not_found


async def assign_part(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    organisation_id: UUID,
    task: str,
) -> Case:
    """The organisation assists with this task from now on. One that assists already has the task
    from now on, unless its part is done."""
    file = await open_file(transaction, actor, scope, id, version, now)
    asked = inputs.text(task, LABELS["task"], "task")
    step = file.prepare("assign_part", {"task": asked})
    await organisation(file, organisation_id, "organisationId")
    if organisation_id == file.facts.handler_id:
        raise Refusal(BAD_USER_INPUT, "主办单位不能同时是协办单位。", ("organisationId",))
    found = _assisting(file, organisation_id)
    if found is not None and found.done:
        raise Refusal(CONFLICT, f"{found.name}的任务已经完成。", ("organisationId",))
    if found is None:
        if len(_all_assisting(file)) >= MOST_ASSISTANTS:
            raise Refusal(LIMIT_EXCEEDED, f"协办单位最多{MOST_ASSISTANTS}个。", ("organisationId",))
        await add_assistant(file, organisation_id)
    await _set(file, organisation_id, "task = $4", asked)
    await file.write(step, Payload(organisation_id=organisation_id, note=asked))
    return await file.saved()


async def release_part(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    organisation_id: UUID,
    reason: str,
) -> Case:
    """The organisation does not assist any more, its part need not be done, and the case is out of
    its reach; what it did stays in the timeline."""
    file = await open_file(transaction, actor, scope, id, version, now)
    why = inputs.text(reason, LABELS["reason"], "reason")
    step = file.prepare("release_part", {"reason": why})
    found = _assisting(file, organisation_id)
    if found is None:
        raise not_found("协办单位", "organisationId")
    if found.done:
        raise Refusal(CONFLICT, f"{found.name}的任务已经完成,不必解除。", ("organisationId",))
    await _set(
        file,
        organisation_id,
        "active = false, released_at = $4, released_by = $5, release_reason = $6",
        now,
        actor.membership_id,
        why,
    )
    await file.write(step, Payload(organisation_id=organisation_id, reason=why))
    return await file.saved()


def _all_assisting(file: CaseFile) -> list[Assigned]:
    return [a for a in file.assigned if a.active and a.role is AssignmentRole.ASSIST]


def _assisting(file: CaseFile, organisation_id: UUID) -> Assigned | None:
    mine = (a for a in _all_assisting(file) if a.organisation_id == organisation_id)
    return next(mine, None)


async def _set(file: CaseFile, organisation_id: UUID, columns: str, *values: object) -> None:
    await file.transaction.connection.execute(
        f"update case_assignments set {columns} where tenant_id = $1 and case_id = $2"
        " and organisation_id = $3 and active and role = 'ASSIST'",
        file.transaction.tenant_id,
        file.id,
        organisation_id,
        *values,
    )
