"""Editions of a list: made as a draft, published, withdrawn. Items are in `listitems`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.audit.replay import once, request_hash
from guanjia.compounds.models.estates import COMPOUND_REACH
from guanjia.compounds.models.lists import (
    KIND_TITLES,
    WEIGHT_SUM,
    ListKind,
    ListState,
    content_hash,
)
from guanjia.compounds.service.listbaseline import baseline
from guanjia.compounds.service.listfile import (
    insert_items,
    items_of,
    locked,
    open_draft,
    open_list,
    record_step,
)
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph import texts
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, not_found
from guanjia.graph.times import local_date

LIST_INCOMPLETE = "LIST_INCOMPLETE"
WEIGHTS_NOT_100 = "WEIGHTS_NOT_100"
BASIS_NOT_IN_FORCE = "BASIS_NOT_IN_FORCE"
NOTHING_IN_FORCE = "NOTHING_IN_FORCE"
NOT_INDEPENDENT = "NOT_INDEPENDENT"
_KEY_LENGTH = 100
_REASON_LENGTH = 500
_SHOWN = 5


class ListStart(StrEnum):
    """从基线模板、从现行的一版、从空白开始"""

    TEMPLATE = "TEMPLATE"
    IN_FORCE = "IN_FORCE"
    EMPTY = "EMPTY"


async def create_list(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    compound_id: UUID,
    kind: ListKind,
    start: ListStart,
    now: datetime,
    idempotency_key: str | None = None,
) -> UUID:
    """A new edition of the compound's list is a DRAFT with the items of where it starts from.
    There is at most one draft of a kind. The same idempotency key gives the same list again."""
    asked = {"compound": compound_id, "kind": kind, "start": start}

    async def effect() -> UUID:
        compound = await locked(
            transaction,
            scope,
            COMPOUND_REACH,
            "select c.id, c.region_path from compounds c where c.active and c.id = $2",
            "c",
            compound_id,
        )
        if compound is None:
            raise not_found("小区", "compoundId")
        editions = await transaction.connection.fetch(
            "select id, edition, state, valid_from, valid_to from compound_lists"
            " where tenant_id = $1 and compound_id = $2 and kind = $3 order by edition",
            transaction.tenant_id,
            compound_id,
            kind,
        )
        for row in editions:
            if row["state"] == ListState.DRAFT:
                raise Refusal(
                    CONFLICT,
                    f"该小区的{KIND_TITLES[kind]}已有草稿(第{row['edition']}版),请继续编辑或先弃用。",
                    ("kind",),
                )
        based_on = _in_force(editions, local_date(now)) if start == ListStart.IN_FORCE else None
        if start == ListStart.IN_FORCE and based_on is None:
            raise Refusal(
                NOTHING_IN_FORCE, f"该小区没有现行的{KIND_TITLES[kind]},请选择模板。", ("start",)
            )
        made, edition = new_id(), editions[-1]["edition"] + 1 if editions else 1
        await transaction.connection.execute(
            "insert into compound_lists (id, compound_id, kind, edition, state, based_on_id,"
            " created_by, editors, created_at) values ($1, $2, $3, $4, 'DRAFT', $5, $6, $7, $8)",
            made, compound_id, kind, edition, based_on, actor.membership_id,
            [actor.membership_id], now,
        )  # fmt: skip
        items: Sequence[Mapping[str, Any]] = []
        if based_on is not None:
            items = await items_of(transaction, based_on)
        elif start == ListStart.TEMPLATE:
            items = baseline(kind)
        await insert_items(transaction, made, compound_id, items)
        await record_step(
            transaction, actor, scope, "list.create", made, compound["region_path"],
            {"kind": kind, "edition": edition, "start": start, "items": len(items)},
        )  # fmt: skip
        return made

    return await _once(transaction, actor, "createList", idempotency_key, asked, effect)


async def publish_list(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    valid_from: date,
    now: datetime,
    idempotency_key: str | None = None,
) -> UUID:
    """The draft is PUBLISHED and frozen, in force from `valid_from` (a date in China, today or
    later); the edition before it ends on that day. Who wrote on a draft may not publish it."""
    asked = {"list": id, "version": version, "valid_from": valid_from}

    async def effect() -> UUID:
        draft = await open_draft(transaction, scope, id, version)
        if actor.membership_id in draft["editors"]:
            raise Refusal(
                NOT_INDEPENDENT, "清单须由没有参与编写的人公布:请由另一位有权的人员公布。", ("id",)
            )
        items = await items_of(transaction, id)
        if valid_from < local_date(now):
            raise Refusal(BAD_USER_INPUT, "生效日期不能早于今天。", ("validFrom",))
        fault = unpublishable(draft["kind"], items, valid_from)
        if fault is not None:
            raise fault
        before = await _supersede(transaction, draft, valid_from)
        digest = content_hash(draft["kind"], items)
        await transaction.connection.execute(
            "update compound_lists set state = 'PUBLISHED', valid_from = $3, content_hash = $4,"
            " published_by = $5, published_at = $6, version = version + 1"
            " where tenant_id = $1 and id = $2",
            transaction.tenant_id, id, valid_from, digest, actor.membership_id, now,
        )  # fmt: skip
        await record_step(
            transaction, actor, scope, "list.publish", id, draft["region_path"],
            {"valid_from": valid_from, "hash": digest, "items": len(items), "ended": before},
        )  # fmt: skip
        return id

    return await _once(transaction, actor, "publishList", idempotency_key, asked, effect)


async def discard_list(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    reason: str,
    now: datetime,
) -> UUID:
    """The draft is WITHDRAWN before anybody but its writers saw it; another may be made."""
    draft = await open_draft(transaction, scope, id, version)
    return await _withdrawn(transaction, actor, scope, draft, reason, now, "list.discard")


async def withdraw_list(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    reason: str,
    now: datetime,
) -> UUID:
    """The published edition is WITHDRAWN and ends today. If it has not been in force before today,
    the edition that it ended is in force again; otherwise none is."""
    found = await open_list(transaction, scope, id, version)
    if found["state"] != ListState.PUBLISHED:
        raise Refusal(CONFLICT, "只有已公布且未被取代的一版可以撤回;草稿请弃用。", ("id",))
    today = local_date(now)
    ends = max(today, found["valid_from"])
    done = await _withdrawn(transaction, actor, scope, found, reason, now, "list.withdraw", ends)
    if found["valid_from"] >= today:
        await transaction.connection.execute(
            "update compound_lists set state = 'PUBLISHED', valid_to = null, version = version + 1"
            " where tenant_id = $1 and id = (select l.id from compound_lists l"
            " where l.tenant_id = $1 and l.compound_id = $2 and l.kind = $3"
            " and l.state = 'SUPERSEDED' and l.valid_to = $4 order by l.edition desc limit 1)",
            transaction.tenant_id, found["compound_id"], found["kind"], found["valid_from"],
        )  # fmt: skip
    return done


def unpublishable(
    kind: str, items: Sequence[Mapping[str, Any]], valid_from: date
) -> Refusal | None:
    """Why these items may not be published, or None. A service list's weights sum to exactly 100:
    they are the weights of the rating's checklist. Public promises become part of the contract
    (民法典 938), so none may be empty."""
    if not items:
        return Refusal(LIST_INCOMPLETE, "清单没有任何一项,不能公布。", ("id",))
    service = kind == ListKind.SERVICE_LIST
    for label, lacking in (
        ("标准", [i["code"] for i in items if not i["standard"]]),
        ("权重", [i["code"] for i in items if service and not i["weight"]]),
        ("牵头席位", [i["code"] for i in items if not service and not i["owner_seat"]]),
    ):
        if lacking:
            return Refusal(LIST_INCOMPLETE, f"以下各项没有填写{label}:{_few(lacking)}。", ("id",))
    total = sum(item["weight"] for item in items) if service else WEIGHT_SUM
    if total != WEIGHT_SUM:
        return Refusal(WEIGHTS_NOT_100, f"各项权重之和须为{WEIGHT_SUM},现为{total}。", ("id",))
    stale = [
        item["code"]
        for item in items
        if (item["basis_from"] and item["basis_from"] > valid_from)
        or (item["basis_to"] and item["basis_to"] <= valid_from)
    ]
    if stale:
        return Refusal(
            BASIS_NOT_IN_FORCE,
            f"以下各项的依据在{valid_from.isoformat()}尚未生效或已经失效:{_few(stale)}。",
            ("validFrom",),
        )
    return None


async def _supersede(transaction: Transaction, draft: Any, valid_from: date) -> int | None:
    """The published edition before the draft ends on the day the draft begins; its number."""
    before = await transaction.connection.fetchrow(
        "select id, edition, valid_from from compound_lists where tenant_id = $1"
        " and compound_id = $2 and kind = $3 and state = 'PUBLISHED'",
        transaction.tenant_id,
        draft["compound_id"],
        draft["kind"],
    )
    if before is None:
        return None
    if valid_from < before["valid_from"]:
        raise Refusal(
            CONFLICT,
            f"第{before['edition']}版自{before['valid_from'].isoformat()}起生效:"
            "请先撤回它,或选择不早于该日的日期。",
            ("validFrom",),
        )
    await transaction.connection.execute(
        "update compound_lists set state = 'SUPERSEDED', valid_to = $3, version = version + 1"
        " where tenant_id = $1 and id = $2",
        transaction.tenant_id,
        before["id"],
        valid_from,
    )
    edition: int = before["edition"]
    return edition


async def _withdrawn(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    row: Any,
    reason: str,
    now: datetime,
    action: str,
    ends: date | None = None,
) -> UUID:
    why = texts.text(reason, "理由", "reason", _REASON_LENGTH)
    if not why:
        raise Refusal(BAD_USER_INPUT, "请填写理由。", ("reason",))
    await transaction.connection.execute(
        "update compound_lists set state = 'WITHDRAWN', withdrawn_at = $3, withdrawn_reason = $4,"
        " valid_to = $5, version = version + 1 where tenant_id = $1 and id = $2",
        transaction.tenant_id, row["id"], now, why, ends,
    )  # fmt: skip
    await record_step(
        transaction, actor, scope, action, row["id"], row["region_path"],
        {"kind": row["kind"], "edition": row["edition"]},
    )  # fmt: skip
    identifier: UUID = row["id"]
    return identifier


def _in_force(editions: Sequence[Any], day: date) -> UUID | None:
    for row in editions:
        begun = row["valid_from"] is not None and row["valid_from"] <= day
        if begun and (row["valid_to"] is None or row["valid_to"] > day):
            found: UUID = row["id"]
            return found
    return None


def _few(codes: Sequence[str]) -> str:
    shown = "、".join(codes[:_SHOWN])
    return shown if len(codes) <= _SHOWN else f"{shown}等{len(codes)}项"


async def _once(
    transaction: Transaction,
    actor: Actor,
    operation: str,
    idempotency_key: str | None,
    asked: Mapping[str, Any],
    effect: Any,
) -> UUID:
    key = texts.line(idempotency_key, "幂等键", "idempotencyKey", _KEY_LENGTH)
    if not key:
        done: UUID = await effect()
        return done
    return await once(transaction, actor.membership_id, operation, key, request_hash(asked), effect)
