"""What time brings about: each kind declares it once, the worker does the rest.

A kind lives in the module that knows its rows, in `jobs.py`. `due` says which rows are due at which
moment; `run` takes one of them in a transaction of its tenant and brings it about. What has taken
effect is due no longer, so the same look at the clock twice changes nothing, and a look that was
missed is made up for by the next.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from uuid import UUID

from guanjia.db.pools import Transaction
from guanjia.settings import MODULES, Settings

ATTEMPTS = 8
"""Starts after which a job is left to a person: two hours of pauses and more."""


@dataclass(frozen=True, slots=True)
class Work:
    """One job as its kind gets it. `due_at` is when it should have happened, `now` when it does."""

    transaction: Transaction
    subject_id: UUID
    due_at: dt.datetime
    now: dt.datetime
    settings: Settings


Run = Callable[[Work], Awaitable[bool]]
"""True when it took effect; False when there was nothing to do any more, or not yet."""


@dataclass(frozen=True)
class JobKind:
    """One kind of job.

    due: SQL that gives `subject_id` and `due_at` of what is due until `$2` in the tenant `$1`. The
    two name one occurrence: it is queued once. attempts: starts before it is left to a person.
    alone: it reaches outside, so that nothing else shares its transaction.
    """

    code: str
    title: str
    due: str
    run: Run
    attempts: int = ATTEMPTS
    alone: bool = False


_KINDS: dict[str, JobKind] = {}


def register(kind: JobKind) -> None:
    """The worker does the kind's jobs from now on."""
    if _KINDS.setdefault(kind.code, kind) is not kind:
        raise TypeError(f"{kind.code}: two kinds of this code")


def load_kinds() -> tuple[JobKind, ...]:
    """The kinds of all modules: each may have them in its `jobs`."""
    for module in MODULES:
        if find_spec(f"guanjia.{module}.jobs"):
            import_module(f"guanjia.{module}.jobs")
    return tuple(_KINDS.values())


def codes() -> list[str]:
    """The kinds that this process knows: those of another version are left to its worker."""
    return list(_KINDS)


def kind_of(code: str) -> JobKind:
    return _KINDS[code]


def daily(hour: int) -> str:
    """The `due` of what happens once a day at this hour in China. Of days that were missed only
    the last is made up for."""
    slot = f"($2::timestamptz at time zone 'Asia/Shanghai') - interval '{hour} hours'"
    return (
        "select $1::uuid as subject_id, (date_trunc('day', "
        f"{slot}) + interval '{hour} hours') at time zone 'Asia/Shanghai' as due_at"
    )
