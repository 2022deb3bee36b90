"""Tasks of external parties in the API: given out by a link, and done by whoever holds it."""

import datetime as dt
from enum import Enum
from typing import Any
from uuid import UUID

import strawberry
from strawberry.types import Info

from guanjia.access.models import name_of
from guanjia.attachments.schema import Attachment
from guanjia.audit.replay import keyed
from guanjia.cases import models, service
from guanjia.cases.schema.mutations import CaseStepInput
from guanjia.cases.schema.types import PART_STATE, Case, PartState
from guanjia.compounds.schema.writing import writes
from guanjia.db.scope import Scope
from guanjia.graph.filters import IdFilter, arguments, by, filters, flag
from guanjia.graph.nodes import (
    Connection,
    column,
    derived,
    many,
    node,
    one,
    root_connection,
    root_lookup,
)
from guanjia.graph.payloads import mutation, payload
from guanjia.reading.mapping import elsewhere, newest

NUMBERS = "[0-90-9]{7,}|[0-90-9]([ -]?[0-90-9]){9,}"
"""Runs of digits as in the numbers of telephones, identities and accounts."""
_PARTY = "(select tu.name from organisations tu where tu.tenant_id = {tenant} and tu.id = %s)"


def _of_part(column: str) -> str:
    return elsewhere("case_assignments", column, "assignment_id")


def _masked(name: str) -> str:
    pattern = NUMBERS.replace("{", "{{").replace("}", "}}")
    masked = f"regexp_replace({{told}}.{name}, '{pattern}', '****', 'g')"
    return elsewhere("cases", masked, "case_id")


@filters
class TaskLinkFilter:
    """任务链接筛选;各项须同时满足"""

    case: IdFilter = by("case_id")
    open: bool = flag("({row}.revoked_at is null and {row}.expires_at > now())")


@node(
    models.TaskLink,
    read="task:issue",
    reach=models.TASK_LINK_REACH,
    orders=newest("issued_at"),
    filters=TaskLinkFilter,
)
class TaskLink:
    """任务链接:外部单位凭它承办一项任务,此外一无所及;令牌只在签发时显示一次"""

    id: strawberry.ID = column()
    issued_at: dt.datetime = column("签发时间")
    issued_by: str | None = derived(name_of("issued_by"), "签发人")
    expires_at: dt.datetime = column("到期时间")
    revoked_at: dt.datetime | None = column("撤销时间")
    uses: int = derived(elsewhere("access_links", "uses", "link_id"), "使用次数")
    last_used_at: dt.datetime | None = derived(
        elsewhere("access_links", "last_used_at", "link_id"), "最近使用时间"
    )
    party: str = derived(_PARTY % _of_part("organisation_id"), "凭链接承办的外部单位")
    task: str | None = derived(_of_part("task"), "交办的任务")
    accepted_at: dt.datetime | None = derived(_of_part("accepted_at"), "任务的签收时间")
    done_at: dt.datetime | None = derived(_of_part("done_at"), "任务的完成时间")
    case: Case | None = one("Case", "case_id", "案件")


@filters
class TaskFilter:
    """任务筛选;各项须同时满足"""

    id: IdFilter = by("id")


@node(
    models.CaseAssignment,
    read="task:read",
    reach=models.TASK_REACH,
    orders=newest("assigned_at"),
    filters=TaskFilter,
)
class Task:
    """外部单位凭任务链接承办的任务;案情中的长号码已遮盖,没有联系方式"""

    id: strawberry.ID = column()
    number: str = derived(elsewhere("cases", "number", "case_id"), "案件编号")
    title: str = derived(_masked("title"), "案件标题")
    description: str = derived(_masked("description"), "案情")
    location: str = derived(_masked("location"), "地点")
    due_at: dt.datetime | None = derived(elsewhere("cases", "due_at", "case_id"), "案件到期时间")
    task: str | None = column("交办的任务")
    state: PartState = derived(PART_STATE, "任务的状态")
    assigned_at: dt.datetime = column("交办时间")
    accepted_at: dt.datetime | None = column("签收时间")
    done_at: dt.datetime | None = column("完成时间")
    done_note: str | None = column("完成情况")
    attachments: list[Attachment] = many(
        "Attachment",
        "owner_id",
        (("attached_at", "asc"), ("id", "asc")),
        "本人上传的照片",
        of="case_id",
        where="{row}.owner_noun = 'Case'",
    )
    links: list[TaskLink] = many(
        "TaskLink", "assignment_id", (("issued_at", "asc"), ("id", "asc")), "签发过的链接"
    )


