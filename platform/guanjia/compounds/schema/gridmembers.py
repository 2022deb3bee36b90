"""Who looks after a building or a home: a field with a date, asked of the grants."""

import datetime as dt
from collections.abc import Callable
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from guanjia.compounds.service.gridmembers import grid_members
from guanjia.reading.mapping import METADATA, Unplanned
from guanjia.tenancy.schema import Region

AsOf = Annotated[dt.date | None, strawberry.argument(description="何日;缺省为此刻")]


@strawberry.type(description="网格员:公示的姓名、岗位与所管网格")
class GridMember:
    display_name: str
    role: str = strawberry.field(description="GRID 网格员,BLD 楼栋网格员")
    since: dt.datetime = strawberry.field(description="自何时管此楼栋")
    grid: Region | None = strawberry.field(description="覆盖此楼栋的网格")


async def members_of(context: Any, building_id: Any, as_of: dt.date | None) -> list[GridMember]:
    """The grid members of the building on the day, or now."""
    async with context.reader.alone() as connection:
        rows = await grid_members(connection, context.tenant_id, building_id, as_of, context.now)
    # On a day one grid covers a building, however many look after it.
    grids = {
        grid: await context.reader.by_id("Region", grid, scoped=False)
        for grid in {row["grid_id"] for row in rows}
    }
    return [
        GridMember(
            display_name=row["display_name"],
            role=row["role"],
            since=row["since"],
            grid=grids[row["grid_id"]],
        )
        for row in rows
    ]


def grid_members_field(building: Callable[[Any], Any]) -> Any:
    """The field; `building` gives the id of the row's building. Whoever reads the row may know who
    looks after it: their names are on a notice at the door."""

    async def resolve(root: Any, info: Info, as_of: AsOf = None) -> list[GridMember]:
        return await members_of(info.context, building(root), as_of)

    return strawberry.field(
        resolver=resolve,
        description="当日(缺省此刻)负责的网格员",
        metadata={METADATA: Unplanned("grants and covers of one day, no list of rows of one type")},
    )
