"""Every night: what was uploaded and never used."""

from __future__ import annotations

from guanjia.attachments.service import sweep
from guanjia.attachments.store import store_of
from guanjia.audit.service import record
from guanjia.jobs.kinds import JobKind, Work, daily, register


async def _sweep(work: Work) -> bool:
    rows, files = await sweep(work.transaction, store_of(work.settings), work.now)
    if rows or files:
        detail = {"attachments": rows, "files": files}
        await record(work.transaction, action="attachment.sweep", detail=detail)
    return True


register(JobKind("attachment.sweep", "清理上传后一天未使用的附件", daily(3), _sweep))
