"""Where a member is reached outside. The module that knows persons says how, once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from guanjia.db.pools import Transaction
from guanjia.settings import Settings

PhoneOf = Callable[[Transaction, UUID, Settings], Awaitable[str | None]]
"""The mobile number of a membership's person in clear, put on record; None without one."""
_KNOWING: list[PhoneOf] = []


def knows_phones(phone_of: PhoneOf) -> None:
    """Text messages find their numbers so from now on."""
    _KNOWING[:] = [phone_of]


async def phone_of(transaction: Transaction, member: UUID, settings: Settings) -> str | None:
    for ask in _KNOWING:
        return await ask(transaction, member, settings)
    return None
