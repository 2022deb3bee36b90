"""Where a member is reached outside. The module that knows persons says how, once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

from guanjia.db.pools import Transaction
from guanjia.settings import Settings


@dataclass(frozen=True, slots=True)
class Phone:
    """A mobile number in clear, and the person whose it is: its use goes on record."""

    number: str = field(repr=False)
    person_id: UUID
    region_path: str


PhoneOf = Callable[[Transaction, UUID, Settings], Awaitable[Phone | None]]
"""The mobile number of a membership's person; None without one."""
_KNOWING: list[PhoneOf] = []


def knows_phones(phone_of: PhoneOf) -> None:
    """Text messages find their numbers so from now on."""
    _KNOWING[:] = [phone_of]


async def phone_of(transaction: Transaction, member: UUID, settings: Settings) -> Phone | None:
    for ask in _KNOWING:
        return await ask(transaction, member, settings)
    return None
