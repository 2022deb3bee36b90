"""A region tree as a district hands it in: read and checked line by line.

Codes are those of the statistics bureau: 6 digits for a district (GB/T 2260), 9 for a street or
town (GB/T 10114: 001–099 街道, 100–199 镇, 200–399 乡, 400–599 similar), 12 for a community or
village (国统字〔2009〕91号: 001–199 居委会, 200–399 村委会, 400–599 similar); grids carry 15 digits
of ours (001–899 basic, 901–999 dedicated). Codes move between years, so they are compared
(`regionplan`) and never used as keys.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from guanjia.tenancy.models import GridKind, Level

DIGITS = {Level.DISTRICT: 6, Level.STREET: 9, Level.COMMUNITY: 12, Level.GRID: 15}
PARENT = {Level.STREET: Level.DISTRICT, Level.COMMUNITY: Level.STREET, Level.GRID: Level.COMMUNITY}
COLUMNS = ("code", "name", "level", "parent_code")
PREDECESSOR = "predecessor_code"
MAX_NAME = 60
MAX_STREET = 599
MAX_COMMUNITY = 599
DEDICATED_FROM = 901


class BadTree(Exception):
    """The file cannot be used; each fault names its line."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: a region as it shall be."""

    line: int
    level: Level
    code: str
    name: str
    parent_code: str | None
    predecessor_code: str | None = None

    @property
    def predecessors(self) -> tuple[str, ...]:
        """The codes this region had before; several, divided by ';', when regions were merged."""
        parts = (self.predecessor_code or "").replace(";", ";").split(";")
        return tuple(code for part in parts if (code := part.strip()))

    @property
    def grid_kind(self) -> GridKind | None:
        return grid_kind(self.code) if self.level is Level.GRID else None


def grid_kind(code: str) -> GridKind:
    return GridKind.DEDICATED if int(code[-3:]) >= DEDICATED_FROM else GridKind.BASIC


