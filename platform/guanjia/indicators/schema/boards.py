"""Boards (看板): all figures of a region in one period, with series for charts."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import strawberry
from strawberry.types import Info

from guanjia.graph.errors import BAD_USER_INPUT, Denied
from guanjia.indicators.schema.types import (
    IndicatorCell,
    IndicatorDimension,
    IndicatorMetric,
    IndicatorOrganisation,
    IndicatorRegion,
    IndicatorValue,
)
from guanjia.indicators.service import counting
from guanjia.indicators.service.asked import Asked, Window
from guanjia.indicators.service.periods import known_at
from guanjia.indicators.service.rows import total_hash
from guanjia.reading import metrics

MOST_PERIODS = 24


@strawberry.type(description="看板中的一个指标")
class BoardFigure:
    asked: strawberry.Private[Asked]
    measured: strawberry.Private[metrics.MetricDefinition]
    window: strawberry.Private[Window]
    by: strawberry.Private[IndicatorDimension | None]
    metric: IndicatorMetric
    figure: IndicatorValue = strawberry.field(
        description="被分列的总数:按部门、物业公司分列时,只含由这类单位主办的"
    )
    cells: list[IndicatorCell] = strawberry.field(description="分列")

    @strawberry.field(
        description="总数所计各行的散列,连同看板的 asOf 以 checkIndicator 核对;按单位分列的为空"
    )
    async def hash(self, info: Info) -> str | None:
        async with info.context.reader.alone() as connection:
            return await total_hash(connection, self.asked, self.measured, self.window, self.by)


@strawberry.type(description="曲线上的一点")
class BoardPoint:
    period: str
    as_of: dt.datetime
    figure: IndicatorValue


@strawberry.type(description="一个指标的曲线")
class BoardSeries:
    metric: IndicatorMetric
    points: list[BoardPoint] = strawberry.field(description="各期,由远及近")


@strawberry.type(description="看板:一个区域一期的全部指标")
class Board:
    asked: strawberry.Private[Asked]
    measured: strawberry.Private[list[metrics.MetricDefinition]]
    window: strawberry.Private[Window]
    region: IndicatorRegion
    organisation: IndicatorOrganisation | None
    by: IndicatorDimension | None = strawberry.field(description="按什么分列;网格没有下一级,为空")
    period: str
    as_of: dt.datetime = strawberry.field(description="截至时间;核对时须带上")

    @strawberry.field(description="各指标的总数与分列;不能这样分列的指标不在其中")
    async def figures(self, info: Info) -> list[BoardFigure]:
        async with info.context.reader.alone() as connection:
            found = await counting.board(
                connection, self.asked, self.measured, self.window, self.by
            )
        return [
            BoardFigure(
                asked=self.asked,
                measured=figure.metric,
                window=self.window,
                by=self.by,
                metric=IndicatorMetric.of(figure.metric),
                figure=IndicatorValue.of(figure),
                cells=[IndicatorCell.of(cell) for cell in cells],
            )
            for figure, cells in found
        ]

    @strawberry.field(description="本期及以前各期的全部总数,与按什么分列无关")
    async def series(
        self,
        info: Info,
        periods: Annotated[int, strawberry.argument(description="几期,1–24")] = 6,
    ) -> list[BoardSeries]:
        if not 1 <= periods <= MOST_PERIODS:
            raise Denied(BAD_USER_INPUT, f"periods 须在 1 到 {MOST_PERIODS} 之间。")
        windows = [self.window]
        for back in range(1, periods):
            period = self.window.period.moved(-back)
            known = known_at(period, None, info.context.now)
            windows.insert(0, Window(period, min(known, self.window.known)))
        async with info.context.reader.alone() as connection:
            counts = await counting.count(connection, self.asked, self.measured, windows)
        return [
            BoardSeries(
                metric=IndicatorMetric.of(metric),
                points=[
                    BoardPoint(
                        period=window.period.text,
                        as_of=window.known,
                        figure=IndicatorValue.of(counting.total(counts, metric, number)),
                    )
                    for number, window in enumerate(windows)
                ],
            )
            for metric in self.measured
        ]
