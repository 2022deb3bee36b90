"""Who is bound to a home and who votes for it; binding, visit codes."""

import datetime as dt
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.types import Info

from guanjia.audit.service import record
from guanjia.compounds import models
from guanjia.compounds.codes import TooManyTries, WrongCode
from guanjia.compounds.models.bindings import BINDING_REACH, VOTE_REACH
from guanjia.compounds.service import bindings, visits
from guanjia.db.scope import Scope
from guanjia.graph.errors import Refusal
from guanjia.graph.filters import IdFilter, by, enum_filter, filters, flag, known_id
from guanjia.graph.nodes import Connection, column, derived, node, one, root_connection
from guanjia.graph.payloads import UserError, mutation, payload
from guanjia.people.schema.types import Person
from guanjia.reading.mapping import by_age

BindingRelation = strawberry.enum(
    models.BindingRelation, name="BindingRelation", description="产权人、配偶、同住家属、承租人"
)
BindingProof = strawberry.enum(
    models.BindingProof,
    name="BindingProof",
    description="物业前台核对、网格员入户验证码、不动产登记核对",
)
VoteCause = strawberry.enum(
    models.VoteCause, name="VoteCause", description="产权人优先、产权人委托"
)
BindingRelationFilter = enum_filter(BindingRelation)
if TYPE_CHECKING:
    from guanjia.compounds.schema.estates import HouseUnit
HouseUnitRef = Annotated["HouseUnit", strawberry.lazy("guanjia.compounds.schema.estates")]

VOTES = (
    "exists (select 1 from vote_holdings v where v.tenant_id = {tenant}"
    " and v.house_unit_id = {row}.house_unit_id and v.person_id = {row}.person_id"
    " and v.ended_at is null and {row}.valid_to is null)"
)


@filters
class HouseBindingFilter:
    """绑定筛选;各项须同时满足"""

    house_unit: IdFilter = by("house_unit_id")
    person: IdFilter = by("person_id")
    relation: BindingRelationFilter = by("relation")
    in_force: bool = flag(
        "{row}.valid_to is null", "{row}.valid_to is not null", description="有效的"
    )


@node(
    models.HouseBinding,
    read="binding:read",
    reach=BINDING_REACH,
    orders=by_age("valid_from", "date"),
    filters=HouseBindingFilter,
)
class HouseBinding:
    """房屋绑定:某人与某房屋的关系,凭何核实"""

    id: strawberry.ID = column()
    relation: BindingRelation = column("产权人、配偶、同住家属、承租人")
    proof: BindingProof = column("凭何核实")
    proven_at: dt.datetime = column("核实时间")
    valid_from: dt.date = column("自何日")
    valid_to: dt.date | None = column("至何日;有效时为空")
    vote_holder: bool = derived(VOTES, "现为该房屋的投票代表")
    version: int = column("版本")
    person: Person | None = one(
        "Person", "person_id", "何人;姓名依权限遮盖", through="binding:read"
    )
    house_unit: HouseUnitRef | None = one("HouseUnit", "house_unit_id", "房屋")


@node(models.VoteHolding, read="binding:read", reach=VOTE_REACH)
class VoteHolding:
    """投票代表:自何时至何时由谁代表此房屋投票"""

    id: strawberry.ID = column()
    cause: VoteCause = column("产权人优先、产权人委托")
    began_at: dt.datetime = column("自何时")
    ended_at: dt.datetime | None = column("至何时;现任为空")
    person: Person | None = one(
        "Person", "person_id", "何人;姓名依权限遮盖", through="binding:read"
    )


@strawberry.enum(description="绑定排序:最新在前、最早在前")
class HouseBindingOrder(Enum):
    NEWEST = "NEWEST"
    OLDEST = "OLDEST"


@strawberry.type
class Query:
    house_bindings: Connection[HouseBinding] = root_connection(
        HouseBinding,
        permission="binding:read",
        filter_type=HouseBindingFilter,
        order_type=HouseBindingOrder,
        description="可读的房屋绑定:辖区内的、本人的",
    )


@strawberry.input(description="经物业前台或不动产登记核对,把某人绑定到房屋")
class BindPersonInput:
    house_unit_id: strawberry.ID
    person_id: strawberry.ID
    relation: BindingRelation
    proof: BindingProof
    valid_from: dt.date | None = strawberry.field(default=None, description="缺省为今天")


@strawberry.input(description="结束一条绑定")
class EndBindingInput:
    id: strawberry.ID
    version: int
    valid_to: dt.date | None = strawberry.field(default=None, description="缺省为今天")


