"""Codes that a person is told and types again: shown once, kept as a keyed hash, guessed in vain.

Whoever types wrong codes may not go on for TRIES_FOR, whatever the codes are for.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
from uuid import UUID

from guanjia.db.pools import Transaction
from guanjia.graph.errors import LIMIT_EXCEEDED, NOT_FOUND, Refusal

MOST_TRIES = 5
TRIES_FOR = dt.timedelta(hours=1)
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without what is mistaken for something else when read aloud or written by hand."""
LENGTH = 10
_COUNT = """
insert into visit_code_tries as t (membership_id, tries, since) values ($1, 1, $2)
on conflict (tenant_id, membership_id) do update set
  tries = case when t.since > $3 then t.tries + 1 else 1 end,
  since = case when t.since > $3 then t.since else $2 end
returning tries
"""


class WrongCode(Refusal):
    """The code is none that can be used; the try counts, and stays counted."""

    def __init__(self) -> None:
        super().__init__(NOT_FOUND, "验证码不正确、已使用或已过期。", ("code",))


class TooManyTries(Refusal):
    """The member typed as many wrong codes as anybody may within the hour."""

    def __init__(self) -> None:
        super().__init__(LIMIT_EXCEEDED, "验证码输错次数过多,请一小时后再试。", ("code",))


def made() -> str:
    """A new code."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def shown(code: str) -> str:
    """The code as it is read aloud."""
    return f"{code[:5]}-{code[5:]}"


def hashed(secret: bytes, noun: str, code: str) -> bytes:
    """What is kept of a code for something, whatever its case and its dashes."""
    plain = "".join(c for c in code.upper() if c in ALPHABET)
    return hmac.digest(secret, f"{noun}:{plain}".encode(), hashlib.sha256)


async def count_try(transaction: Transaction, membership_id: UUID, now: dt.datetime) -> None:
    """One more try of the member; TooManyTries when it is one too many. WrongCode and TooManyTries
    are to be answered, not raised, or the count is lost."""
    tries = await transaction.connection.fetchval(_COUNT, membership_id, now, now - TRIES_FOR)
    if tries > MOST_TRIES:
        raise TooManyTries


async def forget_tries(transaction: Transaction, membership_id: UUID) -> None:
    """The member's code was right."""
    await transaction.connection.execute(
        "delete from visit_code_tries where tenant_id = $1 and membership_id = $2",
        transaction.tenant_id,
        membership_id,
    )
