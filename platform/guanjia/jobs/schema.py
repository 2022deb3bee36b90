"""Jobs in the API, for the system administrator."""

import datetime as dt
from enum import Enum

import strawberry
from strawberry.types import Info

from guanjia.graph.filters import DateTimeFilter, TextFilter, by, enum_filter, filters, known_id
from guanjia.graph.nodes import Connection, column, derived, node, root_connection
from guanjia.graph.payloads import mutation, payload
from guanjia.jobs import models
from guanjia.jobs.service import retry_job, retry_stopped
from guanjia.reading.mapping import by_age

JobState = strawberry.enum(models.JobState, description=models.JobState.__doc__)
JobStateFilter = enum_filter(JobState)


@filters
class JobsFilter:
    """任务筛选"""

    kind: TextFilter = by("kind")
    state: JobStateFilter = by("state")
    due_at: DateTimeFilter = by("due_at")


@node(
    models.Job,
    read="job:read",
    reach=models.JOB_REACH,
    orders=by_age("due_at"),
    filters=JobsFilter,
)
class Job:
    """后台任务:一件到期应办的事,由工作进程执行一次"""

    id: strawberry.ID = column()
    kind: str = column("类别代码,例如 case.archive")
    title: str = column("类别名称")
    subject_id: strawberry.ID = column("所办的对象,例如案件;每日任务为租户")
    due_at: dt.datetime = column("应办的时间")
    run_at: dt.datetime = column("最早可以开始的时间;失败后为下次重试的时间")
    state: JobState = column("状态")
    attempts: int = column("已开始的次数")
    started_at: dt.datetime | None = column("最近一次开始的时间")
    finished_at: dt.datetime | None = column("完成或停止的时间")
    lag_seconds: int = derived(
        models.LAG_SQL, "比应办的时间晚多少秒,没有办完的算到现在;尚未到时间为 0"
    )
    error_code: str | None = column("最近一次失败的代码")
    error_message: str | None = column("最近一次失败的说明")


@strawberry.enum(description="最新在前;最早在前")
class JobOrder(Enum):
    NEWEST = "NEWEST"
    OLDEST = "OLDEST"


@strawberry.input(description="重试任务")
class RetryJobInput:
    id: strawberry.ID


@strawberry.input(description="重试某一类已停止的任务")
class RetryStoppedJobsInput:
    kind: str = strawberry.field(description="类别代码,见 Job.kind")


@payload
class JobPayload:
    """任务"""

    job: Job | None


@payload
class RetriedPayload:
    """被重试的任务"""

    retried: int | None = strawberry.field(description="件数;没有已停止的为 0", default=None)


async def _retry(self: None, info: Info, input: RetryJobInput) -> JobPayload:
    context = info.context
    job = await retry_job(context.transaction, context.actor, known_id(input.id, "id"), context.now)
    return JobPayload(job=await context.reader.by_id("Job", job.id))


async def _retry_stopped(self: None, info: Info, input: RetryStoppedJobsInput) -> RetriedPayload:
    context = info.context
    return RetriedPayload(
        retried=await retry_stopped(context.transaction, context.actor, input.kind, context.now)
    )


@strawberry.type
class Query:
    jobs: Connection[Job] = root_connection(
        Job,
        permission="job:read",
        filter_type=JobsFilter,
        order_type=JobOrder,
        description="后台任务:等待、执行中、三十天内完成的、已停止的",
    )


@strawberry.type
class Mutation:
    retry_job: JobPayload = mutation(
        "job:retry", "立即重试已停止或失败后等待重试的任务;次数重新计算"
    )(_retry)
    retry_stopped_jobs: RetriedPayload = mutation(
        "job:retry", "立即重试一类任务中所有已停止的,例如短信网关恢复之后;次数重新计算"
    )(_retry_stopped)
