"""The rules of law and practice that compounds follow: dated numbers, each with its source."""

from __future__ import annotations

import csv
import datetime as dt
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).parent / "rules.csv"


@dataclass(frozen=True, slots=True)
class Rule:
    """A number in force on `valid_from` and before `valid_to`; None is open."""

    code: str
    title: str
    value: int
    unit: str
    valid_from: dt.date | None
    valid_to: dt.date | None
    source: str

    def holds_on(self, day: dt.date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day < self.valid_to
        )


@cache
def rules() -> tuple[Rule, ...]:
    with _FILE.open(encoding="utf-8", newline="") as file:
        return tuple(
            Rule(
                row["code"], row["title"], int(row["value"]), row["unit"],
                date_of(row["valid_from"]), date_of(row["valid_to"]), row["source"],
            )
            for row in csv.DictReader(file)
        )  # fmt: skip


def rule(code: str, day: dt.date) -> Rule:
    """The rule in force on the day; KeyError when there is none."""
    for each in rules():
        if each.code == code and each.holds_on(day):
            return each
    raise KeyError(f"no rule {code} on {day}")


def date_of(text: str) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None
