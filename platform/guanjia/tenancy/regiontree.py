"""A region tree as a district hands it in: read, checked line by line, compared with today's.

Codes are those of the statistics bureau: 6 digits for a district (GB/T 2260), 9 for a street or
town (GB/T 10114: 001–099 街道, 100–199 镇, 200–399 乡, 400–599 similar), 12 for a community or
village; grids carry 15 digits of ours (001–899 basic, 901–999 dedicated). Codes move between
years, so they are compared here and never used as keys.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from guanjia.tenancy.models import GridKind, Level

DIGITS = {Level.DISTRICT: 6, Level.STREET: 9, Level.COMMUNITY: 12, Level.GRID: 15}
PARENT = {Level.STREET: Level.DISTRICT, Level.COMMUNITY: Level.STREET, Level.GRID: Level.COMMUNITY}
COLUMNS = ("code", "name", "level", "parent_code")
MAX_NAME = 60
MAX_STREET = 599
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
    def grid_kind(self) -> GridKind | None:
        return grid_kind(self.code) if self.level is Level.GRID else None


@dataclass(frozen=True, slots=True)
class Current:
    """A region that is in force in the database."""

    id: UUID
    level: Level
    code: str
    name: str
    parent_id: UUID | None
    path: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would do. Everything not named stays as it is."""

    added: tuple[Entry, ...] = ()
    renamed: tuple[tuple[Current, Entry], ...] = ()
    moved: tuple[tuple[Current, Entry], ...] = ()
    closed: tuple[Current, ...] = ()
    unchanged: int = 0

    @property
    def empty(self) -> bool:
        return not (self.added or self.renamed or self.moved or self.closed)

    def lines(self, *, at_most: int = 20) -> list[str]:
        """The plan in words, for the person who is to confirm it."""
        said = [
            f"新增 {len(self.added)},更名 {len(self.renamed)},划转 {len(self.moved)},"
            f"关闭 {len(self.closed)},不变 {self.unchanged}"
        ]
        changes = [f"更名 {old.code} {old.name} → {new.name}" for old, new in self.renamed]
        changes += [f"划转 {old.code} {old.name} → {new.code} {new.name}" for old, new in self.moved]
        changes += [f"关闭 {old.code} {old.name}" for old in self.closed]
        changes += [f"新增 {new.code} {new.name}" for new in self.added]
        said += changes[:at_most]
        if len(changes) > at_most:
            said.append(f"……另有 {len(changes) - at_most} 项")
        return said


def grid_kind(code: str) -> GridKind:
    return GridKind.DEDICATED if int(code[-3:]) >= DEDICATED_FROM else GridKind.BASIC


