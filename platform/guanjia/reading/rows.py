"""Reading rows for the stock executor: one statement a relation, the same filters and scopes.

This is the second reader, used where no plan exists: mutations' payloads, subscriptions and
whatever the compiler declines. It shares the scopes, conditions and cursors with the compiler and
nothing of its nesting, so that the two can be held against each other.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from guanjia.db.scope import NOTHING, Scope
from guanjia.reading import cursors
from guanjia.reading.conditions import BadSearch, asked_day, conditions
from guanjia.reading.mapping import TODAY, Connect, Many, Node, Nodes, One, Order
from guanjia.reading.values import DEFAULT_PAGE, PAGE_LIMIT

TENANT = "$1"


class BadPage(ValueError):
    """A page that cannot be given; the argument it is about and a Chinese sentence."""

    def __init__(self, argument: str, message: str) -> None:
        super().__init__(message)
        self.argument = argument
        self.message = message


@dataclass(frozen=True, slots=True)
class Row:
    """One stored row of a node type. Values by column name."""

    node: Node
    values: Mapping[str, Any]
    day: dt.date | None = None
    """The day it was asked for; today where there is none."""

    def __getitem__(self, column: str) -> Any:
        return self.values[column]


@dataclass(frozen=True, slots=True)
class PageArguments:
    first: int | None = None
    last: int | None = None
    after: str | None = None
    before: str | None = None
    order: str | None = None
    filter: Mapping[str, Any] | None = None

    @property
    def backwards(self) -> bool:
        return self.last is not None

    def size(self) -> int:
        """How many rows are asked for, 1 to 100."""
        if self.first is not None and self.last is not None:
            raise BadPage("first", "first 和 last 只能给出一个。")
        name = "last" if self.backwards else "first"
        size = self.last if self.backwards else self.first
        size = DEFAULT_PAGE if size is None else size
        if not 1 <= size <= PAGE_LIMIT:
            raise BadPage(name, f"{name} 须在 1 到 {PAGE_LIMIT} 之间。")
        return size


@dataclass(frozen=True, slots=True)
class RowPage:
    """One page of a connection, in list order."""

    rows: list[Row]
    cursors: list[str]
    has_next: bool
    has_previous: bool
    count: Callable[[], Any]


@dataclass
class Query:
    """The parameters of one statement; the first is always the tenant."""

    values: list[Any]

    def bind(self, value: Any, kind: str) -> str:
        self.values.append(value)
        return f"${len(self.values)}::{kind}"


@dataclass(eq=False)
class RowReader:
    """Reads rows for one actor on one connection whose tenant is set."""

    connection: Any
    tenant_id: UUID
    membership_id: UUID | None
    scope: Callable[[str], Scope]
    nodes: Nodes
    secret: bytes
    # The stock executor resolves siblings concurrently; a connection runs one statement at a time.
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Any]:
        """The connection for a resolver's own statements, while no other one uses it."""
        async with self._lock:
            yield self.connection

    async def by_id(
        self,
        name: str,
        row_id: UUID | None,
        *,
        scoped: bool = True,
        day: dt.date | None = None,
    ) -> Row | None:
        """The row, or None when it is absent or, unless `scoped` is off, out of scope."""
        if row_id is None:
            return None
        node = self.nodes[name]
        return await self._single(node, f"{{row}}.{node.key} = {{key}}", row_id, day, scoped=scoped)

    async def readable(self, name: str, ids: Collection[UUID]) -> set[UUID]:
        """Those of the rows that are there and in scope, in one statement."""
        node, query = self.nodes[name], Query([self.tenant_id])
        where = [
            f"x.tenant_id = {TENANT}",
            f"x.{node.key} = any({query.bind(list(ids), 'uuid[]')})",
            self._scoped(node.read, node, query),
        ]
        sql = f"select x.{node.key} as id from {_source(node, None)} x where {' and '.join(where)}"
        async with self._lock:
            return {row["id"] for row in await self.connection.fetch(sql, *query.values)}

    async def one(self, mapped: One, parent: Row) -> Row | None:
        key = parent[mapped.key]
        if key is None:
            return None
        node = self.nodes[mapped.node]
        return await self._single(
            node, mapped.match, key, parent.day, scoped=mapped.through is None
        )

    async def many(self, mapped: Many, parent: Row) -> list[Row]:
        node = self.nodes[mapped.node]
        query = Query([self.tenant_id])
        linked = f"= {query.bind(parent[mapped.of], 'uuid')}"
        if links := mapped.links:
            linked = (
                f"in (select l.{links.there} from {links.table.format(tenant=TENANT)} l"
                f" where l.tenant_id = {TENANT} and l.{links.here} {linked})"
            )
        where = [f"x.tenant_id = {TENANT}", f"x.{mapped.key} {linked}"]
        where += [f"x.{name} = {query.bind(parent[name], 'text')}" for name in mapped.alike]
        if mapped.where:
            where.append(mapped.where.format(row="x", tenant=TENANT, day=_day(parent.day)))
        if mapped.through is None:
            where.append(self._scoped(node.read, node, query))
        order = ", ".join(f"x.{column} {way}" for column, way in mapped.order)
        tail = f"order by {order} limit {mapped.limit}"
        return await self._rows(node, where, tail, query, parent.day)

    async def derived(self, row: Row, sql: str) -> Any:
        """The value of an SQL expression over one stored row."""
        query = Query([self.tenant_id])
        value = sql.format(row="x", tenant=TENANT, day=_day(row.day))
        return await self._value(
            f"select {value} from {_source(row.node, row.day)} x"
            f" where x.tenant_id = {TENANT} and x.id = {query.bind(row['id'], 'uuid')}",
            query,
        )

    async def allows(self, permission: str, row: Row) -> bool:
        """Whether the actor's scope for `permission` reaches this row."""
        query = Query([self.tenant_id])
        test = self._scoped(permission, row.node, query)
        found = await self._value(
            f"select {test} from {_source(row.node, row.day)} x"
            f" where x.tenant_id = {TENANT} and x.id = {query.bind(row['id'], 'uuid')}",
            query,
        )
        return bool(found)

    async def page(self, mapped: Connect, parent: Row | None, given: PageArguments) -> RowPage:
        """One page; BadPage when size, cursor or search text cannot be used."""
        node, size = self.nodes[mapped.node], given.size()
        order = node.orders[mapped.order or given.order or next(iter(node.orders))]
        key = cursors.key_for(self.secret, self.tenant_id, node.name, order)
        query = Query([self.tenant_id])
        day = _asked_day(node, parent, given)
        matching = self._matching(mapped, node, parent, given, query, day)
        counted = list(query.values)
        where = [*matching]
        for argument, backwards in (("after", False), ("before", True)):
            where += self._beyond(getattr(given, argument), argument, key, order, backwards, query)
        tail = (
            f"order by {cursors.sql_order(order, 'x', backwards=given.backwards)} limit {size + 1}"
        )
        rows = await self._rows(node, where, tail, query, day)
        more, rows = len(rows) > size, rows[:size]
        if given.backwards:
            rows.reverse()

        async def count() -> int:
            sql = f"select count(*) from {_source(node, day)} x where {' and '.join(matching)}"
            return int(await self._value(sql, Query(counted)))

        return RowPage(
            rows,
            [cursors.encode(key, order, row.values) for row in rows],
            has_next=given.before is not None if given.backwards else more,
            has_previous=more if given.backwards else given.after is not None,
            count=count,
        )

    def _matching(
        self,
        mapped: Connect,
        node: Node,
        parent: Row | None,
        given: PageArguments,
        query: Query,
        day: dt.date | None,
    ) -> list[str]:
        where = [f"x.tenant_id = {TENANT}"]
        if parent is not None:
            where.append(f"x.{mapped.key} = {query.bind(parent['id'], 'uuid')}")
        if mapped.where:
            where.append(mapped.where.format(row="x", tenant=TENANT, day=_day(day)))
        if mapped.through is None:
            where.append(self._scoped(node.read, node, query))
        if given.filter is None:
            return where
        values = given.filter

        def bind(path: tuple[str, ...], kind: str, change: Callable[[Any], Any] | None) -> str:
            value: Any = values
            for name in path:
                value = value[name]
            return query.bind(change(value) if change else value, kind)

        try:
            where += conditions(
                node.filters,
                shape_of(values),
                "x",
                TENANT,
                bind,
                lambda permission: self._scoped(permission, node, query),
                _day(day),
            )
        except BadSearch as error:
            raise BadPage("filter", "搜索内容须为 2 到 50 个字。") from error
        return where

    def _beyond(
        self,
        cursor: str | None,
        argument: str,
        key: cursors.CursorKey,
        order: Order,
        backwards: bool,
        query: Query,
    ) -> list[str]:
        if cursor is None:
            return []
        try:
            values = cursors.decode(key, order, cursor)
        except cursors.BadCursor as error:
            raise BadPage(argument, "游标无效:它不属于此列表、此排序或此租户。") from error
        marks = [
            query.bind(value, cursors.SQL_TYPES[part.kind])
            for value, part in zip(values, order.keys, strict=True)
        ]
        return [cursors.after(order, "x", marks, backwards=backwards)]

    async def _single(
        self, node: Node, match: str, value: Any, day: dt.date | None, *, scoped: bool
    ) -> Row | None:
        query = Query([self.tenant_id])
        key = query.bind(value, "uuid")
        found = match.format(row="x", key=key, tenant=TENANT, day=_day(day))
        where = [f"x.tenant_id = {TENANT}", found]
        if scoped:
            where.append(self._scoped(node.read, node, query))
        rows = await self._rows(node, where, "limit 1", query, day)
        return rows[0] if rows else None

    def _scoped(self, permission: str | None, node: Node, query: Query) -> str:
        if permission is None:
            return NOTHING
        return self.scope(permission).predicate(node.reach, "x", TENANT, query.bind)

    async def _rows(
        self, node: Node, where: list[str], tail: str, query: Query, day: dt.date | None
    ) -> list[Row]:
        columns = ", ".join(f"x.{column}" for column in node.columns)
        sql = f"select {columns} from {_source(node, day)} x where {' and '.join(where)} {tail}"
        async with self._lock:
            records = await self.connection.fetch(sql, *query.values)
        return [Row(node, dict(record), day) for record in records]

    async def _value(self, sql: str, query: Query) -> Any:
        async with self._lock:
            return await self.connection.fetchval(sql, *query.values)


def _day(day: dt.date | None) -> str:
    return TODAY if day is None else f"'{day.isoformat()}'::date"


def _source(node: Node, day: dt.date | None) -> str:
    return node.source(TENANT, _day(day))


def _asked_day(node: Node, parent: Row | None, given: PageArguments) -> dt.date | None:
    """The day of the filter, or that of the row above."""
    values = {name: value for name, value in (given.filter or {}).items() if value is not None}
    name = asked_day(node.filters, values)
    if name is not None:
        day: dt.date = values[name]
        return day
    return parent.day if parent is not None else None


def shape_of(value: Any) -> Any:
    """The shape of an already coerced filter value, as `values.coerce` would give it."""
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        return tuple(sorted((name, shape_of(part)) for name, part in value.items()))
    if isinstance(value, bool):
        return value
    return "list" if isinstance(value, list) else "v"
