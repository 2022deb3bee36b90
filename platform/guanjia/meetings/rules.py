"""The rules that meetings follow: dated numbers, and the matters that others decide."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from guanjia.compounds.rules import Coded, Rule, dated_rows, in_force

_FOLDER = Path(__file__).parent


class DecidedBy(StrEnum):
    """业主共同决定、居民会议"""

    OWNERS_VOTE = "OWNERS_VOTE"
    RESIDENTS_MEETING = "RESIDENTS_MEETING"


class Majority(StrEnum):
    """过半数、四分之三以上"""

    HALF = "HALF"
    THREE_QUARTERS = "THREE_QUARTERS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter(Coded):
    """What a meeting may talk about and not decide. `majority` is that of the owners' vote."""

    decided_by: DecidedBy
    majority: Majority | None


@cache
def _rules() -> tuple[Rule, ...]:
    rows = dated_rows(_FOLDER / "rules.csv")
    return tuple(Rule(**{**row, "value": int(row["value"])}) for row in rows)


@cache
def matters() -> tuple[Matter, ...]:
    return tuple(
        Matter(
            **{
                **row,
                "decided_by": DecidedBy(row["decided_by"]),
                "majority": Majority(row["majority"]) if row["majority"] else None,
            }
        )
        for row in dated_rows(_FOLDER / "matters.csv")
    )


def number(code: str, day: dt.date) -> int:
    """The number in force on the day; KeyError when there is none."""
    return in_force(_rules(), code, day).value


def matter(code: str, day: dt.date) -> Matter:
    """The matter by its code, as the law is on the day; KeyError when there is none."""
    return in_force(matters(), code, day)
