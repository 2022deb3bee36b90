"""Surveys as rows: who is asked is frozen when it opens, and each of those answers once.

A target is a home, or somebody without one who is asked in person. What a target answered is one
row that is never changed. A survey's figures stand in its own row, written with each answer.
"""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from guanjia.db.ids import new_id
from guanjia.db.scope import Reachable


class SurveyState(StrEnum):
    """进行中、已结束"""

    OPEN = "OPEN"
    CLOSED = "CLOSED"


class Satisfaction(StrEnum):
    """满意、基本满意、不满意"""

    SATISFIED = "SATISFIED"
    PARTLY = "PARTLY"
    DISSATISFIED = "DISSATISFIED"


class Channel(StrEnum):
    """本人在线、网格员入户"""

    ONLINE = "ONLINE"
    DOOR = "DOOR"


_PLACED = (
    "exists (select 1 from surveys ps left join house_units ph on ph.tenant_id = {tenant}"
    " and ph.id = %s.house_unit_id where ps.tenant_id = {tenant} and ps.id = %s.survey_id"
    " and coalesce(ph.region_path, ps.region_path) >= {low}"
    " and coalesce(ph.region_path, ps.region_path) < {high})"
)
_ASKS_ME = (
    "(%s.membership_id = {me} or exists (select 1 from persons op join house_bindings ob"
    " on ob.tenant_id = {tenant} and ob.person_id = op.id and ob.valid_to is null"
    " where op.tenant_id = {tenant} and op.membership_id = {me}"
    " and ob.house_unit_id = %s.house_unit_id))"
)


def _of(sql: str, row: str) -> str:
    return sql % ((row,) * sql.count("%s"))


TARGET_REACH = Reachable(inside=_of(_PLACED, "{row}"), own=_of(_ASKS_ME, "{row}"))
"""A target is reached where its home lies now, and by whoever is bound to the home."""
SURVEY_REACH = Reachable(
    inside="({row}.region_path >= {low} and {row}.region_path < {high} or exists (select 1"
    " from survey_targets at where at.tenant_id = {tenant} and at.survey_id = {row}.id"
    f" and {_of(_PLACED, 'at')}))",
    own="exists (select 1 from survey_targets at where at.tenant_id = {tenant}"
    f" and at.survey_id = {{row}}.id and {_of(_ASKS_ME, 'at')})",
)
"""A survey is reached where its subject lies, where a home lies that it asks, by those asked."""
ANSWER_REACH = Reachable(
    inside="exists (select 1 from surveys xs where xs.tenant_id = {tenant}"
    " and xs.id = {row}.survey_id and xs.state = 'CLOSED'"
    " and xs.region_path >= {low} and xs.region_path < {high})"
)
"""What was answered is read when the survey is over."""
KIND_REACH = Reachable(tenant_wide=True)
WAY = (
    "'0' || c.name || ' ' || lpad(b.position::text, 6, '0') || h.unit"
    " || lpad((h.floor + 1000)::text, 4, '0') || lpad(h.room, greatest(10, length(h.room)), '0')"
)
"""Where a home `h` stands on the way from door to door: its compound, building, stairwell, floor
and number. Whoever has none comes last."""
BUILDINGS_ASKED = (
    "select t.tenant_id, md5(t.survey_id::text || b.id::text)::uuid as id, t.survey_id,"
    " b.id as building_id, min(t.way) as way, b.region_path, count(*)::int as asked,"
    " count(a.id)::int as answered from survey_targets t join house_units h"
    " on h.tenant_id = {tenant} and h.id = t.house_unit_id join buildings b"
    " on b.tenant_id = {tenant} and b.id = h.building_id left join survey_answers a"
    " on a.tenant_id = {tenant} and a.target_id = t.id where t.tenant_id = {tenant}"
    " group by t.tenant_id, t.survey_id, b.id, b.region_path"
)
"""One row for each building of each survey. Not what was answered."""
BUILDING_ASKED_REACH = Reachable(region="region_path")


class SurveyKind(Model):
    """调查种类,本租户的数据"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    code = fields.TextField()
    title = fields.TextField()
    upload_hours = fields.IntField()
    source = fields.TextField()
    version = fields.IntField(default=1)

    class Meta:
        table = "survey_kinds"


class Survey(Model):
    """满意度调查"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    kind = fields.TextField()
    subject_id = fields.UUIDField()
    round = fields.IntField()
    title = fields.TextField()
    region_id = fields.UUIDField()
    region_path = fields.TextField()
    state = fields.TextField()
    opened_at = fields.DatetimeField()
    closes_at = fields.DatetimeField()
    uploads_until = fields.DatetimeField()
    closed_at = fields.DatetimeField(null=True)
    asked = fields.IntField()
    answered = fields.IntField()
    satisfied = fields.IntField()
    partly = fields.IntField()
    dissatisfied = fields.IntField()
    excluded_organisation_ids = ArrayField("uuid")
    excluded_membership_ids = ArrayField("uuid")
    version = fields.IntField(default=1)

    class Meta:
        table = "surveys"


class SurveyTarget(Model):
    """被调查的一户"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    survey_id = fields.UUIDField()
    house_unit_id = fields.UUIDField(null=True)
    membership_id = fields.UUIDField(null=True)
    label = fields.TextField()
    way = fields.TextField()
    code_issued_by = fields.UUIDField(null=True)
    code_issued_at = fields.DatetimeField(null=True)

    class Meta:
        table = "survey_targets"


class SurveyAnswer(Model):
    """一户的答复;只增加"""

    id = fields.UUIDField(primary_key=True)
    survey_id = fields.UUIDField()
    target_id = fields.UUIDField()
    choice = fields.TextField()
    comment = fields.TextField(null=True)
    channel = fields.TextField()
    client_key = fields.UUIDField()
    answered_at = fields.DatetimeField()
    received_at = fields.DatetimeField()
    respondent_id = fields.UUIDField(null=True)
    collected_by = fields.UUIDField(null=True)
    longitude = fields.FloatField(null=True)
    latitude = fields.FloatField(null=True)

    class Meta:
        table = "survey_answers"


class SurveyBuilding(Model):
    """一次调查在一幢楼栋的进度,见 `BUILDINGS_ASKED`"""

    id = fields.UUIDField(primary_key=True)
    survey_id = fields.UUIDField()
    building_id = fields.UUIDField()
    way = fields.TextField()
    region_path = fields.TextField()
    asked = fields.IntField()
    answered = fields.IntField()

    class Meta:
        table = "survey_buildings"
