"""Counting: all metrics of a source at once, in all periods and parts that are asked for.

A figure is of a whole region, or of what an organisation handles in it. It is counted for somebody
who may read every row of it, so that the number and the rows it opens to are the same; for anyone
else there is none.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from guanjia.db.scope import DISTRICT_PATH, Scope
from guanjia.graph.errors import BAD_USER_INPUT, Denied
from guanjia.graph.times import local_date
from guanjia.indicators.service.asked import Asked, Window
from guanjia.indicators.service.figures import Cell, Figure
from guanjia.indicators.service.score import Weight, lacking, score, weights_on
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
from guanjia.reading.metrics import Dimension, MetricDefinition, Parting, Source, metrics
from guanjia.tenancy.models import Level

_REGION = (
    "select id, code, name, level, path from regions where tenant_id = $1"
    " and case when $2::uuid is null then level = 'DISTRICT' else id = $2 end"
)
_ORGANISATION = "select id, name from organisations where tenant_id = $1 and id = $2"

INSIDE = {
    Level.DISTRICT: (Dimension.STREET, Dimension.COMMUNITY, Dimension.GRID),
    Level.STREET: (Dimension.COMMUNITY, Dimension.GRID),
    Level.COMMUNITY: (Dimension.GRID,),
    Level.GRID: (),
}
"""The levels that a region of each level can be parted by."""
_LEVELS = INSIDE[Level.DISTRICT]


class Counted(NamedTuple):
    """What a figure is made of. lacking: why there is none."""

    denominator: int = 0
    numerator: int = 0
    lacking: str = ""


Counts = dict[tuple[str, int, str | None], Counted]
"""By metric, number of the window and key of the part."""
_Found = dict[tuple[str, int, str | None], list[int]]


async def asked_for(
    connection: Any,
    tenant_id: UUID,
    region_id: UUID | None,
    organisation_id: UUID | None,
    chosen: Mapping[str, Sequence[UUID]],
    *scopes: Scope,
) -> Asked | None:
    """What is asked: of a region, or of what an organisation handles in it or anywhere. None where
    one of them does not exist, or one of the scopes has neither the whole region nor, as its own,
    the organisation."""
    region = await connection.fetchrow(_REGION, tenant_id, region_id)
    organisation = None
    if organisation_id is not None:
        organisation = await connection.fetchrow(_ORGANISATION, tenant_id, organisation_id)
        chosen = {**chosen, "handler": [organisation_id]}
    if region is None or (organisation is None and organisation_id is not None):
        return None
    asked = Asked(tenant_id, region, chosen, organisation=organisation)
    return asked if all(within(asked, scope) for scope in scopes) else None


def within(asked: Asked, scope: Scope) -> bool:
    """Whether the scope reaches all that is asked for."""
    return bool(scope.covering(asked.path)) or (
        asked.organisation is not None and asked.organisation["id"] in scope.organisations
    )


def readable(asked: Asked, scope_of: Callable[[str], Scope]) -> list[MetricDefinition]:
    """The metrics of a board for somebody with these scopes: those whose every row they may read;
    of an organisation those that can be told by who handles a case."""
    return [
        metric
        for metric in metrics()
        if within(asked, scope_of(metric.source.permission))
        and (asked.organisation is None or Dimension.DEPARTMENT in metric.dimensions)
    ]


async def count(
    connection: Any,
    asked: Asked,
    metrics: Iterable[MetricDefinition],
    windows: Sequence[Window],
    by: Dimension | None = None,
) -> Counts:
    """What each metric counts in each window; parted by a dimension, for each part, and for those
    that do not add up also as a whole."""
    wanted = list(metrics)
    scores = [metric for metric in wanted if metric.parts]
    single = [metric for metric in wanted if not metric.parts]
    single += [part for metric in scores for part in metric.parts if part not in single]
    found: _Found = defaultdict(lambda: [0, 0])
    for source, groups in _by_source(single):
        until = [summed_until(asked, source, window, by) for window in windows]
        await _take_sums(connection, asked, source, groups, windows, until, by, found)
        pieces = [
            piece
            for number, window in enumerate(windows)
            for group in groups
            for piece in _pieces(group, number, window, until[number])
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
    counts = {key: Counted(pair[0], pair[1]) for key, pair in found.items()}
    for metric in scores:
        counts |= await _scores(connection, asked, metric, windows, by, counts)
    return counts


async def _scores(
    connection: Any,
    asked: Asked,
    metric: MetricDefinition,
    windows: Sequence[Window],
    by: Dimension | None,
    counts: Counts,
) -> Counts:
    """The score of each window and part, and as a whole, from what its parts count there."""
    ids = [part.id for part in metric.parts]
    is_district = len(asked.path) == DISTRICT_PATH and not asked.chosen
    rates: Counts = {}
    if not is_district or by in (Dimension.DEPARTMENT, Dimension.COMPANY):
        rates = await count(connection, asked.district, metric.parts, windows)
    else:
        for (each, number, _), counted in counts.items():
            before = rates.get((each, number, None), Counted())
            rates[each, number, None] = Counted(before[0] + counted[0], before[1] + counted[1])
    made: Counts = {}
    for number, window in enumerate(windows):
        weights = await weights_on(connection, asked.tenant_id, window.last_day)
        prior = {each: rates.get((each, number, None), Counted())[:2] for each in ids}
        why = lacking(weights, prior)
        keys = {key for each, at, key in counts if each in ids and at == number}
        parts = {
            key: {each: counts.get((each, number, key), Counted())[:2] for each in ids}
            for key in keys
        }
        if by is not None:
            parts[WHOLE] = {
                each: (
                    sum(p[each][0] for p in parts.values()),
                    sum(p[each][1] for p in parts.values()),
                )
                for each in ids
            }
        for key, pairs in parts.items():
            points = 0 if why else score(weights, pairs, prior)
            most = max(counted for counted, _ in pairs.values())
            made[metric.id, number, key] = Counted(most, points, why)
    return made


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


def _pieces(group: Group, number: int, window: Window, summed: dt.datetime) -> Iterable[Piece]:
    """What of the window is counted row by row."""
    start = summed if group[0].tallied else window.period.start
    if start < window.until:
        yield Piece(group, number, start, window.until, window.known)


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
                Figure(metric, *of_metric.get(row["key"], Counted())),
            )
            for row in parts[id(source)]
            if row["key"] in of_metric or row["standing"]
        ]
        whole = of_metric.pop(WHOLE, Counted())
        if metric.shape.adds_up:
            whole = Counted(
                sum(pair[0] for pair in of_metric.values()),
                sum(pair[1] for pair in of_metric.values()),
            )
        inside = {row["key"] for row in parts[id(source)]}
        missing = sum(pair[0] for key, pair in of_metric.items() if key not in inside)
        said = f"总数 {whole[0]} 中有 {missing} 不属于其中任何一项。" if missing else whole.lacking
        found[metric.id] = (Figure(metric, whole[0], whole[1], said), cells)
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


async def made_of(
    connection: Any, asked: Asked, metric: MetricDefinition, window: Window
) -> list[tuple[Weight, Figure, Figure]]:
    """What a score is made of: each weight of its day with the part's figure, and the district's
    that a part of few rows is drawn to. Nothing of a metric that is no score."""
    if not metric.parts:
        return []
    weights = await weights_on(connection, asked.tenant_id, window.last_day)
    parts = {part.id: part for part in metric.parts}
    counts = await count(connection, asked, metric.parts, [window])
    whole = await count(connection, asked.district, metric.parts, [window])
    return [
        (each, total(counts, parts[each.metric], 0), total(whole, parts[each.metric], 0))
        for each in weights
    ]


def total(counts: Counts, metric: MetricDefinition, number: int) -> Figure:
    """The metric's figure of a window that was counted without parts."""
    return Figure(metric, *counts.get((metric.id, number, None), Counted()))


def refuse_dimension(metric: MetricDefinition, by: Dimension) -> None:
    """Denied where the metric's rows have nothing of this dimension."""
    if by not in metric.dimensions:
        possible = "、".join(each.words for each in Dimension if each in metric.dimensions)
        raise Denied(BAD_USER_INPUT, f"{metric.title}不能按{by.words}计算,只能按{possible}。")
