"""The queue of one tenant: what is due is listed, one job is claimed, run and marked.

The effect of a job and the mark that it is done are one transaction that holds the job's row: it
happened exactly once or not at all, whoever is killed when. Being claimed is only a courtesy
between workers: it counts the starts, so that a job that brings its worker down is found out, and
it lapses.

No library keeps such a queue: procrastinate 3.10 and pgqueuer 1.6 have one table for everybody,
keyed by a shared sequence, claim from it in order of arrival and not in turns, and commit the end
of a job apart from its effect. None of it can stand behind the tenants' wall.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from itertools import takewhile
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
TOGETHER = 10
"""So many new jobs are one transaction: the tenant's audit chain waits as long as it is open."""
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
    """NOTHING: nothing was left to do. LOST: another worker came first. APART: one of its batch
    failed, so that none of them happened; each is tried alone. FAILED: it will be tried again,
    unless that was the last time (DEAD)."""

    DONE = "DONE"
    NOTHING = "NOTHING"
    LOST = "LOST"
    APART = "APART"
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
class Tried:
    """How one start of a job went."""

    job: Claimed
    outcome: Outcome
    error: BaseException | None = None


async def list_due(
    transaction: Transaction, kinds: Sequence[JobKind], until: dt.datetime, now: dt.datetime
) -> tuple[int, bool]:
    """Everything that is due until then is queued, once. Returns how much was added, and whether
    more is left because a kind had more than LISTED."""
    rows = await transaction.connection.fetch(
        _due_of(tuple(kinds)), transaction.tenant_id, until, [kind.code for kind in kinds]
    )
    if not rows:
        return 0, False
    titles = {kind.code: kind.title for kind in kinds}
    await transaction.connection.execute(
        "insert into jobs (id, kind, title, subject_id, due_at, run_at, listed_at)"
        " select i, k, t, s, d, d, $1 from unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[],"
        " $6::timestamptz[]) u(i, k, t, s, d)"
        " on conflict (tenant_id, kind, subject_id, due_at) do nothing",
        now,
        [new_id() for _ in rows],
        [row["kind"] for row in rows],
        [titles[row["kind"]] for row in rows],
        [row["subject_id"] for row in rows],
        [row["due_at"] for row in rows],
    )
    await wake(transaction)
    most = max(Counter(row["kind"] for row in rows).values())
    return len(rows), most == LISTED


@cache
def _due_of(kinds: tuple[JobKind, ...]) -> str:
    """What is due until `$2` of each kind and not queued, as one statement."""
    parts = (
        f"(select ($3::text[])[{number}] as kind, d.subject_id, d.due_at from ({kind.due}) d"
        " where not exists (select from jobs j where j.tenant_id = $1"
        f" and j.kind = ($3::text[])[{number}] and j.subject_id = d.subject_id"
        f" and j.due_at = d.due_at) order by d.due_at, d.subject_id limit {LISTED})"
        for number, kind in enumerate(kinds, 1)
    )
    return " union all ".join(parts)


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


async def run_some(
    database: Database,
    tenant_id: UUID,
    settings: Settings,
    now: dt.datetime,
    most: int = TOGETHER,
) -> list[Tried]:
    """The jobs of the tenant that wait longest have been tried: some that are new together, or one
    that was started before alone. Empty when none is ready."""
    async with database.tenant_transaction(tenant_id) as transaction:
        jobs = await _claim(transaction, now, most)
    if not jobs:
        return []
    if jobs[0].attempts > kind_of(jobs[0].kind).attempts:
        lost = Refusal(WORKER_LOST, _SENTENCES[WORKER_LOST])
        return [await _fail(database, tenant_id, jobs[0], lost, now)]
    try:
        async with database.tenant_transaction(tenant_id) as transaction:
            outcomes = await _run(transaction, jobs, settings, now)
        return [Tried(job, outcomes[job.id]) for job in jobs]
    except Exception as error:
        if len(jobs) == 1:
            return [await _fail(database, tenant_id, jobs[0], error, now)]
        await _set_apart(database, tenant_id, jobs, now)
        return [Tried(job, Outcome.APART) for job in jobs]


