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
from guanjia.jobs.queue import CHANNEL, Outcome, list_due, next_at, run_next
from guanjia.jobs.service import status_of
from guanjia.settings import Settings
from guanjia.tenancy.models import OPERATOR, tenant_id
from guanjia.tenancy.onboarding import list_tenants
from guanjia.worker.figures import Figures
from guanjia.worker.turns import Clock, Turns

logger = logging.getLogger("guanjia.worker")
RUNNERS = 4
TICK = 15.0
"""Seconds between two looks. What falls due before the look after the next is queued ahead, so
that it starts at its moment and not at a look's."""
REST = 1.0
"""Seconds after which an absent database is asked again."""
GRACE = 20.0
"""Seconds that a job under way may take when the worker is told to stop."""
STUCK = 120.0


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


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
        self._turns = Turns(clock)
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
        around = [asyncio.create_task(each()) for each in (self._look_around, self._listen)]
        runners = [asyncio.create_task(self._work()) for _ in range(RUNNERS)]
        await stop.wait()
        self._turns.close()
        _, late = await asyncio.wait(runners, timeout=GRACE)
        for task in (*around, *late):
            task.cancel()
        await asyncio.gather(*around, *runners, return_exceptions=True)

    async def _look_around(self) -> None:
        while True:
            try:
                self._slugs = await tenants(self._database)
            except Exception as error:
                self._say(error, "tenants")
            for tenant in list(self._slugs):
                await self._look(tenant)
                self._progress = time.monotonic()
            self._progress = time.monotonic()
            await asyncio.sleep(self._tick)

    async def _look(self, tenant: UUID) -> None:
        """What is due, or will be before the look after the next, is queued."""
        now = self._clock()
        until = now + dt.timedelta(seconds=2 * self._tick)
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
        while (tenant := await self._turns.take()) is not None:
            try:
                at = await self._one(tenant)
            except Exception as error:
                self._say(error, self._slugs.get(tenant))
                at = self._clock() + dt.timedelta(seconds=REST)
            finally:
                self._turns.give_back(tenant)
            if at is not None:
                self._turns.offer(tenant, at)

    async def _one(self, tenant: UUID) -> dt.datetime | None:
        """One job of the tenant was tried; when its next may be."""
        now, began = self._clock(), time.perf_counter()
        result = await run_next(self._database, tenant, self._settings, now)
        if result.job is not None:
            late = (now - result.job.due_at).total_seconds()
            seconds = time.perf_counter() - began
            self.figures.tried(result.job.kind, result.outcome, late, seconds)
            if result.error is not None:
                logger.warning(
                    "job %s %s of %s: %s", result.job.kind, result.job.id,
                    self._slugs.get(tenant), result.outcome.value,
                )  # fmt: skip
                self._say(result.error, result.job.kind)
            return now
        assert result.outcome is Outcome.EMPTY
        if tenant in self._unlisted:
            await self._look(tenant)
            return None
        async with self._database.snapshot(tenant) as connection:
            return await next_at(connection, tenant)

    async def _listen(self) -> None:
        """Hears of what is ready sooner than a look would find it."""
        while True:
            with contextlib.suppress(Exception):
                async with self._database.listening(CHANNEL, self._heard) as closed:
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
