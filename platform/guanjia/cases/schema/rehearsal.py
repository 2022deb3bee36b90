"""The dry run of a routing change in the API."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from guanjia.cases.routing import Party
from guanjia.cases.schema.routing import RoutedKind, RoutedParty, RoutingBasis
from guanjia.cases.schema.types import AssignmentRole, Case, CaseLevel
from guanjia.cases.service import rehearsal
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, Denied, Refusal
from guanjia.graph.filters import arguments
from guanjia.graph.marks import requires
from guanjia.reading.mapping import METADATA, Unplanned

UNSET: Any = strawberry.UNSET
MOST_LISTED = 100


@strawberry.input(
    description="拟作的一项变更:只给 routingId 为终止;并给出单位为接替;不给 routingId 为新增"
)
class RoutingChangeInput:
    routing_id: strawberry.ID | None = UNSET
    category_id: strawberry.ID | None = UNSET
    region_id: strawberry.ID | None = UNSET
    basis: RoutingBasis | None = UNSET
    role: AssignmentRole | None = UNSET
    level: CaseLevel | None = UNSET
    organisation_id: strawberry.ID | None = UNSET
    party_kind: RoutedKind | None = UNSET


@strawberry.type(description="一个单位在变更前后应主办的件数;单位为空的,没有可派的单位")
class RoutingPreviewCount:
    party: RoutedParty | None
    before: int
    after: int


@strawberry.type(description="因变更而改派的一件,及其当时实际的主办单位")
class RoutingPreviewCase:
    case: Case | None = strawberry.field(description="案件;不在您可读的范围时为空")
    before: RoutedParty | None
    after: RoutedParty | None
    handler: RoutedParty


@strawberry.type(description="路由变更的演练:假如变更一直有效,期间派遣的案件会如何;什么也不写入")
class RoutingPreview:
    total: int = strawberry.field(description="所涉类别在期间派遣的件数")
    moved: int = strawberry.field(description="会改派的件数")
    unowned: int = strawberry.field(description="会没有可派单位的件数")
    counts: list[RoutingPreviewCount]
    moved_cases: list[RoutingPreviewCase] = strawberry.field(description="按派遣的先后,至多 100 件")
    unowned_cases: list[RoutingPreviewCase]


async def _preview(
    self: None,
    info: Info,
    changes: list[RoutingChangeInput],
    since: Annotated[dt.date, strawberry.argument(description="自何日起派遣的")],
    until: Annotated[dt.date, strawberry.argument(description="至何日(不含)")],
    scope: "Scope",
) -> RoutingPreview:
    context: Any = info.context
    try:
        given = [rehearsal.Change(**arguments(change)) for change in changes]
    except Refusal as refusal:
        raise Denied(BAD_USER_INPUT, refusal.message) from None
    async with context.reader.alone() as connection:
        found = await rehearsal.preview_routing(
            connection, context.tenant_id, scope, given, since, until
        )
    return RoutingPreview(
        total=found.total,
        moved=len(found.moved),
        unowned=len(found.unowned),
        counts=[
            RoutingPreviewCount(
                party=_party(party), before=found.before[party], after=found.after[party]
            )
            for party in sorted(found.before | found.after, key=_name)
        ],
        moved_cases=await _cases(context, found.moved),
        unowned_cases=await _cases(context, found.unowned),
    )


async def _cases(context: Any, moved: Sequence[rehearsal.Moved]) -> list[RoutingPreviewCase]:
    return [
        RoutingPreviewCase(
            case=await context.reader.by_id("Case", each.case_id),
            before=_party(each.before),
            after=_party(each.after),
            handler=RoutedParty.of(each.handler),
        )
        for each in moved[:MOST_LISTED]
    ]


def _party(party: Party | None) -> RoutedParty | None:
    return RoutedParty.of(party) if party else None


def _name(party: Party | None) -> tuple[bool, str]:
    return (party is None, party.name if party else "")


@strawberry.type
class Query:
    preview_routing: RoutingPreview = strawberry.field(
        resolver=_preview,
        description="演练路由变更:期间派遣的案件会有哪些改派,各单位增减多少,哪些会无人主办",
        metadata={METADATA: Unplanned("cases weighed by a table that is not stored")},
        extensions=requires("routing:manage"),
    )
