"""Small pieces of SQL text that every part of the compiler writes alike."""

from __future__ import annotations

from guanjia.reading.mapping import Column
from guanjia.reading.values import Decline

TENANT = "$2"
MAX_ALIAS_BYTES = 63
LIST = "coalesce(array_to_json(array_agg({of})), '[]')"


def column_sql(mapped: Column, row: str) -> str:
    """A column as JSON prints it: money as a yuan string, everything else as it is stored."""
    if mapped.kind == "money":
        return f"round({row}.{mapped.name}::numeric / 100, 2)::text"
    return f"{row}.{mapped.name}"


def alias_of(key: str) -> str:
    if len(key) > MAX_ALIAS_BYTES:
        raise Decline("alias")
    return f'"{key}"'


def literal(text: str) -> str:
    return f"'{text}'::text"