@strawberry.enum(description="新交办的在前")
class TaskOrder(Enum):
    NEWEST = "NEWEST"


@strawberry.enum(description="新签发的在前")
class TaskLinkOrder(Enum):
    NEWEST = "NEWEST"


@strawberry.type
class Query:
    tasks: Connection[Task] = root_connection(
        Task,
        permission="task:read",
        filter_type=TaskFilter,
        order_type=TaskOrder,
        description="凭任务链接承办的任务:持链接者只有自己的一项",
    )
    task: Task | None = root_lookup(Task, permission="task:read", description="一项任务")
    task_links: Connection[TaskLink] = root_connection(
        TaskLink,
        permission="task:issue",
        filter_type=TaskLinkFilter,
        order_type=TaskLinkOrder,
        description="辖区内签发的任务链接",
    )


@strawberry.input(description="签发任务链接;同一任务以前的链接随即失效")
class IssueTaskLinkInput(CaseStepInput):
    organisation_id: strawberry.ID = strawberry.field(description="协办的外部单位")
    expires_at: dt.datetime | None = strawberry.field(
        default=None, description="到期时间,缺省 14 天,至多 90 天"
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="幂等键:重复的请求只签发一次,令牌也只在首次的应答中",
    )


@strawberry.input(description="撤销任务链接")
class RevokeTaskLinkInput:
    id: strawberry.ID


@strawberry.input(description="签收任务")
class AcceptTaskInput:
    id: strawberry.ID


@strawberry.input(description="报告任务的进展")
class ReportTaskInput:
    id: strawberry.ID
    note: str
    attachment_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="已上传的照片"
    )
    idempotency_key: str | None = None


@strawberry.input(description="完成任务")
class CompleteTaskInput(ReportTaskInput):
    pass


@payload
class IssueTaskLinkPayload:
    """任务链接,及只显示一次的令牌"""

    link: TaskLink | None
    token: str | None = strawberry.field(
        default=None,
        description="只显示这一次,重复的请求得到空值;"
        "用作请求头 Authorization: TaskLink <令牌>,不要放进网址的查询串",
    )
    path: str | None = strawberry.field(
        default=None, description="网页地址:令牌在片段(#)中,浏览器不会发给服务器"
    )
    note: str | None = strawberry.field(
        default=None, description="重复的请求没有令牌时的说明:如何换一条链接"
    )


@payload
class TaskLinkPayload:
    """任务链接"""

    link: TaskLink | None


@payload
class TaskPayload:
    """任务"""

    task: Task | None


_TOLD = (
    "令牌已在首次签发时显示,不会再次显示。没有收到的,请换一个 idempotencyKey 重新签发,"
    "原来的链接随即失效。"
)


async def _issue(
    self: None, info: Info, input: IssueTaskLinkInput, scope: "Scope"
) -> IssueTaskLinkPayload:
    context: Any = info.context
    given = arguments(input)
    given.pop("idempotency_key", None)
    told: list[str] = []

    async def effect() -> UUID:
        issued = await service.issue_task_link(
            context.transaction, context.actor, scope, now=context.now, **given
        )
        told.append(issued.token)
        return issued.id

    row = await keyed(
        context.transaction, context.actor.membership_id, "issue_task_link", input, effect
    )
    link = await context.reader.by_id("TaskLink", row)
    if not told:
        return IssueTaskLinkPayload(link=link, note=_TOLD)
    return IssueTaskLinkPayload(link=link, token=told[0], path=f"/tasks#{told[0]}")


_TASK = (TaskPayload, "task", "Task", "task:work")


@strawberry.type
class Mutation:
    issue_task_link: IssueTaskLinkPayload = mutation("task:issue", "向协办的外部单位签发任务链接")(
        _issue
    )
    revoke_task_link: TaskLinkPayload = writes(
        service.revoke_task_link, RevokeTaskLinkInput, TaskLinkPayload, "link", "TaskLink",
        "task:issue", "撤销任务链接,随即失效",
    )  # fmt: skip
    accept_task: TaskPayload = writes(
        service.accept_task, AcceptTaskInput, *_TASK, "签收任务(凭任务链接)"
    )
    report_task: TaskPayload = writes(
        service.report_task, ReportTaskInput, *_TASK, "报告进展(凭任务链接)"
    )
    complete_task: TaskPayload = writes(
        service.complete_task, CompleteTaskInput, *_TASK, "完成任务(凭任务链接)"
    )
