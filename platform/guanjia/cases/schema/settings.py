"""What a tenant sets about its cases: the workday calendar and the categories."""

import datetime as dt

import strawberry
from strawberry.types import Info

from guanjia.cases import service
from guanjia.cases.schema.types import CaseCategory, CategoryKind, TimeUnit
from guanjia.cases.service import categories
from guanjia.db.scope import Scope
from guanjia.graph.filters import arguments
from guanjia.graph.marks import requires
from guanjia.graph.payloads import mutation, payload
from guanjia.reading.mapping import METADATA, Unplanned

LeadKind = strawberry.enum(
    categories.LeadKind,
    name="LeadKind",
    description="主办单位的类别:职能部门、街道、社区、物业企业",
)


@strawberry.type(description="已载入的一年工作日历;未载入的年份,跨年的时限只是暂定")
class CalendarYear:
    year: int
    source: str = strawberry.field(description="依据:放假通知的名称和日期")
    workdays: int = strawberry.field(description="全年工作日数")
    days_off: list[dt.date] = strawberry.field(description="放假的周一至周五")
    days_on: list[dt.date] = strawberry.field(description="调休上班的周末")


@strawberry.input(
    description="载入一年的放假安排;日期列表(daysOff、daysOn)与逐行文本(notice)任选一种"
)
class LoadCalendarYearInput:
    year: int
    source: str = strawberry.field(description="依据:放假通知的名称和日期")
    days_off: list[dt.date] = strawberry.field(
        default_factory=list, description="放假的日期,含周末亦可;须含全部法定节日"
    )
    days_on: list[dt.date] = strawberry.field(
        default_factory=list, description="调休上班的周末日期"
    )
    notice: str | None = strawberry.field(
        default=None, description="每行“日期,放假”或“日期,上班”,可从表格直接粘贴"
    )


@payload
class LoadCalendarYearPayload:
    """载入的年份,以及因此重新计算的时限"""

    calendar_year: CalendarYear | None
    recomputed: int | None


@strawberry.input(description="新增案件类别")
class CreateCategoryInput:
    code: str = strawberry.field(description="代码,例如 P-09")
    name: str
    group_name: str
    kind: CategoryKind
    limit_value: int
    limit_unit: TimeUnit
    lead_kind: LeadKind
    lead_name: str
    source: str = strawberry.field(description="时限的依据")
    assisting: str = ""
    filing_condition: str = ""
    closing_condition: str = ""
    photo_pair: bool = False


@strawberry.input(
    description="修改案件类别;未给出的不变。已派遣的案件保持原时限;active 为 false 即停用"
)
class ChangeCategoryInput:
    id: strawberry.ID
    version: int
    name: str | None = None
    group_name: str | None = None
    kind: CategoryKind | None = None
    limit_value: int | None = None
    limit_unit: TimeUnit | None = None
    lead_kind: LeadKind | None = None
    lead_name: str | None = None
    source: str | None = None
    assisting: str | None = None
    filing_condition: str | None = None
    closing_condition: str | None = None
    photo_pair: bool | None = None
    active: bool | None = None


@payload
class CategoryPayload:
    """案件类别"""

    category: CaseCategory | None


async def _calendar_years(self: None, info: Info) -> list[CalendarYear]:
    context = info.context
    async with context.reader.alone() as connection:
        found = await service.calendar_years(connection, context.tenant_id)
    return [_year(year) for year in found]


async def _load_calendar_year(
    self: None, info: Info, input: LoadCalendarYearInput, scope: "Scope"
) -> LoadCalendarYearPayload:
    context = info.context
    loaded = await service.load_calendar_year(
        context.transaction, context.actor, scope, now=context.now, **arguments(input)
    )
    years = await service.calendar_years(context.transaction.connection, context.tenant_id)
    shown = next(year for year in years if year.year == loaded.year)
    return LoadCalendarYearPayload(calendar_year=_year(shown), recomputed=loaded.recomputed)


def _year(found: service.CalendarYear) -> CalendarYear:
    return CalendarYear(
        year=found.year,
        source=found.source,
        workdays=found.workdays,
        days_off=list(found.days_off),
        days_on=list(found.days_on),
    )


async def _create_category(
    self: None, info: Info, input: CreateCategoryInput, scope: "Scope"
) -> CategoryPayload:
    context = info.context
    made = await service.create_category(
        context.transaction, context.actor, scope, now=context.now, **arguments(input)
    )
    return CategoryPayload(category=await context.reader.by_id("CaseCategory", made.id))


async def _change_category(
    self: None, info: Info, input: ChangeCategoryInput, scope: "Scope"
) -> CategoryPayload:
    context = info.context
    changed = await service.change_category(
        context.transaction, context.actor, scope, now=context.now, **arguments(input)
    )
    return CategoryPayload(category=await context.reader.by_id("CaseCategory", changed.id))


@strawberry.type
class Query:
    calendar_years: list[CalendarYear] = strawberry.field(
        resolver=_calendar_years,
        description="已载入的工作日历,按年份",
        metadata={METADATA: Unplanned("years counted from days, no list of rows")},
        extensions=requires("calendar:read"),
    )


@strawberry.type
class Mutation:
    load_calendar_year: LoadCalendarYearPayload = mutation(
        "calendar:manage", "载入一年的放假安排,并重新计算受影响的时限"
    )(_load_calendar_year)
    create_category: CategoryPayload = mutation("category:manage", "新增案件类别")(_create_category)
    change_category: CategoryPayload = mutation("category:manage", "修改或停用案件类别")(
        _change_category
    )
