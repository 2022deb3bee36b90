"""Cases, their timeline and what belongs to them, as rows.

The columns that events change are the fields of `facts.CaseFacts`. `search_text` and `case_grams`
hold the searchable text in the normal form of `reading.conditions`.
"""

from __future__ import annotations

from dataclasses import replace

from tortoise import fields
from tortoise.models import Model

from guanjia.db.ids import new_id
from guanjia.db.scope import Reachable
from guanjia.reading.classes import DataClass, ProtectedBytes, ProtectedText

_ASSIGNED = (
    "exists (select 1 from case_assignments ca where ca.tenant_id = {tenant}"
    " and ca.case_id = {row}.%s and ca.organisation_id = any({ids}) and ca.active)"
)
_LEVELS = {10: "street_path", 15: "community_path", 20: "region_path"}

CASE_REACH = Reachable(
    region="region_path", levels=_LEVELS, organisation=_ASSIGNED % "id", mine="reporter_id"
)
PART_REACH = Reachable(region="region_path", organisation=_ASSIGNED % "case_id", mine="reporter_id")
"""Assignments and requests: reached as their case is."""
EVENT_REACH = replace(PART_REACH, region="current_path")
"""Events too; `region_path` says where the case lay when the event happened, and is hashed."""
TASK_REACH = Reachable(
    region="region_path",
    own="exists (select 1 from task_links tl where tl.tenant_id = {tenant}"
    " and tl.assignment_id = {row}.id and tl.membership_id = {me} and tl.revoked_at is null)",
    only="{row}.active and exists (select 1 from task_links al where al.tenant_id = {tenant}"
    " and al.assignment_id = {row}.id)",
)
"""An assignment that was given out by a link: its holder's own, and read where the case is."""
TASK_LINK_REACH = Reachable(region="region_path")
CATEGORY_REACH = Reachable(tenant_wide=True)
"""What rules say is read by all who may read it at all: categories, and whom they go to."""
GAP_REACH = Reachable(region="region_path")
AFFECTED_REACH = Reachable(
    inside="exists (select 1 from cases ac where ac.tenant_id = {tenant} and ac.id = {row}.case_id"
    " and ac.region_path >= {low} and ac.region_path < {high})"
)
AFFECTED_HOMES = (
    "(select count(*)::int from (select bh.id from case_buildings cb join house_units bh"
    " on bh.tenant_id = {tenant} and bh.building_id = cb.building_id and bh.valid_to is null"
    " where cb.tenant_id = {tenant} and cb.case_id = {row}.id union select hh.id from case_homes ch"
    " join house_units hh on hh.tenant_id = {tenant} and hh.id = ch.house_unit_id"
    " and hh.valid_to is null where ch.tenant_id = {tenant} and ch.case_id = {row}.id) ah)"
)
"""The homes in force of the buildings that a case affects and those named besides, each once."""


class CaseCategory(Model):
    """案件类别(小类),本租户的数据"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    code = fields.TextField()
    name = fields.TextField()
    group_name = fields.TextField()
    kind = fields.TextField()
    limit_value = fields.IntField()
    limit_unit = fields.TextField()
    lead_kind = fields.TextField()
    lead_name = fields.TextField()
    assisting = fields.TextField()
    filing_condition = fields.TextField()
    closing_condition = fields.TextField()
    photo_pair = fields.BooleanField(default=False)
    source = fields.TextField()
    active = fields.BooleanField(default=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "case_categories"


class CaseCategoryLimit(Model):
    """类别的分步时限:停工、处罚、拆除"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    category_id = fields.UUIDField()
    position = fields.IntField()
    name = fields.TextField()
    limit_value = fields.TextField()
    limit_unit = fields.TextField()

    class Meta:
        table = "case_category_limits"


