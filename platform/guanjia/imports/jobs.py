"""What undoing an import would need is gone when it can no longer be undone."""

from __future__ import annotations

from guanjia.audit.service import record
from guanjia.imports.models import State
from guanjia.jobs.kinds import JobKind, Work, register

_DUE = f"""
select b.id as subject_id, b.undo_until as due_at from import_batches b
where b.tenant_id = $1 and b.state = '{State.APPLIED}' and b.undo_until <= $2 and exists
  (select from import_chunks c where c.tenant_id = b.tenant_id and c.batch_id = b.id)
"""


async def _drop(work: Work) -> bool:
    connection = work.transaction.connection
    over = await connection.fetchval(
        "select true from import_batches where tenant_id = $1 and id = $2 and state = $3"
        " and undo_until <= $4 for update skip locked",
        work.transaction.tenant_id,
        work.subject_id,
        State.APPLIED,
        work.now,
    )
    if not over:
        return False
    await connection.execute("delete from import_chunks where batch_id = $1", work.subject_id)
    await record(
        work.transaction, action="import.close_undo", object_type="ImportBatch",
        object_id=work.subject_id,
    )  # fmt: skip
    return True


register(JobKind("import.close_undo", "导入撤销期满,删除暂存内容", _DUE, _drop))
