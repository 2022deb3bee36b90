"""What can be taken out as a workbook: each export declares it once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, Denied
from guanjia.imports.kinds import Place

PAGE_ROWS = 1_000


@dataclass(frozen=True)
class Taking(Place):
    """For whom and of what a workbook is made. scope_of: of what else they may read; given: what
    they asked for, by the names of the export's parameters."""

    scope_of: Callable[[str], Scope]
    given: Mapping[str, str]


class Rows(Protocol):
    def __call__(
        self, connection: Any, place: Taking
    ) -> AsyncIterator[Sequence[Sequence[str | int | None]]]: ...


@dataclass(frozen=True)
class Export:
    """One export. columns: each header with its meaning, for the data dictionary. rows: pages of
    rows in the scope of the permission, which is the export's own. parameters: what may be asked
    for in the address, each with its meaning."""

    code: str
    title: str
    permission: str
    columns: tuple[tuple[str, str], ...]
    rows: Rows
    parameters: tuple[tuple[str, str], ...] = ()

    def asked(self, query: Mapping[str, str]) -> Mapping[str, str]:
        """What the address asks for; Denied for anything the export does not know."""
        known = [name for name, _ in self.parameters]
        if not query.keys() <= set(known):
            said = f"可用的参数:{'、'.join(known)}。" if known else "此导出没有参数。"
            raise Denied(BAD_USER_INPUT, said)
        return query


_EXPORTS: dict[str, Export] = {}


def offer(export: Export) -> None:
    """The export can be asked for from now on."""
    if _EXPORTS.setdefault(export.code, export) is not export:
        raise TypeError(f"{export.code}: two exports of this code")


def exports() -> tuple[Export, ...]:
    return tuple(_EXPORTS.values())


def export_of(code: str) -> Export | None:
    return _EXPORTS.get(code)
