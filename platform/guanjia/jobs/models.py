"""The jobs of a tenant as rows."""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from guanjia.db.ids import new_id
from guanjia.db.scope import Reachable


class JobState(StrEnum):
    """等待中(含失败后待重试)、执行中、已完成、已停止(多次失败,等待人工处理)"""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    DEAD = "DEAD"


JOB_REACH = Reachable(tenant_wide=True)
LAG_SQL = "greatest(0, extract(epoch from coalesce({row}.finished_at, now()) - {row}.due_at))::int"


class Job(Model):
    """后台任务:一件到期应办的事"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    kind = fields.TextField()
    title = fields.TextField()
    subject_id = fields.UUIDField()
    due_at = fields.DatetimeField()
    run_at = fields.DatetimeField()
    state = fields.TextField()
    attempts = fields.IntField()
    listed_at = fields.DatetimeField()
    started_at = fields.DatetimeField(null=True)
    finished_at = fields.DatetimeField(null=True)
    error_code = fields.TextField(null=True)
    error_message = fields.TextField(null=True)

    class Meta:
        table = "jobs"
