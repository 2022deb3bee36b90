"""Filters: from the shape of a filter input to SQL conditions over one row.

Only what is present in the input appears in the statement, so there is no `$n is null or …`.
`bind(path, kind, transform)` gives the placeholder for the value at `path` inside the filter,
`scoped(permission)` the condition under which the actor holds a permission at the row.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from guanjia.reading.mapping import Condition, FilterMap
from guanjia.reading.values import Decline

Path = tuple[str, ...]
Scoped = Callable[[str], str]
Bind = Callable[[Path, str, Callable[[Any], Any] | None], str]

SQL_KINDS = {
    "text": "text",
    "enum": "text",
    "uuid": "uuid",
    "time": "timestamptz",
    "date": "date",
    "int": "integer",
    "bool": "boolean",
}
SEARCH_MINIMUM = 2
SEARCH_MAXIMUM = 50
_COMPARISONS = {"eq": "=", "gte": ">=", "lt": "<"}


class BadSearch(Decline):
    """A search text of fewer than two or more than fifty characters: the stock path says so."""


def normal(text: str) -> str:
    """The form in which text is stored in gram tables and searched: NFKC, lower case, one space."""
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def grams(text: str) -> list[str]:
    """The distinct two-character pieces of a text's words, in order of appearance."""
    return list(
        dict.fromkeys(
            word[i : i + 2] for word in normal(text).split() for i in range(len(word) - 1)
        )
    )


def search_words(text: str) -> str:
    """The normal form of a search text that can be answered, or BadSearch."""
    words = normal(text)
    if not SEARCH_MINIMUM <= len(words) <= SEARCH_MAXIMUM or not grams(words):
        raise BadSearch("search")
    return words


def conditions(
    filters: FilterMap,
    shape: Any,
    row: str,
    tenant: str,
    bind: Bind,
    scoped: Scoped,
    day: str,
    path: Path = (),
) -> Iterator[str]:
    """The SQL conditions of a filter value with this shape; `day` is the SQL of the day that the
    rows are asked for."""
    if shape == "null":
        return
    for name, part in shape:
        mapped = filters[name]
        if part == "null":
            continue
        if isinstance(mapped, Condition):
            if mapped.requires is not None:
                yield scoped(mapped.requires)
            yield from _condition(mapped, part, row, tenant, bind, day, (*path, name))
        else:
            yield from conditions(mapped, part, row, tenant, bind, scoped, day, (*path, name))


def asked_day(filters: FilterMap, given: Iterable[str]) -> str | None:
    """Which of the given fields of a filter says the day that the rows are asked for."""
    return next((name for name in given if getattr(filters[name], "operator", "") == "day"), None)


def demanded(filters: FilterMap, values: Mapping[str, Any]) -> Iterator[str]:
    """The permissions that the given conditions of a filter need."""
    for name, value in values.items():
        mapped = filters[name]
        if value is None:
            continue
        if not isinstance(mapped, Condition):
            yield from demanded(mapped, value)
        elif mapped.requires is not None:
            yield mapped.requires


def _condition(
    mapped: Condition, shape: Any, row: str, tenant: str, bind: Bind, day: str, path: Path
) -> Iterator[str]:
    column = f"{row}.{mapped.column}"
    kind = SQL_KINDS.get(mapped.kind, "text")
    match mapped.operator:
        case "in":
            yield f"{column} = any({bind(path, kind + '[]', None)})"
        case "eq" | "gte" | "lt":
            yield f"{column} {_COMPARISONS[mapped.operator]} {bind(path, kind, None)}"
        case "within":
            yield from _within(column, tenant, bind(path, "uuid", None))
        case "at":
            yield (
                f"{column} in (select w.path from regions w where w.tenant_id = {tenant}"
                f" and w.id = any({bind(path, 'uuid[]', None)}))"
            )
        case "as_of":
            valid, end = bind(path, kind, None), f"{row}.{mapped.otherwise}"
            yield f"{column} <= {valid}"
            yield f"({end} is null or {end} > {valid})"
        case "day":
            pass  # No condition of its own: see `asked_day`.
        case "search":
            yield _search(mapped, row, tenant, path, bind)
        case "flag":
            yield (mapped.column if shape is True else mapped.otherwise).format(
                row=row, tenant=tenant, day=day
            )
        case "holds":
            yield mapped.column.format(
                row=row, tenant=tenant, day=day, value=bind(path, kind, None)
            )
        case operator:
            raise ValueError(f"unknown filter operator {operator}")


def _within(column: str, tenant: str, region: str) -> Iterator[str]:
    chosen = f"from regions w where w.tenant_id = {tenant} and w.id = {region}"
    yield f"{column} >= (select w.path {chosen})"
    yield f"{column} < (select left(w.path, -1) || '0' {chosen})"


def _search(mapped: Condition, row: str, tenant: str, path: Path, bind: Bind) -> str:
    """Rows that hold every gram (an indexed equality), then the words themselves in the text."""
    wanted = bind(path, "text[]", lambda text: grams(search_words(text)))
    count = bind(path, "bigint", lambda text: len(grams(search_words(text))))
    found = (
        f"{row}.id in (select g.{mapped.kind} from {mapped.table} g"
        f" where g.tenant_id = {tenant} and g.gram = any({wanted})"
        f" group by g.{mapped.kind} having count(*) = {count})"
    )
    words = bind(path, "text", search_words)
    text = mapped.column.format(row=row)
    return f"{found} and strpos({text}, {words}) > 0"
