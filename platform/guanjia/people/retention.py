"""How long data of each kind is kept: dated rules that a new tenant starts with."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path
from typing import Any

from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.people import dependents as dependents  # makes itself known to tenancy

_RETENTION = Path(__file__).parent / "seeds" / "retention.csv"


async def seed(transaction: Transaction, described: Any) -> list[str]:
    """The tenant has the retention rules. What it has changed stays."""
    await seed_retention(transaction.connection)
    return []


async def seed_retention(connection: Any) -> None:
    with _RETENTION.open(encoding="utf-8", newline="") as file:
        rules = list(csv.DictReader(file))
    await connection.executemany(
        "insert into retention_rules (id, code, title, counted_from, months, days, valid_from,"
        " source) values ($1, $2, $3, $4, $5, $6, $7, $8)"
        " on conflict (tenant_id, code, valid_from) do nothing",
        [
            (
                new_id(), rule["code"], rule["title"], rule["counted_from"],
                int(rule["months"]) if rule["months"] else None,
                int(rule["days"]) if rule["days"] else None,
                dt.date.fromisoformat(rule["valid_from"]), rule["source"],
            )
            for rule in rules
        ],
    )  # fmt: skip
