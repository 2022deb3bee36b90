"""Whose turn it is: the tenant that has waited longest, so that none starves another."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

Clock = Callable[[], dt.datetime]


class Turns:
    """The tenants that have, or will have, something to do, each with the moment since when or
    from when. One job later a tenant is behind all that were ready before."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: dict[UUID, dt.datetime] = {}
        self._busy: set[UUID] = set()
        self._changed = asyncio.Event()
        self._closed = False

    def offer(self, tenant_id: UUID, at: dt.datetime | None = None) -> None:
        """The tenant has something to do from then on; now, when nothing is said. Who waits
        already keeps their place."""
        moment = max(at or self._clock(), self._clock())
        self._since[tenant_id] = min(moment, self._since.get(tenant_id, moment))
        self._changed.set()

    async def take(self) -> UUID | None:
        """The tenant whose turn it is; nobody else takes it before it is given back. None when
        closed."""
        while not self._closed:
            self._changed.clear()
            waiting = [(at, each) for each, at in self._since.items() if each not in self._busy]
            first, tenant_id = min(waiting, default=(None, None))
            rest = None if first is None else (first - self._clock()).total_seconds()
            if tenant_id is not None and rest is not None and rest <= 0:
                del self._since[tenant_id]
                self._busy.add(tenant_id)
                return tenant_id
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), rest)
        return None

    def give_back(self, tenant_id: UUID) -> None:
        self._busy.discard(tenant_id)
        self._changed.set()

    def close(self) -> None:
        """Nobody gets a turn any more."""
        self._closed = True
        self._changed.set()
