"""What time alone brings about in surveys: nobody's whereabouts are kept for longer than the
tenant's retention rule for points says."""

from __future__ import annotations

from guanjia.jobs.kinds import JobKind, Work, register

_KEPT = "make_interval(months => coalesce(r.months, 0), days => coalesce(r.days, 0))"
# The rule of the day that is asked for; without one, points stay (domain §9.4: 90 days, by design).
_OLD = f"""
select a.id as subject_id, a.answered_at + {_KEPT} as due_at
from (select months, days from retention_rules where tenant_id = $1 and code = 'LOCATION'
    and num_nonnulls(months, days) > 0
    and valid_from <= ($2::timestamptz at time zone 'Asia/Shanghai')::date
  order by valid_from desc limit 1) r
join survey_answers a on a.tenant_id = $1 and a.longitude is not null
  and a.answered_at <= $2::timestamptz - {_KEPT}
"""


async def _forget(work: Work) -> bool:
    """Where the collector stood is gone; what was answered, when and through whom stays."""
    await work.transaction.connection.execute(
        "update survey_answers set longitude = null, latitude = null"
        " where tenant_id = $1 and id = $2",
        work.transaction.tenant_id,
        work.subject_id,
    )
    return True


register(JobKind("survey.forget_points", "清除保存期满的入户位置", _OLD, _forget))
