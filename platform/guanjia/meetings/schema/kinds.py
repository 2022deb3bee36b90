"""Types of meetings, series, and the matters that others decide, in the API."""

import datetime as dt
from enum import Enum
from typing import Any

import strawberry

from guanjia.compounds.schema.estates import Compound
from guanjia.compounds.schema.writing import writes
from guanjia.graph.filters import IdFilter, by, filters, flag
from guanjia.graph.nodes import (
    Connection,
    column,
    derived,
    node,
    one,
    root_connection,
    root_value,
)
from guanjia.graph.payloads import payload
from guanjia.meetings import rules
from guanjia.meetings.models import kinds as models
from guanjia.meetings.service import series as service
from guanjia.meetings.service import types
from guanjia.reading.mapping import newest, sorted_by
from guanjia.tenancy.schema import Region

MeetingState = strawberry.enum(
    models.MeetingState,
    name="MeetingState",
    description="已计划、已召开、已记录(待签字)、已签字、已公布、已取消",
)
HolidayRule = strawberry.enum(
    models.HolidayRule, name="HolidayRule", description="逢节假日:顺延至下一工作日、不开"
)
DecidedBy = strawberry.enum(
    rules.DecidedBy, name="DecidedBy", description="业主共同决定、居民(代表)会议"
)
Majority = strawberry.enum(
    rules.Majority, name="Majority", description="过半数、四分之三以上(均按面积和人数)"
)
UNSET: Any = strawberry.UNSET
_OF_SERIES = (
    "(select count(*)::int from meetings hm where hm.tenant_id = {tenant}"
    " and hm.series_id = {row}.id and hm.starts_at <= now()%s)"
)
DUE = _OF_SERIES % ""
HELD = _OF_SERIES % f" and hm.state in {models.WAS_HELD}"


@filters
class MeetingTypeFilter:
    """会议类型筛选"""

    decides: bool = flag("{row}.decides", description="形成决议的")


@node(
    models.MeetingType,
    read="meeting:read",
    reach=models.TYPE_REACH,
    orders=(sorted_by("CODE", "code"),),
    filters=MeetingTypeFilter,
)
class MeetingType:
    """会议类型:到会人数是本租户的数据"""

    id: strawberry.ID = column()
    code: str = column("代码")
    name: str = column("名称")
    decides: bool = column("是否形成决议;学习活动不形成")
    seat_quorum: int = column("四个席位中须到会几个")
    resident_quorum: int = column("居民代表须到会几户")
    source: str = column("依据")
    version: int = column("版本")


@filters
class MeetingSeriesFilter:
    """会议系列筛选"""

    id: IdFilter = by("id")
    compound: IdFilter = by("compound_id")
    type: IdFilter = by("type_id")
    community: IdFilter = by("region_id")
    in_force: bool = flag("{row}.ended_on is null")


@node(
    models.MeetingSeries,
    read="meeting:read",
    reach=models.SERIES_REACH,
    orders=newest("created_at"),
    filters=MeetingSeriesFilter,
)
class MeetingSeries:
    """定期会议:按 RFC 5545 的重复规则,逢节假日顺延或不开"""

    id: strawberry.ID = column()
    title: str = column("名称")
    place: str = column("地点")
    rule: str = column("重复规则(RRULE),必有终止")
    starts_on: dt.date = column("自何日")
    starts_at: str = derived(
        "to_char(time '00:00' + {row}.starts_at_minute * interval '1 minute', 'HH24:MI')",
        "几时开始(北京时间)",
    )
    minutes: int = column("时长(分钟)")
    on_holiday: HolidayRule = column("逢节假日")
    planned_until: dt.date = column("此日之前的各次都已列入计划")
    held_back: int = column(
        "因其年份尚无放假安排而暂缓列入的次数;载入日历后 planMeetingSeries 续排"
    )
    held_back_reason: str | None = derived(
        "(case when {row}.held_back > 0 then '自 ' || {row}.planned_until"
        " || ' 起的会期所需的工作日历尚未导入' end)",
        "为何待续排;全部已排为空",
    )
    ended_on: dt.date | None = column("自何日起终止")
    due_count: int = derived(DUE, "至今应开的次数,含已取消的")
    held_count: int = derived(HELD, "至今已开的次数")
    held_percent: int | None = derived(
        f"(100 * {HELD} / nullif({DUE}, 0))", "召开率:已开 / 应开,百分数,向下取整;尚无应开的为空"
    )
    version: int = column("版本")
    type: MeetingType | None = one("MeetingType", "type_id", "类型", through="meeting:read")
    compound: Compound | None = one("Compound", "compound_id", "小区;社区的会议为空")
    region: Region | None = one("Region", "region_id", "所在社区", through="meeting:read")


