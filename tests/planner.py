"""What the planner knows of a table depends on what ran before; these tests start from nothing."""

from __future__ import annotations

from typing import Any

FORGET = """
set allow_system_table_mods = on;
delete from pg_statistic where starelid = '{0}'::regclass;
update pg_class set reltuples = -1, relpages = 0 where oid = '{0}'::regclass;
reset allow_system_table_mods
"""


async def forget(admin: Any, *tables: str) -> None:
    """The tables are as if nobody had ever counted their rows."""
    for table in tables:
        await admin.execute(FORGET.format(table))
