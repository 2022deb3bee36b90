"""③ 处置反馈: the work itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.attachments.models import Purpose
from guanjia.attachments.service import pictured
from guanjia.cases import inputs
from guanjia.cases.facts import Payload
from guanjia.cases.models import Case
from guanjia.cases.reasons import AssignmentRole
from guanjia.cases.service.casefile import open_file
from guanjia.cases.service.requests import withdraw_requests
from guanjia.cases.transitions import LABELS
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, not_found

_EXTERNAL = "EXTERNAL_PARTY"


async def start_case(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    plan: str | None = None,
) -> Case:
    """T9, T16. Work is IN_PROGRESS, by a plan if the limit is long; or it is taken up again after
    a check that failed."""
    file = await open_file(transaction, actor, scope, id, version, now)
    plan_text = inputs.text(plan, LABELS["plan"], "plan")
    step = file.prepare("start_case", {"plan": plan_text})
    if plan_text:
        await transaction.connection.execute(
            "update case_assignments set plan = $3 where tenant_id = $1 and case_id = $2"
            " and active and role = 'LEAD'",
            transaction.tenant_id,
            id,
            plan_text,
        )
    await file.write(step, Payload(note=plan_text))
    return await file.saved()


async def complete_part(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    note: str,
    organisation_id: UUID | None = None,
    attachment_ids: Sequence[UUID] = (),
) -> Case:
    """The part of an assisting organisation is done. Its members say so; for an external party,
    which has no account, the organisation in charge does. `organisation_id` may be left out by
    a member of the only one that is open."""
    file = await open_file(transaction, actor, scope, id, version, now)
    done = inputs.text(note, LABELS["note"], "note")
    assists = [a for a in file.assigned if a.active and a.role is AssignmentRole.ASSIST]
    mine = [a for a in assists if a.organisation_id in scope.organisations]
    chosen = [a for a in assists if a.organisation_id == organisation_id] or (
        mine if organisation_id is None else []
    )
    if len(chosen) > 1:
        raise Refusal(BAD_USER_INPUT, "请选择协办单位。", ("organisationId",))
    helper = chosen[0] if chosen else None
    may = frozenset({helper.organisation_id} if helper else set())
    if helper and helper.kind == _EXTERNAL and file.facts.handler_id:
        may |= {file.facts.handler_id}
    step = file.prepare("complete_part", {"note": done}, part_ids=may)
    if helper is None:
        raise not_found("协办单位", "organisationId")
    if helper.done:
        raise Refusal(CONFLICT, "该协办单位已经完成。", ("organisationId",))
    await transaction.connection.execute(
        "update case_assignments set done_at = $4, done_note = $5, done_by = $6"
        " where tenant_id = $1 and case_id = $2 and organisation_id = $3 and active",
        transaction.tenant_id,
        id,
        helper.organisation_id,
        now,
        done,
        actor.membership_id,
    )
    await file.hang(attachment_ids, Purpose.AFTER)
    await file.write(step, Payload(organisation_id=helper.organisation_id, note=done))
    return await file.saved()


async def give_feedback(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    result: str,
    materials: str | None = None,
    cost: int | None = None,
    no_photo_reason: str | None = None,
    attachment_ids: Sequence[UUID] = (),
) -> Case:
    """T13, T14. The organisation in charge says what was done; the case goes on to be checked in
    the same transaction. `cost` in fen. Categories with photos before and after need both,
    or a reason."""
    file = await open_file(transaction, actor, scope, id, version, now)
    done = inputs.text(result, LABELS["result"], "result")
    used = inputs.text(materials, "用料", "materials")
    without = inputs.line(no_photo_reason, LABELS["no_photo_reason"], "noPhotoReason")
    if cost is not None and not 0 <= cost <= 10**13:
        raise Refusal(BAD_USER_INPUT, "费用不能为负数或过大。", ("cost",))
    pictures = await pictured(transaction, actor, attachment_ids)
    given = {
        "result": done,
        "no_photo_reason": without,
        "photos": (Purpose.AFTER,) if pictures else (),
    }
    step = file.prepare("give_feedback", given)
    await file.hang(attachment_ids, Purpose.AFTER)
    await withdraw_requests(file)
    remarks = [f"用料:{used}" if used else "", f"无照片的原因:{without}" if without else ""]
    said = Payload(note=done, reason=";".join(filter(None, remarks)) or None, cost_fen=cost)
    await file.write(step, said)
    await file.follow("send_to_check")
    return await file.saved()
