"""A case and its survey: opened at T19, each answer an event of the case, closed at T20."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from guanjia.cases.facts import Payload
from guanjia.cases.service.casefile import SYSTEM, CaseFile, file_of
from guanjia.cases.service.independence import involved
from guanjia.cases.transitions import SURVEYED
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.surveys.models import Channel, Satisfaction
from guanjia.surveys.service.opening import (
    PERSONAL,
    Asked,
    Opening,
    asked_before,
    close_survey,
    homes_in,
    household_of,
    open_survey,
)
from guanjia.surveys.subjects import Subject, register

_RESIDENT = "RES"
_NO_ANSWER = "无人答复"
_ACTIONS = {Channel.ONLINE: "evaluate_case", Channel.DOOR: "collect_evaluation"}


async def households(
    file: CaseFile, building_ids: Sequence[UUID], house_unit_ids: Sequence[UUID]
) -> list[Asked]:
    """Whom the survey of the case asks: these homes and the reporter's household, or the reporter
    in person where a resident without a home reported it. A second survey asks again whom the
    first one did."""
    transaction, reporter = file.transaction, file.row["reporter_id"]
    assert file.actor is not None, "the system closes no case"
    found = await homes_in(transaction, file.actor, building_ids, house_unit_ids)
    if not found and file.facts.reopened:
        found = await asked_before(transaction, SURVEYED, file.id)
    own = await household_of(transaction, reporter, file.region_path)
    if own is None and await _reported_as_resident(file):
        own = Asked(None, reporter, PERSONAL)
    if own is not None and own not in found:
        found.append(own)
    return found


async def settle_compound(file: CaseFile, asked: Sequence[Asked]) -> None:
    """A case of which nothing says where it lies is in the compound of the homes it affected, if
    that is one. A point outside of every outline says that it is in none."""
    await file.transaction.connection.execute(
        "update cases c set compound_id = f.compound_id from (select (min(h.compound_id::text)"
        "::uuid) as compound_id from house_units h where h.tenant_id = $1 and h.id = any($3)"
        " having count(distinct h.compound_id) = 1) f"
        " where c.tenant_id = $1 and c.id = $2 and c.compound_id is null and c.longitude is null",
        file.transaction.tenant_id,
        file.id,
        [each.house_unit_id for each in asked if each.house_unit_id is not None],
    )


async def begin_survey(file: CaseFile, asked: Sequence[Asked], title: str | None) -> None:
    """The survey of a case that is EVALUATING is open. Its title tells those who are asked no more
    of the case than its number and its category."""
    assert file.facts.step_due_at is not None, "an evaluation has an end"
    category = await file.transaction.connection.fetchval(
        "select name from case_categories where tenant_id = $1 and id = $2",
        file.transaction.tenant_id,
        file.facts.category_id,
    )
    opening = Opening(
        kind=SURVEYED,
        subject_id=file.id,
        round=file.facts.survey_round,
        title=title or f"{category}处置满意度({file.row['number']})",
        region_id=file.row["region_id"],
        region_path=file.region_path,
        closes_at=file.facts.step_due_at,
        organisation_ids={assigned.organisation_id for assigned in file.assigned},
        membership_ids=await involved(file.transaction, file.id, file.now),
    )
    await open_survey(file.transaction, file.actor, file.scope, opening, asked, file.now)


async def end_survey(file: CaseFile) -> Payload:
    """The survey is closed; what its end says: how many households answered, or that none did."""
    await close_survey(file.transaction, file.actor, file.scope, SURVEYED, file.id, file.now)
    answers = file.facts.answer_count
    return Payload(households=answers, note=None if answers else _NO_ANSWER)


class _Evaluated:
    """A case that hears what the households say. Its timeline does not tell which of them."""

    def __init__(self, file: CaseFile) -> None:
        self._file = file

    async def answered(self, choice: Satisfaction, channel: Channel) -> None:
        await self._file.follow(_ACTIONS[channel], Payload(choice=choice))


async def _open(transaction: Transaction, case_id: UUID, now: datetime) -> _Evaluated:
    row = await transaction.connection.fetchrow(
        "select * from cases where tenant_id = $1 and id = $2 for update",
        transaction.tenant_id,
        case_id,
    )
    return _Evaluated(await file_of(transaction, None, Scope(SYSTEM), row, now))


async def _reported_as_resident(file: CaseFile) -> bool:
    role = await file.transaction.connection.fetchval(
        "select actor_role from case_events where tenant_id = $1 and case_id = $2 and seq = 1",
        file.transaction.tenant_id,
        file.id,
    )
    return bool(role == _RESIDENT)


register(Subject(SURVEYED, _open))
