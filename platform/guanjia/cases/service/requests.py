"""③ 处置反馈: time asked for and given — 挂账 and 延期."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.cases import inputs
from guanjia.cases.clocks import Adjustment
from guanjia.cases.facts import Payload
from guanjia.cases.models import Case
from guanjia.cases.reasons import RequestState, SuspensionReason
from guanjia.cases.service.casefile import CaseFile, open_file
from guanjia.cases.transitions import LABELS
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope


async def request_suspension(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    reason: SuspensionReason,
    plan: str,
    review_at: datetime,
) -> Case:
    """A suspension waits for approval; the clock still runs."""
    file = await open_file(transaction, actor, scope, id, version, now)
    plan_text = inputs.text(plan, LABELS["plan"], "plan")
    data = {"reason_code": reason, "plan": plan_text, "review_at": review_at}
    step = file.prepare("request_suspension", data)
    await transaction.connection.execute(
        "insert into case_suspensions (id, case_id, region_path, reporter_id, state, reason_code,"
        " plan, review_at, requested_by, requested_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        new_id(),
        id,
        file.region_path,
        file.row["reporter_id"],
        RequestState.PENDING,
        SuspensionReason(reason),
        plan_text,
        review_at,
        actor.membership_id,
        now,
    )
    said = Payload(reason_code=SuspensionReason(reason), note=plan_text, review_at=review_at)
    await file.write(step, said)
    return await file.saved()


async def approve_suspension(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    approved: bool = True,
    reason: str | None = None,
) -> Case:
    """T10. The case is SUSPENDED and its clock stands still from now on; or, not approved with a
    reason, work goes on."""
    file = await open_file(transaction, actor, scope, id, version, now)
    why = inputs.text(reason, LABELS["reason"], "reason")
    asked = file.suspension
    action = "approve_suspension" if approved else "refuse_suspension"
    step = file.prepare(action, {"reason": why})
    await _decide(file, "case_suspensions", approved)
    said = Payload(
        reason=why,
        reason_code=asked.reason_code if asked else None,
        review_at=asked.review_at if asked else None,
    )
    await file.write(step, said)
    return await file.saved()


async def resume_case(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    note: str | None = None,
) -> Case:
    """T11. Work goes on and the clock with it: what was suspended is added to the deadline."""
    file = await open_file(transaction, actor, scope, id, version, now)
    said = Payload(note=inputs.text(note, "说明", "note"))
    step = file.prepare("resume_case", {})
    await end_suspension(file)
    await file.write(step, said)
    return await file.saved()


async def request_extension(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    value: int,
    reason: str,
) -> Case:
    """An extension by so many units of the case's limit waits for approval."""
    file = await open_file(transaction, actor, scope, id, version, now)
    why = inputs.text(reason, LABELS["reason"], "reason")
    step = file.prepare("request_extension", {"value": value, "reason": why})
    unit = file.facts.limit_unit
    await transaction.connection.execute(
        "insert into case_extensions (id, case_id, region_path, reporter_id, state, value, unit,"
        " reason, requested_by, requested_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        new_id(),
        id,
        file.region_path,
        file.row["reporter_id"],
        RequestState.PENDING,
        value,
        unit,
        why,
        actor.membership_id,
        now,
    )
    await file.write(step, Payload(reason=why, limit_value=value, limit_unit=unit))
    return await file.saved()


async def approve_extension(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    approved: bool = True,
    reason: str | None = None,
) -> Case:
    """T12. The deadline is later by what was asked for; or, not approved with a reason, it stays.
    The approver stands one level above the one in charge."""
    file = await open_file(transaction, actor, scope, id, version, now)
    why = inputs.text(reason, LABELS["reason"], "reason")
    value = file.extension.value if file.extension else None
    step = file.prepare("approve_extension" if approved else "refuse_extension", {"reason": why})
    await _decide(file, "case_extensions", approved)
    if approved and value:
        file.adjustments = (*file.adjustments, Adjustment(now, value=value))
    said = Payload(reason=why, limit_value=value, limit_unit=file.facts.limit_unit)
    await file.write(step, said)
    return await file.saved()


async def withdraw_requests(file: CaseFile) -> None:
    """What was asked for and not decided is no longer of use."""
    for table in ("case_suspensions", "case_extensions"):
        await file.transaction.connection.execute(
            f"update {table} set state = $3, decided_at = $4"
            " where tenant_id = $1 and case_id = $2 and state = 'PENDING'",
            file.transaction.tenant_id,
            file.id,
            RequestState.WITHDRAWN,
            file.now,
        )


async def _decide(file: CaseFile, table: str, approved: bool) -> None:
    assert file.actor is not None
    await file.transaction.connection.execute(
        f"update {table} set state = $3, decided_by = $4, decided_at = $5"
        " where tenant_id = $1 and case_id = $2 and state = 'PENDING'",
        file.transaction.tenant_id,
        file.id,
        RequestState.APPROVED if approved else RequestState.REFUSED,
        file.actor.membership_id,
        file.now,
    )


async def end_suspension(file: CaseFile) -> None:
    """The clock runs on: since now, or since the review if that has passed unnoticed."""
    started, review = file.facts.suspended_at, file.facts.review_at
    ended = min(file.now, review) if review else file.now
    await file.transaction.connection.execute(
        "update case_suspensions set resumed_at = $3 where tenant_id = $1 and case_id = $2"
        " and state = 'APPROVED' and resumed_at is null",
        file.transaction.tenant_id,
        file.id,
        ended,
    )
    if started is not None:
        pause = Adjustment(ended, start=started, end=ended)
        file.adjustments = (*file.adjustments, pause)
