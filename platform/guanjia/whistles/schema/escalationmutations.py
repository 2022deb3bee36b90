"""The steps of an escalation as mutations."""

import datetime as dt
from typing import Any
from uuid import UUID

import strawberry

from guanjia.compounds.schema.writing import writes
from guanjia.graph.filters import arguments
from guanjia.graph.payloads import payload
from guanjia.whistles.schema.escalations import (
    Escalation,
    EscalationLevel,
    EscalationTrigger,
    JointTask,
)
from guanjia.whistles.service import escalating, joint


@payload
class EscalationPayload:
    """升级"""

    escalation: Escalation | None


@payload
class JointTaskPayload:
    """联席会议任务"""

    task: JointTask | None


@strawberry.input(description="升级:L1 由网格、L2 由社区、L3 由街道、L4 由街道或区级提出")
class RaiseEscalationInput:
    case_id: strawberry.ID
    level: EscalationLevel
    trigger: EscalationTrigger = strawberry.field(
        description="L1 UNSOLVABLE;L2 DISAGREEMENT、STREET_FORCE;L3 CONDITIONS;"
        "L4 DISPUTE、HOUSEHOLDS"
    )
    reason: str
    idempotency_key: str | None = None


@strawberry.input(description="回应升级;version 为所见升级的版本")
class AnswerEscalationInput:
    id: strawberry.ID
    version: int
    answer: str


@strawberry.input(description="联席会议交办的一项任务")
class JointTaskInput:
    organisation_id: strawberry.ID
    task: str
    due_at: dt.datetime


@strawberry.input(description="联席会议的纪要与任务;version 为所见升级的版本")
class RecordJointMeetingInput:
    id: strawberry.ID
    version: int
    met_at: dt.datetime
    minutes: str
    tasks: list[JointTaskInput]


@strawberry.input(description="完成任务;version 为所见任务的版本")
class CompleteJointTaskInput:
    id: strawberry.ID
    version: int
    note: str


async def record_joint_meeting(*who: Any, tasks: list[JointTaskInput], **given: Any) -> UUID:
    found = [joint.Task(**arguments(task)) for task in tasks]
    return await joint.record_joint_meeting(*who, tasks=found, **given)


def _escalation(use_case: Any, input_type: Any, permission: str, description: str) -> Any:
    return writes(
        use_case, input_type, EscalationPayload, "escalation", "Escalation", permission, description
    )


@strawberry.type
class Mutation:
    raise_escalation: EscalationPayload = _escalation(
        escalating.raise_escalation,
        RaiseEscalationInput,
        "escalation:raise",
        "升级:案件不变,请上一级回应",
    )
    answer_escalation: EscalationPayload = _escalation(
        escalating.answer_escalation, AnswerEscalationInput, "escalation:answer", "回应升级"
    )
    record_joint_meeting: EscalationPayload = _escalation(
        record_joint_meeting,
        RecordJointMeetingInput,
        "escalation:answer",
        "以联席会议的纪要回应 L4 升级,并交办任务",
    )
    complete_joint_task: JointTaskPayload = writes(
        joint.complete_joint_task,
        CompleteJointTaskInput,
        JointTaskPayload,
        "task",
        "JointTask",
        "escalation:work",
        "完成联席会议交办的任务",
    )
