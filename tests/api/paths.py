"""Every way through the schema from a root field to a row, as documents that ask for ids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from graphql import (
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    is_required_argument,
    parse,
)

from guanjia.graph.limits import LimitExceeded, hold_rows
from guanjia.reading.mapping import METADATA, NODES, Connect, Lookup, Many, Node, One
from guanjia.reading.values import BUCKETS, PAGE_LIMIT

DEEP = 3


@dataclass(frozen=True)
class Way:
    """A root connection and the relations followed from it."""

    root: str
    node: str
    steps: tuple[tuple[str, Any], ...] = ()
    taken: frozenset[tuple[str, str]] = frozenset()
    first: int = PAGE_LIMIT

    def document(self) -> str:
        inner = "id"
        for name, mapped in reversed(self.steps):
            inner = f"id {name} {{ {_wrapped(mapped, inner)} }}"
        return (
            f"query ($after: String) {{ {self.root}(first: {self.first}, after: $after)"
            f" {{ totalCount pageInfo {{ hasNextPage endCursor }} nodes {{ {inner} }} }} }}"
        )

    def ends(self, data: Any) -> Iterator[tuple[str, int | None]]:
        """The ids at the end of the way, each with the total that its connection claimed."""
        connection = data[self.root]
        places: list[tuple[Any, int | None]] = [
            (row, connection["totalCount"]) for row in connection["nodes"]
        ]
        for name, mapped in self.steps:
            places = [after for row, _ in places for after in _follow(row[name], mapped)]
        for row, total in places:
            yield row["id"], total


def _wrapped(mapped: Any, inner: str) -> str:
    return f"totalCount nodes {{ {inner} }}" if isinstance(mapped, Connect) else inner


def _follow(found: Any, mapped: Any) -> list[tuple[Any, int | None]]:
    if found is None:
        return []
    if isinstance(mapped, One):
        return [(found, None)]
    if isinstance(mapped, Many):
        return [(row, None) for row in found]
    return [(row, found["totalCount"]) for row in found["nodes"]]


def roots(schema: GraphQLSchema, kind: type) -> dict[str, str]:
    """The root fields of a kind (Connect, Lookup) with the node type they give."""
    assert schema.query_type is not None
    found = {}
    for name, field in schema.query_type.fields.items():
        mapped = (field.extensions["strawberry-definition"].metadata or {}).get(METADATA)
        if isinstance(mapped, kind):
            assert isinstance(mapped, Connect | Lookup)
            found[name] = mapped.node
    return found


def id_argument(schema: GraphQLSchema, root: str) -> str | None:
    """The argument by which a root field looks a row up; None where it gives the request's own."""
    assert schema.query_type is not None
    needed = [n for n, a in schema.query_type.fields[root].args.items() if is_required_argument(a)]
    assert len(needed) <= 1, root
    return needed[0] if needed else None


def relations(schema: GraphQLSchema, node: Node) -> Iterator[tuple[str, Any]]:
    """The relations of a node type by their GraphQL names."""
    described = schema.type_map[node.name]
    assert isinstance(described, GraphQLObjectType)
    for name, field in described.fields.items():
        mapped = (field.extensions["strawberry-definition"].metadata or {}).get(METADATA)
        if isinstance(mapped, One | Many | Connect):
            assert get_named_type(field.type)
            yield name, mapped


def _allowed(schema: GraphQLSchema, way: Way) -> Way | None:
    for size in sorted(BUCKETS, reverse=True):
        sized = replace(way, first=size)
        [operation] = parse(sized.document()).definitions
        assert isinstance(operation, OperationDefinitionNode)
        try:
            hold_rows(schema, operation, {}, {})
        except LimitExceeded:
            continue
        return sized
    return None


def ways(schema: GraphQLSchema) -> Iterator[Way]:
    """Every way of up to DEEP relations, without going through one field twice, by the largest
    page that the limit on rows allows; what it allows to nobody is no way."""
    waiting = [Way(name, node) for name, node in roots(schema, Connect).items()]
    while waiting:
        allowed = _allowed(schema, waiting.pop(0))
        if allowed is None:
            continue
        way = allowed
        yield way
        if len(way.steps) == DEEP:
            continue
        for name, mapped in relations(schema, NODES[way.node]):
            here = (way.node, name)
            if here not in way.taken:
                steps = (*way.steps, (name, mapped))
                waiting.append(Way(way.root, mapped.node, steps, way.taken | {here}))
