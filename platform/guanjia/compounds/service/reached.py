"""Rows that a use-case may touch: inside its scope, locked, at the version that was seen."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from guanjia.audit.service import Recorded, record
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, not_found

LOCAL = ZoneInfo("Asia/Shanghai")


def today(now: dt.datetime) -> dt.date:
    return now.astimezone(LOCAL).date()


async def compound_of(
    transaction: Transaction, scope: Scope, compound_id: UUID, field: str = "compoundId"
) -> Any:
    """The active compound, locked: what is decided about it is decided one after the other."""
    row = await transaction.connection.fetchrow(
        "select id, name, region_id, region_path, management_mode from compounds"
        " where tenant_id = $1 and id = $2 and active for update",
        transaction.tenant_id,
        compound_id,
    )
    if row is None or not scope.covering(row["region_path"]):
        raise not_found("小区", field)
    return row


async def person_of(
    transaction: Transaction, scope: Scope, person_id: UUID, field: str = "personId"
) -> Any:
    """A person in the register, living where the scope reaches."""
    row = await transaction.connection.fetchrow(
        "select id, region_path, membership_id from persons where tenant_id = $1 and id = $2"
        " and merged_into_id is null and erased_at is null for share",
        transaction.tenant_id,
        person_id,
    )
    if row is None or not scope.covering(row["region_path"]):
        raise not_found("自然人", field)
    return row


def same_version(row: Any, version: int) -> None:
    if row["version"] != version:
        raise Refusal(CONFLICT, "内容已被他人修改,请刷新后重试。", ("version",))


def in_order(first: dt.date, last: dt.date | None, field: str) -> None:
    if last is not None and last < first:
        raise Refusal(BAD_USER_INPUT, f"日期须不早于 {first}。", (field,))


def span(first: dt.date, last: dt.date | None) -> str:
    """Both days in words: 自 2025-01-01 至 2027-12-31."""
    return f"自 {first} 至 {last}" if last else f"自 {first} 起(未定止期)"


async def recorded(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    action: str,
    object_type: str,
    object_id: UUID,
    region_path: str | None,
    **detail: Any,
) -> UUID:
    """The audit has it; the id again."""
    await record(
        transaction,
        actor=actor,
        action=action,
        permission=scope.permission,
        object_type=object_type,
        object_id=object_id,
        region_path=region_path,
        detail=detail,
    )
    return object_id
