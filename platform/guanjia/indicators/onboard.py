"""Onboarding: what a new tenant gets of indicators."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from guanjia.compounds.rules import dated_rows
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction

_WEIGHTS = Path(__file__).parent / "weights.csv"


async def seed(transaction: Transaction, described: Any) -> list[str]:
    """The tenant has the weights of the score. What it has changed stays."""
    await seed_weights(transaction.connection)
    return []


async def seed_weights(connection: Any) -> None:
    await connection.executemany(
        "insert into score_weights (id, metric, percent, complement, prior, valid_from, valid_to,"
        " source) select $1, $2, $3, $4, $5, $6, $7, $8"
        " where not exists (select 1 from score_weights where metric = $2)",
        [
            (
                new_id(), row["metric"], int(row["percent"]), row["complement"] == "1",
                int(row["prior"]), row["valid_from"], row["valid_to"], row["source"],
            )
            for row in dated_rows(_WEIGHTS)
        ],
    )  # fmt: skip
