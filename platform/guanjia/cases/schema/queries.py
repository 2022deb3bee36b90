"""Queries on cases."""

from enum import Enum

import strawberry

from guanjia.cases.schema.types import (
    Case,
    CaseCategory,
    CaseEvent,
    CaseLevelFilter,
    CaseStageFilter,
    CaseStateFilter,
    CategoryKind,
)
from guanjia.graph.filters import DateTimeFilter, IdFilter, RegionFilter, enum_filter
from guanjia.graph.nodes import Connection, root_connection, root_lookup
from guanjia.tenancy.schema import TextFilter

CategoryKindFilter = enum_filter(CategoryKind)


@strawberry.input(description="案件筛选;各项须同时满足")
class CaseFilter:
    id: IdFilter | None = strawberry.UNSET
    number: TextFilter | None = strawberry.UNSET
    region: RegionFilter | None = strawberry.UNSET
    state: CaseStateFilter | None = strawberry.UNSET
    stage: CaseStageFilter | None = strawberry.UNSET
    level: CaseLevelFilter | None = strawberry.UNSET
    category: IdFilter | None = strawberry.UNSET
    handler: IdFilter | None = strawberry.UNSET
    reported_at: DateTimeFilter | None = strawberry.UNSET
    due_at: DateTimeFilter | None = strawberry.UNSET
    overdue: bool | None = strawberry.UNSET
    urgent: bool | None = strawberry.UNSET
    search: str | None = strawberry.field(
        default=strawberry.UNSET, description="编号、标题、描述、地点中的文字,2 到 50 个字"
    )


@strawberry.enum(description="案件排序:最新在前、最早在前")
class CaseOrder(Enum):
    NEWEST = "NEWEST"
    OLDEST = "OLDEST"


@strawberry.input(description="经过筛选")
class CaseEventFilter:
    region: RegionFilter | None = strawberry.UNSET
    at: DateTimeFilter | None = strawberry.UNSET
    case: IdFilter | None = strawberry.UNSET


@strawberry.enum(description="最新在前")
class CaseEventOrder(Enum):
    NEWEST = "NEWEST"


@strawberry.input(description="类别筛选")
class CaseCategoryFilter:
    kind: CategoryKindFilter | None = strawberry.UNSET
    code: TextFilter | None = strawberry.UNSET
    active: bool | None = strawberry.UNSET


@strawberry.enum(description="按代码")
class CaseCategoryOrder(Enum):
    CODE = "CODE"


@strawberry.type
class Query:
    cases: Connection[Case] = root_connection(
        Case,
        permission="case:read",
        filter_type=CaseFilter,
        order_type=CaseOrder,
        description="可读的案件:辖区内的、交办给本单位的、本人上报的",
    )
    case: Case | None = root_lookup(
        Case, permission="case:read", description="一个案件;不存在或不可读时为空"
    )
    case_events: Connection[CaseEvent] = root_connection(
        CaseEvent,
        permission="case:read_events",
        filter_type=CaseEventFilter,
        order_type=CaseEventOrder,
        description="案件经过,跨案件;供审计与统计",
    )
    case_categories: Connection[CaseCategory] = root_connection(
        CaseCategory,
        permission="category:read",
        filter_type=CaseCategoryFilter,
        order_type=CaseCategoryOrder,
        description="案件类别",
    )
