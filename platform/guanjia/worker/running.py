"""The worker: looks at the clock for every tenant, hears of what is ready, and does it in turns."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import time
from collections.abc import Sequence
from uuid import UUID

from guanjia.db.faults import Fault, fault
from guanjia.db.pools import Database
from guanjia.graph.journal import log_fault
from guanjia.jobs.kinds import JobKind
from guanjia.jobs.queue import CHANNEL, TOGETHER, Outcome, list_due, next_at, run_some
from guanjia.jobs.service import status_of
from guanjia.settings import Settings
from guanjia.tenancy.models import OPERATOR, tenant_id
from guanjia.tenancy.onboarding import list_tenants
from guanjia.worker.figures import Figures
from guanjia.worker.turns import Clock, Turns

logger = logging.getLogger("guanjia.worker")
RUNNERS = 4
TICK = 15.0
"""Seconds between two looks."""
AHEAD = 4
"""So many ticks ahead is queued what will fall due, so that it starts at its moment and not at a
look's."""
REST = 1.0
"""Seconds after which an absent database is asked again."""
GRACE = 20.0
"""Seconds that a job under way may take when the worker is told to stop."""
STUCK = 120.0


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


async def _first(events: Sequence[asyncio.Event]) -> None:
    """One of them has happened."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


async def tenants(database: Database) -> dict[UUID, str]:
    """Every tenant on board, by id: its slug."""
    async with database.snapshot(tenant_id(OPERATOR)) as connection:
        found = await list_tenants(connection)
    return {tenant_id(row["slug"]): row["slug"] for row in found}


class Worker:
    """Does the jobs of all tenants until it is told to stop."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        kinds: Sequence[JobKind],
        *,
        clock: Clock = _now,
        tick: float = TICK,
    ) -> None:
        self._database = database
        self._settings = settings
        self._kinds = kinds
        self._clock = clock
        self._tick = tick
        self._turns = Turns(clock, TOGETHER)
        self._slugs: dict[UUID, str] = {}
        self._unlisted: set[UUID] = set()
        self._progress = time.monotonic()
        self.figures = Figures()

    @property
    def alive(self) -> bool:
        """The clock was looked at lately."""
        return time.monotonic() - self._progress < STUCK

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop`; jobs under way are finished, none is begun any more."""
        looked = asyncio.Event()
        around = [
            asyncio.create_task(self._look_around(looked)),
            asyncio.create_task(self._listen()),
        ]
        # Turns are fair among those that are known: everybody is looked at before anybody's.
        await _first((looked, stop))
        runners = [asyncio.create_task(self._work()) for _ in range(RUNNERS)]
        await stop.wait()
        self._turns.close()
        _, late = await asyncio.wait(runners, timeout=GRACE)
        for task in (*around, *late):
            task.cancel()
        await asyncio.gather(*around, *runners, return_exceptions=True)

    async def _look_around(self, looked: asyncio.Event) -> None:
        while True:
            try:
                self._slugs = await tenants(self._database)
            except Exception as error:
                self._say(error, "tenants")
            for tenant in list(self._slugs):
                await self._look(tenant)
                self._progress = time.monotonic()
            self._progress = time.monotonic()
            looked.set()
            await asyncio.sleep(self._tick)

    async def _look(self, tenant: UUID) -> None:
        """What is due, or soon will be, is queued."""
        now = self._clock()
        until = now + dt.timedelta(seconds=AHEAD * self._tick)
        try:
            async with self._database.tenant_transaction(tenant) as transaction:
                _, more = await list_due(transaction, self._kinds, until, now)
                at = await next_at(transaction.connection, tenant)
                status = await status_of(transaction.connection, tenant, now)
        except Exception as error:
            self.figures.failed_to_look()
            self._say(error, self._slugs.get(tenant))
            return
        self.figures.looked(self._slugs[tenant], status)
        (self._unlisted.add if more else self._unlisted.discard)(tenant)
        if at is not None:
            self._turns.offer(tenant, at)

    async def _work(self) -> None:
        while (turn := await self._turns.take()) is not None:
            (tenant, most), done = turn, 0
            try:
                done = await self._some(tenant, most)
                at = self._clock() if done else await self._next(tenant)
            except Exception as error:
                self._say(error, self._slugs.get(tenant))
                at = self._clock() + dt.timedelta(seconds=REST)
            finally:
                self._turns.give_back(tenant, done)
            if at is not None:
                self._turns.offer(tenant, at)

    async def _some(self, tenant: UUID, most: int) -> int:
        """At most so many jobs of the tenant were tried; how many."""
        now, began = self._clock(), time.perf_counter()
        tried = await run_some(self._database, tenant, self._settings, now, most)
        seconds = (time.perf_counter() - began) / max(1, len(tried))
        for job, outcome, error in ((each.job, each.outcome, each.error) for each in tried):
            late = (now - job.due_at).total_seconds()
            self.figures.tried(job.kind, outcome, late, seconds)
            if outcome is Outcome.DONE:
                # What it brought about may make something else due.
                self._unlisted.add(tenant)
            if error is not None:
                slug = self._slugs.get(tenant)
                logger.warning("job %s %s of %s: %s", job.kind, job.id, slug, outcome.value)
                self._say(error, job.kind)
        return len(tried)

    async def _next(self, tenant: UUID) -> dt.datetime | None:
        """When the tenant's next job may be, now that those that were ready are done."""
        if tenant in self._unlisted:
            await self._look(tenant)
            return None
        async with self._database.snapshot(tenant) as connection:
            return await next_at(connection, tenant)

    async def _listen(self) -> None:
        """Hears of what is ready sooner than a look would find it."""
        while True:
            with contextlib.suppress(Exception):
                async with self._database.listening({CHANNEL: self._heard}) as closed:
                    await closed.wait()
            logger.warning("listening ended; trying again")
            await asyncio.sleep(REST)

    def _heard(self, payload: str) -> None:
        with contextlib.suppress(ValueError):
            if (tenant := UUID(payload)) in self._slugs:
                self._turns.offer(tenant)

    def _say(self, error: BaseException, where: object) -> None:
        if fault(error) is Fault.UNAVAILABLE:
            logger.warning("the database is away (%s)", where)
        else:
            log_fault(error, where)