class CaseRouting(Model):
    """派遣路由:某类别在某区域自何日至何日(不含)由谁主办或协办"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    category_id = fields.UUIDField()
    region_id = fields.UUIDField()
    region_path = fields.TextField()
    basis = fields.TextField()
    role = fields.TextField()
    level = fields.TextField(null=True)
    organisation_id = fields.UUIDField(null=True)
    party_kind = fields.TextField(null=True)
    valid_from = fields.DateField(null=True)
    valid_until = fields.DateField(null=True)
    source = fields.TextField()
    reason = fields.TextField(null=True)
    created_at = fields.DatetimeField()
    version = fields.IntField(default=1)

    class Meta:
        table = "case_routings"


class RoutingGap(Model):
    """当日没有单位主办的(社区,类别),见 `coverage`"""

    id = fields.UUIDField(primary_key=True)
    region_id = fields.UUIDField()
    region_path = fields.TextField()
    region_name = fields.TextField()
    category_id = fields.UUIDField()
    code = fields.TextField()

    class Meta:
        table = "routing_gaps"


class Case(Model):
    """案件"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    number = fields.TextField()
    title = fields.TextField()
    description = fields.TextField()
    category_id = fields.UUIDField()
    level = fields.TextField()
    state = fields.TextField()
    stage = fields.TextField()
    state_since = fields.DatetimeField()
    urgent = fields.BooleanField()
    source = fields.TextField()
    region_id = fields.UUIDField()
    region_path = fields.TextField()
    compound_id = fields.UUIDField(null=True)
    street_path = fields.TextField()
    community_path = fields.TextField()
    location = fields.TextField()
    longitude = fields.FloatField(null=True)
    latitude = fields.FloatField(null=True)
    component = fields.TextField(null=True)
    component_count = fields.IntField(null=True)
    place_key = fields.TextField()
    search_text = fields.TextField()
    reporter_id = fields.UUIDField()
    no_photo_reason = fields.TextField(null=True)
    verify_first = fields.BooleanField()
    verifier_id = fields.UUIDField(null=True)
    handler_id = fields.UUIDField(null=True)
    limit_value = fields.IntField(null=True)
    limit_unit = fields.TextField(null=True)
    clock_started_at = fields.DatetimeField(null=True)
    clock_value = fields.IntField(null=True)
    created_at = fields.DatetimeField()
    reported_at = fields.DatetimeField(null=True)
    filed_at = fields.DatetimeField(null=True)
    dispatched_at = fields.DatetimeField(null=True)
    dispatched_level = fields.TextField(null=True)
    accepted_at = fields.DatetimeField(null=True)
    due_at = fields.DatetimeField(null=True)
    first_due_at = fields.DatetimeField(null=True)
    step_due_at = fields.DatetimeField(null=True)
    due_provisional = fields.BooleanField()
    handled_at = fields.DatetimeField(null=True)
    result = fields.TextField(null=True)
    checked_at = fields.DatetimeField(null=True)
    checker_id = fields.UUIDField(null=True)
    closed_at = fields.DatetimeField(null=True)
    evaluated_at = fields.DatetimeField(null=True)
    archived_at = fields.DatetimeField(null=True)
    suspended_at = fields.DatetimeField(null=True)
    review_at = fields.DatetimeField(null=True)
    suspension_reason = fields.TextField(null=True)
    return_count = fields.IntField()
    extension_count = fields.IntField()
    rework_count = fields.IntField()
    first_rework_at = fields.DatetimeField(null=True)
    reopened = fields.BooleanField()
    escalation_reason = fields.TextField(null=True)
    duplicate_of_id = fields.UUIDField(null=True)
    joined_count = fields.IntField()
    supervised = fields.BooleanField()
    supervised_at = fields.DatetimeField(null=True)
    supervision_reason = fields.TextField(null=True)
    supervision_due_at = fields.DatetimeField(null=True)
    affected_households = fields.IntField(null=True)
    answer_count = fields.IntField()
    dissatisfied_count = fields.IntField()
    version = fields.IntField()

    class Meta:
        table = "cases"


class CaseContact(Model):
    """案件的联系人;主键即案件"""

    id = fields.UUIDField(primary_key=True)
    name_cipher = ProtectedBytes(DataClass.S2, null=True)
    name_mask = ProtectedText(DataClass.S1, null=True)
    phone_cipher = ProtectedBytes(DataClass.S2, null=True)
    phone_mask = ProtectedText(DataClass.S2, null=True)
    sealed_key = ProtectedBytes(DataClass.S3)
    key_version = fields.IntField()

    class Meta:
        table = "case_contacts"


