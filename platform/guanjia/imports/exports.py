"""What can be taken out as a workbook: each export declares it once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from guanjia.imports.kinds import Place

PAGE_ROWS = 1_000


class Rows(Protocol):
    def __call__(
        self, connection: Any, place: Place
    ) -> AsyncIterator[Sequence[Sequence[str | int | None]]]: ...


@dataclass(frozen=True)
class Export:
    """One export. columns: each header with its meaning, for the data dictionary. rows: pages of
    rows in the scope of the permission, which is the export's own; a Refusal before the first of
    them. of: the parameter that names the one thing they are of, by its id (`place.of`)."""

    code: str
    title: str
    permission: str
    columns: tuple[tuple[str, str], ...]
    rows: Rows
    of: str | None = None

    @property
    def path(self) -> str:
        return f"/exports/{self.code}" + (f"?{self.of}={{id}}" if self.of else "")


_EXPORTS: dict[str, Export] = {}


def offer(export: Export) -> None:
    """The export can be asked for from now on."""
    if _EXPORTS.setdefault(export.code, export) is not export:
        raise TypeError(f"{export.code}: two exports of this code")


def exports() -> tuple[Export, ...]:
    return tuple(_EXPORTS.values())


def export_of(code: str) -> Export | None:
    return _EXPORTS.get(code)
