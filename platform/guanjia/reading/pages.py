"""The SQL of a connection: a page of rows, its edges, its page information and its total."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from guanjia.reading import cursors
from guanjia.reading.mapping import Connect, Node, Order
from guanjia.reading.selection import Selected
from guanjia.reading.sqltext import LIST, alias_of, literal
from guanjia.reading.values import DEFAULT_PAGE, Decline, bucket


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows of a list. `exact` is the size where the document says it; where a variable does,
    `bucket` is the literal that the planner sees above it."""

    order: Order
    backwards: bool
    bucket: int
    size: str
    exact: int | None

    @property
    def most(self) -> int:
        """How many rows are looked at: the page, and one more to see whether there is a next."""
        return (self.exact or self.bucket) + 1

    @staticmethod
    def of(chosen: Selected, node: Node, mapped: Connect) -> Page:
        if chosen.has("first") and chosen.has("last"):
            raise Decline("page")
        backwards = chosen.has("last")
        size = "last" if backwards else "first"
        count = chosen.value(size) if chosen.has(size) else DEFAULT_PAGE
        if count < 1:
            raise Decline("page_size")
        name = mapped.order or chosen.value("orderBy") or next(iter(node.orders))
        exact = None if chosen.is_variable(size) else count
        return Page(node.orders[name], backwards, bucket(count), size, exact)


