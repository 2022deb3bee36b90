"""Types of meetings (§4.3) and rows in time: series and their occurrences."""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from guanjia.compounds.models.estates import COMPOUND_REACH
from guanjia.db.ids import new_id
from guanjia.db.scope import Reachable
from guanjia.reading.mapping import TODAY


class MeetingState(StrEnum):
    """已计划、已召开、已记录(待签字)、已签字、已公布、已取消"""

    PLANNED = "PLANNED"
    HELD = "HELD"
    MINUTED = "MINUTED"
    SIGNED = "SIGNED"
    PUBLISHED = "PUBLISHED"
    CANCELLED = "CANCELLED"


class HolidayRule(StrEnum):
    """逢法定节假日:顺延至下一工作日、不开"""

    NEXT_WORKDAY = "NEXT_WORKDAY"
    SKIP = "SKIP"


WAS_HELD = "('HELD', 'MINUTED', 'SIGNED', 'PUBLISHED')"
STATE_TITLES = {
    MeetingState.PLANNED: "已计划",
    MeetingState.HELD: "已召开",
    MeetingState.MINUTED: "已记录",
    MeetingState.SIGNED: "已签字",
    MeetingState.PUBLISHED: "已公布",
    MeetingState.CANCELLED: "已取消",
}

_IN_COMPOUND = (
    "exists (select 1 from compounds bc where bc.tenant_id = {tenant}"
    " and bc.id = {row}.compound_id and "
    + (COMPOUND_REACH.inside or "").replace("{row}", "bc")
    + ")"
)
# A grid is reached by its community's meetings too: its members notify and record attendance.
_OF_BODY = (
    "case when {row}.compound_id is not null then " + _IN_COMPOUND + " else"
    " ({row}.region_path >= {low} and {row}.region_path < {high}"
    " or left({low}, length({row}.region_path)) = {row}.region_path) end"
)
_HOME_OF_MINE = (
    "exists (select 1 from persons op join house_bindings ob on ob.tenant_id = {tenant}"
    " and ob.person_id = op.id and ob.valid_to is null"
    " join compounds oc on oc.tenant_id = {tenant} and oc.id = ob.compound_id"
    " where op.tenant_id = {tenant} and op.membership_id = {me} and case"
    " when {row}.compound_id is not null then ob.compound_id = {row}.compound_id"
    " else oc.region_id = {row}.region_id end)"
)
_ATTENDED = (
    "exists (select 1 from attendances oa left join persons op on op.tenant_id = {tenant}"
    " and op.id = oa.person_id where oa.tenant_id = {tenant} and oa.meeting_id = {row}.%s"
    " and coalesce(oa.membership_id, op.membership_id) = {me})"
)
ON_DISPLAY = (
    "({row}.state = 'PUBLISHED' and {row}.taken_down_at is null"
    f" and {{row}}.take_down_on > {TODAY})"
)
TYPE_REACH = Reachable(tenant_wide=True)
SERIES_REACH = Reachable(inside=_OF_BODY)
MEETING_REACH = Reachable(inside=_OF_BODY, own=_ATTENDED % "id")
"""A meeting is reached where the body that holds it is (its compound, or its community), and by
who attended it."""
DISPLAY_REACH = Reachable(inside=_OF_BODY, own=_HOME_OF_MINE, only=ON_DISPLAY)
"""What is on display today, by who has a home there too."""
VOTE_BODY_REACH = Reachable(inside=_OF_BODY, own=_HOME_OF_MINE)


def of_meeting(reach: Reachable) -> Reachable:
    """What belongs to a meeting is reached as it is."""
    found = "exists (select 1 from meetings pm where pm.tenant_id = {tenant}" + (
        " and pm.id = {row}.meeting_id and %s)"
    )

    def through(sql: str | None) -> str | None:
        return found % sql.replace("{row}", "pm") if sql else None

    return Reachable(inside=through(reach.inside), own=through(reach.own), only=through(reach.only))


class MeetingType(Model):
    """会议类型,本租户的数据"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    code = fields.TextField()
    name = fields.TextField()
    decides = fields.BooleanField()
    seat_quorum = fields.IntField()
    resident_quorum = fields.IntField()
    source = fields.TextField()
    version = fields.IntField(default=1)

    class Meta:
        table = "meeting_types"


class MeetingSeries(Model):
    """定期会议:何时起按何规则召开"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    type_id = fields.UUIDField()
    compound_id = fields.UUIDField(null=True)
    region_id = fields.UUIDField()
    region_path = fields.TextField()
    title = fields.TextField()
    place = fields.TextField()
    rule = fields.TextField()
    starts_on = fields.DateField()
    starts_at_minute = fields.IntField()
    minutes = fields.IntField()
    on_holiday = fields.TextField()
    planned_until = fields.DateField()
    held_back = fields.IntField()
    ended_on = fields.DateField(null=True)
    created_at = fields.DatetimeField()
    version = fields.IntField(default=1)

    class Meta:
        table = "meeting_series"


class Meeting(Model):
    """会议的一次"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    type_id = fields.UUIDField()
    series_id = fields.UUIDField(null=True)
    compound_id = fields.UUIDField(null=True)
    region_id = fields.UUIDField()
    region_path = fields.TextField()
    title = fields.TextField()
    place = fields.TextField()
    planned_on = fields.DateField()
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    shifted = fields.BooleanField(default=False)
    state = fields.TextField(default=MeetingState.PLANNED)
    cancelled_reason = fields.TextField(null=True)
    seat_quorum = fields.IntField(null=True)
    resident_quorum = fields.IntField(null=True)
    minutes = fields.TextField(null=True)
    content_hash = fields.TextField(null=True)
    published_at = fields.DatetimeField(null=True)
    take_down_on = fields.DateField(null=True)
    taken_down_at = fields.DatetimeField(null=True)
    taken_down_reason = fields.TextField(null=True)
    created_at = fields.DatetimeField()
    version = fields.IntField(default=1)

    class Meta:
        table = "meetings"
