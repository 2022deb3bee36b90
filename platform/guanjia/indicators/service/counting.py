"""Counting: one statement for all metrics of a source, in all periods and parts that are asked for.

A figure is of a whole region. It is counted for somebody who may read every row of the region, so
that the number and the rows it opens to are the same; for anyone else there is none.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from guanjia.db.scope import DISTRICT_PATH, Scope, path_end
from guanjia.graph.errors import BAD_USER_INPUT, Denied
from guanjia.graph.times import local_date
from guanjia.indicators.service.figures import Cell, Figure
from guanjia.indicators.service.periods import Period
from guanjia.reading.metrics import Dimension, MetricDefinition, Parting
from guanjia.tenancy.models import Level

TENANT, LOW, HIGH = "$1", "$2", "$3"
GIVEN, OF_WINDOW = 3, 3
"""How many values come before those of the windows, and how many each window has."""
_REGION = "select id, code, name, level, path from regions where tenant_id = $1 and id = $2"


@dataclass(frozen=True, slots=True)
class Window:
    """A period, counted as it was known at a moment."""

    period: Period
    known: dt.datetime

    @property
    def moments(self) -> tuple[dt.datetime, dt.datetime, dt.datetime]:
        """From when and until when (not) rows are counted, and as they were known when. What lies
        ahead of that moment is not counted."""
        return self.period.start, min(self.period.end, self.known), self.known


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose rows are counted: those of a region, and of the chosen categories and handlers."""

    tenant_id: UUID
    region: Any
    chosen: Mapping[str, Sequence[UUID]] = field(default_factory=dict)

    def values(self, windows: Sequence[Window]) -> list[Any]:
        path = self.region["path"]
        return [
            self.tenant_id,
            path,
            path_end(path),
            *(moment for window in windows for moment in window.moments),
            *(list(ids) for ids in self.chosen.values()),
        ]


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
    """What each metric counts in each window; parted by a dimension, for each part."""
    found: Counts = {}
    for groups in _by_source(metrics):
        sql = statement(asked, groups, len(windows), by)
        for row in await connection.fetch(sql, *asked.values(windows)):
            for place, metric in enumerate(groups[row["g"]]):
                counts = (row[f"d{place}"] or 0, row[f"n{place}"] or 0)
                found[metric.id, row["w"], row["key"]] = counts
    return found


Group = list[MetricDefinition]


def _by_source(metrics: Iterable[MetricDefinition]) -> Iterable[list[Group]]:
    """For each source its metrics, together where the same column puts rows into a period."""
    sources: dict[int, dict[str, Group]] = defaultdict(lambda: defaultdict(list))
    for metric in metrics:
        sources[id(metric.source)][metric.moment].append(metric)
    return [list(groups.values()) for groups in sources.values()]


def statement(asked: Asked, groups: Sequence[Group], windows: int, by: Dimension | None) -> str:
    """The SQL of the metrics of one source. Each window of each group is a branch with bounds of
    its own, so that each is one range of an index: a join with a list of them becomes a scan."""
    widest = max(map(len, groups))
    return " union all ".join(
        _branch(asked, group, by, number, window, windows, widest)
        for number, group in enumerate(groups)
        for window in range(windows)
    )


def _branch(
    asked: Asked,
    group: Group,
    by: Dimension | None,
    number: int,
    window: int,
    windows: int,
    widest: int,
) -> str:
    source, known = group[0].source, _known(window)
    parting = source.partings[by] if by else Parting("null::text", "")
    sums = [
        f"sum({_sql(side, known)}) as {name}{place}"
        for place, metric in enumerate(group)
        for name, side in (("d", metric.denominator), ("n", metric.numerator or metric.denominator))
    ]
    sums += [
        f"null::bigint as {name}{place}" for place in range(len(group), widest) for name in "dn"
    ]
    return (
        f"select {number} as g, {window} as w, {_sql(parting.key)} as key, {', '.join(sums)}"
        f" from {source.table} x where {_counted(asked, group[0], window, windows)}"
        f" and {_sql(parting.only)} group by 3"
    )


def rows_statement(asked: Asked, metric: MetricDefinition) -> str:
    """The SQL of the counted rows of one window: each one's id and what it adds, by id. Facts that
    open to the same row add up."""
    known, numerator = _known(0), metric.numerator or metric.denominator
    return (
        f"select id, sum(d) as d, sum(n) as n from (select x.{metric.source.key} as id,"
        f" {_sql(metric.denominator, known)} as d, {_sql(numerator, known)} as n"
        f" from {metric.source.table} x where {_counted(asked, metric, 0, 1)}) counted"
        " where d > 0 group by id order by id"
    )


def _known(window: int) -> str:
    return f"${GIVEN + OF_WINDOW * window + 3}::timestamptz"


def _counted(asked: Asked, metric: MetricDefinition, window: int, windows: int) -> str:
    """Of the region, in the period, and as known then."""
    source, known = metric.source, _known(window)
    region, first = f"x.{source.region}", GIVEN + OF_WINDOW * window + 1
    conditions = [
        f"x.tenant_id = {TENANT}",
        f"x.{metric.moment} >= ${first}::timestamptz and x.{metric.moment} < ${first + 1}",
        f"x.since < {known} and x.until >= {known}",
    ]
    if len(asked.region["path"]) > DISTRICT_PATH:
        conditions.append(f"{region} >= {LOW} and {region} < {HIGH}")
    else:
        conditions.append(f"({LOW}::text, {HIGH}::text) is not null")
    for number, name in enumerate(asked.chosen, GIVEN + OF_WINDOW * windows + 1):
        conditions.append(_sql(source.filters[name], value=f"${number}::uuid[]"))
    return " and ".join(conditions)


def _sql(text: str, known: str = "", value: str = "") -> str:
    return text.format(row="x", known=known, tenant=TENANT, value=value)


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
        total = [sum(pair[side] for pair in of_metric.values()) for side in (0, 1)]
        missing = total[0] - sum(cell.figure.denominator for cell in cells)
        lacking = f"总数 {total[0]} 中有 {missing} 不属于其中任何一项。" if missing else ""
        found[metric.id] = (Figure(metric, total[0], total[1], lacking), cells)
    return found


async def _parts(connection: Any, asked: Asked, parting: Parting, window: Window) -> Sequence[Any]:
    sql = parting.parts.format(tenant=TENANT, low="$2::text", high="$3::text", day="$4::date")
    path = asked.region["path"]
    rows: Sequence[Any] = await connection.fetch(
        f"with given as (select {TENANT}::uuid, $2::text, $3::text, $4::date)"
        f" select p.* from ({sql}) p order by p.code, p.name, p.key",
        asked.tenant_id,
        path,
        path_end(path),
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
