"""The SQL that counts: over the rows of a source, and over what they were summed up to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from guanjia.db.scope import DISTRICT_PATH
from guanjia.graph.times import folded_before, month_start
from guanjia.indicators.service.asked import Asked, Window
from guanjia.reading.metrics import (
    Dimension,
    MetricDefinition,
    Parting,
    Source,
)

TENANT, LOW, HIGH = "$1", "$2", "$3"
GIVEN, OF_PIECE = 3, 3
"""How many values come before those of the pieces, and how many each piece has."""
WHOLE = "*"
"""The key of a total that is not the sum of its parts."""
SUMS = ("d", "n1", "n2", "n3")

Group = list[MetricDefinition]
"""Metrics of one source that the same column puts into a period."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one scan counts: a group in one stretch of one window."""

    group: Group
    window: int
    start: dt.datetime
    until: dt.datetime
    known: dt.datetime

    @property
    def values(self) -> list[dt.datetime]:
        return [self.start, self.until, self.known]


def summed_until(asked: Asked, source: Source, window: Window, by: Dimension | None) -> dt.datetime:
    """Up to where the window can be taken from what the source was summed up to: its months that
    had ended by the moment that is asked for. None of them where this asks for more detail, or for
    a moment in months that may be folded."""
    tally, start = source.tally, window.period.start
    if tally is None or not tally.filters.issuperset(asked.chosen):
        return start
    if len(asked.path) > tally.depth or (by is not None and by not in tally.dimensions):
        return start
    if window.known != month_start(window.known) and window.known < folded_before(asked.now):
        return start
    return max(start, month_start(window.until))


def summed_statement(
    asked: Asked, source: Source, pieces: Sequence[Piece], by: Dimension | None
) -> str:
    """For each piece, moment and part the sums of the tally."""
    tally = source.tally
    assert tally is not None, "only what was summed up"
    parting = source.partings[by] if by else Parting("null::text", "")
    sums = ", ".join(f"sum(x.{name})::bigint as {name}" for name in SUMS)
    branches = []
    for number in range(len(pieces)):
        first = GIVEN + OF_PIECE * number + 1
        conditions = [
            f"x.tenant_id = {TENANT}",
            f"x.month >= (${first}::timestamptz at time zone 'Asia/Shanghai')::date",
            f"x.month < (${first + 1}::timestamptz at time zone 'Asia/Shanghai')::date",
            f"x.known < ${first + 2}::timestamptz",
            *_places(asked, source, f"x.{tally.region}", len(pieces)),
            _sql(parting.only),
        ]
        branches.append(
            f"select {number} as p, x.moment, {_sql(parting.key)} as key, {sums}"
            f" from {tally.table} x where {' and '.join(conditions)} group by 2, 3"
        )
    return " union all ".join(branches)


def statement(asked: Asked, source: Source, pieces: Sequence[Piece], by: Dimension | None) -> str:
    """For each piece and part what its metrics count. Each piece is a branch with bounds of its
    own, so that each is one range of an index: a join with a list of them becomes a scan."""
    widest = max(len(piece.group) for piece in pieces)
    return " union all ".join(
        _branch(asked, source, pieces, number, by, widest) for number in range(len(pieces))
    )


def _branch(
    asked: Asked,
    source: Source,
    pieces: Sequence[Piece],
    number: int,
    by: Dimension | None,
    widest: int,
) -> str:
    piece, known = pieces[number], _known(number)
    parting = source.partings[by] if by else Parting("null::text", "")
    counted = (
        f"{source.table} x where {_counted(asked, piece.group[0], number, len(pieces))}"
        f" and {_sql(parting.only)}"
    )
    rest = "".join(
        f", null::bigint as {name}{place}"
        for place in range(len(piece.group), widest)
        for name in "dn"
    )
    if not piece.group[0].shape.adds_up:
        minutes = _sql(piece.group[0].numerator or "", known)
        inside = _ninth_tenth(_sql(parting.key), minutes, counted)
        return f"select {number} as p, t.*{rest} from ({inside}) t"
    sums = [
        f"{_sum(metric, side, known)} as {name}{place}"
        for place, metric in enumerate(piece.group)
        for name, side in (("d", metric.denominator), ("n", metric.numerator))
    ]
    return (
        f"select {number} as p, {_sql(parting.key)} as key, {', '.join(sums)}{rest}"
        f" from {counted} group by 2"
    )


