"""Whose turn it is: nobody starves, a few jobs do not wait for thousands."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from uuid import UUID

import pytest

from guanjia.db.ids import new_id
from guanjia.worker.turns import Turns

NOON = dt.datetime(2026, 3, 2, 4, tzinfo=dt.UTC)


class Hall:
    """Tenants with so many jobs each, served by one runner in a time that stands still."""

    def __init__(self, longest: int = 10) -> None:
        self.now = NOON
        self.turns = Turns(lambda: self.now, longest)
        self.left: dict[UUID, int] = {}
        self.served: list[UUID] = []

    def enter(self, jobs: int) -> UUID:
        tenant = new_id()
        self.left[tenant] = jobs
        self.turns.offer(tenant)
        return tenant

    def more(self, tenant: UUID, jobs: int = 1) -> None:
        self.left[tenant] += jobs
        self.turns.offer(tenant)

    async def turn(self) -> UUID:
        async with asyncio.timeout(1):
            taken = await self.turns.take()
        assert taken is not None
        tenant, most = taken
        done = min(most, self.left[tenant])
        self.left[tenant] -= done
        self.served += [tenant] * done
        self.turns.give_back(tenant, done)
        if done:
            self.turns.offer(tenant)
        return tenant


async def test_a_flood_does_not_starve_the_others() -> None:
    hall = Hall()
    flood = hall.enter(10_000)
    small = [hall.enter(5) for _ in range(9)]
    while any(hall.left[tenant] for tenant in small):
        await hall.turn()
    assert Counter(hall.served)[flood] <= 30


async def test_equals_get_equal_parts() -> None:
    hall = Hall()
    crowd = [hall.enter(10_000) for _ in range(5)]
    for _ in range(500):
        await hall.turn()
    counts = Counter(hall.served)
    assert max(counts.values()) - min(counts[tenant] for tenant in crowd) <= 10


async def test_a_job_now_and_then_does_not_wait_for_a_round_of_the_others() -> None:
    hall = Hall()
    for _ in range(63):
        hall.enter(10_000)
    quiet = hall.enter(1)
    for _ in range(63 * 5):
        await hall.turn()
    waits = []
    for _ in range(5):
        before = len(hall.served)
        hall.more(quiet)
        while hall.left[quiet]:
            await hall.turn()
        waits.append(len(hall.served) - before)
        for _ in range(70):
            await hall.turn()
    assert max(waits) <= 10


async def test_idleness_saves_nothing_up() -> None:
    hall = Hall()
    busy = hall.enter(10_000)
    late = hall.enter(0)
    for _ in range(300):
        await hall.turn()
    hall.served.clear()
    hall.more(late, 10_000)
    for _ in range(40):
        await hall.turn()
    assert Counter(hall.served)[busy] >= 100


async def test_a_turn_is_one_runners_alone() -> None:
    hall = Hall()
    tenant = hall.enter(5)
    assert await hall.turns.take() == (tenant, 1)
    hall.turns.offer(tenant)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(hall.turns.take(), 0.05)
    hall.turns.give_back(tenant, 1)
    assert await hall.turns.take() == (tenant, 2)


async def test_who_waits_is_woken_and_who_is_early_waits() -> None:
    hall = Hall()
    turns, early = hall.turns, new_id()
    waiting = asyncio.create_task(turns.take())
    await asyncio.sleep(0)
    turns.offer(early, NOON + dt.timedelta(seconds=3600))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    turns.offer(early)
    assert await asyncio.wait_for(waiting, 1) == (early, 1)
    turns.close()
    assert await turns.take() is None
