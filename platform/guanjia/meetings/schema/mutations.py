"""The steps of a meeting as mutations. Each is one use-case of `meetings.service`."""

import datetime as dt
from typing import Any
from uuid import UUID

import strawberry

from guanjia.compounds.schema.writing import writes
from guanjia.graph.filters import arguments
from guanjia.graph.payloads import payload
from guanjia.graph.scalars import Degrees
from guanjia.meetings.decisions import Votes
from guanjia.meetings.schema.meetings import AttendanceKind, ItemSource, Meeting, Outcome
from guanjia.meetings.service import agenda, attendance, conduct, minutes, series

UNSET: Any = strawberry.UNSET


@payload
class MeetingPayload:
    """会议"""

    meeting: Meeting | None


@strawberry.input(description="计划一次会议:小区或社区,两者择一")
class PlanMeetingInput:
    type_id: strawberry.ID
    title: str
    place: str
    starts_at: dt.datetime
    minutes: int = strawberry.field(description="时长(分钟),10–720")
    compound_id: strawberry.ID | None = UNSET
    region_id: strawberry.ID | None = UNSET
    idempotency_key: str | None = None


@strawberry.input(description="改期:时长不变")
class MoveMeetingInput:
    id: strawberry.ID
    version: int
    starts_at: dt.datetime
    place: str | None = UNSET


@strawberry.input(description="会议的一步;version 为所见会议的版本")
class MeetingStepInput:
    id: strawberry.ID
    version: int


@strawberry.input(description="会议的一步,须说明理由;version 为所见会议的版本")
class ReasonedMeetingStepInput:
    id: strawberry.ID
    version: int
    reason: str


@strawberry.input(description="一项议题")
class AgendaItemInput:
    title: str
    source: ItemSource
    detail: str = ""
    matter: str | None = strawberry.field(
        default=None, description="不由会议决定的事项的代码,见 meetingMatters"
    )
    proposer_id: strawberry.ID | None = None
    proposer_public: bool = strawberry.field(default=False, description="提出人同意公开姓名")
    case_id: strawberry.ID | None = strawberry.field(default=None, description="来源为案件时")
    carried_from_id: strawberry.ID | None = strawberry.field(
        default=None, description="来源为遗留事项时,遗留自哪一项"
    )
    house_unit_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="涉及的房屋"
    )


@strawberry.input(description="列入议题;version 为所见会议的版本")
class AddAgendaItemsInput:
    meeting_id: strawberry.ID
    version: int
    items: list[AgendaItemInput]
    idempotency_key: str | None = None


@strawberry.input(description="到会的一人")
class AttendeeInput:
    kind: AttendanceKind
    holder_id: strawberry.ID | None = strawberry.field(
        default=None, description="席位的担任者,见 butler { seats { holders { id } } }"
    )
    person_id: strawberry.ID | None = None
    house_unit_id: strawberry.ID | None = strawberry.field(
        default=None, description="居民代表所代表的房屋,须已绑定"
    )
    organisation_id: strawberry.ID | None = None
    name: str | None = strawberry.field(default=None, description="受邀而不在册的人的姓名")
    capacity: str = strawberry.field(default="", description="身份,如 区人大代表;受邀者必填")
    chair: bool = strawberry.field(default=False, description="主持人;议事由社区党组织席位主持")


@strawberry.input(description="登记到会人员;version 为所见会议的版本")
class RecordAttendanceInput:
    meeting_id: strawberry.ID
    version: int
    attendees: list[AttendeeInput]
    idempotency_key: str | None = None


@strawberry.input(description="一项决议:到会席位一席一票,过半数为通过")
class DecisionInput:
    item_id: strawberry.ID
    outcome: Outcome
    votes_for: int
    votes_against: int = 0
    votes_abstained: int = 0
    text: str = ""
    reason: str | None = strawberry.field(default=None, description="不予采纳时必填")
    category_id: strawberry.ID | None = strawberry.field(
        default=None, description="转案件时的案件类别"
    )
    region_id: strawberry.ID | None = strawberry.field(
        default=None, description="转案件时所在的网格或社区,缺省为会议的社区"
    )
    location: str | None = strawberry.field(
        default=None, description="转案件时的发生地点,缺省为会议地点"
    )
    longitude: Degrees | None = strawberry.field(
        default=None, description="转案件时的经度(WGS-84),与纬度一起填写"
    )
    latitude: Degrees | None = None