def parse(text: str) -> list[Entry]:
    """The entries of a CSV, parents before children; BadTree with every fault by line."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    checker = _Checker()
    try:
        reader.fieldnames = [_plain(name).lower() for name in reader.fieldnames or ()]
        _check_columns(reader.fieldnames)
        for record in reader:
            checker.read(reader.line_num, record)
    except csv.Error:
        raise BadTree([f"第 {reader.line_num} 行:不是有效的 CSV(引号未闭合或单元格过长)"]) from None
    return checker.finish()


def _plain(cell: str | None) -> str:
    """Full-width digits and letters become plain ones."""
    return unicodedata.normalize("NFKC", cell or "").strip()


def _check_columns(names: Sequence[str]) -> None:
    faults = []
    if missing := [name for name in COLUMNS if name not in names]:
        faults.append(f"第 1 行:缺少列 {'、'.join(missing)}")
    if unknown := [name for name in names if name not in (*COLUMNS, PREDECESSOR)]:
        faults.append(f"第 1 行:未知的列 {'、'.join(map(repr, unknown))}")
    if len(set(names)) < len(names):
        faults.append("第 1 行:列名重复")
    if faults:
        raise BadTree(faults)


@dataclass
class _Checker:
    entries: list[Entry] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)
    # Codes of lines that are themselves at fault: their children are not blamed for it.
    unusable: set[str] = field(default_factory=set)

    def read(self, line: int, record: dict[Any, Any]) -> None:
        if surplus := record.pop(None, None):  # DictReader's key for what has no column
            self._fault(line, f"多出 {len(surplus)} 个单元格")
        cells = {name: _plain(value) for name, value in record.items()}
        try:
            level = Level(cells["level"].upper())
        except ValueError:
            shown = cells["level"][:20]
            self._fault(line, f"层级 {shown!r} 不是 district、street、community 或 grid")
            self.unusable.add(cells["code"])
            return
        entry = Entry(
            line,
            level,
            cells["code"],
            cells["name"],
            cells["parent_code"] or None,
            cells.get(PREDECESSOR) or None,
        )
        self._check_alone(entry)
        self.entries.append(entry)

    def finish(self) -> list[Entry]:
        self._check_together()
        if self.faults:
            raise BadTree([f"第 {line} 行:{text}" for line, text in sorted(self.faults)])
        return sorted(self.entries, key=lambda e: (list(Level).index(e.level), e.line))

    def _fault(self, line: int, text: str) -> None:
        self.faults.append((line, text))

    def _check_alone(self, entry: Entry) -> None:
        if problem := code_problem(entry.level, entry.code):
            self._fault(entry.line, problem)
            self.unusable.add(entry.code)
        if not entry.name or not entry.name.isprintable():
            self._fault(entry.line, "名称为空或含有不可见字符")
        elif len(entry.name) > MAX_NAME:
            self._fault(entry.line, f"名称超过 {MAX_NAME} 个字")
        if entry.parent_code is None and entry.level is not Level.DISTRICT:
            self._fault(entry.line, "缺少上级代码")
        if entry.parent_code is not None and entry.level is Level.DISTRICT:
            self._fault(entry.line, "区县没有上级代码")
        for code in entry.predecessors:
            if not _is_code(code, DIGITS[entry.level]):
                self._fault(entry.line, f"原代码 {code[:20]!r} 应为 {DIGITS[entry.level]} 位数字")

    def _check_together(self) -> None:
        by_code = {entry.code: entry for entry in reversed(self.entries)}
        districts = [e for e in self.entries if e.level is Level.DISTRICT]
        if not districts:
            self._fault(1, "没有区县一级")
        for extra in districts[1:]:
            self._fault(extra.line, "一个文件只能有一个区县")
        for entry in self.entries:
            if entry.code and by_code[entry.code] is not entry:
                self._fault(
                    entry.line,
                    f"代码 {entry.code[:20]} 与第 {by_code[entry.code].line} 行重复",
                )
            if entry.parent_code is None or entry.level is Level.DISTRICT:
                continue
            parent = by_code.get(entry.parent_code)
            if parent is None:
                if entry.parent_code not in self.unusable:
                    self._fault(entry.line, f"上级 {entry.parent_code[:20]} 不存在")
            elif parent.level is not PARENT[entry.level]:
                self._fault(entry.line, f"上级 {entry.parent_code} 的层级不对")
            elif entry.code not in self.unusable and not entry.code.startswith(parent.code):
                self._fault(entry.line, f"代码 {entry.code} 不以上级代码 {parent.code} 开头")
        siblings = Counter((e.parent_code, e.name) for e in self.entries)
        for entry in self.entries:
            if entry.name and siblings[entry.parent_code, entry.name] > 1:
                self._fault(entry.line, f"同一上级下名称 {entry.name[:20]} 重复")


def _is_code(code: str, digits: int) -> bool:
    return len(code) == digits and code.isascii() and code.isdigit()


def code_problem(level: Level, code: str) -> str | None:
    """What is wrong with a code at its level, or None. A district's code padded with zeros is not
    a street, and a province's or city's is not a district."""
    digits = DIGITS[level]
    if not _is_code(code, digits):
        return f"代码 {code[:20]!r} 应为 {digits} 位数字"
    last = int(code[-3:])
    if level is Level.DISTRICT:
        return f"代码 {code} 是省或市的代码,不是区县的" if code.endswith("00") else None
    if last == 0:
        return f"代码 {code} 末三位不能全为 0"
    if level is Level.STREET and last > MAX_STREET:
        return f"代码 {code} 第 7–9 位应在 001–599 之间"
    if level is Level.COMMUNITY and last > MAX_COMMUNITY:
        return f"代码 {code} 第 10–12 位应在 001–599 之间"
    if level is Level.GRID and last == DEDICATED_FROM - 1:
        return f"网格代码 {code} 末三位应为 001–899 或 901–999"
    return None
