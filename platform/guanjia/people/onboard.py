"""What a new tenant gets of persons, and what follows when its regions change."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction

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


async def follow_regions(transaction: Transaction, pairs: Sequence[tuple[UUID, UUID]]) -> None:
    """Who lived in a region that moved lives in its successor; of several in the first."""
    await transaction.connection.execute(
        "update persons p set region_id = r.id, region_path = r.path, version = p.version + 1"
        " from (select distinct on (old) old, new from unnest($1::uuid[], $2::uuid[])"
        " with ordinality u(old, new, n) order by old, n) moved join regions r on r.id = moved.new"
        " where p.region_id = moved.old",
        [old for old, _ in pairs],
        [new for _, new in pairs],
    )
