"""The queue of one tenant: what is due is listed, one job is claimed, run and marked.

The effect of a job and the mark that it is done are one transaction that holds the job's row: it
happened exactly once or not at all, whoever is killed when. Being claimed is only a courtesy
between workers: it counts the starts, so that a job that brings its worker down is found out, and
it lapses.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any
from uuid import UUID

from guanjia.db.faults import Fault, fault
from guanjia.db.ids import new_id
from guanjia.db.pools import Database, Transaction
from guanjia.graph.errors import CONFLICT, INTERNAL, UNAVAILABLE, Denied, Refusal
from guanjia.graph.journal import log_fault
from guanjia.jobs.kinds import JobKind, Work, codes, kind_of
from guanjia.jobs.models import JobState
from guanjia.settings import Settings

CHANNEL = "job_ready"
LISTED = 1_000
"""So many jobs of a kind are listed at once."""
CLAIM = dt.timedelta(seconds=10)
"""How long the others keep away from a job that its worker does not finish."""
FIRST_PAUSE, LONGEST_PAUSE = dt.timedelta(seconds=10), dt.timedelta(hours=1)
WORKER_LOST = "WORKER_LOST"
_SENTENCES = {
    WORKER_LOST: "执行该任务时工作进程多次意外中断。",
    CONFLICT: "与同时进行的另一操作冲突。",
    UNAVAILABLE: "数据库暂时不可用。",
    INTERNAL: "任务执行出错,详情见工作进程的日志。",
}


class Outcome(Enum):
    """EMPTY: nothing was ready. LOST: another worker came first. NOTHING: nothing was left to do.
    FAILED: it will be tried again, unless that was the last time (DEAD)."""

    EMPTY = "EMPTY"
    LOST = "LOST"
    NOTHING = "NOTHING"
    DONE = "DONE"
    FAILED = "FAILED"
    DEAD = "DEAD"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that this worker may start; `attempts` names this start among others."""

    id: UUID
    kind: str
    subject_id: UUID
    due_at: dt.datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class Result:
    outcome: Outcome
    job: Claimed | None = None
    error: BaseException | None = None


async def list_due(
    transaction: Transaction, kinds: Sequence[JobKind], until: dt.datetime, now: dt.datetime
) -> tuple[int, bool]:
    """Everything that is due until then is queued, once. Returns how much was added, and whether
    more is left because a kind had more than LISTED."""
    added, more = 0, False
    for kind in kinds:
        rows = await transaction.connection.fetch(
            "select d.subject_id, d.due_at from (" + kind.due + ") d where not exists"
            " (select from jobs j where j.tenant_id = $1 and j.kind = $3"
            " and j.subject_id = d.subject_id and j.due_at = d.due_at)"
            f" order by d.due_at, d.subject_id limit {LISTED}",
            transaction.tenant_id,
            until,
            kind.code,
        )
        if not rows:
            continue
        await transaction.connection.execute(
            "insert into jobs (id, kind, title, subject_id, due_at, run_at, listed_at)"
            " select i, $1, $2, s, d, d, $3 from unnest($4::uuid[], $5::uuid[], $6::timestamptz[])"
            " u(i, s, d) on conflict (tenant_id, kind, subject_id, due_at) do nothing",
            kind.code,
            kind.title,
            now,
            [new_id() for _ in rows],
            [row["subject_id"] for row in rows],
            [row["due_at"] for row in rows],
        )
        added += len(rows)
        more = more or len(rows) == LISTED
    if added:
        await wake(transaction)
    return added, more


async def wake(transaction: Transaction) -> None:
    """Workers look at the tenant when the transaction commits."""
    await transaction.connection.execute(
        "select pg_notify($1, $2)", CHANNEL, str(transaction.tenant_id)
    )


async def next_at(connection: Any, tenant_id: UUID) -> dt.datetime | None:
    """When the tenant's next job of a kind that is known here may be started; None without one."""
    found: dt.datetime | None = await connection.fetchval(
        "select min(run_at) from jobs where tenant_id = $1 and state in ('WAITING', 'RUNNING')"
        " and kind = any($2)",
        tenant_id,
        codes(),
    )
    return found


