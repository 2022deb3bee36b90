"""What an external party does by its task link: take the task, tell how it goes, finish it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.attachments.models import Purpose
from guanjia.cases import inputs
from guanjia.cases.facts import Payload
from guanjia.cases.machine import MISSING_DATA
from guanjia.cases.models import TASK_REACH
from guanjia.cases.service.casefile import CaseFile, Step, file_of
from guanjia.cases.transitions import LABELS
from guanjia.compounds.service.opening import open_row
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import CONFLICT, Refusal

_DONE = "任务已经完成。"


async def accept_task(
    transaction: Transaction, actor: Actor, scope: Scope, *, id: UUID, now: datetime
) -> UUID:
    """The external party has taken its task over. Returns the task's id."""
    file, part = await _open(transaction, actor, scope, id, now)
    step = _prepare(file, "accept_part", {})
    if part["accepted_at"] is not None:
        raise Refusal(CONFLICT, "任务已经签收。")
    if part["done_at"] is not None:
        raise Refusal(CONFLICT, _DONE)
    return await _written(file, part, step, "accepted_at = $3", now)


async def report_task(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    now: datetime,
    note: str,
    attachment_ids: Sequence[UUID] = (),
) -> UUID:
    """What the external party tells, with pictures, stands in the case's timeline."""
    file, part = await _open(transaction, actor, scope, id, now)
    said = inputs.text(note, "进展", "note")
    if not said:
        raise Refusal(MISSING_DATA, "请填写进展。", ("note",))
    step = _prepare(file, "report_part", {"note": said})
    await file.hang(attachment_ids, Purpose.OTHER)
    await file.write(step, Payload(organisation_id=part["organisation_id"], note=said))
    return id


async def complete_task(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    now: datetime,
    note: str,
    attachment_ids: Sequence[UUID] = (),
) -> UUID:
    """The external party's part is done."""
    file, part = await _open(transaction, actor, scope, id, now)
    said = inputs.text(note, LABELS["note"], "note")
    step = _prepare(file, "complete_part", {"note": said})
    if part["done_at"] is not None:
        raise Refusal(CONFLICT, _DONE)
    await file.hang(attachment_ids, Purpose.AFTER)
    return await _written(
        file, part, step, "done_at = $3, done_note = $4, done_by = $5",
        now, said, actor.membership_id, note=said,
    )  # fmt: skip


async def _open(
    transaction: Transaction, actor: Actor, scope: Scope, task_id: UUID, now: datetime
) -> tuple[CaseFile, Any]:
    """The file of the case, which is locked before its parts as everywhere, and the part. The case
    itself is out of the link's reach."""
    case = await transaction.connection.fetchrow(
        "select c.* from cases c where c.tenant_id = $1 and c.id = (select a.case_id"
        " from case_assignments a where a.tenant_id = $1 and a.id = $2) for update of c",
        transaction.tenant_id,
        task_id,
    )
    part = await open_row(transaction, scope, "case_assignments", TASK_REACH, task_id, "任务")
    return await file_of(transaction, actor, scope, case, now), part


def _prepare(file: CaseFile, action: str, data: dict[str, Any]) -> Step:
    assert file.actor is not None
    return file.prepare(action, data, linked_id=file.actor.membership_id)


async def _written(
    file: CaseFile, part: Any, step: Step, columns: str, *values: Any, note: str | None = None
) -> UUID:
    await file.transaction.connection.execute(
        f"update case_assignments set {columns} where tenant_id = $1 and id = $2",
        file.transaction.tenant_id,
        part["id"],
        *values,
    )
    await file.write(step, Payload(organisation_id=part["organisation_id"], note=note))
    task: UUID = part["id"]
    return task
