"""Changes as they are committed: LISTEN on one connection, handed to those who wait.

A notification carries ids only. Whoever receives one reads the row again under their own scope, so
a lost or a forged notification can show nobody anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from uuid import UUID

from guanjia.db.pools import Database

logger = logging.getLogger("guanjia.hub")
CHANNEL = "case_changed"
MAX_WAITING = 1_000
RECONNECT_SECONDS = 1.0


class Hub:
    """Fans out `tenant:id` notifications to the subscribers of that tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[UUID, set[asyncio.Queue[UUID]]] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        started = asyncio.Event()
        self._task = asyncio.create_task(self._listen(started))
        await started.wait()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def changes(self, tenant_id: UUID) -> AsyncGenerator[UUID, None]:
        """The ids of rows that changed in a tenant, from now on. A reader that falls behind by
        more than a thousand is let go, and its client subscribes anew."""
        queue: asyncio.Queue[UUID] = asyncio.Queue(MAX_WAITING)
        waiting = self._waiting.setdefault(tenant_id, set())
        waiting.add(queue)
        try:
            while not (queue.full() and queue not in waiting):
                yield await queue.get()
        finally:
            waiting.discard(queue)
            if not waiting:
                self._waiting.pop(tenant_id, None)

    def heard(self, payload: str) -> None:
        tenant, _, row = payload.partition(":")
        waiting = self._waiting.get(UUID(tenant), set())
        for queue in list(waiting):
            try:
                queue.put_nowait(UUID(row))
            except asyncio.QueueFull:
                waiting.discard(queue)

    async def _listen(self, started: asyncio.Event) -> None:
        while True:
            try:
                async with self._database.listening(CHANNEL, self.heard) as closed:
                    started.set()
                    await closed.wait()
            except asyncio.CancelledError:
                raise
            except Exception:
                logger.exception("listening failed; trying again")
            started.set()
            await asyncio.sleep(RECONNECT_SECONDS)
