"""Whose turn it is: the tenant that has waited longest, so that none starves another."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

Clock = Callable[[], dt.datetime]


class Turns:
    """The tenants that have, or will have, something to do, each with the moment from when.

    Self-clocked fair queueing: every job that was done for a tenant moves it back by one, and
    first comes who would be least far back after the turn. A turn begins with one job and grows
    while there is more to do, so that a tenant with a job now and then does not wait for others'
    thousands, nor even for their round. Who had nothing to do comes in where the others are now:
    idleness saves nothing up.
    """

    def __init__(self, clock: Clock, longest: int) -> None:
        self._clock = clock
        self._longest = longest
        self._from: dict[UUID, dt.datetime] = {}
        self._place: dict[UUID, int] = {}
        self._last: dict[UUID, int] = {}
        self._busy: set[UUID] = set()
        self._reached = 0
        self._changed = asyncio.Event()
        self._closed = False

    def offer(self, tenant_id: UUID, at: dt.datetime | None = None) -> None:
        """The tenant has something to do from then on; now, when nothing is said."""
        moment = max(at or self._clock(), self._clock())
        self._from[tenant_id] = min(moment, self._from.get(tenant_id, moment))
        self._changed.set()

    async def take(self) -> tuple[UUID, int] | None:
        """The tenant whose turn it is, and how many jobs it may have done; nobody else takes it
        before it is given back. None when closed."""
        while not self._closed:
            self._changed.clear()
            now = self._clock()
            free = [(at, each) for each, at in self._from.items() if each not in self._busy]
            ready = [
                (self._begin(each) + self._size(each), at, each) for at, each in free if at <= now
            ]
            if ready:
                _, _, tenant_id = min(ready)
                self._reached = self._place[tenant_id] = self._begin(tenant_id)
                del self._from[tenant_id]
                self._busy.add(tenant_id)
                return tenant_id, self._size(tenant_id)
            rest = (min(free)[0] - now).total_seconds() if free else None
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), rest)
        return None

    def give_back(self, tenant_id: UUID, done: int) -> None:
        """So many jobs were tried for it."""
        self._place[tenant_id] += done
        self._last[tenant_id] = done
        self._busy.discard(tenant_id)
        self._changed.set()

    def close(self) -> None:
        """Nobody gets a turn any more."""
        self._closed = True
        self._changed.set()

    def _begin(self, tenant_id: UUID) -> int:
        return max(self._place.get(tenant_id, 0), self._reached)

    def _size(self, tenant_id: UUID) -> int:
        return min(self._longest, max(1, 2 * self._last.get(tenant_id, 0)))
