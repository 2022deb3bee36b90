"""The compiler: one operation and the shape of its inputs become one SQL statement.

Parameters $1–$4 are the same in every plan (see `fence`); the others are bound at each run from
the variables, the actor or a constant. Every base relation is opened by `Compiler.relation`, which
records it and gives the tenant predicate with it: that record is what the fence lint reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from guanjia.db.scope import NOTHING, among_column, predicate_of
from guanjia.reading import cursors
from guanjia.reading.conditions import asked_day, conditions
from guanjia.reading.mapping import (
    TODAY,
    Column,
    Connect,
    Derived,
    FromActor,
    Lookup,
    Many,
    Node,
    Nodes,
    One,
    Order,
    Unplanned,
)
from guanjia.reading.pages import ConnectionSql, Page
from guanjia.reading.selection import Selected, Selection, permission_of, project
from guanjia.reading.sqltext import LIST, TENANT, alias_of, column_sql, literal
from guanjia.reading.values import Decline

FIXED_PARAMETERS = 4
Binder = Callable[[Any], Any]
_PLACEHOLDER = re.compile(r"\$([0-9]+)(?=::)")


@dataclass(frozen=True, slots=True)
class Relation:
    """A base table in a plan. Every one must carry the tenant and lie inside the fence."""

    table: str
    alias: str
    tenant: bool
    fenced: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """One statement and how to fill it. `binders` give $5 and up from a Run.

    `demands` are the permissions without which a root field is FORBIDDEN, not merely empty.
    `named` are the binders whose value the statement names: a filter or cursor of a connection of
    which only `__typename` is selected is read, since it may be wrong, and not sent.
    """

    sql: str
    binders: tuple[Binder, ...]
    relations: tuple[Relation, ...]
    demands: frozenset[str] = frozenset()
    named: tuple[int, ...] = ()

    def arguments(self, run: Any) -> list[Any]:
        values = [binder(run) for binder in self.binders]
        return [values[n] for n in self.named]


def fence(document: str) -> str:
    """The statement around a JSON expression over `s`.

    $1 tenant as text, $2 tenant, $3 the access epoch the caller's rights were read at, $4 the
    session or null. The tenant is set inside the statement, and each relation depends on it by
    data, so that no order of evaluation can read before it is set; a wrong order gives no rows.
    No row at all comes back when rights changed since, or the session ended.
    """
    return (
        "select q.j from (select set_config('app.tenant_id', $1, true) t) s"
        f" cross join lateral (select row_to_json(d$) j from (select {document}) d$"
        f" where exists (select 1 from access_epochs e where e.tenant_id = {TENANT}"
        " and e.epoch = $3 and s.t is not null)"
        " and ($4::uuid is null or exists (select 1 from sessions z"
        f" where z.tenant_id = {TENANT} and z.id = $4::uuid and z.revoked_at is null"
        " and z.expires_at > now() and s.t is not null)) offset 0) q"
    )


@dataclass
class Compiler:
    """Compiles the roots of one operation. `shapes` gives a scope's shape per permission."""

    nodes: Nodes
    shapes: Callable[[str, Node], tuple[str, ...]]
    binders: list[Callable[[Any], Any]] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    _aliases: int = 0
    _day: str = TODAY
    _bound: dict[Any, str] = field(default_factory=dict)

    def compile(self, roots: Iterable[Selected]) -> Plan:
        roots = tuple(roots)
        if not roots:
            raise Decline("empty")
        parts = [f"{self._root(root)} as {alias_of(root.key)}" for root in roots]
        demands = frozenset(filter(None, (permission_of(root.definition) for root in roots)))
        for table in ("access_epochs", "sessions"):
            self.relations.append(Relation(table, table, tenant=True, fenced=True))
        document, named = _renumbered(", ".join(parts))
        return Plan(fence(document), tuple(self.binders), tuple(self.relations), demands, named)

    # roots

    def _root(self, root: Selected) -> str:
        mapped = root.mapping
        if root.name == "__typename":
            return literal(root.typename)
        if isinstance(mapped, Connect):
            return self._connection(root, mapped, parent=None)
        if isinstance(mapped, Lookup):
            return self._lookup(root, mapped)
        if isinstance(mapped, FromActor):
            return self._from_actor(root, mapped)
        if isinstance(mapped, Unplanned):
            raise Decline(f"root:{root.name}: {mapped.reason}")
        raise Decline(f"root:{root.name}")

    def _lookup(self, root: Selected, mapped: Lookup) -> str:
        node = self.nodes[mapped.node]
        row, where = self.relation(node.table, root=True)
        if mapped.by == "me":
            where.append(f"{row}.{node.key} = {self._actor('membership_id', 'uuid')}")
        elif mapped.by == "tenant":
            where.append(f"{row}.{node.key} = {TENANT}")
        else:
            where.append(f"{row}.{node.key} = {self.argument(root, (mapped.by,), 'uuid')}")
            where.append(self._scoped(node.read, node, row))
        path = (mapped.day,) if mapped.day and root.has(mapped.day) else ()
        with self._asked(root, path):
            return self._object(root.children, node, row, f"{node.source(TENANT)} {row}", where)

    def _from_actor(self, root: Selected, mapped: FromActor) -> str:
        """A value that follows from the actor alone: computed, cut to the selection, and bound."""
        if root.arguments:
            raise Decline(f"root:{root.name}")
        return self.bind(
            ("actor-value", root.identity),
            lambda run: orjson.dumps(project(mapped.value(run.actor), root.children)),
            "json",
        )

    # objects and their fields

    def _object(
        self, selection: Selection, node: Node, row: str, source: str, where: list[str]
    ) -> str:
        """One row as JSON, or null."""
        columns = self.fields(selection, node, row)
        return (
            f"(select row_to_json(o$) from (select {columns} from {source}"
            f" where {' and '.join(where)}) o$)"
        )

    def fields(self, selection: Selection, node: Node, row: str) -> str:
        return ", ".join(
            f"{self._field(chosen, node, row)} as {alias_of(chosen.key)}"
            for chosen in selection.fields
        )

    def _field(self, chosen: Selected, node: Node, row: str) -> str:
        if chosen.name == "__typename":
            return literal(node.name)
        mapped = chosen.mapping
        if isinstance(mapped, Column):
            masked = f"{row}.{mapped.otherwise}" if mapped.otherwise else "null"
            return self._guarded(mapped.requires, node, row, column_sql(mapped, row), masked)
        if isinstance(mapped, Derived):
            expression = mapped.sql.format(row=row, tenant=TENANT, day=self._day)
            return self._guarded(mapped.requires, node, row, expression)
        if isinstance(mapped, One):
            return self._one(chosen, mapped, row)
        if isinstance(mapped, Many):
            return self._many(chosen, mapped, row)
        if isinstance(mapped, Connect):
            return self._connection(chosen, mapped, parent=row)
        if isinstance(mapped, FromActor):
            return self._from_actor(chosen, mapped)
        raise Decline(f"field:{node.name}.{chosen.name}")

    def _guarded(
        self,
        permission: str | None,
        node: Node,
        row: str,
        expression: str,
        otherwise: str = "null",
    ) -> str:
        if permission is None:
            return expression
        allowed = self._scoped(permission, node, row)
        if allowed == "true":
            return expression
        return f"case when {allowed} then {expression} else {otherwise} end"

    def _one(self, chosen: Selected, mapped: One, parent: str) -> str:
        node = self.nodes[mapped.node]
        row, where = self.relation(node.table)
        key = f"{parent}.{mapped.key}"
        where.append(mapped.match.format(row=row, key=key, tenant=TENANT, day=self._day))
        if mapped.through is None:
            where.append(self._scoped(node.read, node, row))
        return self._object(chosen.children, node, row, f"{node.source(TENANT)} {row}", where)

    def _many(self, chosen: Selected, mapped: Many, parent: str) -> str:
        node = self.nodes[mapped.node]
        row, where = self.relation(node.table)
        where.append(f"{row}.{mapped.key} {self._linked(mapped, parent)}")
        where += [f"{row}.{name} = {parent}.{name}" for name in mapped.alike]
        if mapped.where:
            where.append(mapped.where.format(row=row, tenant=TENANT, day=self._day))
        if mapped.through is None:
            where.append(self._scoped(node.read, node, row))
        order = ", ".join(f"{row}.{column} {way}" for column, way in mapped.order)
        columns = self.fields(chosen.children, node, row)
        return (
            f"(select {LIST.format(of='n$')} from (select {columns}"
            f" from {node.source(TENANT)} {row} where {' and '.join(where)}"
            f" order by {order} limit {mapped.limit}) n$)"
        )

    def _linked(self, mapped: Many, parent: str) -> str:
        links = mapped.links
        if links is None:
            return f"= {parent}.{mapped.of}"
        pair, where = self.relation(links.table)
        where.append(f"{pair}.{links.here} = {parent}.{mapped.of}")
        found = f"from {links.table.format(tenant=TENANT)} {pair} where {' and '.join(where)}"
        return f"in (select {pair}.{links.there} {found})"

    # connections

    def _connection(self, chosen: Selected, mapped: Connect, parent: str | None) -> str:
        shape = chosen.shape("filter")
        given = [] if shape == "null" else [name for name, part in shape if part != "null"]
        name = asked_day(self.nodes[mapped.node].filters, given)
        with self._asked(chosen, ("filter", name) if name else ()):
            return self._listed(chosen, mapped, parent)

    def _listed(self, chosen: Selected, mapped: Connect, parent: str | None) -> str:
        node = self.nodes[mapped.node]
        page = Page.of(chosen, node, mapped)
        row, where = self.relation(node.table, root=parent is None)
        if parent is not None:
            where.append(f"{row}.{mapped.key} = {parent}.id")
        where += conditions(
            node.filters,
            chosen.shape("filter"),
            row,
            TENANT,
            lambda path, kind, change: self.argument(chosen, ("filter", *path), kind, change),
            lambda permission: self._permitted(permission, node, row),
            self._day,
        )
        scope = [self._scoped(node.read, node, row)] if mapped.through is None else []
        rows = f"from {node.source(TENANT)} {row}"
        count = f"(select count(*) {rows} where {' and '.join(where + scope)})"
        for name, backwards in (("after", False), ("before", True)):
            if chosen.has(name):
                where.append(self._beyond(chosen, name, page.order, row, backwards))
        source = f"{rows} where {' and '.join(where + scope)}"
        if scope and (column := among_column(self.shapes(node.read or "", node))):
            source = self._region_by_region(node, page, row, where, column)
        return ConnectionSql(self, chosen, node, page, row, source, count).sql()

    def _region_by_region(
        self, node: Node, page: Page, row: str, where: list[str], column: str
    ) -> str:
        """The first rows of each region the caller holds: a page is among them, and each region's
        are one range of an index, in order."""
        order = cursors.sql_order(page.order, row, backwards=page.backwards)
        here = f'{row}.{column} = reach$.path collate "C"'
        return (
            f"from unnest({self._scope_value(node.read, 'paths', 'text[]')}) reach$(path)"
            f" cross join lateral (select {row}.* from {node.source(TENANT)} {row}"
            f" where {' and '.join([*where, here])} order by {order} limit {page.most}) {row}"
        )

    def _beyond(self, chosen: Selected, name: str, order: Order, row: str, backwards: bool) -> str:
        placeholders = []
        for position, part in enumerate(order.keys):
            placeholders.append(
                self.bind(
                    ("cursor", chosen.identity, name, position),
                    _cursor_value(chosen, name, order, position),
                    cursors.SQL_TYPES[part.kind],
                )
            )
        return cursors.after(order, row, placeholders, backwards=backwards)

    # pieces

    @contextmanager
    def _asked(self, chosen: Selected, path: tuple[str, ...]) -> Iterator[None]:
        """What is compiled inside is asked for the day in this argument, if there is one."""
        outer = self._day
        if path:
            self._day = self.argument(chosen, path, "date")
        yield
        self._day = outer

    def relation(self, table: str, *, root: bool = False) -> tuple[str, list[str]]:
        """A fresh alias for a base table, and the conditions that put it behind the wall."""
        self._aliases += 1
        alias = f"t{self._aliases}"
        where = [f"{alias}.tenant_id = {TENANT}"]
        if root:
            where.append("s.t is not null")
        self.relations.append(Relation(table, alias, tenant=True, fenced=True))
        return alias, where

    def _scoped(self, permission: str | None, node: Node, row: str) -> str:
        if permission is None:
            return NOTHING
        return predicate_of(
            self.shapes(permission, node),
            node.reach,
            row,
            TENANT,
            lambda name, kind: self._scope_value(permission, name, kind),
        )

    def _scope_value(self, permission: str | None, name: str, kind: str) -> str:
        return self.bind(
            ("scope", permission, name), lambda run: run.scope(permission).value(name), kind
        )

    def _permitted(self, permission: str, node: Node, row: str) -> str:
        """The rows a filter may look at; who may look at none is refused."""
        if not self.shapes(permission, node):
            raise Decline("forbidden")
        return self._scoped(permission, node, row)

    def _actor(self, name: str, kind: str) -> str:
        return self.bind(("actor", name), lambda run: getattr(run.actor, name), kind)

    def argument(
        self,
        chosen: Selected,
        path: tuple[str, ...],
        kind: str,
        change: Callable[[Any], Any] | None = None,
    ) -> str:
        read = chosen.reader(path)
        if change is None:
            return self.bind(("argument", chosen.identity, path, kind), read, kind)
        return self.bind(
            ("argument", chosen.identity, path, kind), lambda run: change(read(run)), kind
        )

    def bind(self, key: Any, binder: Callable[[Any], Any], kind: str) -> str:
        """The placeholder of a value; the same value is bound once."""
        if key not in self._bound:
            self.binders.append(binder)
            self._bound[key] = f"${FIXED_PARAMETERS + len(self.binders)}::{kind}"
        return self._bound[key]


def _renumbered(document: str) -> tuple[str, tuple[int, ...]]:
    """The document with its parameters numbered without gaps, and which binders they are."""
    used = sorted({int(number) for number in _PLACEHOLDER.findall(document)})
    numbers = {old: FIXED_PARAMETERS + new for new, old in enumerate(used, 1)}
    renumbered = _PLACEHOLDER.sub(lambda found: f"${numbers[int(found[1])]}", document)
    return renumbered, tuple(old - FIXED_PARAMETERS - 1 for old in used)


def _cursor_value(chosen: Selected, name: str, order: Order, position: int) -> Callable[[Any], Any]:
    return lambda run: run.cursor(chosen, name, order)[position]


def lint(plan: Plan, tables: Mapping[str, Any] | None = None) -> list[str]:
    """What is wrong with a plan's relations: each must be fenced and carry the tenant."""
    faults = [r.table for r in plan.relations if not (r.tenant and r.fenced)]
    for relation in plan.relations:
        if relation.alias.startswith("t"):
            wall = f"{relation.alias}.tenant_id = {TENANT}"
            if wall not in plan.sql:
                faults.append(relation.table)
    return faults
