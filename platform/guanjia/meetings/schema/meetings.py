"""Meetings with all that belongs to them, as node types."""

import datetime as dt
from enum import Enum
from typing import Optional

import strawberry

from guanjia.access.models import name_of
from guanjia.cases.schema.types import Case, CaseState
from guanjia.compounds.schema.estates import Compound, HouseUnit
from guanjia.compounds.schema.seats import Seat
from guanjia.compounds.schema.writing import HOLDER_NAME
from guanjia.graph.filters import (
    DateTimeFilter,
    IdFilter,
    RegionFilter,
    by,
    enum_filter,
    filters,
    flag,
    holds,
)
from guanjia.graph.nodes import (
    Connection,
    column,
    connection,
    derived,
    many,
    node,
    one,
    root_connection,
    root_lookup,
)
from guanjia.meetings.models import kinds, records
from guanjia.meetings.schema.kinds import MeetingState, MeetingType
from guanjia.meetings.schema.votes import OwnersVote
from guanjia.people.schema.types import NAME, Person
from guanjia.reading.mapping import Links, Order, SortKey, by_age, sorted_by
from guanjia.tenancy.schema import Organisation, Region

ItemSource = strawberry.enum(
    records.ItemSource,
    name="ItemSource",
    description="居民、网格巡查、12345 热线、小区管家、案件、满意度调查、遗留事项",
)
AttendanceKind = strawberry.enum(
    records.AttendanceKind,
    name="AttendanceKind",
    description="小区管家席位、居民代表、受邀(单位部门、两代表一委员等)",
)
Outcome = strawberry.enum(
    records.Outcome,
    name="MeetingOutcome",
    description="当场解决、转案件、提请业主共同决定、提请居民会议、续议、不予采纳",
)
MeetingStateFilter = enum_filter(MeetingState)
BY_POSITION = sorted_by("POSITION", "position", "int")
WAS_HELD = f"({{row}}.state in {kinds.WAS_HELD})"
_TYPE = (
    "exists (select 1 from meeting_types ft where ft.tenant_id = {tenant}"
    " and ft.id = {row}.type_id and ft.decides)"
)
_OF = (
    "exists (select 1 from meetings fm where fm.tenant_id = {tenant}"
    " and fm.id = {row}.meeting_id and %s)"
)
IN_ORDER = (("position", "asc"), ("id", "asc"))
BY_ID = (("id", "asc"),)
RESOLVED = f"({records.RESOLVED_AT} is not null)"
HOUSEHOLDS = (
    "(select count(*)::int from agenda_households ah where ah.tenant_id = {tenant}"
    " and ah.item_id = {row}.id)"
)


@filters
class MeetingFilter:
    """会议筛选;各项须同时满足"""

    id: IdFilter = by("id")
    compound: IdFilter = by("compound_id")
    region: RegionFilter = by("region_id", path="region_path")
    type: IdFilter = by("type_id")
    series: IdFilter = by("series_id")
    state: MeetingStateFilter = by("state")
    starts_at: DateTimeFilter = by("starts_at")
    held: bool = flag(WAS_HELD, description="已召开的(含已记录、签字、公布的)")
    decides: bool = flag(_TYPE, description="议事的;小院党课等学习活动除外")


@filters
class AgendaItemFilter:
    """议题筛选;各项须同时满足"""

    id: IdFilter = by("id")
    meeting: IdFilter = by("meeting_id")
    compound: strawberry.ID = holds(_OF % "fm.compound_id = {value}", "uuid", "小区的会议的")
    community: strawberry.ID = holds(_OF % "fm.region_id = {value}", "uuid", "社区及其小区的会议的")
    met_from: dt.datetime = holds(_OF % "fm.starts_at >= {value}", "time", "会议不早于(含)")
    met_until: dt.datetime = holds(_OF % "fm.starts_at < {value}", "time", "会议早于(不含)")
    opened_case: strawberry.ID = holds(
        "exists (select 1 from resolutions fr where fr.tenant_id = {tenant}"
        " and fr.item_id = {row}.id and fr.case_id = {value})",
        "uuid",
        "其决议开出了此案件的",
    )
    resolved: bool = flag(RESOLVED, description="已解决:当场解决,或所转案件已结案且满意率达到规定")
    open: bool = flag(records.OPEN, description="未了结的,下次会议宣读")


