"""Which posts near relatives may not hold beside each other: dated rules, each with its source.

A rule sets a side against a side of one place: two members of one 居委会; of one compound, a member
of its owners' committee and an officer of the party organisation of the company that serves it.
The law (居委会组织法 2025 art. 8) says 近亲属 and gives no list; ours is that of 民法典 art. 1045
`[design]`. A rule whose source is 本平台设定 is our own `[design]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from guanjia.compounds.rules import Dated, dated_rows


class Side(StrEnum):
    """居民委员会、业主委员会、物业党组织"""

    RESIDENTS_COMMITTEE = "RESIDENTS_COMMITTEE"
    OWNERS_COMMITTEE = "OWNERS_COMMITTEE"
    PROPERTY_PARTY = "PROPERTY_PARTY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Avoidance(Dated):
    """Near relatives do not stand on both sides."""

    code: str
    title: str
    one: Side
    other: Side

    @property
    def sentence(self) -> str:
        return f"{self.title}({self.source})"


@cache
def avoidances() -> tuple[Avoidance, ...]:
    return tuple(
        Avoidance(**{**row, "one": Side(row["one"]), "other": Side(row["other"])})
        for row in dated_rows(Path(__file__).parent / "avoidances.csv")
    )
