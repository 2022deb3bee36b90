"""Whether what figures are summed up from still says what the rows say."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any
from uuid import UUID

from guanjia.graph.errors import Refusal
from guanjia.graph.times import CHINA, local_date
from guanjia.indicators.service.asked import Window
from guanjia.indicators.service.counting import asked_for, count
from guanjia.indicators.service.periods import Period
from guanjia.reading.metrics import Dimension, metric_of, metrics

TALLY_DIFFERS = "TALLY_DIFFERS"
_NAMED = 3
"""Differences that the refusal spells out; the others are counted."""


async def reconcile(connection: Any, tenant_id: UUID, now: dt.datetime) -> None:
    """Every summed figure of each community, of the last month and of the year that it was in, is
    what counting row by row gives; Refusal TALLY_DIFFERS with where it is not."""
    asked = await asked_for(connection, tenant_id, None, None, {})
    tallied = [metric for metric in metrics() if metric.tallied]
    if asked is None or not tallied:
        return
    midnight = dt.datetime.combine(local_date(now), dt.time(), CHINA)
    month = Period(midnight.year, midnight.month, 1).moved(-1)
    year = Period(month.year, 1, 12)
    windows = [Window(each, min(each.end, midnight)) for each in (month, year)]
    summed = await count(connection, asked, tallied, windows, Dimension.COMMUNITY)
    # By category nothing is summed up: all of them are all rows, one by one.
    categories = await connection.fetch(
        "select id from case_categories where tenant_id = $1", tenant_id
    )
    one_by_one = replace(asked, chosen={"category": [row["id"] for row in categories]})
    counted = await count(connection, one_by_one, tallied, windows, Dimension.COMMUNITY)
    found = []
    for key in sorted(summed.keys() | counted.keys(), key=str):
        metric, number, _ = key
        sides = [pair[:2] if pair else (0, 0) for pair in (summed.get(key), counted.get(key))]
        if sides[0] != sides[1]:
            title = getattr(metric_of(metric), "title", metric)
            told = "、".join(f"{word} {n}/{d}" for word, (d, n) in zip(_SIDES, sides, strict=True))
            found.append(f"{title} {windows[number].period.text}:{told}")
    if found:
        rest = f"等 {len(found)} 处" if len(found) > _NAMED else ""
        raise Refusal(TALLY_DIFFERS, f"指标的合计与逐行计数不同:{';'.join(found[:_NAMED])}{rest}。")


_SIDES = ("合计", "逐行")