@node(records.Resolution, read="meeting:read", reach=records.PART_REACH)
class Resolution:
    """决议:由表决结果按规则得出,到会席位的过半数为通过"""

    id: strawberry.ID = column()
    outcome: Outcome = column("结果")
    text: str = column("决议文字")
    votes_for: int = column("赞成(席)")
    votes_against: int = column("反对(席)")
    votes_abstained: int = column("弃权(席)")
    seats_present: int = column("到会席位数")
    residents_present: int = column("到会居民代表(户)")
    adopted: bool = column("是否通过")
    reason: str | None = column("不予采纳的理由")
    decided_at: dt.datetime = column("何时")
    case_state: CaseState | None = derived(records.CASE_STATE, "所转案件现在的状态")
    case: Case | None = one("Case", "case_id", "所转案件;不在您可读的范围时为空")
    owners_vote: OwnersVote | None = one(
        "OwnersVote",
        "id",
        "所转的业主共同决定;尚未组织或不在您可读的范围时为空",
        match="{row}.resolution_id = {key}",
    )


@node(
    records.AgendaItem,
    read="meeting:read",
    reach=records.PART_REACH,
    orders=(Order("NEWEST", (SortKey("id", "uuid", True),)), BY_POSITION),
    filters=AgendaItemFilter,
)
class AgendaItem:
    """议题"""

    id: strawberry.ID = column()
    position: int = column("第几项")
    title: str = column("议题")
    detail: str = column("说明")
    source: ItemSource = column("来源")
    matter: str | None = column("不由会议决定的事项的代码,见 meetingMatters;一般议题为空")
    proposer_public: bool = column("提出人是否同意公开姓名")
    household_count: int = derived(HOUSEHOLDS, "涉及户数")
    resolved_at: dt.datetime | None = derived(records.RESOLVED_AT, "何时解决;未解决为空")
    open: bool = derived(records.OPEN, "是否未了结")
    meeting: Optional["Meeting"] = one("Meeting", "meeting_id", "会议", through="meeting:read")
    proposer: Person | None = one("Person", "proposer_id", "提出人;不在您可读的范围时为空")
    case: Case | None = one("Case", "case_id", "来源案件")
    carried_from: Optional["AgendaItem"] = one(
        "AgendaItem", "carried_from_id", "遗留自哪一项", through="meeting:read"
    )
    resolutions: list[Resolution] = many(
        "Resolution",
        "item_id",
        BY_ID,
        "决议,一项一件;未表决时为空",
        through="meeting:read",
        limit=1,
    )
    households: list[HouseUnit] = many(
        "HouseUnit",
        "id",
        (("label", "asc"), ("id", "asc")),
        "涉及的房屋,至多 100 户;总数见 householdCount",
        links=Links("agenda_households", "item_id", "house_unit_id"),
    )


@node(records.ReadBack, read="meeting:read", reach=records.PART_REACH, orders=(BY_POSITION,))
class ReadBack:
    """会议开始时宣读的一项:办结的或遗留的"""

    id: strawberry.ID = column()
    position: int = column("第几项")
    outcome: Outcome | None = column("当时的决议")
    case_state: CaseState | None = column("所转案件当时的状态")
    item: AgendaItem | None = one("AgendaItem", "item_id", "所宣读的议题", through="meeting:read")


@node(
    records.Attendance,
    read="meeting:read",
    reach=records.PART_REACH,
    orders=(Order("RECORDED", (SortKey("id", "uuid"),)),),
)
class Attendance:
    """到会的一人"""

    id: strawberry.ID = column()
    kind: AttendanceKind = column("席位、居民代表或受邀")
    seat: Seat | None = column("席位")
    acting: bool = column("代行席位")
    chair: bool = column("主持人")
    capacity: str = column("身份")
    name: str = derived(
        f"coalesce({HOLDER_NAME}, {name_of('membership_id')}, {{row}}.name)",
        "姓名,登记在册的居民已遮盖;完整姓名见 person",
        protection=NAME,
    )
    person: Person | None = one("Person", "person_id", "此人;不在您可读的范围时为空")
    house_unit: HouseUnit | None = one("HouseUnit", "house_unit_id", "所代表的房屋")
    organisation: Organisation | None = one(
        "Organisation", "organisation_id", "单位", through="meeting:read"
    )


