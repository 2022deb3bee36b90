"""Filter inputs, typed once, and their way to plain values."""

import datetime as dt
from enum import Enum
from typing import Any
from uuid import UUID

import strawberry
from strawberry.types.base import get_object_definition

from guanjia.graph.errors import BAD_USER_INPUT, Refusal
from guanjia.reading.rows import BadPage


@strawberry.input(description="按标识筛选")
class IdFilter:
    in_: list[strawberry.ID] | None = strawberry.field(name="in", default=strawberry.UNSET)


@strawberry.input(description="按时间筛选:起(含)止(不含)")
class DateTimeFilter:
    gte: dt.datetime | None = strawberry.UNSET
    lt: dt.datetime | None = strawberry.UNSET


@strawberry.input(description="按区域筛选:within 含其全部下级")
class RegionFilter:
    within: strawberry.ID | None = strawberry.UNSET
    in_: list[strawberry.ID] | None = strawberry.field(name="in", default=strawberry.UNSET)


def enum_filter(enum: type[Enum]) -> Any:
    """The input `<Enum>Filter { in: [<Enum>!] }`."""
    body = {
        "__annotations__": {"in_": list[enum] | None},  # type: ignore[valid-type]  # made per enum
        "in_": strawberry.field(name="in", default=strawberry.UNSET),
    }
    return strawberry.input(type(f"{enum.__name__}Filter", (), body))


def filter_values(given: Any) -> dict[str, Any]:
    """A filter input as nested dictionaries by GraphQL name; what was not given is absent."""
    definition = get_object_definition(given, strict=True)
    values: dict[str, Any] = {}
    for field in definition.fields:
        value = getattr(given, field.python_name)
        if value is strawberry.UNSET:
            continue
        name = field.graphql_name or camel(field.python_name)
        values[name] = _plain(value, is_id=holds_ids(field))
    return values


def row_id(text: str) -> UUID | None:
    """The UUID in an ID, or None: an ID that is no UUID names nothing."""
    try:
        return UUID(text)
    except ValueError:
        return None


def known_id(text: str, *field: str) -> UUID:
    """The UUID in an ID that a mutation was given; Refusal BAD_USER_INPUT otherwise."""
    identifier = row_id(text)
    if identifier is None:
        raise Refusal(BAD_USER_INPUT, "标识无效。", field)
    return identifier


def _plain(value: Any, *, is_id: bool) -> Any:
    if isinstance(value, list):
        return [_plain(item, is_id=is_id) for item in value]
    if isinstance(value, Enum):
        return value.value
    if is_id and isinstance(value, str):
        identifier = row_id(value)
        if identifier is None:
            raise BadPage("filter", "筛选条件中的标识无效。")
        return identifier
    if get_object_definition(value) is not None:
        return filter_values(value)
    return value


def holds_ids(field: Any) -> bool:
    """Whether a Strawberry field holds an ID or a list of them."""
    kind = field.type
    while hasattr(kind, "of_type"):
        kind = kind.of_type
    return kind is strawberry.ID


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