@strawberry.input(description="由此绑定的人代表房屋投票;非产权人为受产权人委托")
class SetVoteHolderInput:
    id: strawberry.ID = strawberry.field(description="绑定")
    version: int


@strawberry.input(description="为一套房屋发放入户验证码")
class IssueVisitCodeInput:
    house_unit_id: strawberry.ID
    relation: BindingRelation


@strawberry.input(description="居民用自己的账号确认入户验证码")
class ConfirmVisitCodeInput:
    code: str


@payload
class HouseBindingPayload:
    """绑定"""

    binding: HouseBinding | None


@payload
class IssueVisitCodePayload:
    """验证码只显示这一次,48 小时内可用一次"""

    code: str | None
    expires_at: dt.datetime | None


async def _bind(
    self: None, info: Info, input: BindPersonInput, scope: "Scope"
) -> HouseBindingPayload:
    context = info.context
    made = await bindings.bind_person(
        context.transaction,
        context.actor,
        scope,
        await context.scope("person:read"),
        house_unit_id=known_id(input.house_unit_id, "houseUnitId"),
        person_id=known_id(input.person_id, "personId"),
        relation=input.relation,
        proof=input.proof,
        since=input.valid_from,
        now=context.now,
    )
    return HouseBindingPayload(binding=await context.reader.by_id("HouseBinding", made))


async def _end(
    self: None, info: Info, input: EndBindingInput, scope: "Scope"
) -> HouseBindingPayload:
    context, binding_id = info.context, known_id(input.id, "id")
    await bindings.end_binding(
        context.transaction,
        context.actor,
        scope,
        id=binding_id,
        version=input.version,
        until=input.valid_to,
        now=context.now,
    )
    return HouseBindingPayload(binding=await context.reader.by_id("HouseBinding", binding_id))


async def _set_vote_holder(
    self: None, info: Info, input: SetVoteHolderInput, scope: "Scope"
) -> HouseBindingPayload:
    context, binding_id = info.context, known_id(input.id, "id")
    await bindings.set_vote_holder(
        context.transaction,
        context.actor,
        scope,
        binding_id=binding_id,
        version=input.version,
        now=context.now,
    )
    return HouseBindingPayload(binding=await context.reader.by_id("HouseBinding", binding_id))


async def _issue(
    self: None, info: Info, input: IssueVisitCodeInput, scope: "Scope"
) -> IssueVisitCodePayload:
    context = info.context
    code, expires = await visits.issue_visit_code(
        context.transaction,
        context.world.settings.cursor_secret(),
        context.actor,
        scope,
        house_unit_id=known_id(input.house_unit_id, "houseUnitId"),
        relation=input.relation,
        now=context.now,
    )
    return IssueVisitCodePayload(code=code, expires_at=expires)


async def _confirm(
    self: None, info: Info, input: ConfirmVisitCodeInput, scope: "Scope"
) -> HouseBindingPayload:
    context = info.context
    try:
        made = await visits.confirm_visit_code(
            context.transaction,
            context.world.settings.cursor_secret(),
            context.actor,
            scope,
            code=input.code,
            now=context.now,
        )
    except (WrongCode, TooManyTries) as refusal:
        return await _wrong(context, refusal, scope)
    return HouseBindingPayload(binding=await context.reader.by_id("HouseBinding", made))


async def _wrong(context: Any, refusal: Refusal, scope: "Scope") -> HouseBindingPayload:
    """The refusal is answered, not raised, so that the count of tries and its record stay."""
    await record(
        context.transaction,
        actor=context.actor,
        action="house_binding.confirm",
        permission=scope.permission,
        result="DENIED",
    )
    said = UserError(code=refusal.code, message=refusal.message, field=list(refusal.field))
    return HouseBindingPayload(user_errors=[said])


@strawberry.type
class Mutation:
    bind_person: HouseBindingPayload = mutation("binding:manage", "把某人绑定到房屋")(_bind)
    end_binding: HouseBindingPayload = mutation("binding:manage", "结束一条绑定")(_end)
    set_vote_holder: HouseBindingPayload = mutation("binding:manage", "确定房屋的投票代表")(
        _set_vote_holder
    )
    issue_visit_code: IssueVisitCodePayload = mutation(
        "binding:visit", "入户时发放验证码,交居民本人确认"
    )(_issue)
    confirm_visit_code: HouseBindingPayload = mutation(
        "binding:confirm", "确认入户验证码,把本人绑定到房屋"
    )(_confirm)
