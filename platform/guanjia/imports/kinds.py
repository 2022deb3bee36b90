"""What can be imported: each kind declares it once, the mechanism does the rest.

A kind lives in the module that knows its rows. Its columns are checked alone in a process apart;
`examine` then holds rows against what is stored, in bulk; `apply` writes them in one transaction;
`undo` takes them back or says in a Refusal what was built on them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from typing import Any, Protocol
from uuid import UUID

from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.imports.columns import Column, Value
from guanjia.settings import Settings


class Change(StrEnum):
    """错误、新增、修改、停用、不变"""

    PROBLEM = "PROBLEM"
    ADDED = "ADDED"
    CHANGED = "CHANGED"
    REMOVED = "REMOVED"
    UNCHANGED = "UNCHANGED"


class Row(dict[str, Any]):
    """One row of the file with its values by name; None for a name that it does not have."""

    __slots__ = ("number",)

    def __init__(self, number: int, values: Iterable[tuple[str, Value]]) -> None:
        super().__init__(values)
        self.number = number

    def __missing__(self, name: str) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a row is or would do, in words. `column` is the one that a problem is in."""

    row: int
    change: Change
    message: str = ""
    column: str | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """What an applied row did: to which stored row, and what `undo` needs to know of before."""

    row: int
    id: UUID
    change: Change
    before: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """For whom and when rows are looked at: their scope of the kind's permission; and of what,
    where an export is of one thing."""

    tenant_id: UUID
    scope: Scope
    today: dt.date
    settings: Settings
    of: UUID | None = None


class Sift(Protocol):
    """Sees the rows of one file one after the other, in the process apart; a cell that could not
    be read is None. It fills in the values that the kind derives, and says as (column, sentence)
    what is wrong with the row as a whole or beside the rows before it."""

    def __call__(
        self, number: int, values: dict[str, Value]
    ) -> Sequence[tuple[str | None, str]]: ...


class Choices(Protocol):
    def __call__(self, connection: Any, place: Place) -> Awaitable[Mapping[str, Sequence[str]]]: ...


class Examine(Protocol):
    def __call__(
        self, connection: Any, place: Place, rows: Sequence[Row]
    ) -> Awaitable[Sequence[Finding]]: ...


Part = Sequence[tuple[Row, Change]]
"""The rows of a part of a file that do something, each with what it does."""


class Apply(Protocol):
    """ready: what the kind's `ahead` made of the part."""

    def __call__(
        self, transaction: Transaction, place: Place, rows: Part, ready: Any
    ) -> Awaitable[Sequence[Effect]]: ...


class Undo(Protocol):
    """Takes the effects back; how many rows had to stay because something was built on them."""

    def __call__(
        self, transaction: Transaction, place: Place, effects: Sequence[Effect]
    ) -> Awaitable[int]: ...


class Prepare(Protocol):
    def __call__(self, transaction: Transaction) -> Awaitable[None]: ...


class Ahead(Protocol):
    """What readies a part, in a thread, while the part before it is written."""

    def __call__(
        self, transaction: Transaction, place: Place
    ) -> Awaitable[Callable[[Part], Any]]: ...


async def _no_choices(connection: Any, place: Place) -> Mapping[str, Sequence[str]]:
    return {}


async def _nothing(transaction: Transaction) -> None:
    return None


async def _not_ahead(transaction: Transaction, place: Place) -> Callable[[Part], Any]:
    return lambda rows: None


@dataclass(frozen=True)
class ImportKind:
    """One kind of import.

    home: `module:NAME` where this object is, for the process that reads the file. key: the columns
    that no two rows of a file may have in common; where that does not say it, sift makes what
    looks at the rows of one file, and derived names the values that it fills in. examine: exactly
    one finding that is no problem, or problems, for each row. prepare: the locks that applying and
    undoing take first. ahead: what of a part can be made before its turn. undo_days: how long an
    applied batch can be taken back.
    """

    code: str
    title: str
    permission: str
    home: str
    columns: tuple[Column, ...]
    examine: Examine
    apply: Apply
    undo: Undo
    key: tuple[str, ...] = ()
    sift: Callable[[], Sift] | None = None
    derived: tuple[str, ...] = ()
    choices: Choices = _no_choices
    prepare: Prepare = _nothing
    ahead: Ahead = _not_ahead
    undo_days: int = 7

    @property
    def names(self) -> tuple[str, ...]:
        """The values of a row: of its columns, then the derived ones."""
        return (*(column.name for column in self.columns), *self.derived)

    @property
    def protected(self) -> bool:
        """Whether what is staged of it must be sealed."""
        return any(column.protected for column in self.columns)


_KINDS: dict[str, ImportKind] = {}


def register(kind: ImportKind) -> None:
    """The kind can be imported from now on."""
    known = {column.name for column in kind.columns}
    if not set(kind.key) <= known or len(set(kind.names)) < len(kind.names):
        raise TypeError(f"{kind.code}: the key must name columns, each of a name of its own")
    if not (kind.key or kind.sift) or (kind.derived and not kind.sift):
        raise TypeError(f"{kind.code}: a key or a sift must find rows that say the same twice")
    if kind_at(kind.home) is not kind:
        raise TypeError(f"{kind.code}: {kind.home} is another object")
    if _KINDS.setdefault(kind.code, kind) is not kind:
        raise TypeError(f"{kind.code}: two kinds of this code")


def kind_at(home: str) -> ImportKind:
    """The kind that stands at `module:NAME`."""
    module, _, name = home.partition(":")
    found = getattr(import_module(module), name)
    assert isinstance(found, ImportKind)
    return found


def kinds() -> tuple[ImportKind, ...]:
    return tuple(_KINDS.values())


def kind_of(code: str) -> ImportKind | None:
    return _KINDS.get(code)