def parse(text: str) -> list[Entry]:
    """The entries of a CSV, parents before children; BadTree with every fault by line."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise BadTree([f"第 1 行:缺少列 {'、'.join(missing)}"])
    checker = _Checker()
    for number, record in enumerate(reader, start=2):
        checker.read(number, record)
    return checker.finish()


@dataclass
class _Checker:
    entries: list[Entry] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)

    def read(self, line: int, record: dict[str, str]) -> None:
        def cell(name: str) -> str:
            return unicodedata.normalize("NFKC", record.get(name) or "").strip()

        try:
            level = Level(cell("level").upper())
        except ValueError:
            self._fault(line, f"层级 {cell('level')!r} 不是 district、street、community 或 grid")
            return
        entry = Entry(
            line,
            level,
            cell("code"),
            cell("name"),
            cell("parent_code") or None,
            cell("predecessor_code") or None,
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
        digits = DIGITS[entry.level]
        if not (entry.code.isascii() and entry.code.isdigit() and len(entry.code) == digits):
            self._fault(entry.line, f"代码 {entry.code!r} 应为 {digits} 位数字")
        elif entry.level is not Level.DISTRICT and not int(entry.code[-3:]):
            self._fault(entry.line, f"代码 {entry.code} 末三位不能全为 0")
        elif entry.level is Level.STREET and int(entry.code[-3:]) > MAX_STREET:
            self._fault(entry.line, f"代码 {entry.code} 第 7–9 位应在 001–599 之间")
        elif entry.level is Level.GRID and int(entry.code[-3:]) == DEDICATED_FROM - 1:
            self._fault(entry.line, f"网格代码 {entry.code} 末三位应为 001–899 或 901–999")
        if not entry.name or any(not c.isprintable() for c in entry.name):
            self._fault(entry.line, "名称为空或含有不可见字符")
        elif len(entry.name) > MAX_NAME:
            self._fault(entry.line, f"名称超过 {MAX_NAME} 个字")
        if entry.parent_code is None and entry.level is not Level.DISTRICT:
            self._fault(entry.line, "缺少上级代码")
        if entry.parent_code is not None and entry.level is Level.DISTRICT:
            self._fault(entry.line, "区县没有上级代码")

    def _check_together(self) -> None:
        by_code = {entry.code: entry for entry in reversed(self.entries)}
        districts = [e for e in self.entries if e.level is Level.DISTRICT]
        if not districts:
            self._fault(1, "没有区县一级")
        for extra in districts[1:]:
            self._fault(extra.line, "一个文件只能有一个区县")
        for entry in self.entries:
            if by_code[entry.code] is not entry:
                self._fault(entry.line, f"代码 {entry.code} 与第 {by_code[entry.code].line} 行重复")
            if entry.parent_code is None or entry.level is Level.DISTRICT:
                continue
            parent = by_code.get(entry.parent_code)
            if parent is None:
                self._fault(entry.line, f"上级 {entry.parent_code} 不存在")
            elif parent.level is not PARENT[entry.level]:
                self._fault(entry.line, f"上级 {entry.parent_code} 的层级不对")
            elif not entry.code.startswith(parent.code):
                self._fault(entry.line, f"代码 {entry.code} 不以上级代码 {parent.code} 开头")
        siblings = Counter((e.parent_code, e.name) for e in self.entries)
        for entry in self.entries:
            if entry.name and siblings[entry.parent_code, entry.name] > 1:
                self._fault(entry.line, f"同一上级下名称 {entry.name} 重复")


def plan(current: Iterable[Current], wanted: Sequence[Entry]) -> Plan:
    """What has to happen so that the wanted tree is in force.

    A region whose code is gone and whose name now stands, once, under a new code was moved; so was
    one that a new line names as its predecessor. Grids the file does not mention stay, unless
    their community goes.
    """
    now = {region.code: region for region in current}
    new = {entry.code: entry for entry in wanted}
    added = [entry for entry in wanted if entry.code not in now]
    mentions_grids = any(entry.level is Level.GRID for entry in wanted)
    gone = [
        region
        for region in now.values()
        if region.code not in new
        and (region.level is not Level.GRID or mentions_grids or region.code[:12] not in new)
    ]
    moved = _moves(gone, added)
    taken_old = {old.id for old, _ in moved}
    taken_new = {entry.code for _, entry in moved}
    renamed = [
        (now[entry.code], entry)
        for entry in wanted
        if entry.code in now and now[entry.code].name != entry.name
    ]
    closed = [region for region in gone if region.id not in taken_old]
    return Plan(
        added=tuple(entry for entry in added if entry.code not in taken_new),
        renamed=tuple(renamed),
        moved=tuple(moved),
        closed=tuple(closed),
        unchanged=len(now) - len(gone) - len(renamed),
    )


def _moves(gone: Sequence[Current], added: Sequence[Entry]) -> list[tuple[Current, Entry]]:
    by_code = {region.code: region for region in gone}
    old_names = Counter((region.level, region.name) for region in gone)
    new_names = Counter((entry.level, entry.name) for entry in added)
    by_name = {(region.level, region.name): region for region in gone}
    found = []
    for entry in added:
        key = (entry.level, entry.name)
        if entry.predecessor_code is not None:
            old = by_code.get(entry.predecessor_code)
        elif old_names[key] == new_names[key] == 1:
            old = by_name[key]
        else:
            old = None
        if old is not None and old.level is entry.level:
            found.append((old, entry))
    return found
