"""Where somebody stood is kept no longer than the tenant's retention rule for points says."""

from __future__ import annotations

from guanjia.jobs.kinds import JobKind, Work, register

_KEPT = "make_interval(months => coalesce(r.months, 0), days => coalesce(r.days, 0))"
# The rule of the day that is asked for; without one, points stay (domain §9.4: 90 days, by design).
_OLD = f"""
select x.id as subject_id, x.{{at}} + {_KEPT} as due_at
from (select months, days from retention_rules where tenant_id = $1 and code = 'LOCATION'
    and num_nonnulls(months, days) > 0
    and valid_from <= ($2::timestamptz at time zone 'Asia/Shanghai')::date
  order by valid_from desc limit 1) r
join {{table}} x on x.tenant_id = $1 and x.longitude is not null
  and x.{{at}} <= $2::timestamptz - {_KEPT}
"""


def forget_points(code: str, title: str, table: str, at: str) -> None:
    """The points in the table's `longitude` and `latitude`, taken at the time in the column `at`,
    are cleared by a job of this code when their time is over. The rest of a row stays."""

    async def forget(work: Work) -> bool:
        await work.transaction.connection.execute(
            f"update {table} set longitude = null, latitude = null"
            " where tenant_id = $1 and id = $2",
            work.transaction.tenant_id,
            work.subject_id,
        )
        return True

    register(JobKind(code, title, _OLD.format(table=table, at=at), forget))
