"""Onboarding: what a new tenant gets of indicators."""

from __future__ import annotations

import datetime as dt
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from guanjia.compounds.rules import dated_rows
from guanjia.db.pools import Transaction
from guanjia.indicators.service.schemes import store
from guanjia.indicators.service.score import Weight

_WEIGHTS = Path(__file__).parent / "weights.csv"
_SCHEME = itemgetter("valid_from", "valid_to", "source")


async def seed(transaction: Transaction, described: Any) -> list[str]:
    """The tenant has the weights of the score. What it has changed stays."""
    await seed_weights(transaction.connection, dt.datetime.now(dt.UTC))
    return []


async def seed_weights(connection: Any, now: dt.datetime) -> None:
    if await connection.fetchval("select exists (select 1 from score_schemes)"):
        return
    for (valid_from, valid_to, source), rows in groupby(dated_rows(_WEIGHTS), _SCHEME):
        weights = [Weight(row["metric"], int(row["percent"]), int(row["prior"])) for row in rows]
        await store(connection, valid_from, valid_to, source, weights, now)
