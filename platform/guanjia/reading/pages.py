"""The SQL of a connection: a page of rows, its edges, its page information and its total."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from guanjia.reading import cursors
from guanjia.reading.mapping import Connect, Node, Order
from guanjia.reading.selection import Selected
from guanjia.reading.sqltext import LIST, alias_of, literal
from guanjia.reading.values import DEFAULT_PAGE, Decline, bucket


@dataclass(frozen=True, slots=True)
class Page:
    order: Order
    backwards: bool
    bucket: int
    size: str

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
        return Page(node.orders[name], backwards, bucket(count), size)


@dataclass(frozen=True, slots=True)
class ConnectionSql:
    """The JSON of a connection over `source`, a page of rows under the alias `row`."""

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
        if not self.chosen.has(self.page.size):
            return f"{DEFAULT_PAGE}"
        return str(self.compiler.argument(self.chosen, (self.page.size,), "bigint"))

    def _plain(self, selected: Iterable[Selected]) -> str:
        """No cursor is asked for: the page itself, aggregated."""
        parts = []
        for part in selected:
            if part.name == "nodes":
                columns = self.compiler.fields(part.children, self.node, self.row)
                page = f"(select * from {self.source} limit {self._size}) {self.row}"
                rows = f"select {columns} from {page}"
                if self.page.backwards:
                    keys = cursors.sql_order(self.page.order, self.row, backwards=False)
                    rows += f" order by {keys}"
                value = f"(select {LIST.format(of='n$')} from ({rows}) n$)"
            else:
                value = self._scalar(part)
            parts.append(f"{value} as {alias_of(part.key)}")
        return f"(select row_to_json(c$) from (select {', '.join(parts)}) c$)"

    def _paged(self, selected: Iterable[Selected]) -> str:
        """One row more than asked for tells whether there is a next page."""
        inner, outer, parts = ["row_number() over () as rn"], ["count(*) as found"], []
        keys = self.page.order.keys
        inner += [f"{self.row}.{key.column} as k{i}" for i, key in enumerate(keys)]
        for i in range(len(keys)):
            outer.append(f"(array_agg(p.k{i} order by p.rn))[1] as head{i}")
            last = f"least(count(*), {self._size})"
            outer.append(f"(array_agg(p.k{i} order by p.rn))[{last}] as tail{i}")
        way = "desc" if self.page.backwards else "asc"
        for number, part in enumerate(selected):
            if part.name in ("nodes", "edges"):
                item = self._node(part) if part.name == "nodes" else self._edge(part)
                inner.append(f"{item} as n{number}")
                rows = f"array_agg(p.n{number} order by p.rn {way})"
                kept = f"{rows} filter (where p.rn <= {self._size})"
                outer.append(f"coalesce(array_to_json({kept}), '[]') as n{number}")
                value = f"g.n{number}"
            elif part.name == "pageInfo":
                value = self._page_info(part)
            else:
                value = self._scalar(part)
            parts.append(f"{value} as {alias_of(part.key)}")
        rows = f"select {', '.join(inner)} from {self.source} limit {self._size} + 1"
        return (
            f"(select row_to_json(c$) from (select {', '.join(parts)}"
            f" from (select {', '.join(outer)} from ({rows}) p) g) c$)"
        )

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
                value = literal(part.typename)
            columns.append(f"{value} as {alias_of(chosen.key)}")
        return f"(select row_to_json(e$) from (select {', '.join(columns)}) e$)"

    def _scalar(self, part: Selected) -> str:
        if part.name == "totalCount":
            return self.count
        if part.name == "__typename":
            return literal(self.chosen.typename)
        raise Decline(f"connection:{part.name}")

    def _page_info(self, part: Selected) -> str:
        more = f"g.found > {self._size}"
        before, after = self.chosen.has("before"), self.chosen.has("after")
        first, last = ("tail", "head") if self.page.backwards else ("head", "tail")
        values = {
            "hasNextPage": str(before).lower() if self.page.backwards else more,
            "hasPreviousPage": more if self.page.backwards else str(after).lower(),
            "startCursor": self._end_cursor(first),
            "endCursor": self._end_cursor(last),
            "__typename": literal("PageInfo"),
        }
        columns = ", ".join(
            f"{values[chosen.name]} as {alias_of(chosen.key)}" for chosen in part.children.fields
        )
        return f"(select row_to_json(i$) from (select {columns}) i$)"

    def _end_cursor(self, end: str) -> str:
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
