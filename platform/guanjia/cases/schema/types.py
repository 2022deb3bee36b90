"""The case, its timeline and what belongs to it, as node types."""

import datetime as dt

import strawberry

from guanjia.access.models import name_of
from guanjia.access.schema import Member
from guanjia.attachments.owners import Owner, carries
from guanjia.attachments.schema import Attachment
from guanjia.cases import models, reasons, states
from guanjia.compounds.schema.estates import Building, Compound, HouseUnit
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
    search,
)
from guanjia.graph.nodes import Connection, column, connection, derived, many, node, one
from guanjia.graph.protection import Protection
from guanjia.graph.scalars import Degrees, Money
from guanjia.graph.times import Unit as TimeUnit
from guanjia.reading.classes import DataClass
from guanjia.reading.mapping import (
    Condition,
    Links,
    Order,
    SortKey,
    by_age,
    elsewhere,
    newest,
    sorted_by,
)
from guanjia.surveys.schema.types import Survey
from guanjia.tenancy.schema import Organisation, Region, TextFilter

CaseState = strawberry.enum(
    states.State, name="CaseState", description="、".join(states.STATE_TITLES.values())
)
CaseStage = strawberry.enum(
    states.Stage, name="CaseStage", description="、".join(states.STAGE_TITLES.values())
)
CaseLevel = strawberry.enum(
    reasons.Level, name="CaseLevel", description="、".join(reasons.LEVEL_TITLES.values())
)
CaseSource = strawberry.enum(reasons.Source, name="CaseSource", description=reasons.Source.__doc__)
CategoryKind = strawberry.enum(
    reasons.CategoryKind, name="CategoryKind", description="部件、事件、突发"
)
DeclineReason = strawberry.enum(
    reasons.DeclineReason, name="DeclineReason", description=reasons.DeclineReason.__doc__
)
SuspensionReason = strawberry.enum(
    reasons.SuspensionReason, name="SuspensionReason", description=reasons.SuspensionReason.__doc__
)
AssignmentRole = strawberry.enum(
    reasons.AssignmentRole, name="AssignmentRole", description="主办、协办"
)
PartState = strawberry.enum(
    reasons.PartState, name="PartState", description="未完成、已完成、已解除、已因改派而终止"
)
CaseStateFilter = enum_filter(CaseState)
CaseStageFilter = enum_filter(CaseStage)
CaseLevelFilter = enum_filter(CaseLevel)
CategoryKindFilter = enum_filter(CategoryKind)

SETTLED = ", ".join(f"'{state}'" for state in sorted(states.FINISHED))
LATE = (
    "({row}.due_at < now() and {row}.suspended_at is null"
    f" and {{row}}.state not in ({SETTLED}))"
)
OVERDUE = f"coalesce({LATE}, false)"
_AT_WORK = ", ".join(f"'{state}'" for state in sorted(states.AT_WORK))
_AWAITED = (
    "exists (select 1 from case_assignments af where af.tenant_id = {tenant}"
    " and af.case_id = {row}.id and af.organisation_id = {value} and af.active"
    f" and case af.role when 'LEAD' then {{row}}.state in ({_AT_WORK})"
    f" else af.done_at is null and {{row}}.state not in ({SETTLED}) end)"
)
PART_STATE = (
    "case when {row}.role <> 'ASSIST' then null when {row}.released_at is not null then 'RELEASED'"
    " when {row}.done_at is not null then 'DONE' when {row}.active then 'OPEN' else 'ENDED' end"
)
# Within one case, and only there, the number is a place.
BY_SEQ = Order("SEQ", (SortKey("seq", "int"),))


@filters
class CaseCategoryFilter:
    """类别筛选"""

    kind: CategoryKindFilter = by("kind")
    code: TextFilter = by("code")
    active: bool = flag("{row}.active")


@filters
class CaseEventFilter:
    """经过筛选"""

    region: RegionFilter = means(
        within=Condition("within", "current_path"), in_=Condition("at", "current_path", "uuid")
    )
    at: DateTimeFilter = by("at")
    case: IdFilter = by("case_id")


@filters
class CaseFilter:
    """案件筛选;各项须同时满足"""

    id: IdFilter = by("id")
    number: TextFilter = by("number")
    region: RegionFilter = by("region_id", path="region_path")
    state: CaseStateFilter = by("state")
    stage: CaseStageFilter = by("stage")
    level: CaseLevelFilter = by("level")
    category: IdFilter = by("category_id")
    handler: IdFilter = by("handler_id")
    compound: IdFilter = by("compound_id")
    reported_at: DateTimeFilter = by("reported_at")
    due_at: DateTimeFilter = by("due_at")
    overdue: bool = flag(OVERDUE)
    supervised: bool = flag("{row}.supervised")
    urgent: bool = flag("{row}.urgent")
    awaiting: strawberry.ID = holds(
        _AWAITED,
        "uuid",
        "等待该单位办理的:由它主办而未反馈的(挂账的除外),或它的协办任务还没有完成的",
    )
    search: str = search(
        "{row}.search_text",
        "case_grams",
        "case_id",
        "编号、标题、描述、地点中的文字,2 到 50 个字",
    )


