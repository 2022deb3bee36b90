"""What refers to a row: every foreign key of the catalogue, so that nothing is forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

# The keys of a tenant are (tenant_id, id) and a reference to them (tenant_id, column).
_REFERRING = """
select c.conrelid::regclass::text as name, a.attname::text as held
from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[2]
where c.contype = 'f' and c.confrelid = $1::text::regclass and array_length(c.conkey, 1) = 2
order by 1, 2
"""


async def referring(connection: Any, table: str, ids: Sequence[UUID]) -> list[str]:
    """The tables in which some row refers to one of these rows of `table`."""
    found = []
    for reference in await connection.fetch(_REFERRING, table):
        name, column = reference["name"], reference["held"]
        if await connection.fetchval(
            f"select exists (select 1 from {name} where tenant_id ="
            f" current_setting('app.tenant_id')::uuid and {column} = any($1))",
            list(ids),
        ):
            found.append(name)
    return found
