"""Every way through the schema from a root field to a row, as documents that ask for ids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
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
    nodes: tuple[str, ...]
    steps: tuple[tuple[str, Any], ...] = ()
    first: int = PAGE_LIMIT

    @property
    def edges(self) -> list[tuple[str, str]]:
        return [(node, name) for node, (name, _) in zip(self.nodes, self.steps, strict=False)]

    def document(self) -> str:
        inner = "id"
        for name, mapped in reversed(self.steps):
            inner = f"id {name} {{ {_wrapped(mapped, inner)} }}"
        return (
            f"query ($after: String) {{ {self.root}(first: {self.first}, after: $after)"
            f" {{ totalCount pageInfo {{ hasNextPage endCursor }} nodes {{ {inner} }} }} }}"
        )

    def joints(self) -> set[tuple[str, ...]]:
        """What is met on the way: the root, its first relation, each relation after another."""
        names = [".".join(edge) for edge in self.edges]
        return {(self.root, *names[:1]), (self.root,), *pairwise(names)}

    def met(self, data: Any) -> list[list[tuple[str, int | None]]]:
        """The ids at the root and after each step, each with the total its connection claimed."""
        connection = data[self.root]
        places: list[tuple[Any, int | None]] = [
            (row, connection["totalCount"]) for row in connection["nodes"]
        ]
        levels = [places]
        for name, mapped in self.steps:
            places = [after for row, _ in places for after in _follow(row[name], mapped)]
            levels.append(places)
        return [[(row["id"], total) for row, total in level] for level in levels]


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
    """Ways of up to DEEP relations, by the largest page that the limit on rows allows (what it
    allows to nobody is no way): so many that each root is met, each root with each of its
    relations, and each relation after each that leads to it."""
    met: set[tuple[str, ...]] = set()
    for way in sorted(_all_ways(schema), key=lambda way: -len(way.steps)):
        if way.joints() <= met:
            continue
        sized = _allowed(schema, way)
        if sized is not None:
            met |= way.joints()
            yield sized


def _all_ways(schema: GraphQLSchema) -> Iterator[Way]:
    """Every way of up to DEEP relations, without going through one field twice."""
    waiting = [Way(name, (node,)) for name, node in roots(schema, Connect).items()]
    while waiting:
        way = waiting.pop()
        yield way
        if len(way.steps) == DEEP:
            continue
        for name, mapped in relations(schema, NODES[way.nodes[-1]]):
            if (way.nodes[-1], name) not in way.edges:
                steps = (*way.steps, (name, mapped))
                waiting.append(replace(way, nodes=(*way.nodes, mapped.node), steps=steps))
