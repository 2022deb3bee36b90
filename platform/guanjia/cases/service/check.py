"""④ 核查结案 and ⑤ 综合评价: checked independently, closed, and judged by those concerned."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.attachments.models import Purpose
from guanjia.cases import inputs
from guanjia.cases.clocks import half_limit
from guanjia.cases.facts import Payload
from guanjia.cases.models import Case
from guanjia.cases.reasons import Satisfaction
from guanjia.cases.service.casefile import open_file
from guanjia.cases.transitions import LABELS
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import CONFLICT, Refusal

MOST_HOUSEHOLDS = 100_000
_REMARK = "评价意见"


async def check_case(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    passed: bool,
    failed_item: str | None = None,
    note: str | None = None,
    attachment_ids: Sequence[UUID] = (),
) -> Case:
    """The check is passed, and the case may be closed; or T15: it is back for REWORK with half of
    its limit, while the first deadline stays the one that counts."""
    file = await open_file(transaction, actor, scope, id, version, now)
    failed = inputs.text(failed_item, LABELS["failed_item"], "failedItem")
    said = Payload(note=inputs.text(note, "核查说明", "note"))
    if passed:
        await file.take("pass_check", said)
        await file.hang(attachment_ids, Purpose.CHECK)
        return await file.saved()
    half = half_limit(file.facts.limit_value or 1)
    await file.take(
        "fail_check",
        Payload(reason=failed, note=said.note, limit_value=half, limit_unit=file.facts.limit_unit),
        data={"failed_item": failed},
    )
    await file.hang(attachment_ids, Purpose.CHECK)
    return await file.saved()


async def close_case(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    callback: str,
    affected_households: int | None = None,
) -> Case:
    """T17, T19. The case is CLOSED after a passed check and its survey opens in the same
    transaction. `callback` says how the reporter was told; `affected_households` (户) is how many
    may answer; without it the survey stays open to the end of its window."""
    file = await open_file(transaction, actor, scope, id, version, now)
    told = inputs.text(callback, LABELS["callback"], "callback")
    households = inputs.positive(
        affected_households, "受影响户数", "affectedHouseholds", MOST_HOUSEHOLDS
    )
    await file.take(
        "close_case", Payload(note=told, households=households), data={"callback": told}
    )
    await file.follow("open_survey")
    return await file.saved()


async def evaluate_case(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    now: datetime,
    choice: Satisfaction,
    version: int | None = None,
    household: str | None = None,
    comment: str | None = None,
) -> Case:
    """An answer of the survey: the reporter's own, or that of a household which the caller asked at
    the door. One answer per household and round; nobody of a handling organisation takes part.
    Answers do not depend on each other, so the version may be left out."""
    file = await open_file(transaction, actor, scope, id, version, now)
    label = inputs.household(household, "household")
    remark = inputs.text(comment, _REMARK, "comment")
    answer = Satisfaction(choice)
    step = file.prepare("collect_evaluation" if label else "evaluate_case", {"choice": answer})
    added = await transaction.connection.fetchval(
        "insert into case_evaluations (id, case_id, region_path, reporter_id, round, respondent_id,"
        " household, collected_by, choice, comment, answered_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        " on conflict do nothing returning id",
        new_id(),
        id,
        file.region_path,
        file.row["reporter_id"],
        file.facts.survey_round,
        None if label else actor.membership_id,
        label,
        actor.membership_id if label else None,
        answer,
        remark,
        now,
    )
    if added is None:
        raise Refusal(CONFLICT, "该户已经评价过。", ("household",))
    await file.write(step, Payload(choice=answer, note=remark))
    return await file.saved()