@strawberry.enum(description="会议类型排序:按代码")
class MeetingTypeOrder(Enum):
    CODE = "CODE"


@strawberry.enum(description="会议系列排序:新建的在前")
class MeetingSeriesOrder(Enum):
    NEWEST = "NEWEST"


@strawberry.type(description="会议不能决定的事项:由谁决定、须何种多数、依据")
class MeetingMatter:
    code: str
    title: str
    decided_by: DecidedBy
    majority: Majority | None
    source: str
    valid_from: dt.date | None
    valid_to: dt.date | None


def _matters(_: Any) -> list[MeetingMatter]:
    return [
        MeetingMatter(
            code=each.code, title=each.title, decided_by=each.decided_by, majority=each.majority,
            source=each.source, valid_from=each.valid_from, valid_to=each.valid_to,
        )
        for each in rules.matters()
    ]  # fmt: skip


@strawberry.type
class Query:
    meeting_types: Connection[MeetingType] = root_connection(
        MeetingType,
        permission="meeting:read",
        filter_type=MeetingTypeFilter,
        order_type=MeetingTypeOrder,
        description="本租户的会议类型",
    )
    meeting_series: Connection[MeetingSeries] = root_connection(
        MeetingSeries,
        permission="meeting:read",
        filter_type=MeetingSeriesFilter,
        order_type=MeetingSeriesOrder,
        description="定期会议及其召开率",
    )
    meeting_matters: list[MeetingMatter] = root_value(
        list[MeetingMatter],
        _matters,
        permission="meeting:read",
        description="会议不能决定的事项,逐项注明依据",
    )


@strawberry.input(description="新建定期会议:小区或社区,两者择一")
class CreateMeetingSeriesInput:
    type_id: strawberry.ID
    title: str
    place: str
    rule: str = strawberry.field(description="如 FREQ=WEEKLY;BYDAY=WE;UNTIL=20261231")
    starts_on: dt.date
    starts_at: dt.time = strawberry.field(description="几时开始(北京时间)")
    minutes: int
    compound_id: strawberry.ID | None = UNSET
    region_id: strawberry.ID | None = UNSET
    on_holiday: HolidayRule = models.HolidayRule.NEXT_WORKDAY
    idempotency_key: str | None = None


@strawberry.input(description="续排定期会议:日历载入之后")
class PlanMeetingSeriesInput:
    id: strawberry.ID
    version: int


@strawberry.input(description="终止定期会议:自 on 起不再召开")
class EndMeetingSeriesInput:
    id: strawberry.ID
    version: int
    on: dt.date
    reason: str


@strawberry.input(description="修改会议类型;未给出的不变")
class ChangeMeetingTypeInput:
    id: strawberry.ID
    version: int
    name: str | None = UNSET
    seat_quorum: int | None = UNSET
    resident_quorum: int | None = UNSET


@payload
class MeetingSeriesPayload:
    """定期会议"""

    series: MeetingSeries | None


@payload
class MeetingTypePayload:
    """会议类型"""

    meeting_type: MeetingType | None


_SERIES = (MeetingSeriesPayload, "series", "MeetingSeries", "meeting:convene")


@strawberry.type
class Mutation:
    create_meeting_series: MeetingSeriesPayload = writes(
        service.create_meeting_series, CreateMeetingSeriesInput, *_SERIES,
        "新建定期会议,并按工作日历列入各次;尚无放假安排的年份暂缓",
    )  # fmt: skip
    plan_meeting_series: MeetingSeriesPayload = writes(
        service.plan_meeting_series, PlanMeetingSeriesInput, *_SERIES, "续排暂缓的各次"
    )
    end_meeting_series: MeetingSeriesPayload = writes(
        service.end_meeting_series, EndMeetingSeriesInput, *_SERIES, "终止定期会议"
    )
    change_meeting_type: MeetingTypePayload = writes(
        types.change_meeting_type,
        ChangeMeetingTypeInput,
        MeetingTypePayload,
        "meeting_type",
        "MeetingType",
        "meeting:configure",
        "修改会议类型的名称与到会人数",
    )
