"""Onboarding: what a new tenant gets of meetings."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.meetings import dependents as dependents  # makes itself known to tenancy

_TYPES = Path(__file__).parent / "types.csv"


async def seed(transaction: Transaction, described: Any) -> list[str]:
    """The tenant has the types of meetings. What it has changed stays."""
    await seed_types(transaction.connection)
    return []


async def seed_types(connection: Any) -> None:
    with _TYPES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    await connection.executemany(
        "insert into meeting_types (id, code, name, decides, seat_quorum, resident_quorum, source)"
        " values ($1, $2, $3, $4, $5, $6, $7) on conflict (tenant_id, code) do nothing",
        [
            (
                new_id(), row["code"], row["name"], row["decides"] == "1",
                int(row["seat_quorum"]), int(row["resident_quorum"]), row["source"],
            )
            for row in rows
        ],
    )  # fmt: skip