async def run_next(
    database: Database, tenant_id: UUID, settings: Settings, now: dt.datetime
) -> Result:
    """The job of the tenant that waits longest has been tried."""
    async with database.tenant_transaction(tenant_id) as transaction:
        job = await _claim(transaction, now)
    if job is None:
        return Result(Outcome.EMPTY)
    kind = kind_of(job.kind)
    most = kind.attempts
    if job.attempts > most:
        lost = Refusal(WORKER_LOST, _SENTENCES[WORKER_LOST])
        return await _fail(database, tenant_id, job, most, lost, now)
    try:
        async with database.tenant_transaction(tenant_id) as transaction:
            return Result(await _run(transaction, kind, job, settings, now), job)
    except Exception as error:
        return await _fail(database, tenant_id, job, most, error, now)


async def drain(
    database: Database,
    tenant_id: UUID,
    kinds: Sequence[JobKind],
    settings: Settings,
    now: dt.datetime,
) -> Counter[tuple[str, Outcome]]:
    """Nothing that could be done is due in the tenant any more; what was tried, by kind and how it
    went."""
    tried: Counter[tuple[str, Outcome]] = Counter()
    progress = True
    while progress:
        progress = False
        async with database.tenant_transaction(tenant_id) as transaction:
            await list_due(transaction, kinds, now, now)
        while (result := await run_next(database, tenant_id, settings, now)).job is not None:
            if result.error is not None:
                log_fault(result.error, result.job.kind)
            tried[result.job.kind, result.outcome] += 1
            progress = progress or result.outcome is Outcome.DONE
    return tried


async def _claim(transaction: Transaction, now: dt.datetime) -> Claimed | None:
    # A claim that is lost with the server's memory is no loss: the job waits as before.
    await transaction.connection.execute("set local synchronous_commit = off")
    row = await transaction.connection.fetchrow(
        "update jobs set state = 'RUNNING', attempts = attempts + 1, started_at = $2, run_at = $3"
        " where tenant_id = $1 and id = (select id from jobs where tenant_id = $1"
        " and state in ('WAITING', 'RUNNING') and run_at <= $2 and kind = any($4)"
        " order by run_at, id limit 1 for update skip locked)"
        " returning id, kind, subject_id, due_at, attempts",
        transaction.tenant_id,
        now,
        now + CLAIM,
        codes(),
    )
    return Claimed(*row) if row else None


async def _run(
    transaction: Transaction, kind: JobKind, job: Claimed, settings: Settings, now: dt.datetime
) -> Outcome:
    """Effect and mark; both or neither."""
    connection = transaction.connection
    mine = await connection.fetchval(
        "select true from jobs where tenant_id = $1 and id = $2 and state = 'RUNNING'"
        " and attempts = $3 for update skip locked",
        transaction.tenant_id,
        job.id,
        job.attempts,
    )
    if not mine:
        return Outcome.LOST
    if not await kind.run(Work(transaction, job.subject_id, job.due_at, now, settings)):
        await connection.execute("delete from jobs where id = $1", job.id)
        return Outcome.NOTHING
    await connection.execute(
        "update jobs set state = 'DONE', finished_at = clock_timestamp(), error_code = null,"
        " error_message = null where id = $1",
        job.id,
    )
    return Outcome.DONE


async def _fail(
    database: Database,
    tenant_id: UUID,
    job: Claimed,
    most: int,
    error: Exception,
    now: dt.datetime,
) -> Result:
    """The start counts as failed, unless somebody else has the job by now."""
    code, sentence = told(error)
    dead = job.attempts >= most
    async with database.tenant_transaction(tenant_id) as transaction:
        await transaction.connection.execute(
            "update jobs set state = $4, run_at = $5, error_code = $6, error_message = $7,"
            " finished_at = case when $4 = 'DEAD' then clock_timestamp() end"
            " where tenant_id = $1 and id = $2 and attempts = $3 and state = 'RUNNING'",
            tenant_id,
            job.id,
            job.attempts,
            JobState.DEAD if dead else JobState.WAITING,
            now + pause(job.attempts),
            code,
            sentence,
        )
    return Result(Outcome.DEAD if dead else Outcome.FAILED, job, error)


def pause(attempts: int) -> dt.timedelta:
    """How long a job rests after so many failed starts: three times as long each time."""
    rest: dt.timedelta = FIRST_PAUSE * 3 ** min(attempts - 1, 10)
    return min(rest, LONGEST_PAUSE)


def told(error: BaseException) -> tuple[str, str]:
    """A code and a sentence for people: never the database's own words, which hold values."""
    if isinstance(error, Refusal | Denied):
        return error.code, error.message
    found = fault(error)
    code = {Fault.UNAVAILABLE: UNAVAILABLE, Fault.RACE: CONFLICT, Fault.DUPLICATE: CONFLICT}.get(
        found or Fault.VALUE, INTERNAL
    )
    return code, _SENTENCES[code]
