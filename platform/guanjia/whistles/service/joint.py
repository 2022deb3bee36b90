"""联席会议: an L4 is answered by the minutes of a district meeting, and by the tasks it gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.cases.facts import Payload
from guanjia.cases.machine import Transition
from guanjia.cases.service.assignments import organisation
from guanjia.cases.service.casefile import Step
from guanjia.cases.transitions import Authority, Who
from guanjia.compounds.service.opening import same_version, store
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph import texts
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, forbidden
from guanjia.whistles.levels import LABELS, EscalationState
from guanjia.whistles.models.escalations import TASK_REACH
from guanjia.whistles.service.escalating import answering, open_escalation
from guanjia.whistles.service.opening import case_file, reached
from guanjia.whistles.service.telling import members_of, tell_task

MOST_TASKS = 20
TASK_LENGTH = 500
MINUTES_LENGTH = 20_000
LONGEST = timedelta(days=365)
"""A bound against slips of the pen; no rule sets one."""
_NOUN = "任务"
_DONE: Transition[Any, Any] = Transition(
    "TASK_DONE", "complete_joint_task", "完成联席会议任务", frozenset[Any](), None, ()
)


@dataclass(frozen=True, slots=True)
class Task:
    """What one organisation is to do until when."""

    organisation_id: UUID
    task: str
    due_at: datetime


async def record_joint_meeting(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    met_at: datetime,
    minutes: str,
    tasks: Sequence[Task],
    now: datetime,
) -> UUID:
    """The L4 is answered: the district has met, and each task is a row of the case."""
    case, row = await open_escalation(transaction, actor, scope, id, version, now)
    said = texts.text(minutes, LABELS["minutes"], "minutes", MINUTES_LENGTH)
    data = {"minutes": said, "tasks": tuple(tasks)}
    step = answering(case, scope, row, "record_joint_meeting", data)
    if not row["raised_at"] <= met_at <= now:
        raise Refusal(BAD_USER_INPUT, "会议时间须在升级之后,且不晚于现在。", ("metAt",))
    if len(tasks) > MOST_TASKS:
        raise Refusal(BAD_USER_INPUT, f"一次会议最多交办{MOST_TASKS}项任务。", ("tasks",))
    for task in tasks:
        await organisation(case, task.organisation_id, "tasks")
        what = texts.line(task.task, "任务", "tasks", TASK_LENGTH)
        if not what:
            raise Refusal("MISSING_DATA", "请填写任务。", ("tasks",))
        if not now < task.due_at <= now + LONGEST:
            raise Refusal(BAD_USER_INPUT, "任务的期限须在今后一年之内。", ("tasks",))
        made = new_id()
        await transaction.connection.execute(
            "insert into joint_tasks (id, escalation_id, case_id, region_path, organisation_id,"
            " task, due_at) values ($1, $2, $3, $4, $5, $6, $7)",
            made, id, case.id, case.region_path, task.organisation_id, what, task.due_at,
        )  # fmt: skip
        await tell_task(case, made, task.organisation_id, task.due_at)
    values = {
        "state": EscalationState.ANSWERED, "answered_at": now, "answer": said, "met_at": met_at,
        "answered_by": actor.membership_id,
    }  # fmt: skip
    await store(transaction, "escalations", id, values)
    # The minutes stand with the escalation; an event holds no more than a note.
    await case.annotate(step, Payload(note=f"联席会议交办{len(tasks)}项任务"))
    return id


async def complete_joint_task(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    note: str,
    now: datetime,
) -> UUID:
    """The task is done, as a member of its organisation says; for one of which nobody could, the
    district does."""
    key = await reached(
        transaction, scope, "joint_tasks", TASK_REACH, id, "x.case_id, x.organisation_id", _NOUN
    )
    case = await case_file(transaction, actor, key["case_id"], now, scope)
    row = await transaction.connection.fetchrow(
        "select * from joint_tasks where tenant_id = $1 and id = $2 for update",
        transaction.tenant_id,
        id,
    )
    reach = next(
        (r for r in scope.reaches if r.kind == "region" or row["organisation_id"] in r.ids), None
    )
    unit = row["organisation_id"]
    if reach is None or (
        reach.kind == "region" and await members_of(transaction, scope.permission, [unit], now)
    ):
        raise forbidden(scope.permission, "任务由承担的单位完成;没有账号的单位由区级代为登记。")
    same_version(row, version, _NOUN)
    if row["done_at"] is not None:
        raise Refusal(CONFLICT, "该任务已经完成。")
    done = texts.text(note, "完成情况", "note")
    if not done:
        raise Refusal("MISSING_DATA", "请填写完成情况。", ("note",))
    values = {"done_at": now, "done_by": actor.membership_id, "done_note": done}
    await store(transaction, "joint_tasks", id, values)
    await case.annotate(
        Step(_DONE, reach, Who(scope.permission, Authority.REACH)),
        Payload(note=row["task"], reason=done, organisation_id=row["organisation_id"]),
    )
    return id
