"""What time alone brings about: reminders and escalations of cases; and that nobody's whereabouts
are kept for longer than the rule says."""

from __future__ import annotations

from guanjia.jobs.kinds import JobKind, Work, register
from guanjia.people.points import forget_points
from guanjia.whistles import following as following  # makes itself known to cases
from guanjia.whistles.service.clocks import strike
from guanjia.whistles.service.limits import note_lateness

_REACHED = """
select case_id as subject_id, next_at as due_at from case_clocks
where tenant_id = $1 and next_at <= $2
"""
_LATE = """
select w.id as subject_id, w.attend_by as due_at from whistles w
join cases c on c.tenant_id = w.tenant_id and c.id = w.case_id
where w.tenant_id = $1 and w.state = 'SOUNDED' and w.late_at is null and w.attend_by <= $2
  and (w.urgent or c.suspended_at is null)
"""


async def _strike(work: Work) -> bool:
    return await strike(work.transaction, work.subject_id, work.now)


async def _late(work: Work) -> bool:
    return await note_lateness(work.transaction, work.subject_id, work.now)


register(JobKind("escalation.clock", "催办与自动升级", _REACHED, _strike))
register(JobKind("whistle.late", "逾期未报到", _LATE, _late))
forget_points("whistle.forget_points", "清除保存期满的报到位置", "whistle_sign_ins", "at")
