"""Connections by the Relay convention: nodes, edges, page information, a count when asked."""

from typing import Generic, TypeVar

import strawberry

from guanjia.reading.rows import RowPage

T = TypeVar("T")


@strawberry.type(description="分页信息")
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type(description="连接中的一条")
class Edge(Generic[T]):
    cursor: str
    node: T


@strawberry.type(description="可翻页的列表;totalCount 只数您可读的行")
class Connection(Generic[T]):
    page: strawberry.Private[RowPage]

    @strawberry.field
    def nodes(self) -> list[T]:
        return self.page.rows  # type: ignore[return-value]  # rows stand for their node type

    @strawberry.field
    def edges(self) -> list[Edge[T]]:
        return [
            Edge(cursor=cursor, node=row)  # type: ignore[arg-type]  # as above
            for cursor, row in zip(self.page.cursors, self.page.rows, strict=True)
        ]

    @strawberry.field
    def page_info(self) -> PageInfo:
        cursors = self.page.cursors
        return PageInfo(
            has_next_page=self.page.has_next,
            has_previous_page=self.page.has_previous,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        )

    @strawberry.field
    async def total_count(self) -> int:
        count: int = await self.page.count()
        return count
