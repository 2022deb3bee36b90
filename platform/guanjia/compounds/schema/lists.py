"""Lists of compounds as node types: every edition for those who run them, the public items of the
edition in force for those who live there; and the difference between two editions."""

import datetime as dt
from enum import Enum
from typing import Optional

import strawberry
from strawberry.types import Info

from guanjia.access.schema import Member
from guanjia.compounds import models
from guanjia.compounds.models import lists as rules
from guanjia.compounds.schema.estates import Compound
from guanjia.compounds.schema.seats import Seat
from guanjia.compounds.service import listdifference
from guanjia.graph.filters import IdFilter, as_of, by, enum_filter, filters, known_id
from guanjia.graph.marks import requires
from guanjia.graph.nodes import (
    Connection,
    column,
    connection,
    node,
    one,
    root_connection,
    root_lookup,
)
from guanjia.graph.times import Unit as TimeUnit
from guanjia.reading.mapping import METADATA, Unplanned, newest, sorted_by

ListKind = strawberry.enum(
    rules.ListKind,
    name="ListKind",
    description="物业服务清单、小区管家权责清单、业主委员会权责清单",
)
ListState = strawberry.enum(
    rules.ListState,
    name="ListState",
    description="草稿;已公布;已被后一版取代(至 validTo 前一日仍有效);已撤回",
)
ListChangeKind = strawberry.enum(
    listdifference.ChangeKind, name="ListChangeKind", description="新增、删去、修改、移动"
)
ListKindFilter = enum_filter(ListKind)
ListStateFilter = enum_filter(ListState)
_BY_POSITION = sorted_by("POSITION", "position", "int")


@filters
class CompoundListsFilter:
    """清单筛选"""

    compound: IdFilter = by("compound_id")
    kind: ListKindFilter = by("kind")
    state: ListStateFilter = by("state")
    as_of: dt.date = as_of("valid_from", "valid_to", "在这一天有效的一版")


@filters
class ListsInForceFilter:
    """现行清单筛选"""

    compound: IdFilter = by("compound_id")
    kind: ListKindFilter = by("kind")


@node(models.ListItem, read="list:read", reach=rules.LIST_REACH, orders=(_BY_POSITION,))
class ListItem:
    """清单的一项"""

    id: strawberry.ID = column()
    position: int = column("第几项")
    code: str = column("编号,在一份清单中唯一;各版之间按编号对照")
    title: str = column("名称")
    standard: str = column("标准")
    frequency: str = column("频次")
    evidence: str = column("佐证")
    basis: str = column("依据:法律条文;没有时为空文本")
    basis_from: dt.date | None = column("依据自何日生效")
    basis_to: dt.date | None = column("依据至何日失效(不含);仍有效时为空")
    contract_clause: str = column("合同条款")
    limit_value: int | None = column("时限的数值")
    limit_unit: TimeUnit | None = column("时限的单位")
    weight: int | None = column("权重(物业服务清单),各项之和为 100")
    owner_seat: Seat | None = column("牵头席位(权责清单)")
    co_seats: list[Seat] = column("配合席位(权责清单)")
    public: bool = column("居民是否可见")


@node(
    models.CompoundList,
    read="list:read",
    reach=rules.LIST_REACH,
    orders=newest("created_at"),
    filters=CompoundListsFilter,
)
class CompoundList:
    """清单的一版:草稿可改,公布后不可改"""

    id: strawberry.ID = column()
    kind: ListKind = column("哪一种清单")
    edition: int = column("第几版")
    state: ListState = column("状态")
    valid_from: dt.date | None = column("自何日生效;草稿为空")
    valid_to: dt.date | None = column("至何日(不含);没有终止时为空")
    content_hash: str | None = column("公布时内容的 SHA-256(十六进制)")
    created_at: dt.datetime = column("何时新建")
    published_at: dt.datetime | None = column("何时公布")
    withdrawn_at: dt.datetime | None = column("何时撤回")
    withdrawn_reason: str | None = column("撤回的理由")
    version: int = column("版本,修改时须一并给出")
    compound: Compound | None = one("Compound", "compound_id", "小区")
    based_on: Optional["CompoundList"] = one("CompoundList", "based_on_id", "由哪一版而来")
    created_by: Member | None = one("Member", "created_by", "新建人")
    published_by: Member | None = one("Member", "published_by", "公布人")
    items: Connection[ListItem] = connection("ListItem", "list_id", "各项,按顺序")


