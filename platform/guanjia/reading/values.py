"""Variables and literals: from JSON to SQL parameters, by type, accepting only the regular case.

Each coercion gives the value and its *shape*: what of it changes the statement (which keys of a
filter are present, null or not, the bucket of a page size). Plans are cached by shape. Anything
irregular declines, so that the stock executor gives the exact error of the specification.
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
)

BUCKETS = (10, 20, 50, 100)
PAGE_LIMIT = BUCKETS[-1]
DEFAULT_PAGE = 20
TEXT_LIMIT = 10_000


class Decline(Exception):
    """This operation is left to the stock executor; the reason is counted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


ABSENT = object()


def bucket(count: int) -> int:
    """The smallest page size of the plan that holds `count` rows, which is 1 to 100."""
    for size in BUCKETS:
        if count <= size:
            return size
    raise Decline("page_size")


def parse_time(text: str) -> dt.datetime:
    """An ISO 8601 instant with an offset, in UTC."""
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no offset")
    return moment.astimezone(dt.UTC)


def coerce(value: Any, kind: GraphQLInputType) -> tuple[Any, Any]:
    """(value, shape) of a JSON value of this input type; irregular values decline."""
    if isinstance(kind, GraphQLNonNull):
        if value is None:
            raise Decline("variable")
        return coerce(value, kind.of_type)
    if value is None:
        return None, "null"
    if isinstance(kind, GraphQLScalarType):
        return _scalar(value, kind.name)
    if isinstance(kind, GraphQLEnumType):
        if type(value) is not str or value not in kind.values:
            raise Decline("variable")
        return value, ("e", value)
    if isinstance(kind, GraphQLList):
        if type(value) is not list:
            raise Decline("variable")
        return _items(value, kind.of_type)
    assert isinstance(kind, GraphQLInputObjectType)
    return _object(value, kind)


def _items(values: list[Any], kind: GraphQLInputType) -> tuple[Any, Any]:
    coerced = [coerce(value, kind) for value in values]
    if any(shape != "v" and shape[0] != "e" for _, shape in coerced):
        raise Decline("variable")
    return [value for value, _ in coerced], "one" if len(coerced) == 1 else "list"


def _object(value: Any, kind: GraphQLInputObjectType) -> tuple[Any, Any]:
    if type(value) is not dict:
        raise Decline("variable")
    result: dict[str, Any] = {}
    shape: list[tuple[str, Any]] = []
    for name, given in value.items():
        field = kind.fields.get(name)
        if field is None:
            raise Decline("variable")
        result[name], part = coerce(given, field.type)
        shape.append((name, part))
    for name, field in kind.fields.items():
        if name not in value and isinstance(field.type, GraphQLNonNull):
            raise Decline("variable")
    return result, tuple(sorted(shape))


def _scalar(value: Any, name: str) -> tuple[Any, Any]:
    try:
        return _regular_scalar(value, name)
    except (ValueError, OverflowError):
        raise Decline("variable") from None


def _regular_scalar(value: Any, name: str) -> tuple[Any, Any]:
    if name == "Int":
        if type(value) is not int or not -(2**31) <= value < 2**31:
            raise Decline("variable")
        return value, ("n", bucket(value)) if 1 <= value <= PAGE_LIMIT else "n"
    if name == "Boolean":
        if type(value) is not bool:
            raise Decline("variable")
        return value, value
    if type(value) is not str or len(value) > TEXT_LIMIT or "\x00" in value:
        raise Decline("variable")
    if name in ("ID", "UUID"):
        return UUID(value), "v"
    if name == "DateTime":
        return parse_time(value), "v"
    if name == "Date":
        return dt.date.fromisoformat(value), "v"
    if name == "String":
        return value, "v"
    raise Decline("scalar")
