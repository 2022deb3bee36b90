"""The rules that whistles and escalations follow: dated numbers and limits, and the conditions."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

from guanjia.cases.transitions import Limit
from guanjia.compounds.rules import Coded, Rule, dated_rows, in_force
from guanjia.graph.times import Unit

_FOLDER = Path(__file__).parent
_MINUTE = "MINUTE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds(Coded):
    """What a whistle of one of the levels may be sounded for."""

    levels: frozenset[str]


@cache
def _rules() -> tuple[Rule, ...]:
    rows = dated_rows(_FOLDER / "rules.csv")
    return tuple(Rule(**{**row, "value": int(row["value"])}) for row in rows)


@cache
def _grounds() -> tuple[Grounds, ...]:
    rows = dated_rows(_FOLDER / "conditions.csv")
    return tuple(Grounds(**{**row, "levels": frozenset(row["levels"].split())}) for row in rows)


def number(code: str, day: dt.date) -> int:
    """The number in force on the day; KeyError when there is none."""
    return in_force(_rules(), code, day).value


def limit(code: str, day: dt.date) -> Limit:
    """The time limit in force on the day; minutes run around the clock."""
    rule = in_force(_rules(), code, day)
    if rule.unit == _MINUTE:
        return Limit(Fraction(rule.value, 60), Unit.URGENT_HOUR)
    return Limit(rule.value, Unit(rule.unit))


def grounds(code: str, day: dt.date) -> Grounds:
    """The condition by its code, as it is on the day; KeyError when there is none."""
    return in_force(_grounds(), code, day)
