"""Node types: GraphQL types whose fields are columns and relations of one table.

`@node(Model, read=…)` turns the declarations of a class into Strawberry fields that carry their
mapping for the compiler, and gives each the resolver that the stock executor uses. Both read the
same mapping; neither knows the other.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import strawberry
from strawberry.types import Info
from tortoise import fields as stored

from guanjia.db.scope import Reachable
from guanjia.graph.connections import Connection as Connection  # as modules name it
from guanjia.graph.filters import conditions_of, filter_values, row_id
from guanjia.graph.marks import Public, Requires, public, requires
from guanjia.graph.protection import Protection, check_field, check_filters, protected_columns
from guanjia.reading.conditions import demanded
from guanjia.reading.mapping import (
    BY_ID,
    METADATA,
    NODES,
    Column,
    Connect,
    Derived,
    FilterMap,
    FromActor,
    Lookup,
    Many,
    Node,
    One,
    Order,
)
from guanjia.reading.rows import PageArguments


@dataclass(frozen=True)
class Declared:
    """A field of a node class before the class is read."""

    mapping: Any
    description: str | None
    protection: Protection | None = None


def column(
    description: str | None = None,
    *,
    name: str | None = None,
    requires: str | None = None,
    otherwise: str | None = None,
    protection: Protection | None = None,
) -> Any:
    """A stored column; by default the one of the attribute's name."""
    mapping = Column(name or "", requires=requires, otherwise=otherwise)
    return Declared(mapping, description, protection)


def derived(
    sql: str,
    description: str | None = None,
    *,
    requires: str | None = None,
    protection: Protection | None = None,
) -> Any:
    """A value in SQL over `{row}`."""
    return Declared(Derived(sql, requires), description, protection)


def one(
    node_name: str,
    key: str,
    description: str | None = None,
    *,
    through: str | None = None,
    match: str = BY_ID,
) -> Any:
    return Declared(One(node_name, key, through, match), description)


def many(
    node_name: str,
    key: str,
    order: tuple[tuple[str, str], ...],
    description: str | None = None,
    *,
    through: str | None = None,
    **how: Any,
) -> Any:
    """`how` is what else the relation says: see `Many`."""
    return Declared(Many(node_name, key, order, through, **how), description)


def connection(
    node_name: str,
    key: str,
    description: str | None = None,
    *,
    through: str | None = None,
    order: str | None = None,
    where: str = "",
) -> Any:
    return Declared(Connect(node_name, key, through, order, where), description)


def from_actor(value: Callable[[Any], Any], description: str | None = None) -> Any:
    """A value that follows from who asks."""
    return Declared(FromActor(value), description)


def node(
    model: Any,
    *,
    read: str,
    reach: Reachable,
    orders: tuple[Order, ...] = (),
    filters: Any = None,
    rows: str = "",
) -> Callable[[type], Any]:
    """The class becomes a GraphQL type over the model's table, readable with `read`. `filters`
    is the class of its filter input, `rows` the SQL of the rows if they are no table's own."""
    mark, conditions = Requires(permission=read), conditions_of(filters) if filters else {}
    return lambda cls: _node(cls, model, mark, read, reach, orders, conditions, rows)


def public_node(model: Any, reason: str) -> Callable[[type], Any]:
    """The class becomes a GraphQL type over a table of which anyone may read the row that is the
    request's own, and nobody any other: see `root_tenant`."""
    return lambda cls: _node(cls, model, Public(reason=reason), None, Reachable(), (), {})


def _node(
    cls: type,
    model: Any,
    mark: object,
    read: str | None,
    reach: Reachable,
    orders: tuple[Order, ...],
    filters: FilterMap,
    rows: str = "",
) -> Any:
    kinds, classes = _kinds(model), protected_columns(model)
    check_filters(cls.__name__, filters, classes)
    mapped: dict[str, Any] = {}
    for attribute, declared in list(vars(cls).items()):
        if isinstance(declared, Declared):
            mapping = _complete(declared.mapping, attribute, kinds)
            check_field(f"{cls.__name__}.{attribute}", mapping, declared.protection, classes)
            mapped[attribute] = mapping
            setattr(cls, attribute, field_of(declared, mapping))
    NODES.add(
        Node(
            name=cls.__name__,
            table=model._meta.db_table,
            read=read,
            reach=reach,
            fields=mapped,
            orders={order.name: order for order in orders},
            filters=filters,
            key=model._meta.pk_attr,
            rows=rows,
        )
    )
    description = inspect.cleandoc(cls.__doc__ or "") or None
    return strawberry.type(cls, description=description, directives=[mark])


def _kinds(model: Any) -> Mapping[str, str]:
    return {name: _kind(name, field) for name, field in model._meta.fields_map.items()}


def _kind(name: str, field: Any) -> str:
    if isinstance(field, stored.UUIDField):
        return "uuid"
    if isinstance(field, stored.DatetimeField):
        return "time"
    if isinstance(field, stored.DateField):
        return "date"
    if isinstance(field, stored.BooleanField):
        return "bool"
    if isinstance(field, stored.BigIntField) and name.endswith("_fen"):
        return "money"
    if isinstance(field, stored.IntField | stored.BigIntField | stored.SmallIntField):
        return "int"
    return "text"


def _complete(mapping: Any, attribute: str, kinds: Mapping[str, str]) -> Any:
    if not isinstance(mapping, Column):
        return mapping
    name = mapping.name or attribute
    return replace(mapping, name=name, kind=kinds[name])


