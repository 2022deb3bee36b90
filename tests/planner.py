"""What the planner knows of a table depends on what ran before; these tests say what it knows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

KNOWN = """
set allow_system_table_mods = on;
delete from pg_statistic where starelid = '{table}'::regclass;
update pg_class set reltuples = {rows}, relpages = {pages} where oid = '{table}'::regclass;
reset allow_system_table_mods
"""


async def forget(admin: Any, *tables: str) -> None:
    """The tables are as if nobody had ever counted their rows."""
    for table in tables:
        await admin.execute(KNOWN.format(table=table, rows=-1, pages=0))


@asynccontextmanager
async def large(admin: Any, *tables: str) -> AsyncIterator[None]:
    """Each page of the tables is taken to hold a million rows, as if they were those of years."""
    for table in tables:
        await admin.execute(KNOWN.format(table=table, rows=1_000_000, pages=1))
    yield
    await forget(admin, *tables)
