"""Queries on cases."""

from enum import Enum

import strawberry

from guanjia.cases.schema.types import (
    Case,
    CaseCategory,
    CaseCategoryFilter,
    CaseEvent,
    CaseEventFilter,
    CaseFilter,
)
from guanjia.graph.nodes import Connection, root_connection, root_lookup


@strawberry.enum(description="案件排序:最新在前、最早在前")
class CaseOrder(Enum):
    NEWEST = "NEWEST"
    OLDEST = "OLDEST"


@strawberry.enum(description="最新在前")
class CaseEventOrder(Enum):
    NEWEST = "NEWEST"


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
