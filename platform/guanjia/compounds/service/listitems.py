"""The items of a draft. Each change is one of the draft, whose version the caller names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.compounds.models.lists import CONTENT, ListKind
from guanjia.compounds.service.listfile import insert_items, items_of, open_draft, record_step
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph import texts
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, LIMIT_EXCEEDED, Refusal, not_found
from guanjia.graph.filters import camel

_MOST_ITEMS = 200
_LONGEST_LIMIT = 10_000
_CODE_LENGTH = 20
_TEXTS = {
    "code": ("编号", _CODE_LENGTH),
    "title": ("名称", 100),
    "standard": ("标准", 500),
    "frequency": ("频次", 100),
    "evidence": ("佐证", 200),
    "basis": ("依据", 200),
    "contract_clause": ("合同条款", 200),
}
_REQUIRED = ("code", "title")
_BLANK: Mapping[str, Any] = {
    **dict.fromkeys(CONTENT),
    **dict.fromkeys(_TEXTS, ""),
    "co_seats": [],
    "public": True,
}


async def add_list_item(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    list_id: UUID,
    version: int,
    now: datetime,
    **given: Any,
) -> UUID:
    """The item stands at the end of the draft."""
    draft = await open_draft(transaction, scope, list_id, version, name="listId")
    items = await items_of(transaction, list_id)
    if len(items) >= _MOST_ITEMS:
        raise Refusal(LIMIT_EXCEEDED, f"一份清单最多{_MOST_ITEMS}项。", ("listId",))
    item = _checked(draft["kind"], {**_BLANK, **_cleaned(given)}, items)
    [made] = await insert_items(
        transaction, list_id, draft["compound_id"], [item], after=len(items)
    )
    return await _touched(transaction, actor, scope, draft, "list.add_item", made)


async def change_list_item(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    **given: Any,
) -> UUID:
    """The item is as given; what was not given stays, null takes it away. `version` is that of the
    list."""
    draft, stored = await _item(transaction, scope, id, version)
    others = [row for row in await items_of(transaction, draft["id"]) if row["id"] != id]
    before = {name: stored[name] for name in CONTENT}
    item = _checked(draft["kind"], {**before, **_cleaned(given)}, others)
    places = ", ".join(f"{name} = ${number}" for number, name in enumerate(CONTENT, 3))
    await transaction.connection.execute(
        f"update list_items set {places} where tenant_id = $1 and id = $2",
        transaction.tenant_id,
        id,
        *(item[name] for name in CONTENT),
    )
    return await _touched(transaction, actor, scope, draft, "list.change_item", id)


async def remove_list_item(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
) -> UUID:
    """The item is gone from the draft and those behind it move up."""
    draft, stored = await _item(transaction, scope, id, version)
    await transaction.connection.execute(
        "delete from list_items where tenant_id = $1 and id = $2", transaction.tenant_id, id
    )
    await transaction.connection.execute(
        "update list_items set position = position - 1"
        " where tenant_id = $1 and list_id = $2 and position > $3",
        transaction.tenant_id,
        draft["id"],
        stored["position"],
    )
    return await _touched(transaction, actor, scope, draft, "list.remove_item", id)


async def reorder_list_items(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    list_id: UUID,
    version: int,
    item_ids: list[UUID],
    now: datetime,
) -> UUID:
    """The draft's items stand in the order of `item_ids`, which names each of them once."""
    draft = await open_draft(transaction, scope, list_id, version, name="listId")
    known = [row["id"] for row in await items_of(transaction, list_id)]
    if sorted(item_ids) != sorted(known):
        raise Refusal(BAD_USER_INPUT, "请把清单的每一项恰好列出一次。", ("itemIds",))
    await transaction.connection.execute(
        "update list_items i set position = o.position"
        " from unnest($3::uuid[]) with ordinality as o(id, position)"
        " where i.tenant_id = $1 and i.list_id = $2 and i.id = o.id",
        transaction.tenant_id,
        list_id,
        item_ids,
    )
    return await _touched(transaction, actor, scope, draft, "list.reorder", list_id)


