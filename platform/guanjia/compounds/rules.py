"""The rules of law and practice that compounds follow: dated, each with its source."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """In force on `valid_from` and before `valid_to`; None is open. It rests on `source`."""

    valid_from: dt.date | None
    valid_to: dt.date | None
    source: str

    def holds_on(self, day: dt.date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day < self.valid_to
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded(Dated):
    """Known by a code."""

    code: str
    title: str


Named = TypeVar("Named", bound=Coded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Coded):
    """A number."""

    value: int
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Substitute(Coded):
    """Who acts (代行) in a seat whose party the compound does not have."""

    seat: str


@cache
def rules() -> tuple[Rule, ...]:
    return tuple(
        Rule(**{**row, "value": int(row["value"])}) for row in dated_rows(_FOLDER / "rules.csv")
    )


@cache
def substitutes() -> tuple[Substitute, ...]:
    return tuple(Substitute(**row) for row in dated_rows(_FOLDER / "substitutes.csv"))


def rule(code: str, day: dt.date) -> Rule:
    """The rule in force on the day; KeyError when there is none."""
    return in_force(rules(), code, day)


def substitutes_for(seat: str, day: dt.date) -> list[Substitute]:
    """Who may act in the seat on the day."""
    return [each for each in substitutes() if each.seat == seat and each.holds_on(day)]


def in_force(among: Iterable[Named], code: str, day: dt.date) -> Named:
    """That of this code on the day; KeyError when there is none."""
    for each in among:
        if each.code == code and each.holds_on(day):
            return each
    raise KeyError(f"no rule {code} on {day}")


def dated_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a table of rules, their two dates read; an empty one is open."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            dates = {name: _date(row[name]) for name in ("valid_from", "valid_to")}
            yield {**row, **dates}


def _date(text: str) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None
