"""Cross-appointments and kinship in the API, and who should not hold the post they hold."""

import datetime as dt
from enum import Enum
from typing import Any

import strawberry
from strawberry.types import Info

from guanjia.compounds import models
from guanjia.compounds.models.crossappointments import CROSS_REACH, KINSHIP_REACH
from guanjia.compounds.schema.committees import EndTenureInput
from guanjia.compounds.schema.estates import Compound
from guanjia.compounds.schema.partyorganisations import PartyOrganisation
from guanjia.compounds.schema.writing import HOLDER_NAME, writes
from guanjia.compounds.service import avoidance, kinships
from guanjia.compounds.service import crossappointments as service
from guanjia.compounds.service.opening import local_day
from guanjia.db.scope import Scope
from guanjia.graph.filters import IdFilter, RegionFilter, as_of, by, enum_filter, filters, flag
from guanjia.graph.marks import requires
from guanjia.graph.nodes import (
    Connection,
    column,
    derived,
    node,
    one,
    root_connection,
    root_lookup,
)
from guanjia.graph.payloads import payload
from guanjia.people.schema.types import NAME, Person
from guanjia.reading.mapping import METADATA, Order, SortKey, Unplanned, by_age, elsewhere
from guanjia.tenancy.schema import Organisation

CrossKind = strawberry.enum(
    models.CrossKind,
    name="CrossKind",
    description="物业党组织负责人任社区兼职委员、社区党组织成员任物业党建指导员、居委会成员进社区党组织班子、"
    "社区党组织班子成员进居委会",
)
CrossPost = strawberry.enum(
    models.CrossPost,
    name="CrossPost",
    description="兼职委员、党建指导员;党组织书记、副书记、委员;居委会主任、副主任、委员",
)
KinshipKind = strawberry.enum(
    models.KinshipKind,
    name="KinshipKind",
    description="配偶、父母、子女、兄弟姐妹、祖父母(外祖父母)、孙子女(外孙子女)",
)
CrossKindFilter = enum_filter(CrossKind)
UNSET: Any = strawberry.UNSET
_RELATIVE = elsewhere("persons", "name_mask", "relative_id")


@filters
class CrossAppointmentFilter:
    """交叉任职筛选"""

    id: IdFilter = by("id")
    person: IdFilter = by("person_id")
    kind: CrossKindFilter = by("kind")
    compound: IdFilter = by("compound_id")
    region: RegionFilter = by("region_id", path="region_path")
    as_of: dt.date = as_of("valid_from", "valid_to", "当日在任的")


@node(
    models.CrossAppointment,
    read="party:read",
    reach=CROSS_REACH,
    orders=by_age("valid_from", "date"),
    filters=CrossAppointmentFilter,
)
class CrossAppointment:
    """双向进入、交叉任职;每一端是一个党组织或一个机构"""

    id: strawberry.ID = column()
    kind: CrossKind = column("类别")
    post: CrossPost = column("在后一组织的职务")
    name: str = derived(HOLDER_NAME, "姓名,已遮盖;完整姓名见 person", protection=NAME)
    valid_from: dt.date = column("任职自何日")
    valid_to: dt.date | None = column("自何日起不再任职;在任时为空")
    version: int = column("版本")
    person: Person | None = one("Person", "person_id", "此人;不在您可读的范围时为空")
    from_party: PartyOrganisation | None = one(
        "PartyOrganisation", "from_party_id", "来自的党组织", through="party:read"
    )
    from_organisation: Organisation | None = one(
        "Organisation", "from_organisation_id", "来自的机构", through="party:read"
    )
    to_party: PartyOrganisation | None = one(
        "PartyOrganisation", "to_party_id", "任职的党组织", through="party:read"
    )
    to_organisation: Organisation | None = one(
        "Organisation", "to_organisation_id", "任职的机构", through="party:read"
    )
    compound: Compound | None = one("Compound", "compound_id", "为哪个小区", through="party:read")


@strawberry.enum(description="交叉任职排序:任职最近的在前、最早的在前")
class CrossAppointmentOrder(Enum):
    NEWEST = "NEWEST"
    OLDEST = "OLDEST"


@filters
class KinshipFilter:
    """近亲属关系筛选"""

    id: IdFilter = by("id")
    person: IdFilter = by("person_id")
    relative: IdFilter = by("relative_id")
    in_force: bool = flag("{row}.valid_to is null", "{row}.valid_to is not null", "未撤回的")


@node(
    models.Kinship,
    read="kinship:read",
    reach=KINSHIP_REACH,
    orders=(Order("NEWEST", (SortKey("id", "uuid", True),)),),
    filters=KinshipFilter,
)
class Kinship:
    """近亲属关系:relative 是 person 的何种近亲属。依声明登记,只用于任职回避"""

    id: strawberry.ID = column()
    kind: KinshipKind = column("何种近亲属")
    name: str = derived(HOLDER_NAME, "此人姓名,已遮盖", protection=NAME)
    relative_name: str = derived(_RELATIVE, "近亲属姓名,已遮盖", protection=NAME)
    valid_from: dt.date | None = column("自何日;历来如此时为空")
    valid_to: dt.date | None = column("撤回之日;未撤回时为空")
    withdrawal_reason: str | None = column("撤回原因")
    version: int = column("版本")
    person: Person | None = one("Person", "person_id", "此人;不在您可读的范围时为空")
    relative: Person | None = one("Person", "relative_id", "其近亲属;不在您可读的范围时为空")


