"""Figures, their check and boards: what can be asked for."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry.types import Info

from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, Denied
from guanjia.graph.filters import filter_values, row_id
from guanjia.graph.marks import requires
from guanjia.indicators.schema.boards import Board
from guanjia.indicators.schema.types import (
    AsOf,
    Indicator,
    IndicatorDimension,
    IndicatorFilter,
    IndicatorMetric,
    IndicatorOrganisation,
    IndicatorRegion,
    IndicatorValue,
    MetricId,
    OrganisationId,
    PeriodText,
    RegionId,
)
from guanjia.indicators.service import counting
from guanjia.indicators.service.asked import Asked, Window
from guanjia.indicators.service.periods import known_at, period_of
from guanjia.indicators.service.rows import hash_of
from guanjia.reading.mapping import METADATA, Unplanned
from guanjia.reading.metrics import MetricDefinition, metric_of, metrics

Filter = IndicatorFilter | None
COUNTED = {METADATA: Unplanned("numbers counted over the facts of other modules, no list of rows")}
By = Annotated[
    IndicatorDimension | None,
    strawberry.argument(description="分列:区域层级、主办部门、物业公司或类别;默认下一级区域"),
]


@strawberry.type(description="核对的结果")
class IndicatorCheck:
    matches: bool = strawberry.field(description="所计各行与当时相同")
    hash: str = strawberry.field(description="现在重新计数所得的散列")
    figure: IndicatorValue = strawberry.field(description="现在重新计数所得的数")


def _metric(identifier: str) -> MetricDefinition:
    found = metric_of(identifier)
    if found is None:
        raise Denied(BAD_USER_INPUT, "没有这个指标;可用的见 indicatorMetrics。")
    return found


def _chosen(filter: IndicatorFilter | None) -> Mapping[str, Sequence[UUID]]:
    given = filter_values(filter) if filter else {}
    return {name: part["in"] for name, part in given.items() if part and part.get("in") is not None}


async def _asked(
    info: Info,
    region_id: str | None,
    organisation_id: str | None,
    chosen: Mapping[str, Sequence[UUID]],
    *scopes: Scope,
) -> Asked | None:
    context: Any = info.context
    region, organisation = (
        row_id(given) if given else None for given in (region_id, organisation_id)
    )
    if not (region_id or organisation_id):
        raise Denied(BAD_USER_INPUT, "请指明区域,或主办单位。")
    if (region_id and region is None) or (organisation_id and organisation is None):
        return None
    if organisation and "handler" in chosen:
        raise Denied(BAD_USER_INPUT, "已指明主办单位,不能再按主办单位筛选。")
    async with context.reader.alone() as connection:
        return await counting.asked_for(
            connection, context.tenant_id, region, organisation, chosen, *scopes
        )


async def _indicator(
    self: None,
    info: Info,
    id: MetricId,
    period: PeriodText,
    scope: "Scope",
    region_id: RegionId = None,
    organisation_id: OrganisationId = None,
    as_of: AsOf = None,
    filter: Filter = None,
) -> Indicator | None:
    context: Any = info.context
    metric, asked_period = _metric(id), period_of(period)
    readable = await context.scope(metric.source.permission)
    asked = await _asked(info, region_id, organisation_id, _chosen(filter), scope, readable)
    if asked is None:
        return None
    if asked.organisation is not None:
        counting.refuse_dimension(metric, IndicatorDimension.DEPARTMENT)
    window = Window(asked_period, known_at(asked_period, as_of, context.now))
    before = asked_period.moved(-1)
    earlier = Window(before, known_at(before, None, context.now))
    async with context.reader.alone() as connection:
        counts = await counting.count(connection, asked, [metric], [window, earlier])
    figure = counting.total(counts, metric, 0)
    return Indicator(
        asked=asked,
        measured=metric,
        window=window,
        counted=figure,
        before=(earlier, counting.total(counts, metric, 1)),
        metric=IndicatorMetric.of(metric),
        region=IndicatorRegion.of(asked.region),
        organisation=IndicatorOrganisation.of(asked.organisation),
        period=asked_period.text,
        as_of=window.known,
        figure=IndicatorValue.of(figure),
    )


async def _check(
    self: None,
    info: Info,
    id: MetricId,
    period: PeriodText,
    as_of: Annotated[dt.datetime, strawberry.argument(description="当时的截至时间")],
    hash: Annotated[str, strawberry.argument(description="当时的散列")],
    scope: "Scope",
    region_id: RegionId = None,
    organisation_id: OrganisationId = None,
    filter: Filter = None,
) -> IndicatorCheck | None:
    found = await _indicator(
        self, info, id, period, scope, region_id, organisation_id, as_of, filter
    )
    if found is None:
        return None
    async with info.context.reader.alone() as connection:
        now = await hash_of(connection, found.asked, found.measured, found.window)
    return IndicatorCheck(matches=now == hash.strip().lower(), hash=now, figure=found.figure)


async def _board(
    self: None,
    info: Info,
    period: PeriodText,
    scope: "Scope",
    region_id: RegionId = None,
    organisation_id: OrganisationId = None,
    by: By = None,
    as_of: AsOf = None,
) -> Board | None:
    context: Any = info.context
    asked_period = period_of(period)
    asked = await _asked(info, region_id, organisation_id, {}, scope)
    if asked is None:
        return None
    return Board(
        asked=asked,
        measured=counting.readable(asked, context.caller.scope),
        window=(window := Window(asked_period, known_at(asked_period, as_of, context.now))),
        region=IndicatorRegion.of(asked.region),
        organisation=IndicatorOrganisation.of(asked.organisation),
        by=counting.parting_of(asked.region, by),
        period=asked_period.text,
        as_of=window.known,
    )


def _metrics(self: None) -> list[IndicatorMetric]:
    return [IndicatorMetric.of(metric) for metric in metrics()]


@strawberry.type
class Query:
    indicator_metrics: list[IndicatorMetric] = strawberry.field(
        resolver=_metrics,
        description="全部指标的定义",
        metadata={METADATA: Unplanned("definitions of the program, no rows")},
        extensions=requires("indicator:read"),
    )
    indicator: Indicator | None = strawberry.field(
        resolver=_indicator,
        description="一个区域,或一个单位(主办的案件,限区域之内或不限)一期的指标;"
        "不存在、不全在您的辖区也不是您的单位时为空",
        metadata=COUNTED,
        extensions=requires("indicator:read"),
    )
    check_indicator: IndicatorCheck | None = strawberry.field(
        resolver=_check,
        description="核对印出的数:以当时的截至时间重新计数,比较所计各行的散列",
        metadata=COUNTED,
        extensions=requires("indicator:read"),
    )
    board: Board | None = strawberry.field(
        resolver=_board,
        description="一个区域,或一个单位(主办的案件,限区域之内或不限)的看板;"
        "不存在、不全在您的辖区也不是您的单位时为空",
        metadata=COUNTED,
        extensions=requires("indicator:read"),
    )
