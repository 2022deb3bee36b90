"""Changes as they are committed: LISTEN on one connection, handed to those who wait.

A notification carries ids only. Whoever receives one reads the row again under their own scope, so
a lost or a forged notification can show nobody anything. What was committed while nobody listened
is found by what each channel says and handed on too.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
from collections.abc import Iterator
from functools import partial
from uuid import UUID

from guanjia.db.channels import Channel, channels
from guanjia.db.pools import Database

logger = logging.getLogger("guanjia.hub")
MAX_WAITING = 1_000
RECONNECT_SECONDS = 1.0
# A change is dated when its transaction begins and heard of when it commits.
LONGEST_TRANSACTION = dt.timedelta(minutes=1)


class Behind(Exception):
    """More changed than the reader was kept for; what it missed is not known."""


class Changes:
    """The rows of one tenant that changed and that one subscriber has not read yet. A row that
    changes again before it was read is read once, as it is by then."""

    def __init__(self) -> None:
        self._pending: dict[UUID, None] = {}
        self._arrived = asyncio.Event()
        self._behind = False

    def __len__(self) -> int:
        return len(self._pending)

    def put(self, row: UUID) -> None:
        """The row waits to be read; beyond a thousand rows nothing waits any more."""
        if row not in self._pending and len(self._pending) >= MAX_WAITING:
            self._behind = True
            self._pending.clear()
        if not self._behind:
            self._pending[row] = None
        self._arrived.set()

    async def next(self) -> UUID:
        """The row that waits longest; Behind when the reader was too slow."""
        while not self._pending:
            if self._behind:
                raise Behind
            self._arrived.clear()
            await self._arrived.wait()
        row = next(iter(self._pending))
        del self._pending[row]
        return row


Audience = tuple[str, UUID, UUID | None]
"""A channel, a tenant, and the member whose rows alone are heard of; None for all rows."""


class Hub:
    """Fans out `tenant:row` notifications to all who wait in that tenant on that channel, and
    `tenant:row:member` to that member alone."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[Audience, set[Changes]] = {}
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

    @contextlib.contextmanager
    def changes(
        self, channel: Channel, tenant_id: UUID, member: UUID | None = None
    ) -> Iterator[Changes]:
        """The rows of which the channel tells in a tenant, all or the member's, from now on."""
        changes, audience = Changes(), (channel.name, tenant_id, member)
        waiting = self._waiting.setdefault(audience, set())
        waiting.add(changes)
        try:
            yield changes
        finally:
            waiting.discard(changes)
            if not waiting:
                self._waiting.pop(audience, None)

    def heard(self, channel: str, payload: str) -> None:
        try:
            tenant, row, *named = (UUID(part) for part in payload.split(":"))
        except ValueError:
            logger.warning("a notification that names no row was ignored")
        else:
            self._hand((channel, tenant, named[0] if named else None), row)

    def _hand(self, audience: Audience, row: UUID) -> None:
        for changes in self._waiting.get(audience, ()):
            changes.put(row)

    async def _listen(self, started: asyncio.Event) -> None:
        lost: dt.datetime | None = None
        heard = {channel.name: partial(self.heard, channel.name) for channel in channels()}
        while True:
            try:
                async with self._database.listening(heard) as closed:
                    if lost is not None:
                        await self._catch_up(lost - LONGEST_TRANSACTION)
                    started.set()
                    lost = None
                    await closed.wait()
            except Exception as error:
                logger.warning("listening failed (%s); trying again", type(error).__name__)
            started.set()
            lost = lost or dt.datetime.now(dt.UTC)
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _catch_up(self, since: dt.datetime) -> None:
        """Hands on what may have changed while nobody listened; more often is harmless."""
        waiting = {(channel, tenant_id) for channel, tenant_id, _ in self._waiting}
        for channel in channels():
            for tenant_id in [tenant for name, tenant in waiting if name == channel.name]:
                async with self._database.snapshot(tenant_id) as connection:
                    rows = await channel.changed_since(
                        connection, tenant_id, since, MAX_WAITING + 1
                    )
                for row, member in rows:
                    self._hand((channel.name, tenant_id, member), row)
