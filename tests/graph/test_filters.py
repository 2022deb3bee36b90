"""A filter is declared once, and every field of every filter input means something."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import strawberry
from graphql import GraphQLField, GraphQLInputObjectType, GraphQLSchema, get_named_type

from guanjia import schema as schemas
from guanjia.graph.filters import (
    DateTimeFilter,
    IdFilter,
    RegionFilter,
    by,
    conditions_of,
    filters,
    flag,
    means,
    search,
)
from guanjia.reading.mapping import NODES, Condition, Connect
from guanjia.reading.selection import mapping_of


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return schemas.graphql_schema(schemas.build())


def lists(schema: GraphQLSchema) -> Iterator[tuple[str, GraphQLField, Any]]:
    """Every connection field of the schema with its node."""
    for name, kind in schema.type_map.items():
        for field_name, field in getattr(kind, "fields", {}).items():
            mapping = mapping_of(field) if isinstance(field, GraphQLField) else None
            if isinstance(mapping, Connect):
                yield f"{name}.{field_name}", field, NODES[mapping.node]


def names(kind: Any) -> dict[str, Any]:
    """The fields of a filter input, nested."""
    named = get_named_type(kind)
    if not isinstance(named, GraphQLInputObjectType):
        return {}
    return {name: names(field.type) for name, field in named.fields.items()}


def meanings(conditions: Any) -> dict[str, Any]:
    if isinstance(conditions, Condition):
        return {}
    return {name: meanings(condition) for name, condition in conditions.items()}


def test_what_can_be_asked_is_what_is_answered(schema: GraphQLSchema) -> None:
    seen = 0
    for place, field, node in lists(schema):
        if "filter" in field.args:
            assert names(field.args["filter"].type) == meanings(node.filters), place
            seen += 1
        if "orderBy" in field.args:
            order = get_named_type(field.args["orderBy"].type)
            # An orderBy is always an enum.
            assert set(order.values) <= set(node.orders), place  # type: ignore[union-attr]
    assert seen >= 8


def test_every_condition_looks_at_a_column(schema: GraphQLSchema) -> None:
    assert schema
    for node in NODES:
        for condition in leaves(node.filters):
            assert condition.operator in ("flag", "search", "day") or condition.column, node.name


def leaves(conditions: Mapping[str, Any]) -> Iterator[Condition]:
    for part in conditions.values():
        if isinstance(part, Condition):
            yield part
        else:
            yield from leaves(part)


def test_a_meaning_follows_from_the_type() -> None:
    @filters
    class ThingFilter:
        """物"""

        id: IdFilter = by("id")
        seen_at: DateTimeFilter = by("at")
        place: RegionFilter = by("region_id", path="region_path")
        exact: RegionFilter = means(in_=Condition("at", "region_path", "uuid"))
        open: bool = flag("{row}.closed is null")
        search: str = search("{row}.text", "thing_grams", "thing_id", "两个字以上")

    assert conditions_of(ThingFilter) == {
        "id": {"in": Condition("in", "id", "uuid")},
        "seenAt": {"gte": Condition("gte", "at", "time"), "lt": Condition("lt", "at", "time")},
        "place": {
            "within": Condition("within", "region_path"),
            "in": Condition("in", "region_id", "uuid"),
        },
        "exact": {"in": Condition("at", "region_path", "uuid")},
        "open": Condition("flag", "{row}.closed is null", otherwise="not {row}.closed is null"),
        "search": Condition("search", "{row}.text", kind="thing_id", table="thing_grams"),
    }
    given = ThingFilter()  # type: ignore[call-arg]  # every field is optional
    assert given.open is strawberry.UNSET
    assert given.search is strawberry.UNSET


def test_a_region_without_its_path_is_no_filter() -> None:
    with pytest.raises(AssertionError, match="path"):

        @filters
        class BrokenFilter:
            place: RegionFilter = by("region_id")