@dataclass(frozen=True, slots=True)
class ConnectionSql:
    """The JSON of a connection over the rows of `source` (`from … where …` under the alias `row`)
    in the order of the page."""

    compiler: Any
    chosen: Selected
    node: Node
    page: Page
    row: str
    source: str
    count: str

    def sql(self) -> str:
        selected = self.chosen.children.fields
        if all(part.name in ("nodes", "totalCount", "__typename") for part in selected):
            return self._plain(selected)
        return self._paged(selected)

    @property
    def _size(self) -> str:
        if self.page.exact is not None:
            return str(self.page.exact)
        return str(self.compiler.argument(self.chosen, (self.page.size,), "bigint"))

    @property
    def _order(self) -> str:
        return cursors.sql_order(self.page.order, self.row, backwards=self.page.backwards)

    def _page(self, more: int = 0) -> str:
        """The page's stored rows in reading direction, and `more` rows beyond it, as a source."""
        row, limit = self.row, self.page.exact or self.page.bucket
        page = f"(select {row}.* {self.source} order by {self._order} limit {limit + more}) {row}"
        if self.page.exact is None:
            page = f"(select * from {page} limit {self._size} + {more}) {row}"
        return page

    def _plain(self, selected: Sequence[Selected]) -> str:
        """No cursor is asked for: the page itself, aggregated; twice if `nodes` is, by aliases."""
        lists = [part for part in selected if part.name == "nodes"]
        value = LIST.format(of="n$")
        source = f" from ({self._listed(lists[0])}) n$" if len(lists) == 1 else ""
        parts = []
        for part in selected:
            if part.name != "nodes":
                parts.append(f"{self._scalar(part)} as {alias_of(part.key)}")
            elif source:
                parts.append(f"{value} as {alias_of(part.key)}")
            else:
                parts.append(
                    f"(select {value} from ({self._listed(part)}) n$) as {alias_of(part.key)}"
                )
        return f"(select row_to_json(c$) from (select {', '.join(parts)}{source}) c$)"

    def _listed(self, part: Selected) -> str:
        """The page's nodes in list order."""
        columns = self.compiler.fields(part.children, self.node, self.row)
        if self.page.backwards:
            order = cursors.sql_order(self.page.order, self.row, backwards=False)
            return f"select {columns} from {self._page()} order by {order}"
        if self.page.exact is None:
            return f"select {columns} from {self._page()}"
        return f"select {columns} {self.source} order by {self._order} limit {self.page.exact}"

    def _paged(self, selected: Sequence[Selected]) -> str:
        """One row more than asked for tells whether there is a next page."""
        inner, outer, parts = [], ["count(*) as found"], []
        if self.page.backwards:
            inner.append("row_number() over () as rn")
        for end in self._ends(selected):
            place = "1" if end == "head" else f"least(count(*), {self._size})"
            for i, key in enumerate(self.page.order.keys):
                inner.append(f"{self.row}.{key.column} as {end}{i}")
                outer.append(f"({self._gathered(f'{end}{i}', 'asc')})[{place}] as {end}{i}")
        for number, part in enumerate(selected):
            if part.name in ("nodes", "edges"):
                item = self._node(part) if part.name == "nodes" else self._edge(part)
                inner.append(f"{item} as n{number}")
                outer.append(
                    f"coalesce(array_to_json({self._kept(f'n{number}')}), '[]') as n{number}"
                )
                value = f"g.n{number}"
            elif part.name == "pageInfo":
                value = self._page_info(part)
            else:
                value = self._scalar(part)
            parts.append(f"{value} as {alias_of(part.key)}")
        rows = f"select {', '.join(inner)} from {self._page(more=1)}"
        return (
            f"(select row_to_json(c$) from (select {', '.join(parts)}"
            f" from (select {', '.join(outer)} from ({rows}) p) g) c$)"
        )

    def _kept(self, column: str) -> str:
        """The values of a column without the row too many, in list order."""
        if self.page.backwards:
            return f"{self._gathered(column, 'desc')} filter (where p.rn <= {self._size})"
        return f"({self._gathered(column, 'asc')})[1:{self._size}]"

    def _gathered(self, column: str, way: str) -> str:
        """The values of a column in an array. Rows come in reading direction; where one aggregate
        turns them round, each must say its order."""
        return f"array_agg(p.{column}{f' order by p.rn {way}' if self.page.backwards else ''})"

    def _ends(self, selected: Sequence[Selected]) -> list[str]:
        """The ends of the page, in reading direction, whose cursor is asked for."""
        asked = {
            self._end(chosen.name)
            for part in selected
            if part.name == "pageInfo"
            for chosen in part.children.fields
            if chosen.name in ("startCursor", "endCursor")
        }
        return sorted(asked)

    def _end(self, cursor: str) -> str:
        return "head" if (cursor == "startCursor") is not self.page.backwards else "tail"

    def _node(self, part: Selected) -> str:
        columns = self.compiler.fields(part.children, self.node, self.row)
        return f"(select row_to_json(n$) from (select {columns}) n$)"

    def _edge(self, part: Selected) -> str:
        columns = []
        for chosen in part.children.fields:
            if chosen.name == "cursor":
                value = self._cursor(self.row)
            elif chosen.name == "node":
                value = self._node(chosen)
            else:
                value = literal(chosen.typename)
            columns.append(f"{value} as {alias_of(chosen.key)}")
        return f"(select row_to_json(e$) from (select {', '.join(columns)}) e$)"

    def _scalar(self, part: Selected) -> str:
        if part.name == "totalCount":
            return self.count
        if part.name == "__typename":
            return literal(part.typename)
        raise Decline(f"connection:{part.name}")

    def _page_info(self, part: Selected) -> str:
        more = f"g.found > {self._size}"
        before, after = self.chosen.has("before"), self.chosen.has("after")
        values = {
            "hasNextPage": str(before).lower() if self.page.backwards else more,
            "hasPreviousPage": more if self.page.backwards else str(after).lower(),
            "__typename": literal("PageInfo"),
        }
        columns = ", ".join(
            f"{values.get(chosen.name) or self._end_cursor(chosen.name)} as {alias_of(chosen.key)}"
            for chosen in part.children.fields
        )
        return f"(select row_to_json(i$) from (select {columns}) i$)"

    def _end_cursor(self, cursor: str) -> str:
        end = self._end(cursor)
        renamed = ", ".join(
            f"g.{end}{i} as {key.column}" for i, key in enumerate(self.page.order.keys)
        )
        return f"(select {self._cursor('h')} from (select {renamed}) h)"

    def _cursor(self, row: str) -> str:
        node, order = self.node, self.page.order
        inner, outer = (
            self.compiler.bind(
                ("cursor-key", node.name, order.name, side),
                lambda run, side=side: getattr(run.cursor_key(node, order), side),
                "bytea",
            )
            for side in ("inner", "outer")
        )
        return cursors.sql(order, row, inner, outer)
