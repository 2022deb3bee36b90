"""Whistles with the units they call, as node types; and the whistles of a case."""

import datetime as dt
from enum import Enum

import strawberry

from guanjia.access.models import name_of
from guanjia.cases.schema.types import Case
from guanjia.graph.additions import adds
from guanjia.graph.filters import (
    DateTimeFilter,
    IdFilter,
    RegionFilter,
    by,
    enum_filter,
    filters,
    flag,
    holds,
    means,
)
from guanjia.graph.nodes import (
    Connection,
    column,
    derived,
    many,
    node,
    one,
    root_connection,
    root_lookup,
)
from guanjia.graph.scalars import Degrees
from guanjia.reading.mapping import Condition, by_age, elsewhere
from guanjia.tenancy.schema import Organisation, Region
from guanjia.whistles import states
from guanjia.whistles.models import whistles

WhistleLevel = strawberry.enum(
    states.WhistleLevel, name="WhistleLevel", description="L2 社区吹哨、L3 街道吹哨"
)
WhistleState = strawberry.enum(
    states.WhistleState,
    name="WhistleState",
    description="已吹哨、已报到、已反馈、已评价、已收哨、随案件终止",
)
WhistleCondition = strawberry.enum(
    states.Condition,
    name="WhistleCondition",
    description="群众反映突出而解决不了、综合执法、应急处置;社区吹哨:各方意见不一、须街道力量",
)
ResponseScore = strawberry.enum(
    states.Score, name="ResponseScore", description="对部门响应的评价:满意、不满意"
)
SignInState = strawberry.enum(
    whistles.SignInState, name="SignInState", description="有效、待吹哨方确认、不认可"
)
WhistleStateFilter = enum_filter(WhistleState)
WhistleLevelFilter = enum_filter(WhistleLevel)
_CALLS = (
    "exists (select 1 from whistle_calls wf where wf.tenant_id = {tenant}"
    " and wf.whistle_id = {row}.id and %s)"
)
_WAITING = "({row}.state in ('SOUNDED', 'ATTENDED'))"
_ATTEND_BY = (
    "(select {} from whistles wo where wo.tenant_id = {{tenant}} and wo.id = {{row}}.whistle_id)"
)


@filters
class WhistleFilter:
    """哨的筛选;各项须同时满足"""

    id: IdFilter = by("id")
    case: IdFilter = by("case_id")
    region: RegionFilter = means(
        within=Condition("within", "region_path"), in_=Condition("at", "region_path", "uuid")
    )
    level: WhistleLevelFilter = by("level")
    state: WhistleStateFilter = by("state")
    sounded_at: DateTimeFilter = by("sounded_at")
    attend_by: DateTimeFilter = by("attend_by")
    urgent: bool = flag("{row}.urgent")
    waiting: bool = flag(_WAITING, description="还有单位没有报到或反馈的")
    organisation: strawberry.ID = holds(
        _CALLS % "wf.organisation_id = {value}", "uuid", "请该单位报到的"
    )
    awaiting: strawberry.ID = holds(
        f"{_WAITING} and " + _CALLS % "wf.organisation_id = {value} and wf.answered_at is null",
        "uuid",
        "等待该单位报到或反馈的",
    )


@node(whistles.SignIn, read="whistle:read", reach=whistles.PART_REACH)
class SignIn:
    """一次现场报到;不在现场或无从核对的,由吹哨方确认"""

    id: strawberry.ID = column()
    at: dt.datetime = column("何时")
    state: SignInState = column("有效、待确认或不认可")
    measures: str = column("现场采取的措施")
    distance_metres: int | None = column("离案件地点多少米;无从核对时为空")
    longitude: Degrees | None = column(
        "报到地点的经度(WGS-84),只给裁定报到的吹哨方看;保存期满后为空", requires="whistle:sound"
    )
    latitude: Degrees | None = column(
        "报到地点的纬度(WGS-84),只给裁定报到的吹哨方看;保存期满后为空", requires="whistle:sound"
    )
    member_name: str = derived(
        name_of("member_id"),
        "报到人",
    )
    ruled_at: dt.datetime | None = column("何时裁定")
    ruling: str | None = column("裁定的理由")
    version: int = column("版本;更新时须带上")