class CaseAssignment(Model):
    """案件的主办、协办单位"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    case_id = fields.UUIDField()
    organisation_id = fields.UUIDField()
    role = fields.TextField()
    task = fields.TextField(null=True)
    plan = fields.TextField(null=True)
    assigned_at = fields.DatetimeField()
    accepted_at = fields.DatetimeField(null=True)
    done_at = fields.DatetimeField(null=True)
    done_note = fields.TextField(null=True)
    done_by = fields.UUIDField(null=True)
    released_at = fields.DatetimeField(null=True)
    released_by = fields.UUIDField(null=True)
    release_reason = fields.TextField(null=True)
    active = fields.BooleanField()
    region_path = fields.TextField()
    reporter_id = fields.UUIDField()

    class Meta:
        table = "case_assignments"


class TaskLink(Model):
    """任务链接:外部单位凭它承办案件的一项协办任务"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    assignment_id = fields.UUIDField()
    case_id = fields.UUIDField()
    region_path = fields.TextField()
    link_id = fields.UUIDField()
    membership_id = fields.UUIDField()
    issued_at = fields.DatetimeField()
    issued_by = fields.UUIDField()
    expires_at = fields.DatetimeField()
    revoked_at = fields.DatetimeField(null=True)
    revoked_by = fields.UUIDField(null=True)

    class Meta:
        table = "task_links"


class CaseEvent(Model):
    """案件经过:只增加,按案件以散列值相连"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    case_id = fields.UUIDField()
    seq = fields.IntField()
    code = fields.TextField()
    action = fields.TextField()
    title = fields.TextField()
    from_state = fields.TextField(null=True)
    to_state = fields.TextField()
    at = fields.DatetimeField()
    actor_id = fields.UUIDField(null=True)
    actor_name = fields.TextField()
    actor_role = fields.TextField()
    reason_code = fields.TextField(null=True)
    reason = fields.TextField(null=True)
    note = fields.TextField(null=True)
    organisation_id = fields.UUIDField(null=True)
    member_id = fields.UUIDField(null=True)
    level = fields.TextField(null=True)
    urgent = fields.BooleanField(null=True)
    category_id = fields.UUIDField(null=True)
    limit_value = fields.IntField(null=True)
    limit_unit = fields.TextField(null=True)
    review_at = fields.DatetimeField(null=True)
    accepted = fields.BooleanField(null=True)
    related_case_id = fields.UUIDField(null=True)
    choice = fields.TextField(null=True)
    salt = fields.TextField(null=True)
    households = fields.IntField(null=True)
    cost_fen = fields.BigIntField(null=True)
    handling_minutes = fields.IntField(null=True)
    due_at = fields.DatetimeField(null=True)
    first_due_at = fields.DatetimeField(null=True)
    step_due_at = fields.DatetimeField(null=True)
    due_provisional = fields.BooleanField()
    answer_by = fields.DatetimeField(null=True)
    attachments_sha256 = fields.TextField(null=True)
    region_path = fields.TextField()
    current_path = fields.TextField()
    reporter_id = fields.UUIDField()
    prev_hash = fields.BinaryField()
    hash = fields.BinaryField()

    class Meta:
        table = "case_events"


class CaseHome(Model):
    """案件另行登记的一套受影响房屋"""

    id = fields.UUIDField(primary_key=True)
    case_id = fields.UUIDField()
    house_unit_id = fields.UUIDField()

    class Meta:
        table = "case_homes"


class CaseSuspension(Model):
    """挂账:申请与实际停止计时的区间"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    case_id = fields.UUIDField()
    state = fields.TextField()
    reason_code = fields.TextField()
    plan = fields.TextField()
    review_at = fields.DatetimeField()
    requested_by = fields.UUIDField()
    requested_at = fields.DatetimeField()
    decided_by = fields.UUIDField(null=True)
    decided_at = fields.DatetimeField(null=True)
    resumed_at = fields.DatetimeField(null=True)
    region_path = fields.TextField()
    reporter_id = fields.UUIDField()

    class Meta:
        table = "case_suspensions"


class CaseExtension(Model):
    """延期申请"""

    id = fields.UUIDField(primary_key=True, default=new_id)
    case_id = fields.UUIDField()
    state = fields.TextField()
    value = fields.IntField()
    unit = fields.TextField()
    reason = fields.TextField()
    requested_by = fields.UUIDField()
    requested_at = fields.DatetimeField()
    decided_by = fields.UUIDField(null=True)
    decided_at = fields.DatetimeField(null=True)
    region_path = fields.TextField()
    reporter_id = fields.UUIDField()

    class Meta:
        table = "case_extensions"


class Workday(Model):
    """工作日历中的一天"""

    day = fields.DateField(primary_key=True)
    is_workday = fields.BooleanField()
    source = fields.TextField()

    class Meta:
        table = "workdays"