def field_of(declared: Declared, mapping: Any) -> Any:
    """The field's type is the annotation in its class, which may name a class further below."""
    return strawberry.field(
        resolver=_resolver(mapping),
        description=declared.description,
        metadata={METADATA: mapping},
        directives=[declared.protection.mark] if declared.protection else [],
    )


def _resolver(mapping: Any) -> Callable[..., Any]:
    match mapping:
        case Column(requires=None):
            return lambda root: root[mapping.name]
        case Column() | Derived():
            return _guarded(mapping)
        case One():

            async def one_row(root: Any, info: Info) -> Any:
                return await info.context.reader.one(mapping, root)

            return one_row
        case Many():

            async def many_rows(root: Any, info: Info) -> Any:
                return await info.context.reader.many(mapping, root)

            return many_rows
        case Connect():
            return _nested_connection(mapping)
        case FromActor():

            def value_of_actor(root: Any, info: Info) -> Any:
                return mapping.value(info.context.actor)

            return value_of_actor
    raise TypeError(f"no resolver for {mapping!r}")


def _guarded(mapping: Column | Derived) -> Callable[..., Any]:
    async def resolve(root: Any, info: Info) -> Any:
        reader = info.context.reader
        if mapping.requires is not None and not await reader.allows(mapping.requires, root):
            masked = mapping.otherwise if isinstance(mapping, Column) else None
            return root[masked] if masked else None
        if isinstance(mapping, Column):
            return root[mapping.name]
        return await reader.derived(root, mapping.sql)

    return resolve


UNSET: Any = strawberry.UNSET
First = Annotated[int | None, strawberry.argument(description="从头取多少条,1–100,默认 20")]
Last = Annotated[int | None, strawberry.argument(description="从尾取多少条,1–100")]
After = Annotated[str | None, strawberry.argument(description="此游标之后")]
Before = Annotated[str | None, strawberry.argument(description="此游标之前")]


def _page(first: Any, after: Any, last: Any, before: Any) -> PageArguments:
    """The page asked for; an argument that was not given is None."""
    given = (None if value is UNSET else value for value in (first, after, last, before))
    return PageArguments(**dict(zip(("first", "after", "last", "before"), given, strict=True)))


def _nested_connection(mapping: Connect) -> Callable[..., Any]:
    async def resolve(
        root: Any,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Any:
        arguments = _page(first, after, last, before)
        return Connection(page=await info.context.reader.page(mapping, root, arguments))

    return resolve


def root_connection(
    node_type: Any, *, permission: str, filter_type: Any, order_type: Any, description: str
) -> Any:
    """A root field that lists the rows of a node type in the caller's scope."""
    mapping = Connect(node_type.__name__)

    async def resolve(
        root: Any,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
        filter: filter_type | None = UNSET,
        order_by: order_type | None = UNSET,
    ) -> Any:
        arguments = replace(
            _page(first, after, last, before),
            order=order_by.value if order_by else None,
            filter=filter_values(filter) if filter else None,
        )
        for needed in demanded(NODES[mapping.node].filters, arguments.filter or {}):
            await info.context.scope(needed)
        return Connection(page=await info.context.reader.page(mapping, None, arguments))

    return strawberry.field(
        resolver=resolve,
        graphql_type=Connection[node_type],
        description=description,
        metadata={METADATA: mapping},
        extensions=requires(permission),
    )


def root_lookup(node_type: Any, *, permission: str, description: str) -> Any:
    """A root field that gives one row by id; null when absent or out of scope."""
    name = node_type.__name__

    async def resolve(root: Any, info: Info, id: strawberry.ID) -> Any:
        return await info.context.reader.by_id(name, row_id(id))

    return strawberry.field(
        resolver=resolve,
        graphql_type=node_type | None,
        description=description,
        metadata={METADATA: Lookup(name)},
        extensions=requires(permission),
    )


def root_value(kind: Any, value: Callable[[Any], Any], *, permission: str, description: str) -> Any:
    """A root field whose value follows from who asks."""

    async def resolve(root: Any, info: Info) -> Any:
        return value(info.context.actor)

    return strawberry.field(
        resolver=resolve,
        graphql_type=kind,
        description=description,
        metadata={METADATA: FromActor(value)},
        extensions=requires(permission),
    )


def root_tenant(node_type: Any, *, reason: str, description: str) -> Any:
    """A root field that gives the row of the tenant that the request names; null without one."""
    name = node_type.__name__

    async def resolve(root: Any, info: Info) -> Any:
        context = info.context
        if context.reader is None:
            return None
        return await context.reader.by_id(name, context.tenant_id, scoped=False)

    return strawberry.field(
        resolver=resolve,
        graphql_type=node_type | None,
        description=description,
        metadata={METADATA: Lookup(name, by="tenant")},
        extensions=public(reason),
    )


def root_viewer(node_type: Any, *, reason: str, description: str) -> Any:
    """A root field that gives the caller's own row; null for nobody."""
    name = node_type.__name__

    async def resolve(root: Any, info: Info) -> Any:
        context = info.context
        if context.caller is None:
            return None
        return await context.reader.by_id(name, context.actor.membership_id, scoped=False)

    return strawberry.field(
        resolver=resolve,
        graphql_type=node_type | None,
        description=description,
        metadata={METADATA: Lookup(name, by="me")},
        extensions=public(reason),
    )
