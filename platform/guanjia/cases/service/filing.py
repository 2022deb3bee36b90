"""① 采集上报: verified, filed or declined, joined with another case, handed to a higher level."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.cases import inputs
from guanjia.cases.facts import Payload
from guanjia.cases.models import Case
from guanjia.cases.reasons import LEVEL_TITLES, DeclineReason
from guanjia.cases.service.affected import take_over
from guanjia.cases.service.casefile import open_file
from guanjia.cases.service.duplicates import duplicate_candidates
from guanjia.cases.service.independence import holding
from guanjia.cases.transitions import LABELS
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, Refusal, not_found


async def verify_case(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    verifier_id: UUID | None = None,
    note: str | None = None,
) -> Case:
    """T2. The case is VERIFYING by the caller, or by the member named, who looks after its place:
    NOT_FOUND otherwise."""
    file = await open_file(transaction, actor, scope, id, version, now)
    member = verifier_id or actor.membership_id
    said = Payload(member_id=member, note=inputs.text(note, "说明", "note"))
    step = file.prepare("verify_case", {"verifier_id": member})
    if member != actor.membership_id and member not in await holding(
        transaction, actor.policy, "case:verify", file.region_path, now
    ):
        raise not_found("核实人", "verifierId")
    await file.write(step, said)
    return await file.saved()


async def file_case(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    category_id: UUID | None = None,
    urgent: bool | None = None,
    not_duplicate: bool = False,
    note: str | None = None,
) -> Case:
    """T3. The case is FILED, under another category or urgency if the report was wrong about it.
    While open cases near by may be the same matter, only with `not_duplicate`: which ones were
    judged to be others stays in the timeline."""
    file = await open_file(transaction, actor, scope, id, version, now)
    found = await duplicate_candidates(
        transaction.connection,
        actor.scope("case:read"),
        file.row,
        category_id or file.facts.category_id,
    )
    said = Payload(
        category_id=category_id,
        urgent=urgent,
        note=inputs.text(note, "说明", "note"),
        not_duplicate_of=tuple(row["id"] for row in found) if not_duplicate else None,
    )
    step = file.prepare(
        "file_case",
        {"not_duplicate": not_duplicate},
        duplicates=tuple(row["number"] for row in found),
    )
    if category_id is not None:
        known = await transaction.connection.fetchval(
            "select true from case_categories where tenant_id = $1 and id = $2 and active",
            transaction.tenant_id,
            category_id,
        )
        if not known:
            raise not_found("案件类别", "categoryId")
    await file.write(step, said)
    return await file.saved()


async def decline_case(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    reason: DeclineReason,
    answer: str,
) -> Case:
    """T4. The case is NOT_FILED and the reporter has an answer."""
    file = await open_file(transaction, actor, scope, id, version, now)
    told = inputs.text(answer, LABELS["answer"], "answer")
    await file.take(
        "decline_case",
        Payload(reason_code=DeclineReason(reason), note=told),
        data={"reason_code": reason, "answer": told},
    )
    return await file.saved()


async def link_duplicate(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    original_id: UUID,
    now: datetime,
    answer: str | None = None,
) -> Case:
    """T4. The case is NOT_FILED as a duplicate of an open one of its category. Both reporters stay
    with their own report; the matter counts once. Gives the duplicate."""
    if id == original_id:
        raise Refusal(BAD_USER_INPUT, "案件不能并入自身。", ("originalId",))
    # Both rows are locked in the order of their ids, so that two links never wait for each other.
    if id < original_id:
        file = await open_file(transaction, actor, scope, id, version, now)
        original = await open_file(
            transaction, actor, scope, original_id, None, now, name="originalId"
        )
    else:
        original = await open_file(
            transaction, actor, scope, original_id, None, now, name="originalId"
        )
        file = await open_file(transaction, actor, scope, id, version, now)
    number = original.row["number"]
    told = (
        inputs.text(answer, LABELS["answer"], "answer") or f"您反映的问题已并入案件{number}办理。"
    )
    step = file.prepare(
        "link_duplicate", {"original_id": original_id, "answer": told}, other=original.facts
    )
    joined = original.prepare("join_duplicate", {})
    await file.write(
        step,
        Payload(reason_code=DeclineReason.DUPLICATE, note=told, related_case_id=original_id),
    )
    await take_over(transaction, id, original_id)
    await original.write(joined, Payload(related_case_id=id))
    return await file.saved()


async def escalate_case(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    reason: str,
) -> Case:
    """The level above is in charge of the case (吹哨). Its state and its clock stay as they are."""
    file = await open_file(transaction, actor, scope, id, version, now)
    why = inputs.text(reason, LABELS["reason"], "reason")
    above = file.facts.level.above
    await file.take(
        "escalate_case",
        Payload(reason=why, level=above, note=f"由{LEVEL_TITLES[above]}处置"),
        data={"reason": why},
    )
    return await file.saved()
