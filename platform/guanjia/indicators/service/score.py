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
    "select w.metric, w.percent, w.prior from score_schemes s join score_weights w"
    " on w.tenant_id = $1 and w.scheme_id = s.id where s.tenant_id = $1"
    " and daterange(s.valid_from, s.valid_to) @> $2::date order by w.percent desc, w.metric"
)


@dataclass(frozen=True, slots=True)
class Weight:
    """Of a metric, in percent. prior: so many rows at the district's rate are added."""

    metric: str
    percent: int
    prior: int

    @property
    def complement(self) -> bool:
        """What is lacking to 100 % counts."""
        found = metric_of(self.metric)
        return found is not None and found.lower_is_better


async def weights_on(connection: Any, tenant_id: UUID, day: dt.date) -> list[Weight]:
    """The weights in force on the day, the heaviest first; none where no scheme is."""
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
