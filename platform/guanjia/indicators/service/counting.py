"""Counting: all metrics of a source at once, in all periods and parts that are asked for.

A figure is of a whole region, or of what an organisation handles in it. It is counted for somebody
who may read every row of it, so that the number and the rows it opens to are the same; for anyone
else there is none.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, Denied
from guanjia.graph.times import local_date
from guanjia.indicators.service.asked import Asked, Window
from guanjia.indicators.service.figures import Cell, Figure
from guanjia.indicators.service.statements import (
    TENANT,
    WHOLE,
    Group,
    Piece,
    statement,
    summed_statement,
    summed_until,
    values,
)
from guanjia.reading.metrics import Dimension, MetricDefinition, Parting, Source
from guanjia.tenancy.models import Level

_REGION = "select id, code, name, level, path from regions where tenant_id = $1 and id = $2"

INSIDE = {
    Level.DISTRICT: (Dimension.STREET, Dimension.COMMUNITY, Dimension.GRID),
    Level.STREET: (Dimension.COMMUNITY, Dimension.GRID),
    Level.COMMUNITY: (Dimension.GRID,),
    Level.GRID: (),
}
"""The levels that a region of each level can be parted by."""
_LEVELS = INSIDE[Level.DISTRICT]

Counts = dict[tuple[str, int, str | None], tuple[int, int]]
"""By metric, number of the window and key of the part: denominator and numerator."""
_Found = dict[tuple[str, int, str | None], list[int]]


async def region_for(
    connection: Any, tenant_id: UUID, region_id: UUID | None, *scopes: Scope
) -> Any | None:
    """The region; None where it does not exist or not all of it lies in each of the scopes."""
    row = await connection.fetchrow(_REGION, tenant_id, region_id)
    if row is None or not all(scope.covering(row["path"]) for scope in scopes):
        return None
    return row


async def count(
    connection: Any,
    asked: Asked,
    metrics: Iterable[MetricDefinition],
    windows: Sequence[Window],
    by: Dimension | None = None,
) -> Counts:
    """What each metric counts in each window; parted by a dimension, for each part, and for those
    that do not add up also as a whole."""
    found: _Found = defaultdict(lambda: [0, 0])
    for source, groups in _by_source(metrics):
        until = [summed_until(asked, source, window, by) for window in windows]
        await _take_sums(connection, asked, source, groups, windows, until, by, found)
        pieces = [
            piece
            for number, window in enumerate(windows)
            for group in groups
            for piece in _pieces(group, number, window, until[number], by)
        ]
        if not pieces:
            continue
        sql = statement(asked, source, pieces, by)
        for row in await connection.fetch(sql, *values(asked, pieces)):
            piece = pieces[row["p"]]
            for place, metric in enumerate(piece.group):
                pair = found[metric.id, piece.window, row["key"]]
                pair[0] += row[f"d{place}"] or 0
                pair[1] += row[f"n{place}"] or 0
    return {key: (pair[0], pair[1]) for key, pair in found.items()}


async def _take_sums(
    connection: Any,
    asked: Asked,
    source: Source,
    groups: Sequence[Group],
    windows: Sequence[Window],
    until: Sequence[dt.datetime],
    by: Dimension | None,
    found: _Found,
) -> None:
    """Adds what can be taken from the source's tally."""
    pieces = [
        Piece([], number, window.period.start, until[number], window.known)
        for number, window in enumerate(windows)
        if until[number] > window.period.start
    ]
    if not pieces:
        return
    tallied = [(metric, metric.tallied) for group in groups for metric in group if metric.tallied]
    sql = summed_statement(asked, source, pieces, by)
    for row in await connection.fetch(sql, *values(asked, pieces)):
        for metric, (denominator, numerator) in tallied:
            if metric.moment == row["moment"] and row[denominator]:
                pair = found[metric.id, pieces[row["p"]].window, row["key"]]
                pair[0] += row[denominator]
                pair[1] += row[numerator]


def _pieces(
    group: Group, number: int, window: Window, summed: dt.datetime, by: Dimension | None
) -> Iterable[Piece]:
    """What of the window is counted row by row."""
    start = summed if group[0].tallied else window.period.start
    if start < window.until:
        yield Piece(group, number, start, window.until, window.known)
        if by is not None and not group[0].shape.adds_up:
            yield Piece(group, number, start, window.until, window.known, whole=True)


