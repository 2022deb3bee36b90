"""How a GraphQL type is stored: the vocabulary that the compiler and the row reader share.

A `Node` says in which table a type's rows live, which permission reads them and how a scope
reaches them. Its fields are columns, relations and connections. The Strawberry types stay the only
schema; this mapping hangs on their fields as metadata.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from guanjia.db.scope import Reachable

METADATA = "reading"
BY_ID = "{row}.id = {key}"
TODAY = "(now() at time zone 'Asia/Shanghai')::date"
REQUIRES = "requires"


@dataclass(frozen=True, slots=True)
class Column:
    """A stored column. kind: text, enum, int, bool, uuid, time, date, money (bigint fen).

    Without the permission `requires` its value is null, or that of the column `otherwise`.
    """

    name: str
    kind: str = "text"
    requires: str | None = None
    otherwise: str | None = None


@dataclass(frozen=True, slots=True)
class Derived:
    """A value computed from the row, in SQL over `{row}`, `{tenant}` and `{day}`.

    The day is today, or that of `asOf` where the root field has one (see `Lookup`, `Condition`);
    it holds for everything below that field, in every SQL of a mapping.
    """

    sql: str
    requires: str | None = None


@dataclass(frozen=True, slots=True)
class One:
    """The row of `node` whose id is in this row's column `key`.

    `match` says so in SQL over `{row}`, `{key}`, `{tenant}` and `{day}`, for a row that is found
    by the key in another way; at most one row matches.
    `through` names the permission of the parent that already covers it; without it the target's
    own scope applies and a row out of scope is null.
    """

    node: str
    key: str
    through: str | None = None
    match: str = BY_ID


@dataclass(frozen=True, slots=True)
class Links:
    """Pairs: `here` holds this row's id and `there` what it is linked with. The table is one, or
    the SQL of one over `{tenant}`."""

    table: str
    here: str
    there: str


@dataclass(frozen=True, slots=True)
class Many:
    """A bounded list: the rows of `node` whose column `key` holds this row's id, in `order`; with
    `links`, those whose `key` is linked with it. `of`: this row's column instead of its id;
    `alike`: text columns that have the same value in both."""

    node: str
    key: str
    order: tuple[tuple[str, str], ...]
    through: str | None = None
    limit: int = 100
    where: str = ""
    links: Links | None = None
    of: str = "id"
    alike: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Connect:
    """A connection. At a root it starts from the node's scope, below a row from `key`; `where` is
    what its rows must meet besides."""

    node: str
    key: str | None = None
    through: str | None = None
    order: str | None = None
    where: str = ""


@dataclass(frozen=True, slots=True)
class Lookup:
    """A root field that gives one row: by the argument that `by` names, the actor's own (`me`), or
    the tenant's own (`tenant`). `day` is the argument, if any, with the day it is asked for."""

    node: str
    by: str = "id"
    day: str | None = None


@dataclass(frozen=True, slots=True)
class FromActor:
    """A value that follows from who asks, computed in Python without the database."""

    value: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Unplanned:
    """A root field that is left to the stock executor on purpose; the reason is what is counted."""

    reason: str


@dataclass(frozen=True, slots=True)
class SortKey:
    column: str
    kind: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """A named order of a connection. The last key is unique, so that a cursor is a place."""

    name: str
    keys: tuple[SortKey, ...]


def sorted_by(name: str, column: str, kind: str = "text", *, descending: bool = False) -> Order:
    """Rows by a column and, where it is the same, by id."""
    return Order(name, (SortKey(column, kind, descending), SortKey("id", "uuid", descending)))


def newest(column: str, kind: str = "time") -> tuple[Order]:
    return (sorted_by("NEWEST", column, kind, descending=True),)


def by_age(column: str, kind: str = "time") -> tuple[Order, Order]:
    """The newest first, or the oldest."""
    return (*newest(column, kind), sorted_by("OLDEST", column, kind))


def elsewhere(table: str, column: str, key: str, match: str = "id") -> str:
    """SQL over `{row}` and `{tenant}`: the column, or `{told}` in an expression, of the row of a
    table whose `match` this row has as its `key`."""
    told = column.replace("{told}", "told") if "{told}" in column else f"told.{column}"
    return (
        f"(select {told} from {table} told where told.tenant_id = {{tenant}}"
        f" and told.{match} = {{row}}.{key})"
    )


@dataclass(frozen=True, slots=True)
class Condition:
    """What one field of a filter input means.

    operator: in, eq, gte, lt, within, at, as_of, day, search, flag, holds. `column` is the column
    it looks at; for `within` and `at` the path that lies in a region or is that of one of several;
    for search the gram table and its key; for a flag the SQL for true, `otherwise` for false; for
    as_of the date from which the row is valid, and `otherwise` the one from which it no longer is;
    for holds the SQL that is true of the given `{value}`. A day is the one that the rows, and all
    below them, are asked for.
    `requires`: only rows at which the actor holds this permission match, so that a filter tells
    nothing of a value that is masked.
    """

    operator: str
    column: str = ""
    kind: str = "text"
    table: str = ""
    otherwise: str = ""
    requires: str | None = None


FilterMap = Mapping[str, "Condition | FilterMap"]


@dataclass(frozen=True)
class Node:
    """A GraphQL type with rows. `filters` maps the fields of its filter input to conditions.

    `read` is the permission that reads them. Without one no scope reaches them: only a root field
    that gives the request's own row does. `key` is the column that names a row in its tenant.
    `rows` is the SQL of the rows over `{tenant}` and `{day}`, each with its `tenant_id`, where they
    are put together from several tables; every one of those must be held to the tenant in it.
    """

    name: str
    table: str
    read: str | None
    reach: Reachable
    fields: Mapping[str, Any]
    orders: Mapping[str, Order] = field(default_factory=dict)
    filters: FilterMap = field(default_factory=dict)
    key: str = "id"
    rows: str = ""

    def source(self, tenant: str, day: str = TODAY) -> str:
        """What stands behind `from`; `tenant` is the tenant's placeholder, `day` the day's SQL."""
        return f"({self.rows.format(tenant=tenant, day=day)})" if self.rows else self.table

    @property
    def columns(self) -> tuple[str, ...]:
        """Every stored column that some field, order or scope of this type needs."""
        names: dict[str, None] = {self.key: None}
        for mapped in self.fields.values():
            if isinstance(mapped, Column):
                names[mapped.name] = None
                if mapped.otherwise is not None:
                    names[mapped.otherwise] = None
            elif isinstance(mapped, One):
                names[mapped.key] = None
            elif isinstance(mapped, Many):
                names.update(dict.fromkeys((mapped.of, *mapped.alike)))
        for order in self.orders.values():
            names.update(dict.fromkeys(key.column for key in order.keys))
        for column in (self.reach.region, self.reach.mine):
            if column:
                names[column] = None
        return tuple(names)


class Nodes:
    """Every node type of the schema by its GraphQL name."""

    def __init__(self) -> None:
        self._by_name: dict[str, Node] = {}

    def add(self, node: Node) -> None:
        if node.name in self._by_name and self._by_name[node.name].table != node.table:
            raise ValueError(f"two node types are called {node.name}")
        self._by_name[node.name] = node

    def __getitem__(self, name: str) -> Node:
        return self._by_name[name]

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def __iter__(self) -> Any:
        return iter(self._by_name.values())


NODES = Nodes()
