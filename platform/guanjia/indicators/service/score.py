"""综合评价: what several rates come to, by the weights that the tenant has in force.

A rate of few rows is drawn to the district's (domain 6.4): `(k + α·p0) / (m + α)`. Exact throughout
and rounded once, at the end.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from uuid import UUID

from guanjia.reading.metrics import half_up, metric_of

_WEIGHTS = (
    "select metric, percent, complement, prior, valid_from, valid_to, source from score_weights"
    " where tenant_id = $1 and (valid_from is null or valid_from <= $2)"
    " and (valid_to is null or valid_to > $2) order by percent desc, metric"
)


@dataclass(frozen=True, slots=True)
class Weight:
    """Of a metric, in percent. complement: what is lacking to 100 % counts. prior: so many rows
    at the district's rate are added."""

    metric: str
    percent: int
    complement: bool
    prior: int
    valid_from: dt.date | None
    valid_to: dt.date | None
    source: str


async def weights_on(connection: Any, tenant_id: UUID, day: dt.date) -> list[Weight]:
    """The weights in force on the day, the heaviest first."""
    return [Weight(**row) for row in await connection.fetch(_WEIGHTS, tenant_id, day)]


Pair = tuple[int, int]
"""Denominator and numerator."""


def lacking(weights: Sequence[Weight], district: Mapping[str, Pair]) -> str:
    """Why there is no score at all; empty when there is."""
    if sum(each.percent for each in weights) != 100:
        return "综合评价的权重在期末之日不足或超过 100%。"
    without = [each.metric for each in weights if not district[each.metric][0]]
    titles = [found.title for each in without if (found := metric_of(each))]
    return f"全区本期没有可计的行:{'、'.join(titles)}。" if without else ""


def score(
    weights: Sequence[Weight], counts: Mapping[str, Pair], district: Mapping[str, Pair]
) -> int:
    """In hundredths of a point of 100, rounded half up."""
    points = Fraction(0)
    for each in weights:
        counted, met = counts[each.metric]
        whole, reached = district[each.metric]
        rate = (met + each.prior * Fraction(reached, whole)) / Fraction(counted + each.prior)
        points += each.percent * (1 - rate if each.complement else rate)
    exact = points * 100
    return half_up(exact.numerator, exact.denominator)
