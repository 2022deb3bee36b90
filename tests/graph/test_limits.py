"""Hostile documents are refused before they are validated; honest ones are not."""

from __future__ import annotations

import time

import pytest
from graphql import GraphQLSchema, GraphQLSyntaxError, get_introspection_query, get_operation_ast

from guanjia import schema as schemas
from guanjia.graph import limits
from guanjia.graph.limits import LimitExceeded

FRAGMENTS = 25


def chained(spread: str) -> str:
    """Fragments that each spread the next one `spread` times."""
    body = " ".join(
        f"fragment F{i} on Query {{ {spread.format(i + 1)} }}" for i in range(FRAGMENTS)
    )
    return f"{{ ...F0 }} {body} fragment F{FRAGMENTS} on Query {{ __typename }}"


HOSTILE = {
    "characters": "# " + "字" * limits.MAX_CHARACTERS + "\n{ __typename }",
    "comments": "#\n" * (limits.MAX_COMMENTS + 1) + "{ __typename }",
    "tokens": "{ " + "a " * limits.MAX_TOKENS + "}",
    "nesting": "{ a" * 400 + "}" * 400,
    "lists": "{ a(b: " + "[" * 900 + "]" * 900 + ") }",
    "depth": "{ " + "a { " * 13 + "b" + " }" * 14,
    "aliases": "{ " + " ".join(f"a{i}: b" for i in range(31)) + " }",
    "spread aliases": "{ " + "...F " * 16 + "} fragment F on Query { x: a y: b }",
    "directives": "{ a " + "@include(if: true) " * 51 + "}",
    "merging fields": "{ " + "a " * 100 + "}",
    "merging below": "{ " + "a { b { c } } " * 60 + "}",
    "fragments that double": chained("...F{0} ...F{0}"),
    "fragments that double inline": chained("... {{ ...F{0} }} ... {{ ...F{0} }}"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_is_refused_at_once(name: str) -> None:
    began = time.process_time()
    with pytest.raises(LimitExceeded) as refused:
        limits.parse(HOSTILE[name])
    assert time.process_time() - began < 1
    assert refused.value.extensions == {"code": "LIMIT_EXCEEDED"}


@pytest.mark.parametrize(
    "query",
    [
        get_introspection_query(input_value_deprecation=True),
        "{ " + "a { " * 12 + "b" + " }" * 13,
        "{ " + " ".join(f"a{i}: b" for i in range(30)) + " }",
        "{ ...A } fragment A on Query { ...A }",
        "{ ...Absent }",
        chained("...F{0}"),
    ],
)
def test_an_honest_document_is_left_to_validation(query: str) -> None:
    limits.parse(query)


def test_a_syntax_error_stays_one() -> None:
    with pytest.raises(GraphQLSyntaxError):
        limits.parse("{ a")


CASES = "cases(first: {0}) {{ nodes {{ timeline(first: {0}) {{ nodes {{ title }} }} }} }}"
TREE = "regions(first: {0}) {{ nodes {{ children {{ children {{ children {{ id }} }} }} }} }}"
SIX = " ".join(f"a{i}: timeline(first: $n) {{ nodes {{ id }} }}" for i in range(6))


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return schemas.graphql_schema(schemas.build())


def hold(schema: GraphQLSchema, query: str, **variables: object) -> None:
    document = limits.parse(query)
    operation = get_operation_ast(document)
    assert operation is not None
    limits.hold_rows(schema, operation, limits.fragments_of(document), variables)


def test_lists_of_lists_of_pages_are_refused(schema: GraphQLSchema) -> None:
    with pytest.raises(LimitExceeded) as refused:
        hold(schema, "{ " + TREE.format(100) + " }")
    assert "50000" in refused.value.message


def test_pages_of_pages_are_allowed(schema: GraphQLSchema) -> None:
    hold(schema, "{ " + CASES.format(100) + " }")


def test_a_page_size_in_a_variable_counts(schema: GraphQLSchema) -> None:
    query = "query ($n: Int{}) {{ cases(first: $n) {{ nodes {{ {} }} }} }}"
    hold(schema, query.format("", SIX), n=20)
    hold(schema, query.format("", SIX))
    for declared, given in (("", {"n": 100}), (" = 100", {}), ("", {"n": 10**9})):
        with pytest.raises(LimitExceeded):
            hold(schema, query.format(declared, SIX), **given)


def test_many_full_roots_are_refused(schema: GraphQLSchema) -> None:
    five = " ".join(f"a{i}: {CASES.format(100)}" for i in range(5))
    with pytest.raises(LimitExceeded):
        hold(schema, "{ " + five + " }")


def test_a_fragment_does_not_hide_rows(schema: GraphQLSchema) -> None:
    hidden = (
        "{ regions(first: 100) { nodes { ...A } } }"
        " fragment A on Region { children { ...B } }"
        " fragment B on Region { ... on Region { children { children { id } } } }"
    )
    with pytest.raises(LimitExceeded):
        hold(schema, hidden)
