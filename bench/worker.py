"""`python -m bench.worker`: 10,000 due jobs over 64 tenants, drained by one `guanjia worker`.

The jobs are surveys of cases whose window is over (T20): each locks its case, replays the rules,
writes case, event, audit record and notification. One small tenant's cases fall due one by one
meanwhile; printed is how long after its moment each of them was started. The worker is the
command as an operator runs it, with row-level security on.
Environment: BENCH_JOBS, BENCH_JOB_TENANTS.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import signal
import statistics
import sys
from typing import Any

import uvloop

from bench import data
from bench.measure import report
from guanjia.cases.seeding import seeded_workdays, seeded_years
from guanjia.db.connections import Connections
from guanjia.tenancy.models import OPERATOR, tenant_id

JOBS = int(os.environ.get("BENCH_JOBS", "10000"))
TENANTS = int(os.environ.get("BENCH_JOB_TENANTS", "64"))
SMALL = 100
EVERY = dt.timedelta(seconds=1)
NOTICE = dt.timedelta(seconds=20)
"""As long before are the cases there, as they are in life: a survey has a window of days."""
DATABASE = "guanjia_bench_worker"
SLUGS = [f"worker-{number}" for number in range(TENANTS)]
QUIET = "worker-quiet"

# Every tenant of the flood has its part; the quiet one has a few.
_REGISTER = """
insert into tenant_register (tenant_id, id, slug, code, name)
select $1, gen_random_uuid(), s, '990101', s from unnest($2::text[]) s
"""
_WORKDAYS = """
insert into workdays (tenant_id, day, is_workday, source)
select t, d, w, '测试' from unnest($1::uuid[]) t, unnest($2::date[], $3::boolean[]) y(d, w)
"""
# Loading sets no triggers off; this is what the one of events would have kept.
_OUTCOMES = """
select count(case_outcome_follows(e)) from
  (select * from case_events order by tenant_id, case_id, seq) e
"""
_SURVEYED = """
update cases set state = 'EVALUATING', stage = 'EVALUATING', closed_at = created_at,
  state_since = now() - interval '7 days', affected_households = 2, dispatched_level = 'COMMUNITY',
  step_due_at = $2::timestamptz + $3::interval * (nth - 1)::float8
from (select id as case_id, row_number() over (order by id) as nth from cases
  where tenant_id = $1) numbered
where tenant_id = $1 and id = case_id and nth <= $4
"""

_OF_SURVEYS = "kind = 'case.finish_evaluation' and state = 'DONE'"
_NIGHTLY = "select count(*) from jobs where kind = 'attachment.sweep' and state = 'DONE'"
_DONE = f"select count(*) from jobs where {_OF_SURVEYS} and tenant_id <> $1"
_STARTS = (
    f"select tenant_id = $1 as quiet, due_at, started_at, finished_at from jobs where {_OF_SURVEYS}"
)
_TWICE = (
    "select count(*) from (select case_id from case_events where code = 'T20'"
    " group by tenant_id, case_id having count(*) > 1) twice"
)


async def load() -> Connections:
    """The database is there, nothing in it is due yet."""
    connections = await data.fresh(DATABASE, [*SLUGS, QUIET], max(-(-JOBS // TENANTS), SMALL))
    admin = await data.administrator(DATABASE)
    try:
        days = [day for year in seeded_years() for day in seeded_workdays(year)]
        await admin.execute(_REGISTER, tenant_id(OPERATOR), [*SLUGS, QUIET])
        await admin.execute(
            _WORKDAYS,
            [tenant_id(slug) for slug in (*SLUGS, QUIET)],
            [day.day for day in days],
            [day.is_workday for day in days],
        )
        await admin.execute(_OUTCOMES)
        await admin.execute("analyze case_outcomes")
    finally:
        await admin.close()
    return connections


async def flood(admin: Any, begins: dt.datetime) -> None:
    """JOBS surveys are over at this moment, in equal parts; the quiet tenant's one by one from
    then on."""
    left = JOBS
    for number, slug in enumerate(SLUGS):
        part = -(-left // (TENANTS - number))
        left -= part
        await admin.execute(_SURVEYED, tenant_id(slug), begins, dt.timedelta(0), part)
    await admin.execute(_SURVEYED, tenant_id(QUIET), begins, EVERY, SMALL)


async def measure(connections: Connections) -> None:
    admin = await data.administrator(DATABASE)
    given = {
        "GUANJIA_DATABASE_URL": connections.require("app_rw"),
        "GUANJIA_READ_DATABASE_URL": connections.require("app_ro"),
        "GUANJIA_WORKER_PORT": "0",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "guanjia.cli", "worker", env={**os.environ, **given}
    )
    try:
        # It is at rest when the nightly jobs of every tenant are done.
        while await admin.fetchval(_NIGHTLY) < TENANTS + 1:
            await _rest(process)
        begins = dt.datetime.now(dt.UTC) + NOTICE
        await flood(admin, begins)
        while await admin.fetchval(_DONE, tenant_id(QUIET)) < JOBS:
            await _rest(process)
        _report(begins, await admin.fetch(_STARTS, tenant_id(QUIET)))
        assert await admin.fetchval(_TWICE) == 0, "an effect happened twice"
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.wait()
        await admin.close()


async def _rest(process: asyncio.subprocess.Process) -> None:
    assert process.returncode is None, "the worker ended"
    await asyncio.sleep(0.2)


def _report(begins: dt.datetime, starts: list[Any]) -> None:
    ended = max(row["finished_at"] for row in starts if not row["quiet"])
    seconds = (ended - begins).total_seconds()
    late = sorted(
        (row["started_at"] - row["due_at"]).total_seconds()
        for row in starts
        if row["quiet"] and row["due_at"] < ended
    )
    print(f"{JOBS:,} jobs over {TENANTS} tenants, and one small tenant's {len(late)} meanwhile")
    note = f"{JOBS / seconds:.0f} /s; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    report("s for a worker to do the due jobs", seconds, 60 * JOBS / 10_000, note, most=True)
    note = f"{statistics.median(late):.2f} in the middle"
    p99 = late[int(len(late) * 0.99)]
    report("s a small tenant's job waits meanwhile, p99", p99, 2, note, most=True)


async def run() -> None:
    await measure(await load())


if __name__ == "__main__":
    uvloop.run(run())
