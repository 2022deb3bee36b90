"""What time alone brings about: T11 at the review, T20 at the end of the survey, T22 five workdays
later. Each step takes effect at the moment it was due, however late the clock is looked at, so
that no deadline depends on how often this runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from guanjia.cases.service.archive import end_file
from guanjia.cases.service.casefile import SYSTEM, CaseFile, file_of
from guanjia.cases.service.requests import end_suspension
from guanjia.cases.service.surveying import end_survey
from guanjia.cases.states import State
from guanjia.cases.transitions import SURVEYED
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope

_READY = f"""
select c.*, coalesce(s.uploads_until, c.step_due_at) as ends_at, (select max(e.at)
  from case_events e where e.tenant_id = c.tenant_id and e.case_id = c.id) as last_event_at
from cases c left join surveys s on s.tenant_id = $1 and s.kind = '{SURVEYED}'
  and s.subject_id = c.id and s.closed_at is null
where c.tenant_id = $1 and c.id = $2 and (
  c.state = '{State.SUSPENDED}' and c.review_at <= $3
  or c.state = '{State.EVALUATING}'
    and (coalesce(s.uploads_until, c.step_due_at) <= $3 or c.answer_count >= c.affected_households)
  or c.state = '{State.EVALUATED}' and c.step_due_at <= $3 and not c.due_provisional)
for update of c skip locked
"""


async def advance_case(transaction: Transaction, case_id: UUID, now: datetime) -> bool:
    """The case has taken the step whose time has come; False when there is none. A case that
    somebody works on just now waits for the next time; one whose archiving hangs on a year with
    no loaded calendar waits for the calendar."""
    row = await transaction.connection.fetchrow(_READY, transaction.tenant_id, case_id, now)
    if row is None:
        return False
    file = await file_of(transaction, None, Scope(SYSTEM), row, _effect(row, now))
    await _STEPS[file.facts.state](file)
    return True


def _effect(row: Mapping[str, Any], now: datetime) -> datetime:
    """When the step was due; not before what happened last."""
    due = row["review_at"] if row["state"] == State.SUSPENDED else row["ends_at"]
    # A survey that everybody has answered ends before its window does.
    moment: datetime = max(due, row["last_event_at"]) if due <= now else now
    return moment


async def _resume(file: CaseFile) -> None:
    await end_suspension(file)
    await file.follow("resume_at_review")


async def _archive(file: CaseFile) -> None:
    await file.follow("archive_case", await end_file(file))


async def _finish(file: CaseFile) -> None:
    await file.follow("finish_evaluation", await end_survey(file))


_STEPS = {
    State.SUSPENDED: _resume,
    State.EVALUATING: _finish,
    State.EVALUATED: _archive,
}
