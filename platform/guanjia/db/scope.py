"""Scope: the value a permission check yields, and the row filter it is.

A scope has three kinds of reach. `region` is a subtree of the tenant's region tree, `organisation`
the rows that were given to my organisation wherever they lie, `self` my own rows. The check and
the filter are the same value, so they cannot drift apart: services and the read path turn it into
SQL with `predicate`, and only there.

Regions are compared by materialised path (`0001/0002/000a/0003/`, five characters a level).
Under row-level security only leakproof operators can use an index, therefore `=` on a stored
path column of the wanted level where the table has one, and `>=`/`<` otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

PATH_SEGMENT = 5
DISTRICT_PATH = PATH_SEGMENT
AMONG = "among:"
NUMBERED = "path:"
BREADTHS = (2, 4, 8, 16, 32)
"""For how many regions a list is put together from one range of an index each: a plan is made for
the smallest of these that is enough, and its ranges without a region are empty."""
MOST_PLACES = 4
"""For how many regions a statement carries what is asked of each of them."""

Bind = Callable[[Any, str], str]
"""Takes a value and its SQL type, gives the placeholder that stands for it."""


def path_end(path: str) -> str:
    """The first path after the subtree of `path`: '0' is the character that follows '/'."""
    return path[:-1] + "0"


def is_within(path: str, ancestor: str) -> bool:
    return bool(ancestor) and path.startswith(ancestor)


@dataclass(frozen=True, slots=True)
class Reach:
    kind: str
    path: str = ""
    level: str = ""
    ids: tuple[UUID, ...] = ()
    grant_id: UUID | None = None
    role: str = ""


@dataclass(frozen=True, slots=True)
class Reachable:
    """How a table's rows are reached.

    inside: SQL with `{low}` and `{high}` for rows that lie in a region through another table.
    region: the column with the row's region path; levels: stored columns with the path cut at a
    length, for one equality instead of a range; organisation: SQL with `{row}`, `{tenant}` and
    `{ids}`; mine: the column with the owner's membership id; own: SQL with `{row}`, `{tenant}` and
    `{me}` for rows that are somebody's own through another table. `tenant_wide` rows (a catalogue)
    are readable at any reach. only: SQL with `{row}` and `{tenant}` that a row must meet besides,
    whatever the reach: a type may show a part of its table. `place`: the rows are the regions
    themselves, each at a path of its own.
    """

    region: str | None = None
    inside: str | None = None
    levels: Mapping[int, str] = field(default_factory=dict)
    organisation: str | None = None
    mine: str | None = None
    own: str | None = None
    tenant_wide: bool = False
    only: str | None = None
    place: bool = False


@dataclass(frozen=True)
class Scope:
    permission: str
    reaches: tuple[Reach, ...] = ()
    membership_id: UUID | None = None

    def __bool__(self) -> bool:
        return bool(self.reaches)

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The region subtrees, without those inside another one."""
        return outermost(reach.path for reach in self.reaches if reach.kind == "region")

    @cached_property
    def organisations(self) -> tuple[UUID, ...]:
        ids = {i for reach in self.reaches if reach.kind == "organisation" for i in reach.ids}
        return tuple(sorted(ids))

    @property
    def mine(self) -> bool:
        return any(reach.kind == "self" for reach in self.reaches)

    def covering(self, path: str) -> tuple[Reach, ...]:
        """The region reaches that a row at `path` lies in."""
        return tuple(r for r in self.reaches if r.kind == "region" and is_within(path, r.path))

    def shape(self, table: Reachable) -> tuple[str, ...]:
        """What the predicate looks like, apart from the values: part of a plan's key.

        () reaches nothing; ('all',) needs no predicate.
        """
        if not self.reaches:
            return ()
        if table.tenant_wide:
            return ("all",)
        atoms: list[str] = []
        if table.region is not None or table.inside is not None:
            atoms += _region_atoms(self.paths, table)
            if atoms == ["all"]:
                return ("all",)
        if table.organisation is not None and self.organisations:
            atoms.append("organisation")
        if self.mine and self.membership_id is not None:
            atoms += [name for name in ("mine", "own") if getattr(table, name) is not None]
        return tuple(atoms)

    def predicate(self, table: Reachable, row: str, tenant: str, bind: Bind) -> str:
        """A boolean SQL expression over the alias `row`; `tenant` is the tenant's placeholder."""
        return predicate_of(
            self.shape(table), table, row, tenant, lambda name, kind: bind(self.value(name), kind)
        )

    def value(self, name: str) -> Any:
        """The value behind a name that `predicate_of` or `path_name` gave."""
        if name.startswith(NUMBERED):
            number = int(name[len(NUMBERED) :])
            return self.paths[number] if number < len(self.paths) else None
        match name:
            case "path":
                return self.paths[0]
            case "path_end":
                return path_end(self.paths[0])
            case "paths":
                return list(self.paths)
            case "path_ends":
                return [path_end(path) for path in self.paths]
            case "organisations":
                return list(self.organisations)
            case "me":
                return self.membership_id
        raise KeyError(name)