@node(
    models.CaseCategory,
    read="category:read",
    reach=models.CATEGORY_REACH,
    orders=(sorted_by("CODE", "code"),),
    filters=CaseCategoryFilter,
)
class CaseCategory:
    """案件类别(小类):时限、主办、立案与结案条件"""

    id: strawberry.ID = column()
    code: str = column("代码")
    name: str = column("小类")
    group_name: str = column("大类")
    kind: CategoryKind = column("部件、事件或突发")
    limit_value: int = column("默认处置时限")
    limit_unit: TimeUnit = column("时限单位")
    lead_name: str = column("默认主办")
    assisting: str = column("默认协办")
    filing_condition: str = column("立案条件")
    closing_condition: str = column("结案条件")
    photo_pair: bool = column("是否需要前后对比照片")
    source: str = column("依据")
    active: bool = column("是否启用")
    version: int = column("版本")


@node(
    models.CaseEvent,
    read="case:read_events",
    reach=models.EVENT_REACH,
    orders=(
        *newest("at"),
        BY_SEQ,
    ),
    filters=CaseEventFilter,
)
class CaseEvent:
    """案件经过中的一步;只增加,不修改"""

    id: strawberry.ID = column()
    seq: int = column("案件内的序号,从 1 起")
    code: str = column("T1–T22,或不改变状态的事件")
    action: str = column("操作")
    title: str = column("操作名称")
    from_state: CaseState | None = column("原状态")
    to_state: CaseState = column("新状态")
    at: dt.datetime = column("时间")
    actor_name: str = column("经办人")
    actor_role: str = column("经办人以何角色")
    reason_code: str | None = column("原因代码")
    reason: str | None = column("理由")
    note: str | None = column("说明")
    level: CaseLevel | None = column("负责层级")
    limit_value: int | None = column("处置时限")
    limit_unit: TimeUnit | None = column("时限单位")
    review_at: dt.datetime | None = column("挂账复核时间")
    answer_by: dt.datetime | None = column("督办要求答复的期限")
    not_duplicate: bool = derived(
        "({row}.not_duplicate_of is not null)", "立案时认定附近的同类案件不是同一问题"
    )
    households: int | None = column("户数:登记受影响的、结案时列入调查的、评价结束时已答的")
    cost: Money | None = column("费用(元)", name="cost_fen")
    due_at: dt.datetime | None = column("此步之后的到期时间")
    due_provisional: bool = column("到期时间跨越了尚无放假通知的年份")
    attachments_sha256: str | None = column("归档时全部附件的散列")
    hash: str = derived("encode({row}.hash, 'hex')", "逐条相连的散列")
    organisation: Organisation | None = one(
        "Organisation", "organisation_id", "相关单位", through="case:read_events"
    )


@node(models.CaseAssignment, read="case:read", reach=models.PART_REACH)
class CaseAssignment:
    """主办或协办"""

    id: strawberry.ID = column()
    role: AssignmentRole = column("主办或协办")
    active: bool = column("是否仍承办")
    task: str | None = column("交办的任务")
    part_state: PartState | None = derived(PART_STATE, "协办任务的状态;主办单位为空")
    plan: str | None = column("处置方案")
    assigned_at: dt.datetime = column("交办时间")
    accepted_at: dt.datetime | None = column("外部单位签收任务的时间")
    done_at: dt.datetime | None = column("完成时间")
    done_note: str | None = column("完成情况")
    done_by: str | None = derived(name_of("done_by"), "完成人")
    released_at: dt.datetime | None = column("解除协办的时间")
    released_by: str | None = derived(name_of("released_by"), "解除人")
    release_reason: str | None = column("解除协办的理由")
    organisation: Organisation | None = one("Organisation", "organisation_id", through="case:read")


@node(
    models.CaseHome,
    read="case:read",
    reach=models.AFFECTED_REACH,
    orders=(Order("ANY", (SortKey("id", "uuid"),)),),
)
class AffectedHouseUnit:
    """楼栋以外另行登记的一套受影响房屋"""

    id: strawberry.ID = column()
    house_unit: HouseUnit | None = one("HouseUnit", "house_unit_id", "房屋;不在您可读的范围时为空")


carries(Owner(noun="Case", node="Case"))