@node(
    models.ListItem,
    read="list:read_in_force",
    reach=rules.PUBLIC_ITEM_REACH,
    orders=(_BY_POSITION,),
)
class PublicListItem:
    """现行清单中公开的一项"""

    id: strawberry.ID = column()
    position: int = column("第几项")
    code: str = column("编号")
    title: str = column("名称")
    standard: str = column("标准")
    frequency: str = column("频次")
    evidence: str = column("佐证")
    basis: str = column("依据:法律条文;没有时为空文本")
    contract_clause: str = column("合同条款")
    limit_value: int | None = column("时限的数值")
    limit_unit: TimeUnit | None = column("时限的单位")
    weight: int | None = column("权重(物业服务清单)")
    owner_seat: Seat | None = column("牵头席位(权责清单)")
    co_seats: list[Seat] = column("配合席位(权责清单)")


@node(
    models.CompoundList,
    read="list:read_in_force",
    reach=rules.IN_FORCE_REACH,
    orders=(sorted_by("KIND", "kind"),),
    filters=ListsInForceFilter,
)
class ListInForce:
    """今天有效的清单,居民可读;只含公开的各项"""

    id: strawberry.ID = column()
    kind: ListKind = column("哪一种清单")
    edition: int = column("第几版")
    valid_from: dt.date = column("自何日生效")
    valid_to: dt.date | None = column("至何日(不含);没有终止时为空")
    content_hash: str = column("公布时内容的 SHA-256(十六进制)")
    published_at: dt.datetime = column("何时公布")
    compound: Compound | None = one("Compound", "compound_id", "小区", through="list:read_in_force")
    # Who reads a list in force reads its public items: nothing is left to ask of each.
    items: Connection[PublicListItem] = connection(
        "PublicListItem",
        "list_id",
        "各项,按顺序",
        through="list:read_in_force",
        where="{row}.public",
    )


@strawberry.enum(description="清单排序:新建的在前")
class CompoundListOrder(Enum):
    NEWEST = "NEWEST"


@strawberry.enum(description="现行清单排序:按种类")
class ListInForceOrder(Enum):
    KIND = "KIND"


@strawberry.type(description="两版清单之间的一处不同")
class ListChange:
    kind: ListChangeKind
    code: str = strawberry.field(description="哪一项,按编号")
    field: str | None = strawberry.field(description="修改的字段;新增、删去时为空")
    words: str = strawberry.field(description="用文字说明")


async def _difference(
    self: None, info: Info, from_id: strawberry.ID, to_id: strawberry.ID
) -> list[ListChange] | None:
    reader = info.context.reader
    before = await reader.by_id("CompoundList", known_id(from_id, "fromId"))
    after = await reader.by_id("CompoundList", known_id(to_id, "toId"))
    if before is None or after is None or before["kind"] != after["kind"]:
        return None
    async with reader.alone() as connection:
        old, new = [
            await connection.fetch(
                "select * from list_items where tenant_id = $1 and list_id = $2"
                " order by position, id",
                info.context.tenant_id,
                edition["id"],
            )
            for edition in (before, after)
        ]
    return [
        ListChange(kind=c.kind, code=c.code, field=c.field, words=c.words)
        for c in listdifference.difference(old, new)
    ]


@strawberry.type
class Query:
    compound_lists: Connection[CompoundList] = root_connection(
        CompoundList,
        permission="list:read",
        filter_type=CompoundListsFilter,
        order_type=CompoundListOrder,
        description="辖区内各小区清单的各版,含草稿",
    )
    compound_list: CompoundList | None = root_lookup(
        CompoundList, permission="list:read", description="清单的一版"
    )
    lists_in_force: Connection[ListInForce] = root_connection(
        ListInForce,
        permission="list:read_in_force",
        filter_type=ListsInForceFilter,
        order_type=ListInForceOrder,
        description="今天有效的清单",
    )
    list_in_force: ListInForce | None = root_lookup(
        ListInForce, permission="list:read_in_force", description="一份今天有效的清单"
    )
    list_difference: list[ListChange] | None = strawberry.field(
        resolver=_difference,
        description="从一版到另一版的不同,逐项用文字说明;任一版不可读或种类不同时为空",
        extensions=requires("list:read"),
        metadata={METADATA: Unplanned("two editions held against each other, no list of rows")},
    )
