"""From a file to staged rows: the header found, each cell read, repeated keys named. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import orjson

from guanjia.imports.columns import BadCell, Cell, Column, Value, blank, header_key, letter, shown
from guanjia.imports.files import MAX_ROWS, BadFile, Table, too_many_rows
from guanjia.imports.kinds import ImportKind, Row

CHUNK_ROWS = 1_000
HEADER_WITHIN = 10
RESULT = "检查结果"
"""The column that is added to what comes back; it is left out when it comes in again."""

_FORMULA = "含有公式,请粘贴为数值。"
_SHOWN = 5


@dataclass(frozen=True)
class Header:
    """Where the columns are in the file. titles: every header as it stands, without ours."""

    row: int
    titles: list[str]
    kept: list[int]
    positions: dict[str, int]

    @property
    def places(self) -> dict[str, int]:
        """Where each column's cells are in a staged row."""
        return {name: self.kept.index(at) for name, at in self.positions.items()}

    @property
    def ignored(self) -> list[str]:
        known = set(self.positions.values())
        return [
            title
            for at, title in zip(self.kept, self.titles, strict=True)
            if at not in known and title
        ]


@dataclass(frozen=True, slots=True)
class StagedRow:
    """A row as staged: the clerk's cells in their order, the values read from them, and what is
    wrong with single cells as (column, sentence)."""

    number: int
    cells: list[str]
    values: list[Value]
    problems: list[tuple[str | None, str]]

    def row(self, names: Sequence[str]) -> Row:
        return Row(self.number, zip(names, self.values, strict=True))


@dataclass(frozen=True, slots=True)
class Chunk:
    """Up to a thousand staged rows, or all of a file that is looked at as one, packed."""

    rows: int
    packed: bytes


def packed(rows: Any) -> bytes:
    return zlib.compress(orjson.dumps(rows), 1)


def unpacked(blob: bytes) -> Any:
    return orjson.loads(zlib.decompress(blob))


def staged(blob: bytes) -> list[StagedRow]:
    """The rows of a packed chunk."""
    return [
        StagedRow(number, cells, values, [(column, said) for column, said in problems])
        for number, cells, values, problems in unpacked(blob)
    ]


def header_of(rows: Iterator[tuple[int, Sequence[Cell]]], columns: Sequence[Column]) -> Header:
    """The row among the first ten that names most columns; BadFile unless it names all it must."""
    names = {
        header_key(title): column.name
        for column in columns
        for title in (column.header, *column.aliases)
    }
    best: tuple[int, int, Sequence[Cell]] = (0, 0, [])
    for number, cells in rows:
        if number > HEADER_WITHIN:
            break
        found = sum(header_key(cell) in names for cell in cells)
        if found > best[0]:
            best = (found, number, cells)
            if found == len(columns):
                break
    _, row, cells = best
    if not row:
        raise BadFile(f"前 {HEADER_WITHIN} 行中找不到表头。请使用模板,不要改动表头的文字。")
    return _checked(row, cells, names, columns)


def _checked(
    row: int, cells: Sequence[Cell], names: Mapping[str, str], columns: Sequence[Column]
) -> Header:
    width = max((at for at, cell in enumerate(cells) if not blank(cell)), default=-1) + 1
    positions: dict[str, int] = {}
    for at, cell in enumerate(cells[:width]):
        name = names.get(header_key(cell))
        if name is None:
            continue
        if name in positions:
            first = letter(positions[name])
            raise BadFile(
                f"第 {row} 行的表头“{shown(cell)}”重复:{first} 列和 {letter(at)} 列是同一项。"
            )
        positions[name] = at
    missing = [c.header for c in columns if c.required and c.name not in positions]
    if missing:
        raise BadFile(f"第 {row} 行的表头缺少:{'、'.join(missing)}。")
    kept = [at for at in range(width) if header_key(cells[at]) != RESULT]
    return Header(row, [shown(cells[at]) for at in kept], kept, positions)


