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
from guanjia.cases.service.affected import name_at_closing, named
from guanjia.cases.service.casefile import open_file
from guanjia.cases.service.surveying import begin_survey, households, settle_compound
from guanjia.cases.transitions import LABELS
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope


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
    affected_building_ids: Sequence[UUID] = (),
    affected_house_unit_ids: Sequence[UUID] = (),
    survey_title: str | None = None,
) -> Case:
    """T17, T19. The case is CLOSED after a passed check and its survey opens in the same
    transaction. `callback` says how the reporter was told. The homes that the case affects, as
    named now or before, and the household of whoever reported it, here or in a report that was
    joined, are asked; closed again after T21 without naming any since, those asked before."""
    file = await open_file(transaction, actor, scope, id, version, now)
    told = inputs.text(callback, LABELS["callback"], "callback")
    title = inputs.line(survey_title, "调查名称", "surveyTitle", inputs.TITLE_LENGTH)
    step = file.prepare("close_case", {"callback": told})
    given = await named(transaction, actor, affected_building_ids, affected_house_unit_ids)
    if given.homes:
        await name_at_closing(file, step, given)
    asked = await households(file, given.homes)
    await settle_compound(file)
    await file.write(step, Payload(note=told, households=len(asked) or None))
    await file.follow("open_survey")
    await begin_survey(file, asked, title)
    return await file.saved()
