"""What has to happen so that a wanted region tree is in force, before anything happens.

Codes are reused and moved by the statistics bureau, so that neither a code nor a name alone says
which region is which. Levels are compared from the top, because a region can only stay what it is
while its parent does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from guanjia.tenancy.models import LEVELS, Level
from guanjia.tenancy.regiontree import DEDICATED_FROM, Entry

Pairs = tuple[tuple["Current", Entry], ...]


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
    """What an import would do. Everything not named stays as it is.

    added: new regions without a past. renamed: the same region under another name. moved: the old
    region closes, a new one succeeds it (several old ones when they merge). merged: the old region
    closes into one that stays. carved: a new region of `added` that comes out of one that stays.
    """

    added: tuple[Entry, ...] = ()
    renamed: Pairs = ()
    moved: Pairs = ()
    closed: tuple[Current, ...] = ()
    unchanged: int = 0
    merged: Pairs = ()
    carved: Pairs = ()

    @property
    def empty(self) -> bool:
        return not (self.added or self.renamed or self.moved or self.merged or self.closed)

    @property
    def inserted(self) -> tuple[Entry, ...]:
        """Every region that becomes a new row, parents before children."""
        entries = dict.fromkeys([*self.added, *(new for _, new in self.moved)])
        return tuple(sorted(entries, key=lambda entry: LEVELS.index(entry.level)))

    @property
    def leaving(self) -> tuple[Current, ...]:
        """Every region that is no longer in force afterwards."""
        return (*self.closed, *(old for old, _ in (*self.moved, *self.merged)))

    def lines(self, *, at_most: int = 20) -> list[str]:
        """The plan in words, for the person who is to confirm it. Closures are never left out."""
        counts = f"新增 {len(self.added)},更名 {len(self.renamed)},划转 {len(self.moved)},"
        counts += f"并入 {len(self.merged)}," if self.merged else ""
        said = [f"{counts}关闭 {len(self.closed)},不变 {self.unchanged}"]
        if not self.unchanged and len(self.inserted) == len(self.added) and not self.leaving:
            return said  # a first onboarding: the whole tree is new, and the counts say so
        said += [f"关闭 {old.code} {old.name}" for old in self.closed]
        changes = [f"更名 {old.code} {old.name} → {new.name}" for old, new in self.renamed]
        changes += [_change("划转", *pair) for pair in self.moved]
        changes += [_change("并入", *pair) for pair in self.merged]
        changes += [
            f"析出 {new.code} {new.name} ← {old.code} {old.name}" for old, new in self.carved
        ]
        changes += [f"新增 {new.code} {new.name}" for new in self.added]
        said += changes[:at_most]
        if len(changes) > at_most:
            said.append(f"……另有 {len(changes) - at_most} 项")
        return said


def _change(word: str, old: Current, new: Entry) -> str:
    return f"{word} {old.code} {old.name} → {new.code} {new.name}"


def plan(current: Iterable[Current], wanted: Sequence[Entry]) -> Plan:
    """What has to happen so that the wanted tree is in force.

    A region keeps its identity when code and name stay, or when the code stays and its name is
    found nowhere else. A name that now stands, once, under another code was moved there; so was a
    code that a line names as its predecessor. Grids of a file without any grid go with their
    community; a file that lists grids lists all of them.
    """
    comparison = _Comparison(list(current), list(wanted))
    for level in LEVELS:
        comparison.compare(level)
    return comparison.result()


@dataclass
class _Comparison:
    current: list[Current]
    wanted: list[Entry]
    kept: dict[str, Current] = field(default_factory=dict)
    """The region that stays, by its wanted code."""
    became: dict[UUID, Entry] = field(default_factory=dict)
    """What a region of today is afterwards, the same or a successor."""
    renamed: list[tuple[Current, Entry]] = field(default_factory=list)
    moved: list[tuple[Current, Entry]] = field(default_factory=list)
    carved: list[tuple[Current, Entry]] = field(default_factory=list)
    open_old: dict[UUID, Current] = field(default_factory=dict)
    open_new: dict[str, Entry] = field(default_factory=dict)
    closed: list[Current] = field(default_factory=list)
    added: list[Entry] = field(default_factory=list)

    def compare(self, level: Level) -> None:
        self.open_old = {old.id: old for old in self.current if old.level is level}
        self.open_new = {new.code: new for new in self.wanted if new.level is level}
        if level is Level.GRID and not self.open_new:
            self._take_grids_along()
        else:
            self._keep(lambda old, new: old.name == new.name)
            self._follow_predecessors()
            self._follow(lambda old: self._key_under_parent(old), lambda e: (e.parent_code, e.name))
            if level is not Level.GRID:  # "第一网格" is the name of many
                self._follow(lambda old: old.name, lambda new: new.name)
            self._keep(lambda old, new: True)
            self._follow(lambda old: old.code, lambda new: new.code)
        self.closed += self.open_old.values()
        self.added += self.open_new.values()

    def result(self) -> Plan:
        stays = set(self.kept)
        return Plan(
            added=tuple(self.added),
            renamed=tuple(self.renamed),
            moved=tuple(pair for pair in self.moved if pair[1].code not in stays),
            merged=tuple(pair for pair in self.moved if pair[1].code in stays),
            closed=tuple(self.closed),
            carved=tuple(self.carved),
            unchanged=len(self.kept) - len(self.renamed),
        )

    def _keep(self, same: Callable[[Current, Entry], bool]) -> None:
        """Regions that stay: same code, same parent row."""
        for old in list(self.open_old.values()):
            new = self.open_new.get(old.code)
            if new is None or not same(old, new):
                continue
            parent = self.kept.get(new.parent_code or "")
            if (parent.id if parent else None) != old.parent_id:
                continue
            self.kept[new.code] = old
            if old.name != new.name:
                self.renamed.append((old, new))
            self._settle(old, new)

    def _follow_predecessors(self) -> None:
        """Where the file itself says what a region was. A predecessor that stays gave a part away;
        said again after it was done, it means nothing."""
        today = {old.code: old for old in self.current}
        level_wanted = [*self.open_new.values(), *self._kept_entries()]
        for new in level_wanted:
            for code in new.predecessors:
                old = today.get(code)
                if old is None or old.level is not new.level:
                    continue
                if old.id in self.open_old:
                    self._move(old, new)
                elif new.code in self.open_new and self.became[old.id].code in self.kept:
                    self.carved.append((old, new))
        for _, new in self.moved:
            self.open_new.pop(new.code, None)

    def _kept_entries(self) -> list[Entry]:
        return [entry for entry in self.wanted if entry.code in self.kept]

    def _follow(
        self, old_key: Callable[[Current], Hashable], new_key: Callable[[Entry], Hashable]
    ) -> None:
        """Moves where a key is found exactly once among what is left on both sides."""
        olds, news = list(self.open_old.values()), list(self.open_new.values())
        carved = {new.code for _, new in self.carved}
        old_counts = Counter(old_key(old) for old in olds)
        by_key = {new_key(new): new for new in news if new.code not in carved}
        new_counts = Counter(new_key(new) for new in news)
        for old in olds:
            key = old_key(old)
            if old_counts[key] == new_counts[key] == 1 and key in by_key:
                self._move(old, by_key[key])
                self.open_new.pop(by_key[key].code, None)

    def _move(self, old: Current, new: Entry) -> None:
        self.moved.append((old, new))
        self.became[old.id] = new
        self.open_old.pop(old.id, None)

    def _settle(self, old: Current, new: Entry) -> None:
        self.became[old.id] = new
        self.open_old.pop(old.id, None)
        self.open_new.pop(new.code, None)

    def _key_under_parent(self, old: Current) -> Hashable:
        parent = self.became.get(old.parent_id) if old.parent_id else None
        # A parent that closed without a successor matches no new parent.
        return (parent.code if parent else old.id, old.name)

    def _take_grids_along(self) -> None:
        """Grids stay in a community that stays, and are made anew in the successor of one that
        moved: under the same last three digits if those are free there."""
        kept_grids = [
            old
            for old in self.open_old.values()
            if old.parent_id in self.became
            and self.became[old.parent_id].code in self.kept
            and self.kept[self.became[old.parent_id].code].id == old.parent_id
        ]
        taken = {old.code for old in kept_grids}
        for old in kept_grids:
            entry = Entry(0, Level.GRID, old.code, old.name, old.code[:12])
            self.kept[old.code] = old
            self._settle(old, entry)
        for old in list(self.open_old.values()):
            community = self.became.get(old.parent_id) if old.parent_id else None
            code = _free_code(community.code, int(old.code[-3:]), taken) if community else None
            if community is not None and code is not None:
                taken.add(code)
                self._move(old, Entry(0, Level.GRID, code, old.name, community.code))


def _free_code(community: str, sequence: int, taken: set[str]) -> str | None:
    """The grid code with this sequence, or the next free one of the same kind."""
    kind = range(DEDICATED_FROM, 1000) if sequence >= DEDICATED_FROM else range(1, 900)
    for candidate in (sequence, *kind):
        if (code := f"{community}{candidate:03d}") not in taken:
            return code
    return None
