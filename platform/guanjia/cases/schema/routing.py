"""The routing table in the API: its rows, what it answers and why, and what nobody owns."""

import datetime as dt
from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from guanjia.cases import models, routing
from guanjia.cases.coverage import GAPS
from guanjia.cases.schema.types import AssignmentRole, CaseCategory, CaseLevel
from guanjia.cases.service import explanations, routes
from guanjia.compounds.schema.writing import writes
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, Denied
from guanjia.graph.filters import IdFilter, RegionFilter, asked_for, by, filters, holds, row_id
from guanjia.graph.marks import requires
from guanjia.graph.nodes import Connection, column, derived, node, one, root_connection
from guanjia.graph.payloads import payload
from guanjia.reading.mapping import METADATA, Order, SortKey, Unplanned, newest
from guanjia.tenancy.schema import Organisation, Region

UNSET: Any = strawberry.UNSET
RoutingBasis = strawberry.enum(routing.Basis, name="RoutingBasis", description="属主、属地")
RoutedKind = strawberry.enum(
    routing.PartyKind,
    name="RoutedKind",
    description="按地点确定的单位:小区的物业企业(无合同的由社区代行)、所在社区、所在街道",
)
_NAMES = " ".join(f"when '{kind}' then '{title}'" for kind, title in routing.PARTY_TITLES.items())


@filters
class CaseRoutingFilter:
    """派遣路由筛选;各项须同时满足"""

    category: IdFilter = by("category_id")
    region: RegionFilter = by("region_id", path="region_path")
    organisation: IdFilter = by("organisation_id")
    as_of: dt.date = holds(
        "daterange({row}.valid_from, {row}.valid_until) @> {value}", "date", "当日有效的"
    )


@node(
    models.CaseRouting,
    read="routing:read",
    reach=models.CATEGORY_REACH,
    orders=newest("created_at"),
    filters=CaseRoutingFilter,
)
class CaseRouting:
    """派遣路由:部件先属主后属地,事件先属地后属主;不改写,只终止与接续"""

    id: strawberry.ID = column()
    basis: RoutingBasis = column("属主或属地")
    role: AssignmentRole = column("主办或协办")
    level: CaseLevel | None = column("只用于该层级负责的案件;为空的用于各层级")
    party_kind: RoutedKind | None = column("按地点确定的单位;指明单位的为空")
    party: str = derived(
        "coalesce((select ro.name from organisations ro where ro.tenant_id = {tenant}"
        f" and ro.id = {{row}}.organisation_id), case {{row}}.party_kind {_NAMES} end)",
        "单位,或按地点确定的单位",
    )
    valid_from: dt.date | None = column("自何日起;为空的一直有效")
    valid_until: dt.date | None = column("自何日起不再有效;与起日相同的从未生效")
    source: str = column("依据")
    reason: str | None = column("终止或变更的理由")
    version: int = column("版本;更新时须带上")
    category: CaseCategory | None = one("CaseCategory", "category_id", through="routing:read")
    region: Region | None = one("Region", "region_id", "区域", through="routing:read")
    organisation: Organisation | None = one(
        "Organisation", "organisation_id", "单位", through="routing:read"
    )


@filters
class RoutingGapFilter:
    """无人主办筛选;各项须同时满足"""

    category: IdFilter = by("category_id")
    region: RegionFilter = by("region_id", path="region_path")
    as_of: dt.date = asked_for("何日;缺省为今天")


@node(
    models.RoutingGap,
    read="routing:read",
    reach=models.GAP_REACH,
    orders=(
        Order(
            "REGION",
            (SortKey("region_path", "text"), SortKey("code", "text"), SortKey("id", "uuid")),
        ),
    ),
    filters=RoutingGapFilter,
    rows=GAPS,
)
class RoutingGap:
    """当日没有单位主办的(社区,类别)"""

    id: strawberry.ID = column()
    region_name: str = column("社区")
    code: str = column("类别代码")
    category: CaseCategory | None = one("CaseCategory", "category_id", through="routing:read")
    region: Region | None = one("Region", "region_id", "社区", through="routing:read")


@strawberry.type(description="路由所指的单位")
class RoutedParty:
    id: strawberry.ID
    name: str
    kind: str

    @staticmethod
    def of(party: routing.Party) -> "RoutedParty":
        return RoutedParty(id=strawberry.ID(str(party.id)), name=party.name, kind=party.kind)


@strawberry.type(description="考虑过的一条路由,按先后")
class RoutingStep:
    routing_id: strawberry.ID
    routing: str = strawberry.field(description="该路由:区域、依据、主办或协办、单位、层级")
    party: RoutedParty | None = strawberry.field(description="在此地点所指的单位")
    won: bool
    sentence: str = strawberry.field(description="采用或不采用的缘由")


@strawberry.type(description="派遣路由的结论与缘由")
class DispatchExplanation:
    rule: str = strawberry.field(description="部件先属主后属地,或事件先属地后属主")
    level: CaseLevel
    as_of: dt.date
    lead: RoutedParty | None = strawberry.field(description="主办;为空表示没有可派的单位")
    assistants: list[RoutedParty]
    steps: list[RoutingStep]
    text: list[str] = strawberry.field(description="逐条的中文说明")


