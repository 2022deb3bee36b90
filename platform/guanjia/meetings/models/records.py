"""What a meeting is about and what comes of it: agenda, attendance, resolutions, signatures.

An item stays open until it is resolved, rejected, settled by its case or vote, or taken up again by
a later item; the next meeting of the same body reads it back. `RESOLVED_AT` is the rule by which
problems are counted as solved (难题解决数): distinct items, never the number of meetings.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from guanjia.cases.states import FINISHED
from guanjia.cases.transitions import SURVEYED
from guanjia.db.ids import new_id
from guanjia.meetings.models.kinds import (
    DISPLAY_REACH,
    MEETING_REACH,
    WAS_HELD,
    of_meeting,
)
from guanjia.meetings.rules import number
from guanjia.people.references import PersonReference, refers
from guanjia.reading.classes import DataClass, ProtectedText
from guanjia.reading.mapping import elsewhere


class ItemSource(StrEnum):
    """居民、网格巡查、12345 热线、小区管家、案件、满意度调查、遗留事项"""

    RESIDENT = "RESIDENT"
    GRID_PATROL = "GRID_PATROL"
    HOTLINE = "HOTLINE"
    BUTLER = "BUTLER"
    CASE = "CASE"
    SURVEY = "SURVEY"
    CARRIED = "CARRIED"


class AttendanceKind(StrEnum):
    """小区管家席位、居民代表、受邀(单位部门、两代表一委员等)"""

    SEAT = "SEAT"
    RESIDENT = "RESIDENT"
    INVITED = "INVITED"


class Outcome(StrEnum):
    """当场解决、转案件、提请业主共同决定、提请居民会议、续议、不予采纳"""

    RESOLVED_ON_SITE = "RESOLVED_ON_SITE"
    TO_CASE = "TO_CASE"
    TO_OWNERS_VOTE = "TO_OWNERS_VOTE"
    TO_RESIDENTS_MEETING = "TO_RESIDENTS_MEETING"
    DEFERRED = "DEFERRED"
    REJECTED = "REJECTED"


OUTCOME_TITLES = {
    Outcome.RESOLVED_ON_SITE: "当场解决",
    Outcome.TO_CASE: "转案件",
    Outcome.TO_OWNERS_VOTE: "提请业主共同决定",
    Outcome.TO_RESIDENTS_MEETING: "提请居民会议",
    Outcome.DEFERRED: "续议",
    Outcome.REJECTED: "不予采纳",
}
PART_REACH = of_meeting(MEETING_REACH)
PUBLIC_PART_REACH = of_meeting(DISPLAY_REACH)

_FINISHED = ", ".join(f"'{state}'" for state in sorted(FINISHED))
_SATISFIED = number("SOLVED_SATISFACTION", dt.date.max)
_RESOLUTION = "from resolutions ir where ir.tenant_id = {tenant} and ir.item_id = {row}.id"
_CONTENT = (
    # Not before the survey is over: what the first answers are would be seen.
    "(select cs.state = 'CLOSED' and cs.answered > 0"
    f" and cs.satisfied * 100 >= {_SATISFIED} * cs.answered"
    f" from surveys cs where cs.tenant_id = {{tenant}} and cs.kind = '{SURVEYED}'"
    " and cs.subject_id = ic.id order by cs.round desc limit 1)"
)
RESOLVED_AT = (
    "(select case ir.outcome when 'RESOLVED_ON_SITE' then ir.decided_at when 'TO_CASE' then"
    " (select ic.closed_at from cases ic where ic.tenant_id = {tenant} and ic.id = ir.case_id"
    f" and ic.state in ({_FINISHED}) and {_CONTENT}) end {_RESOLUTION} and ir.adopted)"
)
SETTLED = (
    f"exists (select 1 {_RESOLUTION} and ir.adopted and case ir.outcome"
    " when 'RESOLVED_ON_SITE' then true when 'REJECTED' then true when 'TO_CASE' then exists"
    " (select 1 from cases ic where ic.tenant_id = {tenant} and ic.id = ir.case_id"
    f" and ic.state in ({_FINISHED})) when 'TO_OWNERS_VOTE' then exists (select 1 from owners_votes"
    " iv where iv.tenant_id = {tenant} and iv.resolution_id = ir.id and iv.state = 'CLOSED')"
    " else false end)"
)
_TAKEN_UP = (
    "exists (select 1 from agenda_items ci join meetings cm on cm.tenant_id = {tenant}"
    " and cm.id = ci.meeting_id where ci.tenant_id = {tenant} and ci.carried_from_id = {row}.id"
    f" and cm.state in {WAS_HELD})"
)
_DECIDING = (
    "exists (select 1 from meetings om join meeting_types ot on ot.tenant_id = {tenant}"
    " and ot.id = om.type_id where om.tenant_id = {tenant} and om.id = {row}.meeting_id"
    f" and om.state in {WAS_HELD} and ot.decides)"
)
OPEN = f"({_DECIDING} and not {SETTLED} and not {_TAKEN_UP})"
"""Something is still to be done about the item: the next meeting reads it back."""
CASE_STATE = elsewhere("cases", "state", "case_id")


class AgendaItem(Model):
    """议题"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    meeting_id = fields.UUIDField()
    position = fields.IntField()
    title = fields.TextField()
    detail = fields.TextField()
    source = fields.TextField()
    matter = fields.TextField(null=True)
    proposer_id = fields.UUIDField(null=True)
    proposer_public = fields.BooleanField()
    case_id = fields.UUIDField(null=True)
    carried_from_id = fields.UUIDField(null=True)

    class Meta:
        table = "agenda_items"


class ReadBack(Model):
    """会议开始时宣读的事项(办结的或遗留的)及其当时的状态"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    meeting_id = fields.UUIDField()
    item_id = fields.UUIDField()
    position = fields.IntField()
    outcome = fields.TextField(null=True)
    case_state = fields.TextField(null=True)

    class Meta:
        table = "read_backs"


class Attendance(Model):
    """到会的一人"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    meeting_id = fields.UUIDField()
    kind = fields.TextField()
    seat = fields.TextField(null=True)
    acting = fields.BooleanField()
    chair = fields.BooleanField()
    person_id = fields.UUIDField(null=True)
    membership_id = fields.UUIDField(null=True)
    house_unit_id = fields.UUIDField(null=True)
    organisation_id = fields.UUIDField(null=True)
    name = ProtectedText(DataClass.S1, null=True)
    capacity = fields.TextField()

    class Meta:
        table = "attendances"


class Resolution(Model):
    """决议:由表决结果按规则得出"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    meeting_id = fields.UUIDField()
    item_id = fields.UUIDField()
    outcome = fields.TextField()
    text = fields.TextField()
    votes_for = fields.IntField()
    votes_against = fields.IntField()
    votes_abstained = fields.IntField()
    seats_present = fields.IntField()
    residents_present = fields.IntField()
    adopted = fields.BooleanField()
    reason = fields.TextField(null=True)
    case_id = fields.UUIDField(null=True)
    decided_at = fields.DatetimeField()

    class Meta:
        table = "resolutions"


class MinuteSignature(Model):
    """会议记录的签字"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    meeting_id = fields.UUIDField()
    attendance_id = fields.UUIDField()
    on_paper = fields.BooleanField()
    recorded_by = fields.UUIDField()
    signed_at = fields.DatetimeField()

    class Meta:
        table = "minute_signatures"


refers(PersonReference("attendances"), PersonReference("agenda_items", "proposer_id"))
