"""Queries on cases."""

from enum import Enum

import strawberry
from strawberry.types import Info

from guanjia.cases import service
from guanjia.cases.schema.types import (
    Case,
    CaseCategory,
    CaseCategoryFilter,
    CaseEvent,
    CaseEventFilter,
    CaseFilter,
)
from guanjia.db.scope import Scope
from guanjia.graph.filters import row_id
from guanjia.graph.marks import requires
from guanjia.graph.nodes import Connection, root_connection, root_lookup
from guanjia.reading.mapping import METADATA, Unplanned


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


async def _duplicate_candidates(
    self: None, info: Info, id: strawberry.ID, scope: "Scope"
) -> list[Case] | None:
    reader = info.context.reader
    identifier = row_id(id)
    async with reader.alone() as connection:
        case = await service.case_in_reach(connection, reader.tenant_id, scope, identifier)
        if case is None:
            return None
        found = await service.duplicate_candidates(
            connection, await info.context.scope("case:read"), case, case["category_id"]
        )
    return [await reader.by_id("Case", row["id"]) for row in found]


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
    duplicate_candidates: list[Case] | None = strawberry.field(
        resolver=_duplicate_candidates,
        description="可能与该案件重复的未结案件:同类,相距 30 米以内;没有坐标的,同社区同地点。"
        "案件不存在或不归您立案时为空",
        metadata={
            METADATA: Unplanned("the rule for duplicates chooses the cases, within two scopes")
        },
        extensions=requires("case:file"),
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