@strawberry.enum(description="近亲属关系排序:最新声明的在前")
class KinshipOrder(Enum):
    NEWEST = "NEWEST"


@strawberry.type(description="应当回避的任职:职务与任职的人")
class AvoidedPost:
    title: str = strawberry.field(description="组织与职务")
    person: Person | None = strawberry.field(description="此人;不在您可读的范围时为空")


@strawberry.type(description="二人为近亲属而同时任规则不许同任的职务,例如任职之后才声明近亲属关系")
class AvoidanceFinding:
    code: str = strawberry.field(description="规则代码")
    rule: str = strawberry.field(description="规则及其依据")
    since: dt.date = strawberry.field(description="自何日不符")
    one: AvoidedPost
    other: AvoidedPost


async def _findings(
    self: None, info: Info, scope: "Scope", as_of: dt.date | None = None
) -> list[AvoidanceFinding]:
    context = info.context
    async with context.reader.alone() as connection:
        found = await avoidance.conflicts(
            connection, context.tenant_id, scope, as_of or local_day(context.now)
        )

    async def shown(held: avoidance.Held) -> AvoidedPost:
        return AvoidedPost(
            title=held.title, person=await context.reader.by_id("Person", held.person_id)
        )

    return [
        AvoidanceFinding(
            code=each.rule.code,
            rule=each.rule.sentence,
            since=each.since,
            one=await shown(each.one),
            other=await shown(each.other),
        )
        for each in found
    ]


@strawberry.type
class Query:
    cross_appointments: Connection[CrossAppointment] = root_connection(
        CrossAppointment,
        permission="party:read",
        filter_type=CrossAppointmentFilter,
        order_type=CrossAppointmentOrder,
        description="辖区内的交叉任职,含已免去的",
    )
    cross_appointment: CrossAppointment | None = root_lookup(
        CrossAppointment, permission="party:read", description="一项交叉任职"
    )
    kinships: Connection[Kinship] = root_connection(
        Kinship,
        permission="kinship:read",
        filter_type=KinshipFilter,
        order_type=KinshipOrder,
        description="二人均住在辖区内的近亲属关系",
    )
    kinship: Kinship | None = root_lookup(
        Kinship, permission="kinship:read", description="一项近亲属关系"
    )
    avoidance_findings: list[AvoidanceFinding] = strawberry.field(
        resolver=_findings,
        description=f"当日(缺省今日)及以后违反任职回避的,最多 {avoidance.MOST} 项",
        metadata={METADATA: Unplanned("posts of three tables held against each other by rules")},
        extensions=requires("kinship:read"),
    )


@strawberry.input(description="交叉任职;两端各选一个党组织或一个机构")
class AppointAcrossInput:
    person_id: strawberry.ID
    kind: CrossKind
    post: CrossPost
    on: dt.date
    from_party_id: strawberry.ID | None = UNSET
    from_organisation_id: strawberry.ID | None = UNSET
    to_party_id: strawberry.ID | None = UNSET
    to_organisation_id: strawberry.ID | None = UNSET
    compound_id: strawberry.ID | None = strawberry.field(default=UNSET, description="为哪个小区")


@strawberry.input(description="声明近亲属关系:relative 是 person 的何种近亲属")
class DeclareKinshipInput:
    person_id: strawberry.ID
    relative_id: strawberry.ID
    kind: KinshipKind
    since: dt.date | None = strawberry.field(default=UNSET, description="自何日,如结婚;缺省为历来")


@strawberry.input(description="撤回近亲属关系的声明")
class WithdrawKinshipInput:
    id: strawberry.ID
    version: int
    reason: str


@payload
class CrossAppointmentPayload:
    """交叉任职"""

    cross_appointment: CrossAppointment | None


@payload
class KinshipPayload:
    """近亲属关系"""

    kinship: Kinship | None


_CROSS = (CrossAppointmentPayload, "cross_appointment", "CrossAppointment", "party:manage")
_KINSHIP = (KinshipPayload, "kinship", "Kinship", "kinship:manage")


@strawberry.type
class Mutation:
    appoint_across: CrossAppointmentPayload = writes(
        service.appoint_across,
        AppointAcrossInput,
        *_CROSS,
        "双向进入、交叉任职;近亲属应当回避的不能任职",
    )
    end_cross_appointment: CrossAppointmentPayload = writes(
        service.end_cross_appointment, EndTenureInput, *_CROSS, "免去交叉任职"
    )
    declare_kinship: KinshipPayload = writes(
        kinships.declare_kinship,
        DeclareKinshipInput,
        *_KINSHIP,
        "声明近亲属关系;已有的任职见 avoidanceFindings",
    )
    withdraw_kinship: KinshipPayload = writes(
        kinships.withdraw_kinship, WithdrawKinshipInput, *_KINSHIP, "撤回近亲属关系的声明"
    )
