"""Escalations of cases and the tasks of joint meetings, as node types; and those of a case."""

import datetime as dt
from enum import Enum

import strawberry

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
from guanjia.reading.mapping import Condition, by_age, elsewhere, sorted_by
from guanjia.tenancy.schema import Organisation
from guanjia.tenancy.schema.types import Level
from guanjia.whistles import levels
from guanjia.whistles.models import escalations
from guanjia.whistles.schema.whistles import Whistle

EscalationLevel = strawberry.enum(
    levels.EscalationLevel,
    name="EscalationLevel",
    description="L1 网格→社区、L2 社区→街道、L3 街道→区级部门、L4 区级联席会议",
)
EscalationTrigger = strawberry.enum(
    levels.Trigger,
    name="EscalationTrigger",
    description="升级的事由:" + "、".join(levels.TRIGGER_TITLES.values()),
)
EscalationState = strawberry.enum(
    levels.EscalationState, name="EscalationState", description="待回应、已回应、已终止"
)
EscalationLevelFilter = enum_filter(EscalationLevel)
EscalationStateFilter = enum_filter(EscalationState)
_REGION = means(
    within=Condition("within", "region_path"), in_=Condition("at", "region_path", "uuid")
)
_LATE = "({row}.state = 'OPEN' and {row}.answer_by < now())"


@filters
class EscalationFilter:
    """升级的筛选;各项须同时满足"""

    id: IdFilter = by("id")
    case: IdFilter = by("case_id")
    region: RegionFilter = _REGION
    level: EscalationLevelFilter = by("level")
    state: EscalationStateFilter = by("state")
    raised_at: DateTimeFilter = by("raised_at")
    late: bool = flag(_LATE, description="过了时限还没有回应的")


@filters
class JointTaskFilter:
    """联席会议任务的筛选;各项须同时满足"""

    id: IdFilter = by("id")
    case: IdFilter = by("case_id")
    region: RegionFilter = _REGION
    organisation: IdFilter = by("organisation_id")
    due_at: DateTimeFilter = by("due_at")
    done: bool = flag("({row}.done_at is not null)")


@node(
    escalations.JointTask,
    read="escalation:read",
    reach=escalations.TASK_REACH,
    orders=(sorted_by("DUE", "due_at", "time"),),
    filters=JointTaskFilter,
)
class JointTask:
    """联席会议交办的一项任务"""

    id: strawberry.ID = column()
    task: str = column("任务")
    due_at: dt.datetime = column("期限")
    done_at: dt.datetime | None = column("何时完成")
    done_note: str | None = column("完成情况")
    version: int = column("版本;更新时须带上")
    case_number: str = derived(elsewhere("cases", "number", "case_id"), "案件编号")
    case_title: str = derived(elsewhere("cases", "title", "case_id"), "案件标题")
    case: Case | None = one("Case", "case_id", "案件;不在您可读的范围时为空")
    organisation: Organisation | None = one(
        "Organisation", "organisation_id", "承担单位", through="escalation:read"
    )


@node(
    escalations.Escalation,
    read="escalation:read",
    reach=escalations.ESCALATION_REACH,
    orders=by_age("raised_at"),
    filters=EscalationFilter,
)
class Escalation:
    """一次升级:案件不变,由上一级回应"""

    id: strawberry.ID = column()
    level: EscalationLevel = column("L1–L4")
    trigger: EscalationTrigger = column("事由", name="trigger_code")
    from_level: Level | None = column("由哪一级提出;自动升级为空")
    to_level: Level = column("由哪一级回应")
    state: EscalationState = column("状态")
    reason: str | None = column("理由")
    raised_at: dt.datetime = column("何时升级")
    automatic: bool = derived("({row}.raised_by is null)", "是否自动升级")
    answer_by: dt.datetime = column("回应的时限;案件挂账期间顺延")
    limit_provisional: bool = column("时限跨越了尚无放假通知的年份")
    answered_at: dt.datetime | None = column("何时回应或终止")
    answer: str | None = column("回应、会议纪要,或终止的原因")
    met_at: dt.datetime | None = column("联席会议的时间")
    version: int = column("版本;更新时须带上")
    case_number: str = derived(elsewhere("cases", "number", "case_id"), "案件编号")
    case_title: str = derived(elsewhere("cases", "title", "case_id"), "案件标题")
    case: Case | None = one("Case", "case_id", "案件;不在您可读的范围时为空")
    whistle: Whistle | None = one("Whistle", "whistle_id", "因吹哨而升级的,该哨")
    tasks: list[JointTask] = many(
        "JointTask", "escalation_id", (("due_at", "asc"), ("id", "asc")), "联席会议交办的任务"
    )


adds(
    Case,
    "escalations",
    list[Escalation],
    many("Escalation", "case_id", (("raised_at", "asc"), ("id", "asc")), "本案件的升级,按先后"),
)


@strawberry.enum(description="升级的排序:最新在前、最早在前")
class EscalationOrder(Enum):
    NEWEST = "NEWEST"
    OLDEST = "OLDEST"


@strawberry.enum(description="按期限")
class JointTaskOrder(Enum):
    DUE = "DUE"


@strawberry.type
class Query:
    escalations: Connection[Escalation] = root_connection(
        Escalation,
        permission="escalation:read",
        filter_type=EscalationFilter,
        order_type=EscalationOrder,
        description="可读的升级:辖区内的、本单位承办案件的",
    )
    escalation: Escalation | None = root_lookup(
        Escalation, permission="escalation:read", description="一次升级;不存在或不可读时为空"
    )
    joint_tasks: Connection[JointTask] = root_connection(
        JointTask,
        permission="escalation:read",
        filter_type=JointTaskFilter,
        order_type=JointTaskOrder,
        description="联席会议交办的任务:辖区内的、本单位承担的",
    )