@node(records.MinuteSignature, read="meeting:read", reach=records.PART_REACH)
class MinuteSignature:
    """会议记录的签字"""

    id: strawberry.ID = column()
    on_paper: bool = column("纸质签字,由召集人登记")
    signed_at: dt.datetime = column("何时")
    attendance: Attendance | None = one(
        "Attendance", "attendance_id", "签字人", through="meeting:read"
    )


@node(
    kinds.Meeting,
    read="meeting:read",
    reach=kinds.MEETING_REACH,
    orders=by_age("starts_at"),
    filters=MeetingFilter,
)
class Meeting:
    """会议的一次:吃茶话事、民生驿站、管家座谈会、议事会议、小院党课"""

    id: strawberry.ID = column()
    title: str = column("名称")
    place: str = column("地点")
    planned_on: dt.date = column("按规则应在的日期")
    starts_at: dt.datetime = column("开始")
    ends_at: dt.datetime = column("结束")
    shifted: bool = column("因节假日顺延")
    state: MeetingState = column("状态")
    cancelled_reason: str | None = column("取消的理由")
    seat_quorum: int | None = column("须到会的席位数,召开时确定")
    resident_quorum: int | None = column("须到会的居民代表(户),召开时确定")
    minutes: str | None = column("会议记录")
    content_hash: str | None = column("签字完成时会议记录的 SHA-256(十六进制)")
    published_at: dt.datetime | None = column("何时公布")
    take_down_on: dt.date | None = column("自何日起不再公布")
    taken_down_at: dt.datetime | None = column("何时提前撤下")
    taken_down_reason: str | None = column("提前撤下的理由")
    version: int = column("版本;更新时须带上")
    type: MeetingType | None = one("MeetingType", "type_id", "类型", through="meeting:read")
    compound: Compound | None = one("Compound", "compound_id", "小区;社区的会议为空")
    region: Region | None = one("Region", "region_id", "所在社区", through="meeting:read")
    items: list[AgendaItem] = many(
        "AgendaItem", "meeting_id", IN_ORDER, "议程", through="meeting:read"
    )
    read_backs: Connection[ReadBack] = connection(
        "ReadBack",
        "meeting_id",
        "开始时宣读的事项:上次会议以来办结的案件和表决,以及未了结的",
        through="meeting:read",
    )
    attendance: Connection[Attendance] = connection(
        "Attendance", "meeting_id", "到会人员", through="meeting:read"
    )
    signatures: list[MinuteSignature] = many(
        "MinuteSignature", "meeting_id", BY_ID, "签字", through="meeting:read"
    )


@strawberry.enum(description="会议排序:最近的在前、最早的在前")
class MeetingOrder(Enum):
    NEWEST = "NEWEST"
    OLDEST = "OLDEST"


@strawberry.enum(description="议题排序:新提出的在前、按会议内的顺序")
class AgendaItemOrder(Enum):
    NEWEST = "NEWEST"
    POSITION = "POSITION"


@strawberry.type
class Query:
    meetings: Connection[Meeting] = root_connection(
        Meeting,
        permission="meeting:read",
        filter_type=MeetingFilter,
        order_type=MeetingOrder,
        description="可读的会议",
    )
    meeting: Meeting | None = root_lookup(
        Meeting, permission="meeting:read", description="一次会议"
    )
    agenda_items: Connection[AgendaItem] = root_connection(
        AgendaItem,
        permission="meeting:read",
        filter_type=AgendaItemFilter,
        order_type=AgendaItemOrder,
        description="各次会议的议题;难题解决数是 resolved 为真的 totalCount",
    )
    agenda_item: AgendaItem | None = root_lookup(
        AgendaItem, permission="meeting:read", description="一项议题"
    )
