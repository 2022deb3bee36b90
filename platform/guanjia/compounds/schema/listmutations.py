"""The steps of a list as mutations. Each is one use-case of `compounds.service`."""

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any

import strawberry
from strawberry.types import Info

from guanjia.compounds.schema.lists import CompoundList, ListKind
from guanjia.compounds.schema.seats import Seat
from guanjia.compounds.service import listitems, lists
from guanjia.db.scope import Scope
from guanjia.graph.filters import arguments
from guanjia.graph.payloads import mutation, payload
from guanjia.graph.times import Unit as TimeUnit

ListStart = strawberry.enum(
    lists.ListStart, name="ListStart", description="从基线模板、从现行的一版、从空白开始"
)
UNSET: Any = strawberry.UNSET


@payload
class ListPayload:
    """清单的一版"""

    list: CompoundList | None


@strawberry.input(description="新建一版清单(草稿)")
class CreateListInput:
    compound_id: strawberry.ID
    kind: ListKind
    start: ListStart
    idempotency_key: str | None = strawberry.field(
        default=None, description="同一个键只产生一份草稿"
    )


@strawberry.input(description="在草稿末尾增加一项;version 为所见清单的版本")
class AddListItemInput:
    list_id: strawberry.ID
    version: int
    code: str
    title: str
    standard: str = ""
    frequency: str = ""
    evidence: str = ""
    basis: str = ""
    basis_from: dt.date | None = None
    basis_to: dt.date | None = None
    contract_clause: str = ""
    limit_value: int | None = None
    limit_unit: TimeUnit | None = None
    weight: int | None = None
    owner_seat: Seat | None = None
    co_seats: list[Seat] = strawberry.field(default_factory=list)
    public: bool = True


@strawberry.input(description="修改草稿的一项:未给出的不变,null 为清除;version 为所见清单的版本")
class ChangeListItemInput:
    id: strawberry.ID
    version: int
    code: str | None = UNSET
    title: str | None = UNSET
    standard: str | None = UNSET
    frequency: str | None = UNSET
    evidence: str | None = UNSET
    basis: str | None = UNSET
    basis_from: dt.date | None = UNSET
    basis_to: dt.date | None = UNSET
    contract_clause: str | None = UNSET
    limit_value: int | None = UNSET
    limit_unit: TimeUnit | None = UNSET
    weight: int | None = UNSET
    owner_seat: Seat | None = UNSET
    co_seats: list[Seat] | None = UNSET
    public: bool | None = UNSET


@strawberry.input(description="删去草稿的一项;version 为所见清单的版本")
class RemoveListItemInput:
    id: strawberry.ID
    version: int


@strawberry.input(description="草稿各项的顺序;version 为所见清单的版本")
class ReorderListItemsInput:
    list_id: strawberry.ID
    version: int
    item_ids: list[strawberry.ID] = strawberry.field(description="每一项恰好一次")


@strawberry.input(description="公布一版清单")
class PublishListInput:
    id: strawberry.ID
    version: int
    valid_from: dt.date = strawberry.field(description="自何日生效,不早于今天")
    idempotency_key: str | None = None


@strawberry.input(description="弃用草稿")
class DiscardListInput:
    id: strawberry.ID
    version: int
    reason: str


@strawberry.input(description="撤回已公布的一版")
class WithdrawListInput:
    id: strawberry.ID
    version: int
    reason: str


def _step(
    use_case: Callable[..., Awaitable[Any]], input_type: Any, permission: str, description: str
) -> Any:
    async def resolve(self: None, info: Info, input: input_type, scope: "Scope") -> ListPayload:
        context = info.context
        found = await use_case(
            context.transaction, context.actor, scope, now=context.now, **arguments(input)
        )
        return ListPayload(list=await context.reader.by_id("CompoundList", found))

    return mutation(permission, description)(resolve)


@strawberry.type
class Mutation:
    create_list: ListPayload = _step(
        lists.create_list, CreateListInput, "list:manage", "新建一版清单(草稿)"
    )
    add_list_item: ListPayload = _step(
        listitems.add_list_item, AddListItemInput, "list:manage", "在草稿末尾增加一项"
    )
    change_list_item: ListPayload = _step(
        listitems.change_list_item, ChangeListItemInput, "list:manage", "修改草稿的一项"
    )
    remove_list_item: ListPayload = _step(
        listitems.remove_list_item, RemoveListItemInput, "list:manage", "删去草稿的一项"
    )
    reorder_list_items: ListPayload = _step(
        listitems.reorder_list_items, ReorderListItemsInput, "list:manage", "调整草稿各项的顺序"
    )
    discard_list: ListPayload = _step(
        lists.discard_list, DiscardListInput, "list:manage", "弃用草稿"
    )
    publish_list: ListPayload = _step(
        lists.publish_list,
        PublishListInput,
        "list:publish",
        "公布一版清单,此后不可改;前一版于其生效日终止。编写者本人不能公布",
    )
    withdraw_list: ListPayload = _step(
        lists.withdraw_list,
        WithdrawListInput,
        "list:publish",
        "撤回已公布的一版;尚未生效时,前一版继续有效",
    )
