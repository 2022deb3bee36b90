"""A row to be written: in scope, locked, and as it was when the caller saw it."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from guanjia.audit.service import Recorded, record
from guanjia.compounds.models.estates import COMPOUND_REACH
from guanjia.db.pools import Transaction
from guanjia.db.scope import Reachable, Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, not_found
from guanjia.tenancy.models import LOCAL


async def open_row(
    transaction: Transaction,
    scope: Scope,
    table: str,
    reach: Reachable,
    row_id: UUID,
    noun: str,
    field: str = "id",
    version: int | None = None,
) -> Any:
    """The row, locked until the transaction ends. NOT_FOUND out of scope, CONFLICT when somebody
    else changed it since `version`."""
    arguments: list[Any] = [transaction.tenant_id, row_id]

    def bind(value: Any, kind: str) -> str:
        arguments.append(value)
        return f"${len(arguments)}::{kind}"

    reachable = scope.predicate(reach, "x", "$1", bind)
    row = await transaction.connection.fetchrow(
        f"select x.* from {table} x where x.tenant_id = $1 and x.id = $2 and {reachable}"
        " for update of x",
        *arguments,
    )
    if row is None:
        raise not_found(noun, field)
    if version is not None:
        same_version(row, version, noun)
    return row


async def open_compound(
    transaction: Transaction, scope: Scope, compound_id: UUID, field: str = "compoundId"
) -> Any:
    """The active compound, locked: what is decided about it is decided one after the other."""
    row = await open_row(
        transaction, scope, "compounds", COMPOUND_REACH, compound_id, "小区", field
    )
    if not row["active"]:
        raise not_found("小区", field)
    return row


async def known_person(
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


def same_version(row: Any, version: int, noun: str = "内容") -> None:
    """CONFLICT when somebody else changed the row since `version`."""
    if row["version"] != version:
        raise Refusal(CONFLICT, f"该{noun}已被他人修改,请刷新后重试。", ("version",))


async def store(transaction: Transaction, table: str, row_id: UUID, values: dict[str, Any]) -> None:
    """The row has these values and a new version."""
    assignments = "".join(f", {column} = ${n}" for n, column in enumerate(values, 3))
    await transaction.connection.execute(
        f"update {table} set version = version + 1{assignments} where tenant_id = $1 and id = $2",
        transaction.tenant_id,
        row_id,
        *values.values(),
    )


async def record_write(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    action: str,
    row_id: UUID,
    path: str | None,
    *,
    of: str | None = None,
    **detail: Any,
) -> UUID:
    """One audit row, and the row's id again. `action` is `<type>.<verb>`; `of` is the object's type
    where that differs."""
    named = "".join(part.capitalize() for part in action.split(".")[0].split("_"))
    await record(
        transaction,
        actor=actor,
        action=action,
        permission=scope.permission,
        object_type=of or named,
        object_id=row_id,
        region_path=path,
        detail=detail,
    )
    return row_id


def local_day(now: dt.datetime) -> dt.date:
    return now.astimezone(LOCAL).date()


def past_day(given: dt.date | None, now: dt.datetime, field: str) -> dt.date:
    """The day given, or today; Refusal for a day to come."""
    today = local_day(now)
    if given is not None and given > today:
        raise Refusal(BAD_USER_INPUT, "日期不能晚于今天。", (field,))
    return given or today


def in_order(first: dt.date, last: dt.date | None, field: str) -> None:
    if last is not None and last < first:
        raise Refusal(BAD_USER_INPUT, f"日期须不早于 {first}。", (field,))


def span(first: dt.date, last: dt.date | None) -> str:
    """Both days in words: 自 2025-01-01 至 2027-12-31."""
    return f"自 {first} 至 {last}" if last else f"自 {first} 起(未定止期)"