@strawberry.input(description="表决;version 为所见会议的版本")
class DecideItemsInput:
    meeting_id: strawberry.ID
    version: int
    decisions: list[DecisionInput]
    idempotency_key: str | None = None


@strawberry.input(description="会议记录")
class WriteMinutesInput:
    id: strawberry.ID
    version: int
    minutes: str


@strawberry.input(description="在会议记录上签字")
class SignMinutesInput:
    id: strawberry.ID
    version: int
    attendance_id: strawberry.ID
    on_paper: bool = strawberry.field(default=False, description="纸质签字,由召集人登记")


@strawberry.input(description="公布会议")
class PublishMeetingInput:
    id: strawberry.ID
    version: int
    days: int | None = strawberry.field(default=None, description="公布多少天,缺省为规定的最短期限")


async def add_agenda_items(*who: Any, items: list[AgendaItemInput], **given: Any) -> UUID:
    found = [agenda.Item(**arguments(item)) for item in items]
    return await agenda.add_agenda_items(*who, items=found, **given)


async def record_attendance(*who: Any, attendees: list[AttendeeInput], **given: Any) -> UUID:
    found = [attendance.Attendee(**arguments(attendee)) for attendee in attendees]
    return await attendance.record_attendance(*who, attendees=found, **given)


async def decide_items(*who: Any, decisions: list[DecisionInput], **given: Any) -> UUID:
    return await conduct.decide_items(*who, decisions=[_decision(d) for d in decisions], **given)


def _decision(given: DecisionInput) -> conduct.Decision:
    said = arguments(given)
    votes = Votes(*(said.pop(f"votes_{name}") for name in ("for", "against", "abstained")))
    return conduct.Decision(votes=votes, **said)


def _step(use_case: Any, input_type: Any, permission: str, description: str) -> Any:
    return writes(
        use_case, input_type, MeetingPayload, "meeting", "Meeting", permission, description
    )


_CONVENE, _ATTEND = "meeting:convene", "meeting:attend"


@strawberry.type
class Mutation:
    plan_meeting: MeetingPayload = _step(
        series.plan_meeting, PlanMeetingInput, _CONVENE, "计划一次会议"
    )
    move_meeting: MeetingPayload = _step(series.move_meeting, MoveMeetingInput, _CONVENE, "改期")
    cancel_meeting: MeetingPayload = _step(
        series.cancel_meeting, ReasonedMeetingStepInput, _CONVENE, "取消会议"
    )
    add_agenda_items: MeetingPayload = _step(
        add_agenda_items, AddAgendaItemsInput, _ATTEND, "列入议题"
    )
    remove_agenda_item: MeetingPayload = _step(
        agenda.remove_agenda_item, MeetingStepInput, _ATTEND, "移除一项未表决的议题;id 为议题"
    )
    record_attendance: MeetingPayload = _step(
        record_attendance, RecordAttendanceInput, _ATTEND, "登记到会人员"
    )
    remove_attendance: MeetingPayload = _step(
        attendance.remove_attendance,
        MeetingStepInput,
        _ATTEND,
        "移除误登记的到会人员;id 为到会记录",
    )
    hold_meeting: MeetingPayload = _step(
        conduct.hold_meeting, MeetingStepInput, _CONVENE, "会议召开:先宣读未了结的事项"
    )
    decide_items: MeetingPayload = _step(
        decide_items, DecideItemsInput, _CONVENE, "表决:按规则得出决议;转案件的即时开出案件"
    )
    write_minutes: MeetingPayload = _step(
        minutes.write_minutes, WriteMinutesInput, _CONVENE, "会议记录写成,待签字"
    )
    reopen_minutes: MeetingPayload = _step(
        minutes.reopen_minutes, ReasonedMeetingStepInput, _CONVENE, "退回修改,已有签字作废"
    )
    sign_minutes: MeetingPayload = _step(
        minutes.sign_minutes,
        SignMinutesInput,
        "meeting:sign",
        "签字;主持人与两名参会者签字后,会议记录不可再改",
    )
    publish_meeting: MeetingPayload = _step(
        minutes.publish_meeting, PublishMeetingInput, "meeting:publish", "公布,不少于规定的期限"
    )
    take_down_meeting: MeetingPayload = _step(
        minutes.take_down_meeting, ReasonedMeetingStepInput, "meeting:publish", "提前撤下公布"
    )
