"""What the worker does with notices: sends them out, and removes old ones every night."""

from __future__ import annotations

import datetime as dt

from guanjia.audit.service import record
from guanjia.jobs.kinds import JobKind, Work, daily, register
from guanjia.notifications.delivery import DUE, deliver
from guanjia.notifications.models import DELIVER
from guanjia.notifications.notices import load_kinds
from guanjia.notifications.wording import ways_of

load_kinds()


async def _sweep(work: Work) -> bool:
    """What is older than the tenant keeps is gone, with its deliveries, read or not."""
    transaction = work.transaction
    ways = await ways_of(transaction.connection, transaction.tenant_id)
    old = work.now - dt.timedelta(days=ways.keep_days)
    await transaction.connection.execute(
        "delete from notification_deliveries d using notifications n where d.tenant_id = $1"
        " and n.tenant_id = $1 and n.id = d.notification_id and n.created_at < $2",
        transaction.tenant_id,
        old,
    )
    gone = await transaction.connection.fetch(
        "delete from notifications where tenant_id = $1 and created_at < $2 returning id",
        transaction.tenant_id,
        old,
    )
    if gone:
        detail = {"notifications": len(gone), "keep_days": ways.keep_days}
        await record(transaction, action="notice.sweep", detail=detail)
    return True


register(JobKind(DELIVER, "经短信等通道发送通知", DUE, deliver, alone=True))
register(JobKind("notice.sweep", "清理超过保存天数的通知", daily(3), _sweep))