async def drain(
    database: Database,
    tenant_id: UUID,
    kinds: Sequence[JobKind],
    settings: Settings,
    now: dt.datetime,
) -> Counter[tuple[str, Outcome]]:
    """Nothing that could be done is due in the tenant any more; what was tried, by kind and how it
    went."""
    counted: Counter[tuple[str, Outcome]] = Counter()
    progress = True
    while progress:
        progress = False
        async with database.tenant_transaction(tenant_id) as transaction:
            await list_due(transaction, kinds, now, now)
        while tried := await run_some(database, tenant_id, settings, now):
            for each in tried:
                if each.error is not None:
                    log_fault(each.error, each.job.kind)
                counted[each.job.kind, each.outcome] += 1
                progress = progress or each.outcome is Outcome.DONE
    return counted


async def _claim(transaction: Transaction, now: dt.datetime, most: int) -> list[Claimed]:
    connection = transaction.connection
    # A claim that is lost with the server's memory is no loss: the job waits as before.
    await connection.execute("set local synchronous_commit = off")
    ready = await connection.fetch(
        "select id, kind, attempts from jobs where tenant_id = $1"
        " and state in ('WAITING', 'RUNNING')"
        " and run_at <= $2 and kind = any($3) order by run_at, id limit $4"
        " for update skip locked",
        transaction.tenant_id,
        now,
        codes(),
        most,
    )
    # What was started before may be what brought its worker down: it risks nobody else.
    together = list(takewhile(_shares, ready)) or ready[:1]
    if not together:
        return []
    rows = await connection.fetch(
        "update jobs set state = 'RUNNING', attempts = attempts + 1, started_at = $2, run_at = $3"
        " where tenant_id = $1 and id = any($4)"
        " returning id, kind, subject_id, due_at, attempts",
        transaction.tenant_id,
        now,
        now + CLAIM,
        [row["id"] for row in together],
    )
    return [Claimed(*row) for row in rows]


def _shares(row: Any) -> bool:
    """Whether a job may be in one transaction with others."""
    return bool(row["attempts"] == 0 and not kind_of(row["kind"]).alone)


async def _run(
    transaction: Transaction, jobs: Sequence[Claimed], settings: Settings, now: dt.datetime
) -> dict[UUID, Outcome]:
    """The effects and their marks; all or none."""
    connection = transaction.connection
    # Whoever looked for jobs while these were claimed may hold their rows until it has seen so: a
    # moment's wait. What is being done is never claimed again, its row is held.
    held = await connection.fetch(
        "select id, attempts from jobs where tenant_id = $1 and id = any($2)"
        " and state = 'RUNNING' order by id for update",
        transaction.tenant_id,
        [job.id for job in jobs],
    )
    mine = {(row["id"], row["attempts"]) for row in held}
    outcomes = {}
    for job in jobs:
        if (job.id, job.attempts) not in mine:
            outcomes[job.id] = Outcome.LOST
            continue
        work = Work(transaction, job.subject_id, job.due_at, now, settings)
        effect = await kind_of(job.kind).run(work)
        outcomes[job.id] = Outcome.DONE if effect else Outcome.NOTHING
    done, nothing = (
        [job for job, outcome in outcomes.items() if outcome is wanted]
        for wanted in (Outcome.DONE, Outcome.NOTHING)
    )
    await connection.execute(
        # The claim's lapse is no time to start any more.
        "update jobs set state = 'DONE', finished_at = clock_timestamp(), run_at = started_at,"
        " error_code = null, error_message = null where tenant_id = $1 and id = any($2)",
        transaction.tenant_id,
        done,
    )
    if nothing:
        await connection.execute(
            "delete from jobs where tenant_id = $1 and id = any($2)", transaction.tenant_id, nothing
        )
    return outcomes


async def _set_apart(
    database: Database, tenant_id: UUID, jobs: Sequence[Claimed], now: dt.datetime
) -> None:
    """They are ready again, each with a start behind it and so by itself."""
    async with database.tenant_transaction(tenant_id) as transaction:
        await transaction.connection.execute(
            "update jobs set state = 'WAITING', run_at = $3 where tenant_id = $1 and id = any($2)"
            " and state = 'RUNNING' and attempts = 1",
            tenant_id,
            [job.id for job in jobs],
            now,
        )


async def _fail(
    database: Database, tenant_id: UUID, job: Claimed, error: Exception, now: dt.datetime
) -> Tried:
    """The start counts as failed, unless somebody else has the job by now."""
    code, sentence = told(error)
    dead = job.attempts >= kind_of(job.kind).attempts
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
    return Tried(job, Outcome.DEAD if dead else Outcome.FAILED, error)


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
