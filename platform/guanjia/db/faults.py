"""What the database's own errors mean for the operation that met them.

An operation that lost against another one can be run again; one that met no database at all can be
sent again; a value that no column can hold is the sender's. Everything else is a fault of ours.
"""

from __future__ import annotations

from enum import Enum

import asyncpg
from tortoise.exceptions import DBConnectionError


class Fault(Enum):
    """RACE: another operation came first and everything was rolled back. DUPLICATE: the same was
    made already; if it was made a moment ago, the operation run again sees it and is refused.
    UNAVAILABLE: the database is away, restarting or overloaded. VALUE: a value cannot be stored."""

    RACE = "RACE"
    DUPLICATE = "DUPLICATE"
    UNAVAILABLE = "UNAVAILABLE"
    VALUE = "VALUE"


class Unavailable(Exception):
    """No connection to the database could be had in time."""


_RACES = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
)
_AWAY = (
    Unavailable,
    DBConnectionError,
    ConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    # What asyncpg says when the connection is lost between two steps of its protocol.
    asyncpg.InternalClientError,
)
_VALUES = (
    asyncpg.CharacterNotInRepertoireError,
    asyncpg.UntranslatableCharacterError,
    asyncpg.NumericValueOutOfRangeError,
    asyncpg.DatetimeFieldOverflowError,
    asyncpg.StringDataRightTruncationError,
)


def fault(error: BaseException | None) -> Fault | None:
    """The fault that this error, or what caused it, stands for; None for an error of ours."""
    while error is not None:
        if isinstance(error, asyncpg.QueryCanceledError):
            return None  # it took too long, and would again
        if isinstance(error, _RACES):
            return Fault.RACE
        if isinstance(error, _AWAY) or _closed(error):
            return Fault.UNAVAILABLE
        if isinstance(error, asyncpg.UniqueViolationError):
            return Fault.DUPLICATE
        if isinstance(error, _VALUES):
            return Fault.VALUE
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return None


def _closed(error: BaseException) -> bool:
    """asyncpg has one class for misuse and for a connection that went away under us."""
    return isinstance(error, asyncpg.InterfaceError) and "clos" in str(error)
