"""What time alone brings about in cases: T11, T20, T22; and every night the sums of figures."""

from __future__ import annotations

from guanjia.cases.service import advance_case
from guanjia.cases.service.tallies import fold_tallies
from guanjia.cases.states import State
from guanjia.cases.transitions import SURVEYED
from guanjia.jobs.kinds import JobKind, Work, daily, register

_REVIEW = f"""
select id as subject_id, review_at as due_at from cases
where tenant_id = $1 and state = '{State.SUSPENDED}' and review_at <= $2
"""
# A survey that everybody has answered ends with the last answer, before its window does.
_SURVEY = f"""
select c.id as subject_id, case when c.answer_count >= c.affected_households then
  least(coalesce(s.uploads_until, c.step_due_at), (select max(e.at) from case_events e
    where e.tenant_id = c.tenant_id and e.case_id = c.id))
  else coalesce(s.uploads_until, c.step_due_at) end as due_at
from cases c left join surveys s on s.tenant_id = $1 and s.kind = '{SURVEYED}'
  and s.subject_id = c.id and s.closed_at is null
where c.tenant_id = $1 and c.state = '{State.EVALUATING}'
  and (coalesce(s.uploads_until, c.step_due_at) <= $2 or c.answer_count >= c.affected_households)
"""
_ARCHIVE = f"""
select id as subject_id, step_due_at as due_at from cases
where tenant_id = $1 and state = '{State.EVALUATED}' and step_due_at <= $2 and not due_provisional
"""


async def _advance(work: Work) -> bool:
    return await advance_case(work.transaction, work.subject_id, work.now)


async def _fold(work: Work) -> bool:
    await fold_tallies(work.transaction, work.now)
    return True


register(JobKind("case.resume", "挂账复核到期,恢复处置", _REVIEW, _advance))
register(JobKind("case.finish_evaluation", "评价期满或全部答复,结束评价", _SURVEY, _advance))
register(JobKind("case.archive", "评价结束满五个工作日,归档", _ARCHIVE, _advance))
register(JobKind("tally.fold", "合并上月以前的指标合计", daily(4), _fold))
