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
    before: int = strawberry.field(description="现行路由下主办的件数")
    after: int = strawberry.field(description="变更之后主办的件数")


@strawberry.type(description="因变更而改派的一件,及其当时实际的主办单位")
class RoutingPreviewCase:
    case_id: strawberry.ID = strawberry.field(
        description="案件的 id,翻页时作 after;案件不可读时也有"
    )
    case: Case | None = strawberry.field(description="案件;不在您可读的范围时为空")
    before: RoutedParty | None
    after: RoutedParty | None
    handler: RoutedParty


_First = Annotated[int, strawberry.argument(description="一页的件数,至多 100")]
_After = Annotated[
    strawberry.ID | None, strawberry.argument(description="从这一件(caseId)之后开始")
]


@strawberry.type(description="路由变更的演练:假如变更一直有效,期间派遣的案件会如何;什么也不写入")
class RoutingPreview:
    total: int = strawberry.field(description="所涉类别在期间派遣的、您辖区内的件数")
    moved: int = strawberry.field(description="会改派的件数")
    unowned: int = strawberry.field(description="会没有可派单位的件数")
    counts: list[RoutingPreviewCount]
    found: strawberry.Private[rehearsal.Rehearsal]

    @strawberry.field(description="会改派的,按派遣的先后,一页至多 100 件")
    async def moved_cases(
        self, info: Info, first: _First = MOST_LISTED, after: _After = None
    ) -> list[RoutingPreviewCase]:
        return await _cases(info.context, self.found.moved, first, after)

    @strawberry.field(description="会没有可派单位的,按派遣的先后,一页至多 100 件")
    async def unowned_cases(
        self, info: Info, first: _First = MOST_LISTED, after: _After = None
    ) -> list[RoutingPreviewCase]:
        return await _cases(info.context, self.found.unowned, first, after)


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
        found=found,
    )


async def _cases(
    context: Any, moved: Sequence[rehearsal.Moved], first: int, after: str | None
) -> list[RoutingPreviewCase]:
    if not 0 <= first <= MOST_LISTED:
        raise Denied(BAD_USER_INPUT, f"first 须为 0 到 {MOST_LISTED}。")
    start = 0
    if after is not None:
        known = [str(each.case_id) for each in moved]
        if after not in known:
            raise Denied(BAD_USER_INPUT, "after 不是这份清单中的案件。")
        start = known.index(after) + 1
    return [
        RoutingPreviewCase(
            case_id=strawberry.ID(str(each.case_id)),
            case=await context.reader.by_id("Case", each.case_id),
            before=_party(each.before),
            after=_party(each.after),
            handler=RoutedParty.of(each.handler),
        )
        for each in moved[start : start + first]
    ]


def _party(party: Party | None) -> RoutedParty | None:
    return RoutedParty.of(party) if party else None


def _name(party: Party | None) -> tuple[bool, str]:
    return (party is None, party.name if party else "")


@strawberry.type
class Query:
    preview_routing: RoutingPreview = strawberry.field(
        resolver=_preview,
        description="演练路由变更:期间派遣的案件会有哪些改派,各单位增减多少,哪些会无人主办;"
        "社区、街道和区级的派遣员都可演练,只计本辖区的案件",
        metadata={METADATA: Unplanned("cases weighed by a table that is not stored")},
        extensions=requires("routing:read"),
    )
