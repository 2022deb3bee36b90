"""Whistles, the units they call, and who came.

A whistle is reached where its case lies, and by the organisations it calls, wherever they are: a
department sees what it was called to, and of the case no more than that.
"""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from guanjia.db.ids import new_id
from guanjia.db.scope import Reachable

_CALLED = (
    "exists (select 1 from whistle_calls cw where cw.tenant_id = {tenant}"
    " and cw.whistle_id = {row}.%s and cw.organisation_id = any({ids}))"
)
WHISTLE_REACH = Reachable(region="region_path", organisation=_CALLED % "id")
PART_REACH = Reachable(region="region_path", organisation=_CALLED % "whistle_id")


class SignInState(StrEnum):
    """有效、待吹哨方确认、不认可"""

    ACCEPTED = "ACCEPTED"
    HELD = "HELD"
    REJECTED = "REJECTED"


class Whistle(Model):
    """一次吹哨"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    number = fields.TextField()
    case_id = fields.UUIDField()
    region_path = fields.TextField()
    level = fields.TextField()
    state = fields.TextField()
    state_since = fields.DatetimeField()
    condition = fields.TextField()
    urgent = fields.BooleanField()
    reason = fields.TextField()
    from_region_id = fields.UUIDField()
    role = fields.TextField()
    sounded_by = fields.UUIDField()
    sounded_at = fields.DatetimeField()
    attend_by = fields.DatetimeField()
    answer_by = fields.DatetimeField()
    limits_provisional = fields.BooleanField()
    ended_reason = fields.TextField(null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "whistles"


class WhistleCall(Model):
    """被请来报到的一个单位"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    whistle_id = fields.UUIDField()
    region_path = fields.TextField()
    organisation_id = fields.UUIDField()
    attended_at = fields.DatetimeField(null=True)
    answered_at = fields.DatetimeField(null=True)
    answered_by = fields.UUIDField(null=True)
    result = fields.TextField(null=True)
    score = fields.TextField(null=True)
    score_reason = fields.TextField(null=True)
    scored_at = fields.DatetimeField(null=True)
    scored_by = fields.UUIDField(null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "whistle_calls"


class SignIn(Model):
    """一次现场报到"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    whistle_id = fields.UUIDField()
    call_id = fields.UUIDField()
    region_path = fields.TextField()
    member_id = fields.UUIDField()
    at = fields.DatetimeField()
    longitude = fields.FloatField(null=True)
    latitude = fields.FloatField(null=True)
    distance_metres = fields.IntField(null=True)
    state = fields.TextField()
    measures = fields.TextField()
    ruled_at = fields.DatetimeField(null=True)
    ruled_by = fields.UUIDField(null=True)
    ruling = fields.TextField(null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "whistle_sign_ins"
