"""Sums the modules into one Strawberry schema, and refuses one with an unmarked field.

A module takes part with `guanjia.<module>.schema`, where it may define `Query`, `Mutation` and
`Subscription`. One operation is one transaction; see `app`.
"""

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import strawberry
from graphql import GraphQLError, GraphQLSchema
from strawberry.extensions import DisableIntrospection
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types

from guanjia.graph.limits import Limits
from guanjia.graph.marks import unmarked
from guanjia.graph.masking import CodedErrors
from guanjia.graph.scalars import SCALARS
from guanjia.graph.validity import KNOWN, Validity
from guanjia.reading.documents import Lru
from guanjia.settings import MODULES


class UnmarkedFields(TypeError):
    """Some root field does not say who may use it: denied unless declared."""


class Schema(strawberry.Schema):
    """A schema whose errors are logged by `CodedErrors` alone: the library would log them with
    the messages of the database, which hold what people wrote."""

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        return None


def build(modules: Sequence[str] = MODULES, *, introspection: bool = True) -> strawberry.Schema:
    """The schema of these modules; UnmarkedFields when a root field carries no mark. Without
    introspection it is told by schema.graphql alone."""
    parts = [
        import_module(f"guanjia.{name}.schema")
        for name in modules
        if find_spec(f"guanjia.{name}.schema")
    ]
    roots = {
        kind: tuple(getattr(part, kind) for part in parts if hasattr(part, kind))
        for kind in ("Query", "Mutation", "Subscription")
    }
    merged = {
        kind.lower(): merge_types(kind, found) if found else None for kind, found in roots.items()
    }
    query = merged["query"]
    assert query is not None
    schema = Schema(
        query=query,
        mutation=merged["mutation"],
        subscription=merged["subscription"],
        extensions=[
            Limits,
            partial(Validity, Lru(KNOWN)),
            CodedErrors,
            *([] if introspection else [DisableIntrospection]),
        ],
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True),
    )
    missing = unmarked(graphql_schema(schema))
    if missing:
        raise UnmarkedFields("no requires(…) or public(…): " + ", ".join(missing))
    return schema


def graphql_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """The graphql-core schema inside, which the compiled path plans over."""
    return schema._schema


def sdl(schema: strawberry.Schema) -> str:
    """The schema document with its marks, as committed in schema.graphql."""
    return schema.as_str().rstrip() + "\n"