def explanation_of(found: explanations.Explained) -> DispatchExplanation:
    answer = found.answer
    steps = [
        RoutingStep(
            routing_id=strawberry.ID(str(step.route.id)),
            routing=step.route.title,
            party=RoutedParty.of(step.route.party) if step.route.party else None,
            won=step.won,
            sentence=step.sentence,
        )
        for step in answer.steps
    ]
    return DispatchExplanation(
        rule=answer.rule,
        level=found.level,
        as_of=found.day,
        lead=RoutedParty.of(answer.lead) if answer.lead else None,
        assistants=[RoutedParty.of(party) for party in answer.assistants],
        steps=steps,
        text=list(explanations.sentences(found)),
    )


async def _explain(
    self: None,
    info: Info,
    scope: "Scope",
    case_id: Annotated[
        strawberry.ID | None, strawberry.argument(description="案件;或给出类别与区域")
    ] = None,
    category_id: strawberry.ID | None = None,
    region_id: strawberry.ID | None = None,
    compound_id: strawberry.ID | None = None,
    level: Annotated[
        CaseLevel | None, strawberry.argument(description="负责层级;案件的缺省为其派遣或负责层级")
    ] = None,
    as_of: Annotated[
        dt.date | None, strawberry.argument(description="何日;缺省为案件的派遣日,未派遣的为今天")
    ] = None,
) -> DispatchExplanation | None:
    context: Any = info.context
    if case_id is None and (category_id is None or region_id is None):
        raise Denied(BAD_USER_INPUT, "请给出案件,或同时给出类别与区域。")
    readable = await context.scope("case:read") if case_id is not None else scope
    async with context.reader.alone() as connection:
        found = await explanations.explain_dispatch(
            connection,
            context.tenant_id,
            scope,
            readable,
            case_id=row_id(case_id) if case_id is not None else None,
            category_id=row_id(category_id or ""),
            region_id=row_id(region_id or ""),
            compound_id=row_id(compound_id or ""),
            level=level,
            day=as_of,
            now=context.now,
        )
    return explanation_of(found) if found else None


@strawberry.enum(description="派遣路由排序:新登记的在前")
class CaseRoutingOrder(Enum):
    NEWEST = "NEWEST"


@strawberry.enum(description="无人主办排序:按社区与类别")
class RoutingGapOrder(Enum):
    REGION = "REGION"


@strawberry.type
class Query:
    case_routings: Connection[CaseRouting] = root_connection(
        CaseRouting,
        permission="routing:read",
        filter_type=CaseRoutingFilter,
        order_type=CaseRoutingOrder,
        description="派遣路由,含已终止的与尚未生效的;全区一份,派遣员都可读,区级派遣员维护",
    )
    routing_gaps: Connection[RoutingGap] = root_connection(
        RoutingGap,
        permission="routing:read",
        filter_type=RoutingGapFilter,
        order_type=RoutingGapOrder,
        description="当日没有单位主办的(社区,类别);"
        "社区、街道和区级的派遣员各见本辖区的,某(区域,类别)没有任何路由的也在其中",
    )
    explain_dispatch: DispatchExplanation | None = strawberry.field(
        resolver=_explain,
        description="按派遣路由该由谁主办、谁协办,逐条说明考虑过哪些路由、为何采用或不采用;"
        "社区、街道和区级的派遣员都可查询本辖区的,案件或区域不在您的范围时为空",
        metadata={METADATA: Unplanned("the rule of routing weighs the rows, no list of rows")},
        extensions=requires("routing:read"),
    )


@strawberry.input(description="登记派遣路由:指明单位,或按地点确定的单位,两者择一")
class AddRoutingInput:
    category_id: strawberry.ID
    region_id: strawberry.ID
    basis: RoutingBasis
    role: AssignmentRole
    valid_from: dt.date = strawberry.field(description="自何日起,不早于今天")
    source: str = strawberry.field(description="依据")
    level: CaseLevel | None = UNSET
    organisation_id: strawberry.ID | None = UNSET
    party_kind: RoutedKind | None = UNSET
    valid_until: dt.date | None = strawberry.field(default=UNSET, description="自何日起不再有效")
    idempotency_key: str | None = None


@strawberry.input(description="自某日起变更派遣路由的单位;on 不早于明天")
class ChangeRoutingInput:
    id: strawberry.ID
    version: int
    on: dt.date
    source: str = strawberry.field(description="依据")
    organisation_id: strawberry.ID | None = UNSET
    party_kind: RoutedKind | None = UNSET


@strawberry.input(description="自某日起终止派遣路由;会使某社区的某类别无人主办的,须指明接替的单位")
class EndRoutingInput:
    id: strawberry.ID
    version: int
    on: dt.date
    reason: str
    successor_id: strawberry.ID | None = UNSET
    successor_kind: RoutedKind | None = UNSET


@payload
class CaseRoutingPayload:
    """派遣路由"""

    routing: CaseRouting | None


_ROUTING = (CaseRoutingPayload, "routing", "CaseRouting", "routing:manage")


@strawberry.type
class Mutation:
    add_routing: CaseRoutingPayload = writes(
        routes.add_routing, AddRoutingInput, *_ROUTING, "登记一条派遣路由"
    )
    change_routing: CaseRoutingPayload = writes(
        routes.change_routing, ChangeRoutingInput, *_ROUTING, "自某日起变更单位;得到接续的路由"
    )
    end_routing: CaseRoutingPayload = writes(
        routes.end_routing, EndRoutingInput, *_ROUTING, "自某日起终止;指明接替的,得到接续的路由"
    )
