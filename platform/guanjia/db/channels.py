"""What listeners hear of when a transaction commits: one channel for each kind of change.

A notification carries ids only: the tenant, the row, and whose it is where it is one member's.
Whoever hears reads the row again in their own scope.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.db.pools import Transaction

Heard = tuple[UUID, UUID | None]
"""A row, and the member it is for; None when it is for whoever may read it."""
ChangedSince = Callable[[Any, UUID, dt.datetime, int], Awaitable[Sequence[Heard]]]
"""What changed in a tenant since a moment, at most so many: it was missed by who did not listen."""


@dataclass(frozen=True)
class Channel:
    """One kind of change, by the name it has in the database."""

    name: str
    changed_since: ChangedSince

    async def notify(self, transaction: Transaction, *heard: Heard) -> None:
        """Listeners hear of the rows when the transaction commits."""
        await transaction.connection.executemany(
            "select pg_notify($1, $2)",
            [
                (self.name, ":".join(str(each) for each in (transaction.tenant_id, *ids) if each))
                for ids in heard
            ],
        )


_CHANNELS: dict[str, Channel] = {}


def listened(channel: Channel) -> Channel:
    """The server listens to the channel from its start."""
    if _CHANNELS.setdefault(channel.name, channel) is not channel:
        raise TypeError(f"{channel.name}: two channels of this name")
    return channel


def channels() -> tuple[Channel, ...]:
    return tuple(_CHANNELS.values())
