"""What refers to a row: every foreign key of the catalogue, so that nothing is forgotten."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

# The keys of a tenant are (tenant_id, id) and a reference to them (tenant_id, column).
_REFERRING = """
select c.conrelid::regclass::text as name, a.attname::text as held
from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[2]
where c.contype = 'f' and c.confrelid = $1::text::regclass and array_length(c.conkey, 1) = 2
order by 1, 2
"""

_TENANT = "tenant_id = current_setting('app.tenant_id')::uuid"


async def referring(connection: Any, table: str, ids: Sequence[UUID]) -> list[str]:
    """The tables in which some row refers to one of these rows of `table`."""
    found = []
    for name, held in await _held(connection, table):
        if await connection.fetchval(
            f"select exists (select 1 from {name} where {_TENANT} and {held} = any($1))", list(ids)
        ):
            found.append(name)
    return found


async def referred(
    connection: Any, table: str, ids: Sequence[UUID], apart_from: Collection[str] = ()
) -> set[UUID]:
    """Those of these rows of `table` to which some row of another table, or of it, refers."""
    found: set[UUID] = set()
    for name, held in await _held(connection, table):
        if name not in apart_from:
            rows = await connection.fetch(
                f"select distinct {held} as id from {name} where {_TENANT} and {held} = any($1)",
                list(ids),
            )
            found |= {row["id"] for row in rows}
    return found


async def _held(connection: Any, table: str) -> list[tuple[str, str]]:
    return [(row["name"], row["held"]) for row in await connection.fetch(_REFERRING, table)]
