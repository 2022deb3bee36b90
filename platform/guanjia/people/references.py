"""Who refers to persons. A module that does says so once; merging and erasing follow it.

A table with a foreign key to `persons` that is not here is found by a test of the catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PersonReference:
    """Rows of `table` belong to the person in `column`.

    sealed: columns sealed with the person's key, sealed anew when the row moves to another person.
    same: columns by which two rows say the same; of such a pair the merged person's goes.
    other: the column of another person; a row between two who turn out to be one goes.
    erased: whether the rows go when the person is erased.
    """

    table: str
    column: str = "person_id"
    sealed: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    other: str | None = None
    erased: bool = False


_REFERENCES: list[PersonReference] = []


def refers(*references: PersonReference) -> None:
    """The tables follow when persons are merged or erased."""
    _REFERENCES.extend(r for r in references if r not in _REFERENCES)


def references() -> tuple[PersonReference, ...]:
    return tuple(_REFERENCES)


refers(
    PersonReference("person_documents", sealed=("cipher", "legacy_cipher"), erased=True),
    PersonReference("person_phones", sealed=("cipher",), same=("blind_index",), erased=True),
)