def read(
    table: Table, kind: ImportKind, choices: Mapping[str, Sequence[str]]
) -> Iterator[Header | Chunk]:
    """The header, then the rows in chunks; BadFile as soon as the file is found unusable."""
    rows = iter(table.rows)
    before: list[tuple[int, Sequence[Cell]]] = []

    def remembered() -> Iterator[tuple[int, Sequence[Cell]]]:
        for item in rows:
            before.append(item)
            yield item

    header = header_of(remembered(), kind.columns)
    if over := [name for _, bottom, name in table.merged if bottom >= header.row]:
        raise BadFile(
            f"有合并的单元格:{'、'.join(over[:_SHOWN])}。请取消合并,并在每一行都填上内容。"
        )
    yield header
    reader = _Reader(kind, header, choices, table.formulas)
    chunk: list[Any] = []
    total = 0
    below = [(number, cells) for number, cells in before if number > header.row]
    for number, cells in chain(below, rows):
        if found := reader.read(number, cells):
            chunk.append(found)
        if kind.together is not None:
            if len(chunk) > kind.together:
                raise BadFile(too_many_rows(kind.together))
        elif len(chunk) >= CHUNK_ROWS:
            total += len(chunk)
            yield Chunk(len(chunk), packed(chunk))
            chunk = []
        if total > MAX_ROWS:
            raise BadFile(too_many_rows())
    total += len(chunk)
    if chunk:
        yield Chunk(len(chunk), packed(chunk))
    if not total:
        raise BadFile(f"表头(第 {header.row} 行)下面没有数据。")


class _Reader:
    def __init__(
        self,
        kind: ImportKind,
        header: Header,
        choices: Mapping[str, Sequence[str]],
        formulas: set[tuple[int, int]],
    ) -> None:
        self._columns = kind.columns
        self._names = kind.names
        self._derived = kind.derived
        self._sift = kind.sift() if kind.sift else None
        self._places = [header.positions.get(column.name) for column in kind.columns]
        self._choices = [choices.get(column.name, ()) for column in kind.columns]
        self._kept = header.kept
        self._formulas = formulas
        self._key = [i for i, column in enumerate(kind.columns) if column.name in kind.key]
        self._seen: dict[tuple[Value, ...], int] = {}

    def read(self, number: int, cells: Sequence[Cell]) -> list[Any] | None:
        """The row as it is staged; None for an empty one."""
        width = len(cells)
        own = [cells[at] if at < width else None for at in self._kept]
        if all(map(blank, own)):
            return None
        values: list[Value] = []
        problems: list[tuple[str | None, str]] = []
        for column, at, choices in zip(self._columns, self._places, self._choices, strict=True):
            value: Value = None
            try:
                if self._formulas and (number, at) in self._formulas:
                    raise BadCell(column.header + _FORMULA)
                cell = cells[at] if at is not None and at < width else None
                value = column.read(cell, choices)
            except BadCell as bad:
                problems.append((column.name, str(bad)))
            values.append(value)
        self._check_key(number, values, problems)
        values += [None] * len(self._derived)
        if self._sift is not None:
            named = dict(zip(self._names, values, strict=True))
            # A row that cannot be read is seen all the same: the rows below are held against it.
            found = self._sift(number, named)
            problems = problems or list(found)
            values = [named[name] for name in self._names]
        return [number, [shown(cell) for cell in own], values, problems]

    def _check_key(
        self, number: int, values: list[Value], problems: list[tuple[str | None, str]]
    ) -> None:
        key = tuple(values[i] for i in self._key)
        if not key or None in key:
            return
        first = self._seen.setdefault(key, number)
        if first != number:
            headers = "、".join(self._columns[i].header for i in self._key)
            column = self._columns[self._key[-1]].name
            problems.append((column, f"{headers}与第 {first} 行重复。"))
