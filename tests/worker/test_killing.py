"""Workers that are killed at random moments: nothing is lost, each effect happens exactly once.

The full figure, 1,000 due jobs and 100 kills (several minutes):
    WORKER_JOBS=1000 WORKER_KILLS=100 .venv/bin/python -m pytest tests/worker/test_killing.py
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from typing import Any

import asyncpg
from tests.worker.processes import on_board, started, stopped
from tests.worker.surveys import surveyed

from guanjia.audit import chain
from guanjia.cases.chain import chain_fault
from guanjia.cases.facts import replay
from guanjia.cases.service.casefile import facts_of
from guanjia.cases.service.timeline import event_of, timeline_rows
from guanjia.db.connections import Connections
from guanjia.db.pools import Database

JOBS = int(os.environ.get("WORKER_JOBS", "40"))
KILLS = int(os.environ.get("WORKER_KILLS", "3"))
WORKERS = 2
# A survey that ended in March was archived five workdays later: two steps a case.
STEPS = {"T20", "T22"}


async def steps(town: Any) -> int:
    """How many steps of time the town's cases have behind them."""
    async with town.open() as transaction:
        found: int = await transaction.connection.fetchval(
            "select count(*) from case_events where code = any($1)", list(STEPS)
        )
        return found


async def test_killed_workers_lose_nothing_and_do_nothing_twice(
    town: Any, database: Database, connections: Connections
) -> None:
    await surveyed(town, JOBS)
    await on_board(database, town.tenant)
    workers = [await started(connections) for _ in range(WORKERS)]
    kills = 0
    try:
        async with asyncio.timeout(60 + KILLS * 20 + JOBS):
            while kills < KILLS:
                wanted = (kills + 1) * 2 * JOBS // (KILLS + 1)
                # The steps are taken in other processes.
                while await steps(town) < wanted - random.randint(1, 5):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
                await asyncio.sleep(random.uniform(0, 0.03))
                await stopped(workers.pop(0), signal.SIGKILL)
                kills += 1
                workers.append(await started(connections))
            # As above.
            while await steps(town) < 2 * JOBS:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    finally:
        for worker in workers:
            await stopped(worker)
    # The youngest may have been told to stop before it could listen.
    assert {worker.returncode for worker in workers} <= {0, -signal.SIGTERM}
    await _whole(town, connections)


async def _whole(town: Any, connections: Connections) -> None:
    async with town.open() as transaction:
        cases = await transaction.connection.fetch("select * from cases")
        timelines = [await timeline_rows(transaction, case["id"]) for case in cases]
        jobs = await transaction.connection.fetch(
            "select kind, state, count(*) from jobs where kind like 'case.%' group by 1, 2"
        )
    assert {(row["kind"], row["state"]): row["count"] for row in jobs} == {
        ("case.finish_evaluation", "DONE"): JOBS, ("case.archive", "DONE"): JOBS,
    }  # fmt: skip
    assert len(cases) == JOBS
    for case, timeline in zip(cases, timelines, strict=True):
        assert case["state"] == "ARCHIVED"
        assert Counter(each["code"] for each in timeline if each["code"] in STEPS) == dict.fromkeys(
            STEPS, 1
        )
        assert chain_fault(timeline) is None
        assert replay([event_of(event) for event in timeline]) == facts_of(case)
    auditor = await asyncpg.connect(connections.require("auditor"))
    try:
        assert (await chain.verify(auditor, town.tenant.id)).fault is None
        await auditor.execute("select set_config('app.tenant_id', $1, false)", str(town.tenant.id))
        recorded = await auditor.fetch(
            "select action, count(*) from audit_records"
            " where action in ('finish_evaluation', 'archive_case') group by 1"
        )
    finally:
        await auditor.close()
    assert dict(recorded) == {"finish_evaluation": JOBS, "archive_case": JOBS}
