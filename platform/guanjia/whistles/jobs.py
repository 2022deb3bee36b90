"""What time alone brings about: reminders and escalations of cases."""

from __future__ import annotations

from guanjia.jobs.kinds import JobKind, Work, register
from guanjia.whistles import following as following  # makes itself known to cases
from guanjia.whistles.service.clocks import HANDLED, strike, wind

_REACHED = """
select case_id as subject_id, next_at as due_at from case_clocks
where tenant_id = $1 and next_at <= $2
"""
# Cases that were dispatched before there were clocks. Others have theirs from the step itself.
_UNWOUND = f"""
select c.id as subject_id, c.clock_started_at as due_at from cases c
where c.tenant_id = $1 and c.clock_started_at <= $2
  and c.state in ({", ".join(f"'{state}'" for state in sorted(HANDLED))})
  and not exists (select 1 from case_clocks k where k.tenant_id = c.tenant_id and k.case_id = c.id)
"""


async def _strike(work: Work) -> bool:
    return await strike(work.transaction, work.subject_id, work.now)


async def _wind(work: Work) -> bool:
    return await wind(work.transaction, work.subject_id, work.now)


register(JobKind("escalation.clock", "催办与自动升级", _REACHED, _strike))
register(JobKind("escalation.wind", "为已派遣的案件设定催办时刻", _UNWOUND, _wind))
