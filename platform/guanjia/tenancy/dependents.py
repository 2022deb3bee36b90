"""What hangs on regions and organisations in the modules above, which say so themselves.

A region or an organisation is not closed under what is still open; with a successor, what can
follow it there does. A module above adds its `Dependent` when it is imported.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from guanjia.db.pools import Transaction

Became = Sequence[tuple[UUID, UUID]]
"""Which region became which: pairs of ids, the old one first."""


@dataclass(frozen=True, slots=True)
class Dependent:
    """Rows of one kind. `noun` and `unit` count them in a sentence: 有效授权 3 条.

    at_region: how many hang on exactly the region with this path. of_organisation: how many hang
    on the organisation. of: how many hang on a row of another table, by its name. follow: takes
    them to the successors; without it they have to be finished.
    """

    noun: str
    unit: str
    at_region: Callable[[Transaction, str], Awaitable[int]] | None = None
    of_organisation: Callable[[Transaction, UUID], Awaitable[int]] | None = None
    follow: Callable[[Transaction, Became], Awaitable[None]] | None = None
    of: Mapping[str, Callable[[Transaction, UUID], Awaitable[int]]] = field(default_factory=dict)

    def counted(self, number: int) -> str:
        return f"{self.noun} {number} {self.unit}"


DEPENDENTS: list[Dependent] = []


def _noun(dependent: Dependent) -> str:
    return dependent.noun


async def hanging_on_region(transaction: Transaction, path: str, *, stays: bool) -> list[str]:
    """What hangs on the region, counted; with `stays` only what cannot follow it."""
    return [
        dependent.counted(number)
        for dependent in sorted(DEPENDENTS, key=_noun)
        if dependent.at_region is not None and not (stays and dependent.follow)
        if (number := await dependent.at_region(transaction, path))
    ]


async def hanging_on_organisation(transaction: Transaction, organisation_id: UUID) -> list[str]:
    """What hangs on the organisation, counted."""
    return [
        dependent.counted(number)
        for dependent in sorted(DEPENDENTS, key=_noun)
        if dependent.of_organisation is not None
        if (number := await dependent.of_organisation(transaction, organisation_id))
    ]


async def hanging_on(transaction: Transaction, table: str, row_id: UUID) -> list[str]:
    """What hangs on the row of the table, counted."""
    return [
        dependent.counted(number)
        for dependent in sorted(DEPENDENTS, key=_noun)
        if table in dependent.of
        if (number := await dependent.of[table](transaction, row_id))
    ]


async def follow(transaction: Transaction, became: Became) -> None:
    """What hangs on the old regions and can follow hangs on the new ones."""
    for dependent in DEPENDENTS:
        if dependent.follow is not None:
            await dependent.follow(transaction, became)
