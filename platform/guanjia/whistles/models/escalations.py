"""Escalations of cases, the tasks a joint meeting gives, and the moments of a case's clock.

An escalation is reached where its case lies, and by the organisations that work on the case or
were given a task; a task by the organisation that has it.
"""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from guanjia.db.ids import new_id
from guanjia.db.scope import Reachable

ESCALATION_REACH = Reachable(
    region="region_path",
    organisation="(exists (select 1 from case_assignments ea where ea.tenant_id = {tenant}"
    " and ea.case_id = {row}.case_id and ea.active and ea.organisation_id = any({ids}))"
    " or exists (select 1 from joint_tasks et where et.tenant_id = {tenant}"
    " and et.escalation_id = {row}.id and et.organisation_id = any({ids})))",
)
TASK_REACH = Reachable(region="region_path", organisation="{row}.organisation_id = any({ids})")


class Escalation(Model):
    """一次升级"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    case_id = fields.UUIDField()
    region_path = fields.TextField()
    level = fields.TextField()
    trigger_code = fields.TextField()
    from_level = fields.TextField(null=True)
    to_level = fields.TextField()
    state = fields.TextField()
    reason = fields.TextField(null=True)
    raised_at = fields.DatetimeField()
    raised_by = fields.UUIDField(null=True)
    answer_by = fields.DatetimeField()
    limit_provisional = fields.BooleanField()
    answered_at = fields.DatetimeField(null=True)
    answered_by = fields.UUIDField(null=True)
    answer = fields.TextField(null=True)
    met_at = fields.DatetimeField(null=True)
    whistle_id = fields.UUIDField(null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "escalations"


class JointTask(Model):
    """联席会议交办的一项任务"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    escalation_id = fields.UUIDField()
    case_id = fields.UUIDField()
    region_path = fields.TextField()
    organisation_id = fields.UUIDField()
    task = fields.TextField()
    due_at = fields.DatetimeField()
    done_at = fields.DatetimeField(null=True)
    done_by = fields.UUIDField(null=True)
    done_note = fields.TextField(null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "joint_tasks"


class CaseClock(Model):
    """案件时限的各个时刻;主键即案件"""

    case_id = fields.UUIDField(primary_key=True)
    started_at = fields.DatetimeField()
    first_at = fields.DatetimeField()
    second_at = fields.DatetimeField()
    due_at = fields.DatetimeField()
    twice_at = fields.DatetimeField()
    accept_by = fields.DatetimeField()
    unaccepted_at = fields.DatetimeField(null=True)
    reminded = fields.IntField()
    raised = fields.TextField()
    next_at = fields.DatetimeField(null=True)

    class Meta:
        table = "case_clocks"
