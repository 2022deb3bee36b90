"""What people do with jobs: see those that stopped, and have them tried again."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.audit.service import Recorded, record
from guanjia.db.pools import Transaction
from guanjia.graph.errors import CONFLICT, Refusal, not_found
from guanjia.jobs.models import Job, JobState
from guanjia.jobs.queue import wake


@dataclass(frozen=True, slots=True)
class Status:
    """The queue of one tenant: ready and waiting jobs, those at work, those that stopped; seconds
    by which the oldest ready one is late; the last that was done."""

    ready: int
    later: int
    retrying: int
    running: int
    dead: int
    lag: float
    last_done_at: dt.datetime | None


async def retry_job(
    transaction: Transaction, actor: Recorded | None, job_id: UUID, now: dt.datetime
) -> Job:
    """A job that stopped, or rests after a failure, is ready again with all its attempts.
    Without an actor the operator asks, at the server."""
    row = await transaction.connection.fetchrow(
        "select state, kind from jobs where tenant_id = $1 and id = $2 for update",
        transaction.tenant_id,
        job_id,
    )
    if row is None:
        raise not_found("任务", "id")
    if row["state"] not in (JobState.DEAD, JobState.WAITING):
        done = row["state"] == JobState.DONE
        raise Refusal(CONFLICT, "该任务已完成,不能重试。" if done else "该任务正在执行。", ("id",))
    await transaction.connection.execute(
        "update jobs set state = 'WAITING', attempts = 0, finished_at = null,"
        " run_at = greatest(due_at, $2) where id = $1",
        job_id,
        now,
    )
    await record(
        transaction, actor=actor, action="job.retry", permission="job:retry" if actor else None,
        object_type="Job", object_id=job_id, detail={"kind": row["kind"]},
    )  # fmt: skip
    await wake(transaction)
    return await Job.get(id=job_id)


async def retry_stopped(
    transaction: Transaction, actor: Recorded | None, kind: str, now: dt.datetime
) -> int:
    """Every job of the kind that stopped is ready again with all its attempts: what they failed of,
    a gateway that was away, is over. Returns how many. Without an actor as `retry_job`."""
    ready = await transaction.connection.fetch(
        "update jobs set state = 'WAITING', attempts = 0, finished_at = null,"
        " run_at = greatest(due_at, $3) where tenant_id = $1 and state = 'DEAD' and kind = $2"
        " returning id",
        transaction.tenant_id,
        kind,
        now,
    )
    if ready:
        await record(
            transaction, actor=actor, action="job.retry_stopped",
            permission="job:retry" if actor else None, object_type="Job",
            detail={"kind": kind, "jobs": len(ready)},
        )  # fmt: skip
        await wake(transaction)
    return len(ready)


async def status_of(connection: Any, tenant_id: UUID, now: dt.datetime) -> Status:
    """The tenant's queue at this moment."""
    row = await connection.fetchrow(
        "select count(*) filter (where state = 'WAITING' and run_at <= $2),"
        " count(*) filter (where state = 'WAITING' and run_at > $2 and error_code is null),"
        " count(*) filter (where state = 'WAITING' and error_code is not null),"
        " count(*) filter (where state = 'RUNNING'), count(*) filter (where state = 'DEAD'),"
        " greatest(0, extract(epoch from $2 - min(due_at) filter"
        " (where state in ('WAITING', 'RUNNING'))))::float8,"
        " (select max(finished_at) from jobs where tenant_id = $1 and state = 'DONE')"
        " from jobs where tenant_id = $1 and state in ('WAITING', 'RUNNING', 'DEAD')",
        tenant_id,
        now,
    )
    ready, later, retrying, running, dead, lag, done = row
    return Status(ready, later, retrying, running, dead, float(lag or 0), done)