@node(
    models.Case,
    read="case:read",
    reach=models.CASE_REACH,
    orders=by_age("created_at"),
    filters=CaseFilter,
)
class Case:
    """案件 (a property-governance case)"""

    id: strawberry.ID = column()
    number: str = column("编号,例如 350702-2026-000001")
    title: str = column("标题")
    description: str = column("描述")
    state: CaseState = column("状态")
    stage: CaseStage = column("阶段:采集上报、指挥派遣、处置反馈、核查结案、综合评价、事件归档")
    level: CaseLevel = column("负责层级")
    urgent: bool = column("是否紧急")
    source: CaseSource = column("来源渠道")
    location: str = column("发生地点")
    longitude: Degrees | None = column("经度(WGS-84)")
    latitude: Degrees | None = column("纬度(WGS-84)")
    component: str | None = column("涉及何种设施,例如 消力池")
    component_count: int | None = column("涉及的设施数量(个)")
    no_photo_reason: str | None = column("无照片的原因")
    limit_value: int | None = column("处置时限")
    limit_unit: TimeUnit | None = column("时限单位")
    created_at: dt.datetime = column("登记时间")
    reported_at: dt.datetime | None = column("上报时间;草稿为空")
    filed_at: dt.datetime | None = column("立案时间")
    dispatched_at: dt.datetime | None = column("派遣时间")
    accepted_at: dt.datetime | None = column("签收时间")
    due_at: dt.datetime | None = column("到期时间")
    first_due_at: dt.datetime | None = column("首次到期时间:按期率以此计算")
    due_provisional: bool = column("到期时间跨越了尚无放假通知的年份,待重新计算")
    handled_at: dt.datetime | None = column("反馈时间")
    checked_at: dt.datetime | None = column("核查通过时间")
    closed_at: dt.datetime | None = column("结案时间")
    evaluated_at: dt.datetime | None = column("评价结束时间")
    archived_at: dt.datetime | None = column("归档时间")
    suspended_at: dt.datetime | None = column("挂账时间")
    review_at: dt.datetime | None = column("挂账复核时间")
    suspension_reason: SuspensionReason | None = column("挂账原因")
    result: str | None = column("处置结果")
    return_count: int = column("退单次数")
    extension_count: int = column("延期次数")
    rework_count: int = column("返工次数")
    reopened: bool = column("评价后是否重新核查")
    joined_count: int = column("并入的案件数")
    supervised: bool = column("是否在督办中")
    supervised_at: dt.datetime | None = column("督办时间")
    supervision_reason: str | None = column("督办理由")
    supervision_due_at: dt.datetime | None = column("督办要求答复的期限")
    affected_homes: int = derived(
        models.AFFECTED_HOMES,
        "受影响户数:所登记楼栋现有的各户和另行登记的房屋;结案时问了多少户见 survey",
    )
    answer_count: int = column("评价户数")
    dissatisfied_count: int | None = derived(
        "(case when {row}.state <> 'EVALUATING' then {row}.dissatisfied_count end)",
        "不满意户数;评价中为空",
    )
    version: int = column("版本;更新时须带上")
    overdue: bool = derived(OVERDUE, "是否已超期")
    contact_name: str | None = derived(
        elsewhere("case_contacts", "name_mask", "id"),
        "联系人,已遮盖;完整信息见 revealCaseContact",
        protection=Protection(DataClass.S1, "CASE"),
    )
    contact_phone: str | None = derived(
        elsewhere("case_contacts", "phone_mask", "id"),
        "联系电话,已遮盖;完整信息见 revealCaseContact",
        protection=Protection(DataClass.S2, "CASE"),
    )
    category: CaseCategory | None = one("CaseCategory", "category_id", through="case:read")
    region: Region | None = one("Region", "region_id", "所在网格或社区", through="case:read")
    compound: Compound | None = one(
        "Compound", "compound_id", "所在小区;不在小区之内、或小区不可读时为空"
    )
    handler: Organisation | None = one(
        "Organisation", "handler_id", "主办单位", through="case:read"
    )
    reporter: Member | None = one("Member", "reporter_id", "上报人;须有 user:read")
    original: "Case | None" = one("Case", "duplicate_of_id", "并入的原案件")
    assignments: list[CaseAssignment] = many(
        "CaseAssignment",
        "case_id",
        (("assigned_at", "asc"), ("id", "asc")),
        "主办与协办",
        through="case:read",
    )
    attachments: list[Attachment] = many(
        "Attachment",
        "owner_id",
        (("attached_at", "asc"), ("id", "asc")),
        "照片与文件,按先后;用途分处置前、处置后、核查",
        through="case:read",
        where="{row}.owner_noun = 'Case'",
    )
    affected_buildings: list[Building] = many(
        "Building",
        "id",
        (("position", "asc"), ("id", "asc")),
        "受影响的楼栋:结案前可更改,见 nameAffectedBuildings;其中各户结案时列入调查",
        through="case:read",
        links=Links("case_buildings", "case_id", "building_id"),
    )
    affected_house_units: Connection[AffectedHouseUnit] = connection(
        "AffectedHouseUnit", "case_id", "楼栋以外另行登记的受影响房屋", through="case:read"
    )
    survey: Survey | None = one(
        "Survey",
        "id",
        "满意度调查(最近一次);结案时开始",
        through="case:read",
        match="{row}.kind = 'CASE' and {row}.subject_id = {key} and {row}.round = (select max("
        "ls.round) from surveys ls where ls.tenant_id = {tenant} and ls.kind = 'CASE'"
        " and ls.subject_id = {key})",
    )
    timeline: Connection[CaseEvent] = connection(
        "CaseEvent", "case_id", "经过,按先后", through="case:read", order="SEQ"
    )
