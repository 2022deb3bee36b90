"""督办: the district watches a case until it is released. A flag with its log; no state changes."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.cases import inputs
from guanjia.cases.facts import Payload
from guanjia.cases.models import Case
from guanjia.cases.service.casefile import open_file
from guanjia.cases.transitions import LABELS
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope


async def supervise_case(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    reason: str,
    answer_by: datetime | None = None,
) -> Case:
    """The case is supervised, its handler to answer by a time if one is set. Its own clock runs
    on as before."""
    file = await open_file(transaction, actor, scope, id, version, now)
    why = inputs.text(reason, LABELS["reason"], "reason")
    await file.take(
        "supervise_case",
        Payload(reason=why, answer_by=answer_by),
        data={"reason": why, "answer_by": answer_by},
    )
    return await file.saved()


async def release_supervision(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    reason: str,
) -> Case:
    """The case is no longer supervised; the timeline keeps that it was."""
    file = await open_file(transaction, actor, scope, id, version, now)
    why = inputs.text(reason, LABELS["reason"], "reason")
    await file.take("release_supervision", Payload(reason=why), data={"reason": why})
    return await file.saved()