def _by_source(metrics: Iterable[MetricDefinition]) -> Iterable[tuple[Source, list[Group]]]:
    """For each source its metrics, together where one scan counts them."""
    sources: dict[int, dict[Any, Group]] = defaultdict(lambda: defaultdict(list))
    for metric in metrics:
        key = metric.moment, metric.tallied is None, metric.shape.adds_up
        sources[id(metric.source)][key].append(metric)
    for groups in sources.values():
        found = list(groups.values())
        yield found[0][0].source, found


def parting_of(region: Any, by: Dimension | None) -> Dimension | None:
    """The dimension to part the region by: the next level down if none was asked for. Denied for a
    level that is not below the region's."""
    inside = INSIDE[Level(region["level"])]
    if by is None:
        return inside[0] if inside else None
    if by in _LEVELS and by not in inside:
        raise Denied(BAD_USER_INPUT, f"{region['name']}不能按这一级区域分列。")
    return by


async def parted(
    connection: Any,
    asked: Asked,
    metrics: Sequence[MetricDefinition],
    window: Window,
    by: Dimension,
) -> dict[str, tuple[Figure, list[Cell]]]:
    """Each metric's total and its parts. A total of which some rows belong to no part is refused,
    saying how many there are."""
    allowed = [metric for metric in metrics if by in metric.dimensions]
    counts = await count(connection, asked, allowed, [window], by)
    parts: dict[int, Sequence[Any]] = {}
    found: dict[str, tuple[Figure, list[Cell]]] = {}
    for metric in allowed:
        source = metric.source
        if id(source) not in parts:
            parts[id(source)] = await _parts(connection, asked, source.partings[by], window)
        of_metric = {key: pair for (name, _, key), pair in counts.items() if name == metric.id}
        cells = [
            Cell(
                row["id"],
                row["code"],
                row["name"],
                Figure(metric, *of_metric.get(row["key"], (0, 0))),
            )
            for row in parts[id(source)]
            if row["key"] in of_metric or row["standing"]
        ]
        whole = of_metric.pop(WHOLE, None)
        total = [sum(pair[side] for pair in of_metric.values()) for side in (0, 1)]
        missing = total[0] - sum(cell.figure.denominator for cell in cells)
        if not metric.shape.adds_up:
            total = list(whole or (0, 0))
        lacking = f"总数 {total[0]} 中有 {missing} 不属于其中任何一项。" if missing else ""
        found[metric.id] = (Figure(metric, total[0], total[1], lacking), cells)
    return found


async def _parts(connection: Any, asked: Asked, parting: Parting, window: Window) -> Sequence[Any]:
    sql = parting.parts.format(tenant=TENANT, low="$2::text", high="$3::text", day="$4::date")
    rows: Sequence[Any] = await connection.fetch(
        f"with given as (select {TENANT}::uuid, $2::text, $3::text, $4::date)"
        f" select p.* from ({sql}) p order by p.code, p.name, p.key",
        *asked.given,
        local_date(window.known - dt.timedelta(microseconds=1)),
    )
    return rows


async def board(
    connection: Any,
    asked: Asked,
    metrics: Sequence[MetricDefinition],
    window: Window,
    by: Dimension | None = None,
) -> list[tuple[Figure, list[Cell]]]:
    """Every metric that can be parted so, with its parts; by the next level down unless asked
    otherwise. A grid has none: its figures are whole."""
    by = parting_of(asked.region, by)
    if by is not None:
        return list((await parted(connection, asked, metrics, window, by)).values())
    counts = await count(connection, asked, metrics, [window])
    return [(total(counts, metric, 0), []) for metric in metrics]


def total(counts: Counts, metric: MetricDefinition, number: int) -> Figure:
    """The metric's figure of a window that was counted without parts."""
    return Figure(metric, *counts.get((metric.id, number, None), (0, 0)))


def refuse_dimension(metric: MetricDefinition, by: Dimension) -> None:
    """Denied where the metric's rows have nothing of this dimension yet."""
    if by not in metric.dimensions:
        raise Denied(BAD_USER_INPUT, f"{metric.title}不能按主办单位分列:其中有尚未派遣的案件。")
