"""A case and its survey: opened at T19, each answer an event of the case, closed at T20."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from guanjia.cases.facts import Payload
from guanjia.cases.service.affected import known
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
    household_of,
    open_survey,
)
from guanjia.surveys.subjects import Subject, register

_RESIDENT = "RES"
_NO_ANSWER = "无人答复"
_REPORTS = """
with recursive reports as (
  select c.id, c.reporter_id, c.created_at from cases c where c.tenant_id = $1 and c.id = $2
  union select j.id, j.reporter_id, j.created_at from reports r
    join cases j on j.tenant_id = $1 and j.duplicate_of_id = r.id)
select r.reporter_id, coalesce(bool_or(e.actor_role = $3), false) as as_resident
from reports r left join case_events e on e.tenant_id = $1 and e.case_id = r.id and e.seq = 1
group by r.reporter_id order by min(r.created_at), r.reporter_id
"""
"""Who reported the matter: the case, what was joined with it, and what was joined with that."""
_ACTIONS = {Channel.ONLINE: "evaluate_case", Channel.DOOR: "collect_evaluation"}


async def households(file: CaseFile, named: Sequence[Asked]) -> list[Asked]:
    """Whom the survey of the case asks, each home once: these, or those that the case was known to
    affect; and the household of whoever reported it, here or in a report that was joined with it,
    or the reporter in person where a resident without a home did. A second survey asks again whom
    the first one did, unless others were named since."""
    transaction = file.transaction
    found = list(named)
    if not found and file.facts.reopened and not await _named_since(file):
        found = await asked_before(transaction, SURVEYED, file.id)
    elif not found:
        found = list((await known(transaction, file.id)).homes)
    asked = {(each.house_unit_id, each.membership_id) for each in found}
    for report in await transaction.connection.fetch(
        _REPORTS, transaction.tenant_id, file.id, _RESIDENT
    ):
        own = await household_of(transaction, report["reporter_id"], file.region_path)
        if own is None and report["as_resident"]:
            own = Asked(None, report["reporter_id"], PERSONAL)
        if own is not None and (own.house_unit_id, own.membership_id) not in asked:
            asked.add((own.house_unit_id, own.membership_id))
            found.append(own)
    return found


async def settle_compound(file: CaseFile) -> None:
    """A case of which nothing says where it lies is in the compound of the homes it affects, if
    that is one. A point outside of every outline says that it is in none."""
    homes = (await known(file.transaction, file.id)).homes
    await file.transaction.connection.execute(
        "update cases c set compound_id = f.compound_id from (select (min(h.compound_id::text)"
        "::uuid) as compound_id from house_units h where h.tenant_id = $1 and h.id = any($3)"
        " having count(distinct h.compound_id) = 1) f"
        " where c.tenant_id = $1 and c.id = $2 and c.compound_id is null and c.longitude is null",
        file.transaction.tenant_id,
        file.id,
        [each.house_unit_id for each in homes],
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
        said = Payload(choice=choice, salt=secrets.token_hex(16))
        await self._file.follow(_ACTIONS[channel], said)


async def _open(transaction: Transaction, case_id: UUID, now: datetime) -> _Evaluated:
    row = await transaction.connection.fetchrow(
        "select * from cases where tenant_id = $1 and id = $2 for update",
        transaction.tenant_id,
        case_id,
    )
    return _Evaluated(await file_of(transaction, None, Scope(SYSTEM), row, now))


async def _named_since(file: CaseFile) -> bool:
    """Whether somebody named whom the case affects after its last survey had opened."""
    found: bool = await file.transaction.connection.fetchval(
        "select exists (select 1 from case_events e where e.tenant_id = $1 and e.case_id = $2"
        " and e.action = 'name_affected' and e.seq > (select max(o.seq) from case_events o"
        " where o.tenant_id = $1 and o.case_id = $2 and o.action = 'open_survey'))",
        file.transaction.tenant_id,
        file.id,
    )
    return found


register(Subject(SURVEYED, _open))
