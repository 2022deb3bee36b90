"""The baseline of each list: what a new list can start from, the same for every tenant."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import Any

from guanjia.compounds.models.lists import ListKind
from guanjia.graph.times import Unit

_FILE = Path(__file__).parents[1] / "seeds" / "list_items.csv"


def baseline(kind: ListKind) -> list[dict[str, Any]]:
    """The items of a kind's baseline, in order, as columns of `list_items`. Where each comes from
    (a law, or our own design) is in the file's column `source`."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == kind]
    return [
        {
            "code": row["code"],
            "title": row["title"],
            "standard": row["standard"],
            "frequency": row["frequency"],
            "evidence": row["evidence"],
            "basis": row["basis"],
            "basis_from": date.fromisoformat(row["basis_from"]) if row["basis_from"] else None,
            "basis_to": None,
            "contract_clause": "",
            "limit_value": int(row["limit_value"]) if row["limit_value"] else None,
            "limit_unit": Unit(row["limit_unit"]) if row["limit_unit"] else None,
            "weight": int(row["weight"]) if row["weight"] else None,
            "owner_seat": row["owner_seat"] or None,
            "co_seats": row["co_seats"].split(),
            "public": True,
        }
        for row in rows
    ]