async def _item(transaction: Transaction, scope: Scope, item_id: UUID, version: int) -> Any:
    """The draft, locked, and its item. NOT_FOUND when either is out of reach."""
    list_id = await transaction.connection.fetchval(
        "select list_id from list_items where tenant_id = $1 and id = $2",
        transaction.tenant_id,
        item_id,
    )
    if list_id is None:
        raise not_found("清单", "id")
    draft = await open_draft(transaction, scope, list_id, version)
    # Only now: another writer may have removed it while this one waited for the draft.
    stored = await transaction.connection.fetchrow(
        "select * from list_items where tenant_id = $1 and id = $2", transaction.tenant_id, item_id
    )
    if stored is None:
        raise not_found("清单", "id")
    return draft, stored


def _cleaned(given: Mapping[str, Any]) -> dict[str, Any]:
    cleaned = dict(given)
    for name in _TEXTS.keys() & given.keys():
        label, longest = _TEXTS[name]
        cleaned[name] = texts.line(given[name], label, camel(name), longest) or ""
    if "co_seats" in given:
        cleaned["co_seats"] = sorted({str(seat) for seat in given["co_seats"] or ()})
    if given.get("public", True) is None:
        raise Refusal(BAD_USER_INPUT, "请说明是否公开。", ("public",))
    return cleaned


def _checked(kind: str, item: dict[str, Any], others: list[Any]) -> dict[str, Any]:
    """The item, or a Refusal of what no edition may say. What only a finished list must say is
    checked when it is published."""
    for name in _REQUIRED:
        if not item[name]:
            raise Refusal(BAD_USER_INPUT, f"请填写{_TEXTS[name][0]}。", (name,))
    if any(row["code"] == item["code"] for row in others):
        raise Refusal(CONFLICT, f"编号{item['code']}已经使用。", ("code",))
    value, unit = item["limit_value"], item["limit_unit"]
    if (value is None) != (unit is None):
        raise Refusal(BAD_USER_INPUT, "时限的数值和单位须一并填写。", ("limitValue",))
    if value is not None and not 1 <= value <= _LONGEST_LIMIT:
        raise Refusal(BAD_USER_INPUT, f"时限须在1到{_LONGEST_LIMIT}之间。", ("limitValue",))
    if (item["basis_from"] or item["basis_to"]) and not item["basis"]:
        raise Refusal(BAD_USER_INPUT, "填写了依据的日期,请同时填写依据。", ("basis",))
    if item["basis_from"] and item["basis_to"] and item["basis_to"] <= item["basis_from"]:
        raise Refusal(BAD_USER_INPUT, "依据的失效日须晚于生效日。", ("basisTo",))
    if kind == ListKind.SERVICE_LIST:
        if item["owner_seat"] or item["co_seats"]:
            raise Refusal(BAD_USER_INPUT, "物业服务清单的各项不分席位。", ("ownerSeat",))
        if item["weight"] is not None and not 0 <= item["weight"] <= 100:
            raise Refusal(BAD_USER_INPUT, "权重须在0到100之间。", ("weight",))
    elif item["weight"] is not None:
        raise Refusal(BAD_USER_INPUT, "权责清单的各项没有权重。", ("weight",))
    if item["owner_seat"] and item["owner_seat"] in item["co_seats"]:
        raise Refusal(BAD_USER_INPUT, "牵头席位不能同时是配合席位。", ("coSeats",))
    return item


async def _touched(
    transaction: Transaction, actor: Actor, scope: Scope, draft: Any, action: str, subject: UUID
) -> UUID:
    """The draft has a new version and knows who wrote on it; its id."""
    await transaction.connection.execute(
        "update compound_lists set version = version + 1, editors = case"
        " when $3 = any(editors) then editors else editors || $3::uuid end"
        " where tenant_id = $1 and id = $2",
        transaction.tenant_id,
        draft["id"],
        actor.membership_id,
    )
    await record_step(
        transaction, actor, scope, action, draft["id"], draft["region_path"], {"item": subject}
    )
    identifier: UUID = draft["id"]
    return identifier
