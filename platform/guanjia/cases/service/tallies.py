"""Folding what figures sum up: many rows of a month that is over become one."""

from __future__ import annotations

import datetime as dt

from guanjia.db.pools import Transaction
from guanjia.graph.times import folded_before


async def fold_tallies(transaction: Transaction, now: dt.datetime) -> int:
    """What was known in the months that are over is one row for each sum; how many were folded.
    The sums stay as they were."""
    folded: int = await transaction.connection.fetchval(
        "select fold_case_tallies($1, $2)", transaction.tenant_id, folded_before(now)
    )
    return folded
