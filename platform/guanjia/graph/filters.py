"""Filter inputs, typed once, and their way to plain values."""

import datetime as dt
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any
from uuid import UUID

import strawberry
from strawberry.types.base import get_object_definition

from guanjia.graph.errors import BAD_USER_INPUT, Refusal
from guanjia.reading.mapping import Condition, FilterMap
from guanjia.reading.rows import BadPage


@strawberry.input(description="按标识筛选")
class IdFilter:
    in_: list[strawberry.ID] | None = strawberry.field(name="in", default=strawberry.UNSET)


@strawberry.input(description="按文本精确筛选")
class TextFilter:
    in_: list[str] | None = strawberry.field(name="in", default=strawberry.UNSET)


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


@dataclass(frozen=True)
class Means:
    """What a field of a filter class means, before the class is read."""

    of: Callable[[Any], Condition | FilterMap]
    description: str | None = None


def by(column: str, *, path: str | None = None) -> Any:
    """The stored column that the field looks at; how follows from the field's type. A region has
    its `path` in a second column."""
    return Means(lambda kind: _conditions(kind, column, path))


def flag(sql: str, otherwise: str | None = None, description: str | None = None) -> Any:
    """A Boolean: rows for which this SQL over `{row}` holds, or does not."""
    return Means(lambda _: Condition("flag", sql, otherwise=otherwise or f"not {sql}"), description)


def as_of(start: str, end: str, description: str | None = None) -> Any:
    """A day: rows that are valid on it, from the date in `start` until that in `end`, if any."""
    return Means(lambda _: Condition("as_of", start, "date", otherwise=end), description)


def asked_for(description: str | None = None) -> Any:
    """The day that the rows, and all below them, are asked for."""
    return Means(lambda _: Condition("day", kind="date"), description)


def holds(sql: str, kind: str = "text", description: str | None = None) -> Any:
    """Rows for which this SQL over `{row}` and the given `{value}` holds."""
    return Means(lambda _: Condition("holds", sql, kind), description)


def search(
    text: str,
    table: str,
    key: str,
    description: str | None = None,
    *,
    requires: str | None = None,
) -> Any:
    """A text looked for in the SQL `text`, by the gram table and its column for the row; where
    the actor holds `requires`."""
    return Means(
        lambda _: Condition("search", text, kind=key, table=table, requires=requires), description
    )


def means(**conditions: Condition) -> Any:
    """Conditions that do not follow from a column, by the name of the operator's field."""
    return Means(lambda _: {name.rstrip("_"): each for name, each in conditions.items()})


def filters(cls: type) -> Any:
    """The class becomes a filter input, every field optional; `conditions_of` it is what the
    fields mean. This is the only place where a filter is declared."""
    meanings: dict[str, Condition | FilterMap] = {}
    for attribute, kind in list(cls.__annotations__.items()):
        declared = vars(cls)[attribute]
        meanings[camel(attribute)] = declared.of(kind)
        cls.__annotations__[attribute] = kind | None
        setattr(
            cls,
            attribute,
            strawberry.field(default=strawberry.UNSET, description=declared.description),
        )
    made = strawberry.input(cls, description=inspect.cleandoc(cls.__doc__ or "") or None)
    _CONDITIONS[made] = meanings
    return made


_CONDITIONS: dict[type, FilterMap] = {}
"""Of each filter class."""


def conditions_of(filter_type: Any) -> FilterMap:
    """What the fields of a filter class mean, by GraphQL name."""
    return _CONDITIONS[filter_type]


def _conditions(kind: Any, column: str, path: str | None) -> FilterMap:
    if kind is RegionFilter:
        assert path is not None, "a region filter needs the column of the path"
        return {"within": Condition("within", path), "in": Condition("in", column, "uuid")}
    if kind is DateTimeFilter:
        return {name: Condition(name, column, "time") for name in ("gte", "lt")}
    return {"in": Condition("in", column, "uuid" if kind is IdFilter else "text")}


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


def arguments(given: Any) -> dict[str, Any]:
    """An input as a use-case takes it: identifiers parsed, what was not given absent."""
    found: dict[str, Any] = {}
    for field in get_object_definition(given, strict=True).fields:
        value = getattr(given, field.python_name)
        if value is strawberry.UNSET:
            continue
        if holds_ids(field) and value is not None:
            name = camel(field.python_name)
            many = isinstance(value, list)
            value = [known_id(v, name) for v in value] if many else known_id(value, name)
        found[field.python_name] = value
    return found


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
    if isinstance(value, str) and "\x00" in value:  # PostgreSQL has no such text
        raise BadPage("filter", "筛选条件中含有无效字符。")
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
