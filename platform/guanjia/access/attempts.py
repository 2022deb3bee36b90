"""Guesses at a password, counted before they are made.

A guess is counted in a transaction of its own and judged after it, so that no connection waits
while a hash is made and no sixth guess is ever tried, however many come at once. A name that nobody
has is counted like one that somebody has: neither the answers nor the time they take tell which.
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from guanjia.audit.service import Recorded, record
from guanjia.db.pools import Transaction
from guanjia.graph.errors import Refusal
from guanjia.tenancy.signin import SignInRules

FORGOTTEN_AFTER = dt.timedelta(days=1)
"""A count to which nothing was added for so long is over, so that invented names leave no rows."""

# A lock that ran out starts a new count; no row comes back while one lasts.
_COUNT = """
insert into login_failures as f (subject_id, failures, last_at, locked_until)
values ($1, 1, $2, case when $3 <= 1 then $4::timestamptz end)
on conflict (tenant_id, subject_id) do update set
  failures = case when f.locked_until is null then f.failures + 1 else 1 end,
  last_at = $2,
  locked_until = case when case when f.locked_until is null then f.failures + 1 else 1 end >= $3
    then $4::timestamptz end
where f.locked_until is null or f.locked_until <= $2
returning failures
"""


async def count_guess(
    transaction: Transaction, subject: UUID, rules: SignInRules, now: dt.datetime
) -> int:
    """The number of this guess since the last right one; Refusal LOGIN_LOCKED when all are used
    up. The last one locks already: only `forget` opens again before the time."""
    until = now + dt.timedelta(seconds=rules.lock_seconds)
    counted: int | None = await transaction.connection.fetchval(
        _COUNT, subject, now, rules.lock_failures, until
    )
    if counted is None:
        raise Refusal("LOGIN_LOCKED", rules.locked())
    return counted


async def forget(transaction: Transaction, subject: UUID) -> None:
    """The password was right, or an administrator opens the account: nothing is counted."""
    await transaction.connection.execute(
        "delete from login_failures where subject_id = $1", subject
    )


async def record_wrong_guess(
    transaction: Transaction,
    user_id: UUID | None,
    number: int,
    rules: SignInRules,
    now: dt.datetime,
    actor: Recorded | None = None,
) -> None:
    """One audit row, naming the account only if there is one; old counts are cleared away."""
    connection: Any = transaction.connection
    await connection.execute("delete from login_failures where last_at < $1", now - FORGOTTEN_AFTER)
    await record(
        transaction,
        actor=actor,
        action="login.locked" if number >= rules.lock_failures else "login.failed",
        object_type="User",
        object_id=user_id,
        result="DENIED",
    )
