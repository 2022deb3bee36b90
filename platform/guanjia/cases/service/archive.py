"""⑤ 综合评价 and ⑥ 事件归档: the survey ends, the case is reopened or archived; and voiding."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.cases import inputs
from guanjia.cases.facts import Payload
from guanjia.cases.models import Case
from guanjia.cases.service.casefile import CaseFile, open_file
from guanjia.cases.service.files import attached, manifest_hash
from guanjia.cases.service.requests import end_suspension, withdraw_requests
from guanjia.cases.service.surveying import end_survey
from guanjia.cases.transitions import LABELS
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope


async def finish_evaluation(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
) -> Case:
    """T20. The case is EVALUATED: the window is over, or every affected household has answered."""
    file = await open_file(transaction, actor, scope, id, version, now)
    step = file.prepare("finish_evaluation", {})
    await file.write(step, await end_survey(file))
    return await file.saved()


async def reopen_case(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    reason: str,
) -> Case:
    """T21. The case is CHECKING again, once, because many are dissatisfied; it counts as rework."""
    file = await open_file(transaction, actor, scope, id, version, now)
    why = inputs.text(reason, LABELS["reason"], "reason")
    await file.take("reopen_case", Payload(reason=why), data={"reason": why})
    return await file.saved()


async def archive_case(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
) -> Case:
    """T22. The case is ARCHIVED five workdays after its evaluation ended; it stays as it is, and
    the event names the hash of its attachments."""
    file = await open_file(transaction, actor, scope, id, version, now)
    await file.take("archive_case", await end_file(file))
    return await file.saved()


async def end_file(file: CaseFile) -> Payload:
    """What the archiving of a case says of its attachments."""
    rows = await attached(file.transaction, file.id)
    return Payload(attachments_sha256=manifest_hash(rows))


async def add_correction_note(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    now: datetime,
    text: str,
    reason: str,
) -> UUID:
    """T22. What is wrong in an archived case is corrected by a note in its timeline, by who may
    close a case of its level; all that was archived stays. The note's event."""
    file = await open_file(transaction, actor, scope, id, None, now)
    note = inputs.text(text, "更正内容", "text")
    why = inputs.text(reason, LABELS["reason"], "reason")
    step = file.prepare("add_correction_note", {"text": note, "reason": why})
    return await file.annotate(step, Payload(reason=why, note=note))


async def void_case(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    reason: str,
) -> Case:
    """T18. The case is VOIDED by the district and counts nowhere."""
    file = await open_file(transaction, actor, scope, id, version, now)
    why = inputs.text(reason, LABELS["reason"], "reason")
    step = file.prepare("void_case", {"reason": why})
    await withdraw_requests(file)
    if file.facts.suspended_at is not None:
        await end_suspension(file)
    await file.write(step, Payload(reason=why))
    return await file.saved()
