"""A figure, its parts, its change and its rows, in the API."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from guanjia.cases.schema.types import Case
from guanjia.graph.filters import IdFilter
from guanjia.graph.nodes import UNSET, After, Connection, First
from guanjia.indicators.service import counting, figures
from guanjia.indicators.service.asked import Asked, Window
from guanjia.indicators.service.rows import Part, counted_rows, hash_of, ids_of
from guanjia.reading import metrics
from guanjia.reading.mapping import Connect
from guanjia.reading.rows import PageArguments

IndicatorDimension = strawberry.enum(
    metrics.Dimension, name="IndicatorDimension", description=metrics.Dimension.__doc__
)
IndicatorShape = strawberry.enum(
    metrics.Shape, name="IndicatorShape", description=metrics.Shape.__doc__
)
IndicatorPart = strawberry.enum(Part, name="IndicatorPart", description=Part.__doc__)
IndicatorRefusalReason = strawberry.enum(
    figures.Reason, name="IndicatorRefusalReason", description=figures.Reason.__doc__
)
MetricId = Annotated[strawberry.ID, strawberry.argument(description="指标,见 indicatorMetrics")]
PeriodText = Annotated[str, strawberry.argument(description="2026、2026-Q1 或 2026-03")]
RegionId = Annotated[
    strawberry.ID | None, strawberry.argument(description="区域;只指明单位时为全区")
]
OrganisationId = Annotated[
    strawberry.ID | None, strawberry.argument(description="只计这个单位主办的")
]
AsOf = Annotated[
    dt.datetime | None,
    strawberry.argument(description="截至何时所知;默认期末,期未满时为现在"),
]


def shown(hundredths: int | None) -> float | None:
    """A value in its unit with at most two decimals."""
    return None if hundredths is None else hundredths / 100


@strawberry.input(description="指标筛选")
class IndicatorFilter:
    category: IdFilter | None = strawberry.field(default=UNSET, description="案件类别")
    handler: IdFilter | None = strawberry.field(default=UNSET, description="主办单位")


@strawberry.type(description="指标的定义")
class IndicatorMetric:
    id: strawberry.ID
    title: str = strawberry.field(description="名称")
    unit: str = strawberry.field(description="单位")
    explanation: str = strawberry.field(description="口径:分母与分子各计什么")
    citation: str = strawberry.field(description="口径的来源")
    dimensions: list[IndicatorDimension] = strawberry.field(description="可按什么分列")
    shape: IndicatorShape = strawberry.field(description="计数、比率、平均、九成以内或综合评价")
    lower_is_better: bool = strawberry.field(description="越低越好")
    parts: list[strawberry.ID] = strawberry.field(description="综合评价由哪些指标合成;其他的没有")

    @staticmethod
    def of(metric: metrics.MetricDefinition) -> IndicatorMetric:
        return IndicatorMetric(
            id=strawberry.ID(metric.id),
            title=metric.title,
            unit=metric.unit,
            explanation=metric.explanation,
            citation=metric.citation,
            dimensions=[d for d in metrics.Dimension if d in metric.dimensions],
            shape=metric.shape,
            lower_is_better=metric.lower_is_better,
            parts=[strawberry.ID(part.id) for part in metric.parts],
        )


@strawberry.type(description="不给出数值的原因")
class IndicatorRefusal:
    reason: IndicatorRefusalReason
    message: str


@strawberry.type(description="一个数:比率须连同分子、分母一并使用")
class IndicatorValue:
    value: float | None = strawberry.field(
        description="比率为百分数,四舍五入至两位小数;不能给出时为空,原因见 refusal"
    )
    numerator: int = strawberry.field(
        description="比率的分子,平均的工作分钟之和;计数的与分母相同;九成以内的为工作分钟,"
        "综合评价的为百分之一分"
    )
    denominator: int = strawberry.field(
        description="所计的件(满意率为户);综合评价的为各组成指标中最多的,见 madeOf"
    )
    lower_bound: float | None = strawberry.field(
        description="威尔逊 95% 下限(百分数);不作抽样解释的指标为空"
    )
    refusal: IndicatorRefusal | None

    @staticmethod
    def of(figure: figures.Figure) -> IndicatorValue:
        refused = figure.refused
        return IndicatorValue(
            value=shown(figure.hundredths),
            numerator=figure.numerator,
            denominator=figure.denominator,
            lower_bound=shown(figure.lower_bound),
            refusal=None
            if refused is None
            else IndicatorRefusal(reason=refused.reason, message=refused.message),
        )


@strawberry.type(description="分列的一项:区域、单位或类别")
class IndicatorCell:
    id: strawberry.ID
    code: str = strawberry.field(description="代码;单位没有代码,为空文本")
    name: str
    figure: IndicatorValue

    @staticmethod
    def of(cell: figures.Cell) -> IndicatorCell:
        return IndicatorCell(
            id=strawberry.ID(str(cell.id)),
            code=cell.code,
            name=cell.name,
            figure=IndicatorValue.of(cell.figure),
        )


@strawberry.type(description="与上一期相比")
class IndicatorComparison:
    period: str = strawberry.field(description="上一期")
    as_of: dt.datetime = strawberry.field(description="上一期截至其期末")
    previous: IndicatorValue
    change: float | None = strawberry.field(
        description="本期减上期:比率为百分点;缺一期时为空。本期未满时是以一部分比上期全部,计数不宜据此比较"
    )


@strawberry.type(description="指标所在的区域")
class IndicatorRegion:
    id: strawberry.ID
    code: str
    name: str

    @staticmethod
    def of(row: Any) -> IndicatorRegion:
        return IndicatorRegion(id=strawberry.ID(str(row["id"])), code=row["code"], name=row["name"])


@strawberry.type(description="指标所属的主办单位")
class IndicatorOrganisation:
    id: strawberry.ID
    name: str

    @staticmethod
    def of(row: Any | None) -> IndicatorOrganisation | None:
        return row and IndicatorOrganisation(id=strawberry.ID(str(row["id"])), name=row["name"])


@strawberry.type(
    description="综合评价的一个组成:权重 ×(分子 + prior × 全区比率)/(分母 + prior),各项之和即评分"
)
class IndicatorComponent:
    metric: IndicatorMetric
    percent: int = strawberry.field(description="权重(%),期末之日的")
    prior: int = strawberry.field(description="向全区比率靠拢时加入的件(户)数")
    figure: IndicatorValue
    district: IndicatorValue = strawberry.field(description="全区的,即所靠拢的比率")


@strawberry.type(description="一个区域一期的指标。同一截至时间,数值与行始终相同")
class Indicator:
    asked: strawberry.Private[Asked]
    measured: strawberry.Private[metrics.MetricDefinition]
    window: strawberry.Private[Window]
    counted: strawberry.Private[figures.Figure]
    before: strawberry.Private[tuple[Window, figures.Figure]]
    metric: IndicatorMetric
    region: IndicatorRegion
    organisation: IndicatorOrganisation | None
    period: str
    as_of: dt.datetime = strawberry.field(description="截至时间;核对时须带上")
    figure: IndicatorValue

    @strawberry.field(description="分列,默认按下一级区域;各项之和不等于总数时 refusal 说明缺多少")
    async def cells(self, info: Info, by: IndicatorDimension | None = None) -> IndicatorCells:
        async with info.context.reader.alone() as connection:
            return await cells_of(connection, self.asked, self.measured, self.window, by)

    @strawberry.field(description="与上一期相比")
    def comparison(self) -> IndicatorComparison:
        window, before = self.before
        now, then = self.counted.hundredths, before.hundredths
        return IndicatorComparison(
            period=window.period.text,
            as_of=window.known,
            previous=IndicatorValue.of(before),
            change=None if now is None or then is None else shown(now - then),
        )

    @strawberry.field(description="所计各行的散列(SHA-256),用于日后核对,见 checkIndicator")
    async def hash(self, info: Info) -> str:
        async with info.context.reader.alone() as connection:
            return await hash_of(connection, self.asked, self.measured, self.window)

    @strawberry.field(description="所计的案件,与 cases 相同:只含您可读的")
    async def rows(
        self,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        part: Annotated[
            IndicatorPart, strawberry.argument(description="哪一部分")
        ] = Part.DENOMINATOR,
    ) -> Connection[Case]:
        ids = ids_of(await self._rows(info), part, self.measured.shape)
        given = PageArguments(
            first=None if first is UNSET else first,
            after=None if after is UNSET else after,
            filter={"id": {"in": ids}},
        )
        page = await info.context.reader.page(Connect(self.measured.source.node), None, given)
        return Connection(page=page)

    @strawberry.field(
        description="所计而您不可读的行数,例如已划到辖区之外的:rows 不含它们,数值与 hash 含"
    )
    async def hidden_rows(
        self,
        info: Info,
        part: Annotated[
            IndicatorPart, strawberry.argument(description="哪一部分")
        ] = Part.DENOMINATOR,
    ) -> int:
        ids = ids_of(await self._rows(info), part, self.measured.shape)
        given = PageArguments(first=1, filter={"id": {"in": ids}})
        page = await info.context.reader.page(Connect(self.measured.source.node), None, given)
        readable: int = await page.count()
        return len(ids) - readable

    @strawberry.field(description="综合评价由什么合成,由重到轻;其他指标的为空列表")
    async def made_of(self, info: Info) -> list[IndicatorComponent]:
        async with info.context.reader.alone() as connection:
            found = await counting.made_of(connection, self.asked, self.measured, self.window)
        return [
            IndicatorComponent(
                metric=IndicatorMetric.of(figure.metric),
                percent=weight.percent,
                prior=weight.prior,
                figure=IndicatorValue.of(figure),
                district=IndicatorValue.of(district),
            )
            for weight, figure, district in found
        ]

    async def _rows(self, info: Info) -> Any:
        async with info.context.reader.alone() as connection:
            return await counted_rows(connection, self.asked, self.measured, self.window)


@strawberry.type(description="分列")
class IndicatorCells:
    by: IndicatorDimension | None = strawberry.field(description="网格没有下一级,为空")
    total: IndicatorValue = strawberry.field(
        description="被分列的总数:按部门、物业公司分列时,只含由这类单位主办的"
    )
    cells: list[IndicatorCell]


async def cells_of(
    connection: Any,
    asked: Asked,
    metric: metrics.MetricDefinition,
    window: Window,
    by: metrics.Dimension | None,
) -> IndicatorCells:
    by = counting.parting_of(asked.region, by)
    if by is not None:
        counting.refuse_dimension(metric, by)
    [(figure, cells)] = await counting.board(connection, asked, [metric], window, by)
    return IndicatorCells(
        by=by, total=IndicatorValue.of(figure), cells=[IndicatorCell.of(cell) for cell in cells]
    )
