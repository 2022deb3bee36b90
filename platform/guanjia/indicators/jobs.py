"""What happens to figures every night: their sums are held against the rows."""

from __future__ import annotations

import guanjia.cases.metrics  # noqa: F401  # makes the figures of cases known
from guanjia.indicators.service.reconciling import reconcile
from guanjia.jobs.kinds import JobKind, Work, daily, register


async def _reconcile(work: Work) -> bool:
    await reconcile(work.transaction.connection, work.transaction.tenant_id, work.now)
    return True


# What differs does so again: one more look, and then a person is told.
register(JobKind("indicator.reconcile", "核对指标的合计", daily(5), _reconcile, attempts=2))
