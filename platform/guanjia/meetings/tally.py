"""The result of an owners' vote: the thresholds of 民法典 278, without a database.

Owners of two thirds of the area and two thirds of the owners must take part; of those who do, more
than half, or three quarters and more, must agree, by area and by count. Whole numbers throughout.
"""

from __future__ import annotations

from dataclasses import dataclass

from guanjia.meetings.rules import Majority


@dataclass(frozen=True, slots=True)
class Weight:
    """An area in dm² and a number of owners."""

    area: int
    owners: int


@dataclass(frozen=True, slots=True)
class Tally:
    total: Weight
    participating: Weight
    in_favour: Weight


def is_valid(tally: Tally) -> bool:
    """Enough took part (三分之二以上)."""
    return all(
        3 * part >= 2 * whole > 0
        for part, whole in (
            (tally.participating.area, tally.total.area),
            (tally.participating.owners, tally.total.owners),
        )
    )


def is_adopted(tally: Tally, majority: Majority) -> bool:
    """Enough took part and enough of those agreed (过半数; 四分之三以上, itself included)."""
    pairs = (
        (tally.in_favour.area, tally.participating.area),
        (tally.in_favour.owners, tally.participating.owners),
    )
    if majority == Majority.HALF:
        return is_valid(tally) and all(2 * agreed > part for agreed, part in pairs)
    return is_valid(tally) and all(4 * agreed >= 3 * part for agreed, part in pairs)
