"""Lists of a caller who holds one region or a few: what the regions spare a statement.

A district's newest rows lie together in a table, those of one grid lie scattered among everyone's.
What is said here wins that time back: several regions are merged in order instead of sorted, and
a region in which many rows lie is read once.
"""

from __future__ import annotations

import re
from typing import Any

from guanjia.db.scope import among, path_name, places
from guanjia.reading import cursors
from guanjia.reading.mapping import Node, One
from guanjia.reading.pages import ConnectionSql, Page
from guanjia.reading.selection import Selected
from guanjia.reading.sqltext import TENANT

MERGED = "merged$"


def listed(
    compiler: Any, chosen: Selected, node: Node, page: Page, row: str, where: list[str], count: str
) -> str:
    """The JSON of a connection over what the caller's scope reads of the rows of `where`."""
    shape = compiler.shapes(node.read or "", node)
    if names := places(shape, node.reach):
        paths = tuple(compiler.scope_value(node.read, name, "text") for name in names)
        compiler.places[row] = paths
    several = among(shape)
    if several is None:
        scoped = [*where, compiler.scoped(node.read, node, row)]
        source = f"from {compiler.source(node)} {row} where {' and '.join(scoped)}"
        return ConnectionSql(compiler, chosen, node, page, row, source, count).sql()
    if node.reach.only:
        where = [*where, node.reach.only.format(row=row, tenant=TENANT)]
    source = f"from ({MERGED}) {row}"
    sql = ConnectionSql(compiler, chosen, node, page, row, source, count).sql()
    return sql.replace(MERGED, _merged(compiler, node, page, row, where, *several, _used(sql, row)))


def _merged(
    compiler: Any,
    node: Node,
    page: Page,
    row: str,
    where: list[str],
    column: str,
    breadth: int,
    columns: list[str],
) -> str:
    """The first rows of each region: a page is among them, and each region's are one range of an
    index, in order. Only what is used is named: PostgreSQL carries the rest of a row through."""
    order = cursors.sql_order(page.order, row, backwards=page.backwards)
    selected = ", ".join(f"{row}.{name}" for name in columns)
    branches = []
    for number in range(breadth):
        path = compiler.scope_value(node.read, path_name(number), "text")
        here = " and ".join([*where, f"{row}.{column} = {path}"])
        branches.append(
            f"(select {selected} from {compiler.source(node)} {row} where {here}"
            f" order by {order} limit {page.most})"
        )
    return " union all ".join(branches)


def related(
    compiler: Any, chosen: Selected, mapped: One, node: Node, parent: str, found: str
) -> str:
    """The region of a row of a list whose rows all lie in the caller's few: each is read once, for
    the rows that name it, and `found` for any other."""
    cases = []
    for path in compiler.places[parent]:
        here = f"{{row}}.{node.reach.region} = {path}"
        row, where = compiler.relation(node.table, root=True)
        where.append(here.format(row=row))
        known = f"(select {row}.id from {compiler.source(node)} {row} where {' and '.join(where)})"
        region = compiler.related(chosen, mapped, here, "", root=True)
        cases.append(f" when {known} then {region}")
    return f"case {parent}.{mapped.key}{''.join(cases)} else {found} end"


def _used(sql: str, row: str) -> list[str]:
    return list(dict.fromkeys(re.findall(rf"\b{row}\.(\w+)", sql)))