def _ninth_tenth(key: str, value: str, counted: str) -> str:
    """The SQL of how many rows each part has and what nine in ten of them do not exceed, and WHOLE
    for all of them: in one pass, over how often each value comes."""
    return (
        f"with h as (select {key} as key, {value} as v, count(*) as c from {counted} group by 1, 2)"
        " select key, sum(c)::bigint as d0, min(v) filter (where 10 * upto >= 9 * n)::bigint as n0"
        " from (select key, v, c, sum(c) over (partition by key order by v) as upto,"
        " sum(c) over (partition by key) as n from h) each group by key"
        f" union all select '{WHOLE}', sum(c)::bigint, min(v) filter (where 10 * upto >= 9 * n)"
        " from (select v, sum(c) as c, sum(sum(c)) over (order by v) as upto,"
        " sum(sum(c)) over () as n from h group by v) every having count(*) > 0"
    )


def _sum(metric: MetricDefinition, side: str | None, known: str) -> str:
    if side is None:
        side = metric.denominator
    return "count(*)" if side == "1" else f"sum({_sql(side, known)})"


def rows_statement(asked: Asked, metric: MetricDefinition) -> str:
    """The SQL of the counted rows of one window: each one's id and what it adds, by id; of a
    score those of each of its parts, by their number. Facts that open to the same row add up."""
    branches = [_rows(asked, part, number) for number, part in enumerate(metric.parts or [metric])]
    return (
        "select id, g, sum(d)::bigint as d, sum(n)::bigint as n"
        f" from ({' union all '.join(branches)}) rows where d > 0 group by id, g order by id, g"
    )


def hash_statement(asked: Asked, metric: MetricDefinition) -> str:
    """The SQL of the SHA-256 over the lines `id denominator numerator` of all counted rows, in
    their order: of many rows only this leaves the database."""
    return (
        "select encode(sha256(convert_to(coalesce(string_agg("
        "id || ' ' || d || ' ' || n || chr(10), '' order by id, g), ''), 'UTF8')), 'hex')"
        f" from ({rows_statement(asked, metric)}) counted"
    )


def _rows(asked: Asked, metric: MetricDefinition, number: int) -> str:
    known, numerator = _known(0), metric.numerator or metric.denominator
    return (
        f"select {number} as g, x.{metric.source.key} as id,"
        f" {_sql(metric.denominator, known)} as d, {_sql(numerator, known)} as n"
        f" from {metric.source.table} x where {_counted(asked, metric, 0, 1)}"
    )


def values(asked: Asked, pieces: Sequence[Piece]) -> list[Any]:
    """The values of a statement of these pieces."""
    return [*asked.given, *(value for piece in pieces for value in piece.values), *asked.lists]


def _known(number: int) -> str:
    return f"${GIVEN + OF_PIECE * number + 3}::timestamptz"


def _counted(asked: Asked, metric: MetricDefinition, number: int, pieces: int) -> str:
    """Of the region, in the stretch, and as known then."""
    source, known, first = metric.source, _known(number), GIVEN + OF_PIECE * number + 1
    return " and ".join(
        [
            f"x.tenant_id = {TENANT}",
            f"x.{metric.moment} >= ${first}::timestamptz and x.{metric.moment} < ${first + 1}",
            f"x.since < {known} and x.until >= {known}",
            *_places(asked, source, f"x.{source.region}", pieces),
        ]
    )


def _places(asked: Asked, source: Source, region: str, pieces: int) -> list[str]:
    conditions = [
        f"{region} >= {LOW} and {region} < {HIGH}"
        if len(asked.path) > DISTRICT_PATH
        else f"({LOW}::text, {HIGH}::text) is not null"
    ]
    for number, name in enumerate(asked.chosen, GIVEN + OF_PIECE * pieces + 1):
        conditions.append(_sql(source.filters[name], value=f"${number}::uuid[]"))
    return conditions


def _sql(text: str, known: str = "", value: str = "") -> str:
    return text.format(row="x", known=known, tenant=TENANT, value=value)
