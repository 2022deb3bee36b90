"""Every night: sessions that ended long ago."""

from __future__ import annotations

import datetime as dt

from guanjia.audit.service import record
from guanjia.jobs.kinds import JobKind, Work, daily, register

KEPT = dt.timedelta(days=30)
"""How long an ended session's row stays. That somebody logged in stays in the audit record."""


async def _sweep(work: Work) -> bool:
    gone = await work.transaction.connection.fetch(
        "delete from sessions where least(expires_at, revoked_at) < $1 returning id",
        work.now - KEPT,
    )
    if gone:
        await record(work.transaction, action="session.sweep", detail={"sessions": len(gone)})
    return True


register(JobKind("session.sweep", "清理结束三十天的会话", daily(3), _sweep))
