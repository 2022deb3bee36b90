"""The queue's own job: what was done long ago is no longer listed."""

from __future__ import annotations

import datetime as dt

from guanjia.jobs.kinds import JobKind, Work, daily, register

KEPT = dt.timedelta(days=30)
"""How long what was done can be seen. Its effect is recorded where it happened."""


async def _sweep(work: Work) -> bool:
    await work.transaction.connection.execute(
        "delete from jobs where state = 'DONE' and finished_at < $1", work.now - KEPT
    )
    return True


register(JobKind("job.sweep", "清理三十天前完成的任务记录", daily(4), _sweep))
