"""Changes to cases as they happen, each read again under the receiver's own scope."""

from collections.abc import AsyncGenerator

import strawberry
from strawberry.types import Info

from guanjia.cases.schema.types import Case
from guanjia.cases.service.changes import CASES
from guanjia.graph.filters import row_id
from guanjia.graph.marks import subscription


async def _case_changed(
    self: None, info: Info, region: strawberry.ID | None = None
) -> AsyncGenerator[Case, None]:
    context = info.context
    async with context.subscribed("case:read", CASES) as changes:
        within = await context.region_path(row_id(region)) if region else ""
        async for case_id in changes:
            row = await context.reader.by_id("Case", case_id)
            if row is not None and row["region_path"].startswith(within):
                yield row  # type: ignore[misc]  # rows stand for their node type


@strawberry.type
class Subscription:
    case_changed: AsyncGenerator[Case, None] = subscription(
        "case:read", "可读的案件有变化时,重新读出该案件;region 限于一个区域之内"
    )(_case_changed)
