"""What is on display of a meeting, for those who live there: decisions and what became of them."""

import datetime as dt
from enum import Enum

import strawberry

from guanjia.cases.schema.types import CaseState
from guanjia.graph.filters import DateTimeFilter, IdFilter, by, filters
from guanjia.graph.nodes import (
    Connection,
    column,
    derived,
    many,
    node,
    root_connection,
    root_lookup,
)
from guanjia.meetings.models import kinds, records
from guanjia.meetings.schema.meetings import BY_ID, HOUSEHOLDS, IN_ORDER, Outcome
from guanjia.reading.mapping import elsewhere, newest

_PROPOSER = (
    "(select dp.name_mask from persons dp where dp.tenant_id = {tenant}"
    " and dp.id = {row}.proposer_id and {row}.proposer_public)"
)


@node(records.Resolution, read="meeting:read_published", reach=records.PUBLIC_PART_REACH)
class PublishedResolution:
    """公布的决议及其落实情况"""

    id: strawberry.ID = column()
    outcome: Outcome = column("结果")
    text: str = column("决议文字")
    adopted: bool = column("是否通过")
    reason: str | None = column("不予采纳的理由")
    case_state: CaseState | None = derived(records.CASE_STATE, "落实情况:所转案件现在的状态")


@node(records.AgendaItem, read="meeting:read_published", reach=records.PUBLIC_PART_REACH)
class PublishedItem:
    """公布的议题"""

    id: strawberry.ID = column()
    position: int = column("第几项")
    title: str = column("议题")
    proposer_name: str | None = derived(_PROPOSER, "提出人,已遮盖;只在其同意公开时")
    household_count: int = derived(HOUSEHOLDS, "涉及户数")
    resolved_at: dt.datetime | None = derived(records.RESOLVED_AT, "何时解决;未解决为空")
    resolutions: list[PublishedResolution] = many(
        "PublishedResolution", "item_id", BY_ID, "决议", through="meeting:read_published", limit=1
    )


@filters
class PublishedMeetingFilter:
    """公布的会议筛选"""

    compound: IdFilter = by("compound_id")
    starts_at: DateTimeFilter = by("starts_at")


@node(
    kinds.Meeting,
    read="meeting:read_published",
    reach=kinds.DISPLAY_REACH,
    orders=newest("starts_at"),
    filters=PublishedMeetingFilter,
)
class PublishedMeeting:
    """正在公布的会议:协商确定的事项及其落实情况(居民委员会组织法第 34 条),到期自动撤下"""

    id: strawberry.ID = column()
    title: str = column("名称")
    type_name: str = derived(elsewhere("meeting_types", "name", "type_id"), "类型")
    place: str = column("地点")
    starts_at: dt.datetime = column("何时召开")
    published_at: dt.datetime = column("何时公布")
    take_down_on: dt.date = column("自何日起不再公布")
    content_hash: str = column("会议记录的 SHA-256(十六进制)")
    compound_name: str | None = derived(
        elsewhere("compounds", "name", "compound_id"), "小区;社区的会议为空"
    )
    items: list[PublishedItem] = many(
        "PublishedItem", "meeting_id", IN_ORDER, "议题与决议", through="meeting:read_published"
    )


@strawberry.enum(description="公布的会议排序:最近的在前")
class PublishedMeetingOrder(Enum):
    NEWEST = "NEWEST"


@strawberry.type
class Query:
    published_meetings: Connection[PublishedMeeting] = root_connection(
        PublishedMeeting,
        permission="meeting:read_published",
        filter_type=PublishedMeetingFilter,
        order_type=PublishedMeetingOrder,
        description="正在公布的会议",
    )
    published_meeting: PublishedMeeting | None = root_lookup(
        PublishedMeeting, permission="meeting:read_published", description="一次正在公布的会议"
    )
