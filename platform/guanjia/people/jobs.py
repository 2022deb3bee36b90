"""Every night: counted looks that no hourly limit asks for any more."""

from __future__ import annotations

import datetime as dt

from guanjia.jobs.kinds import JobKind, Work, daily, register

KEPT = dt.timedelta(days=1)


async def _sweep(work: Work) -> bool:
    await work.transaction.connection.execute(
        "delete from person_looks where minute < $1", work.now - KEPT
    )
    return True


register(JobKind("look.sweep", "清理已过时限的查看计数", daily(3), _sweep))