@node(whistles.WhistleCall, read="whistle:read", reach=whistles.PART_REACH)
class WhistleCall:
    """被请来报到的一个单位,及其响应"""

    id: strawberry.ID = column()
    attended_at: dt.datetime | None = column("何时报到")
    attended_in_time: bool | None = derived(
        "({row}.attended_at <= " + _ATTEND_BY.format("wo.attend_by") + ")",
        "是否按时报到;未报到为空",
    )
    answered_at: dt.datetime | None = column("何时反馈")
    result: str | None = column("办理结果")
    score: ResponseScore | None = column("吹哨方的评价")
    score_reason: str | None = column("评价的理由")
    scored_at: dt.datetime | None = column("何时评价")
    version: int = column("版本;更新时须带上")
    organisation: Organisation | None = one(
        "Organisation", "organisation_id", "单位", through="whistle:read"
    )
    sign_ins: list[SignIn] = many(
        "SignIn", "call_id", (("at", "asc"), ("id", "asc")), "报到", through="whistle:read"
    )


@node(
    whistles.Whistle,
    read="whistle:read",
    reach=whistles.WHISTLE_REACH,
    orders=by_age("sounded_at"),
    filters=WhistleFilter,
)
class Whistle:
    """一次吹哨:社区请街道(L2)、街道请区级部门(L3)到现场报到"""

    id: strawberry.ID = column()
    number: str = column("编号,例如 350702-哨-2026-0001")
    level: WhistleLevel = column("L2 或 L3")
    state: WhistleState = column("状态")
    condition: WhistleCondition = column("吹哨的条件")
    urgent: bool = column("是否紧急")
    reason: str = column("理由")
    role: str = column("吹哨人以何角色")
    sounded_at: dt.datetime = column("何时吹哨")
    attend_by: dt.datetime = column("报到的时限")
    answer_by: dt.datetime = column("反馈结果的时限;案件挂账期间顺延")
    limits_provisional: bool = column("时限跨越了尚无放假通知的年份")
    ended_reason: str | None = column("收哨或终止的理由")
    version: int = column("版本;更新时须带上")
    case_number: str = derived(elsewhere("cases", "number", "case_id"), "案件编号")
    case_title: str = derived(elsewhere("cases", "title", "case_id"), "案件标题")
    case_location: str = derived(elsewhere("cases", "location", "case_id"), "案件地点")
    case_longitude: Degrees | None = derived(
        elsewhere("cases", "longitude", "case_id"), "案件经度(WGS-84)"
    )
    case_latitude: Degrees | None = derived(
        elsewhere("cases", "latitude", "case_id"), "案件纬度(WGS-84)"
    )
    case: Case | None = one("Case", "case_id", "案件;不在您可读的范围时为空")
    from_region: Region | None = one(
        "Region", "from_region_id", "吹哨的社区或街道", through="whistle:read"
    )
    calls: list[WhistleCall] = many(
        "WhistleCall", "whistle_id", (("id", "asc"),), "请来报到的单位", through="whistle:read"
    )


adds(
    Case,
    "whistles",
    list[Whistle],
    many("Whistle", "case_id", (("sounded_at", "asc"), ("id", "asc")), "本案件的哨,按先后"),
)


@strawberry.enum(description="哨的排序:最新在前、最早在前")
class WhistleOrder(Enum):
    NEWEST = "NEWEST"
    OLDEST = "OLDEST"


@strawberry.type
class Query:
    whistles: Connection[Whistle] = root_connection(
        Whistle,
        permission="whistle:read",
        filter_type=WhistleFilter,
        order_type=WhistleOrder,
        description="可读的哨:辖区内的、请本单位报到的",
    )
    whistle: Whistle | None = root_lookup(
        Whistle, permission="whistle:read", description="一次吹哨;不存在或不可读时为空"
    )