NOTHING = "(select false)"
"""No row. Not the constant: the planner would let it swallow the tenant predicate beside it, and
before PostgreSQL 17 go on to evaluate the policy's setting while it plans, which is an error on a
connection that has no tenant yet."""


def path_name(number: int) -> str:
    """The name of the value that is the scope's path of this number, or null beyond the last."""
    return f"{NUMBERED}{number}"


def breadth(count: int) -> int:
    """Of a number of regions, what shows in a shape: up to 32 the smallest breadth that is enough,
    then one more than the largest."""
    if count < BREADTHS[0]:
        return count
    return next((enough for enough in BREADTHS if count <= enough), BREADTHS[-1] + 1)


def among(shape: tuple[str, ...]) -> tuple[str, int] | None:
    """The column that equals one of `paths` in every row a scope of this shape reaches, and the
    breadth of `paths`, if that is all there is to it and they are not too many: such rows can be
    read region by region, each in order from an index."""
    if len(shape) != 1 or not shape[0].startswith(AMONG):
        return None
    column, count = _among(shape[0])
    return (column, count) if count <= BREADTHS[-1] else None


def _among(atom: str) -> tuple[str, int]:
    column, _, count = atom[len(AMONG) :].partition(":")
    return column, int(count)


def places(shape: tuple[str, ...], table: Reachable) -> tuple[str, ...]:
    """The names of the paths at which, and not below which, all rows lie that a scope of this shape
    reaches; none if there are none or too many."""
    if shape == (f"at:{table.region}",):
        return ("path",)
    several = among(shape)
    if several is None or several[0] != table.region or several[1] > MOST_PLACES:
        return ()
    return tuple(path_name(number) for number in range(several[1]))


def predicate_of(
    shape: tuple[str, ...],
    table: Reachable,
    row: str,
    tenant: str,
    bind: Callable[[str, str], str],
) -> str:
    """The predicate of a scope's shape. `bind` takes the name of a scope value and its SQL type,
    so that one statement serves every actor whose scope has the same shape."""
    if not shape:
        return NOTHING
    parts = [_atom(atom, table, row, tenant, bind) for atom in shape]
    reached = parts[0] if len(parts) == 1 else "(" + " or ".join(parts) + ")"
    if table.only is None:
        return reached
    return f"({reached} and {table.only.format(row=row, tenant=tenant)})"


def _atom(
    atom: str, table: Reachable, row: str, tenant: str, bind: Callable[[str, str], str]
) -> str:
    if atom == "all":
        return "true"
    if atom.startswith("at:"):
        return f"{row}.{atom[3:]} = {bind('path', 'text')}"
    if atom.startswith(AMONG):
        return f"{row}.{_among(atom)[0]} = any({bind('paths', 'text[]')})"
    if atom == "under":
        low, high = bind("path", "text"), bind("path_end", "text")
        return f"({row}.{table.region} >= {low} and {row}.{table.region} < {high})"
    if atom == "under-any":
        lows, highs = bind("paths", "text[]"), bind("path_ends", "text[]")
        return (
            f"exists (select 1 from unnest({lows}, {highs}) reach(low, high)"
            f' where {row}.{table.region} >= reach.low collate "C"'
            f' and {row}.{table.region} < reach.high collate "C")'
        )
    if atom == "inside":
        assert table.inside is not None
        low, high = (f'({bind(name, "text")} collate "C")' for name in ("path", "path_end"))
        return f"({table.inside.format(row=row, tenant=tenant, low=low, high=high)})"
    if atom == "inside-any":
        assert table.inside is not None
        lows, highs = bind("paths", "text[]"), bind("path_ends", "text[]")
        found = table.inside.format(row=row, tenant=tenant, low="reach.low", high="reach.high")
        return (
            f'exists (select 1 from (select l collate "C" as low, h collate "C" as high'
            f" from unnest({lows}, {highs}) u(l, h)) reach where {found})"
        )
    if atom == "organisation":
        assert table.organisation is not None
        ids = bind("organisations", "uuid[]")
        return table.organisation.format(row=row, tenant=tenant, ids=ids)
    if atom == "own":
        assert table.own is not None
        return table.own.format(row=row, tenant=tenant, me=bind("me", "uuid"))
    assert atom == "mine"
    return f"{row}.{table.mine} = {bind('me', 'uuid')}"


def outermost(paths: Any) -> tuple[str, ...]:
    """The given paths without those that lie inside another of them, in order."""
    kept: list[str] = []
    for path in sorted(set(paths)):
        if not kept or not is_within(path, kept[-1]):
            kept.append(path)
    return tuple(kept)


def _region_atoms(paths: tuple[str, ...], table: Reachable) -> list[str]:
    if not paths:
        return []
    if len(paths[0]) == DISTRICT_PATH:
        return ["all"]
    if table.inside is not None:
        return ["inside" if len(paths) == 1 else "inside-any"]
    lengths = {len(path) for path in paths}
    column = table.levels.get(lengths.pop()) if len(lengths) == 1 else None
    if len(paths) > 1:
        return [f"{AMONG}{column}:{breadth(len(paths))}"] if column else ["under-any"]
    return [f"at:{column}"] if column else ["under"]
