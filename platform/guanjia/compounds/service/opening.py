"""A row to be written: in scope, locked, and as it was when the caller saw it."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from guanjia.audit.service import Recorded, record
from guanjia.db.pools import Transaction
from guanjia.db.scope import Reachable, Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, not_found

LOCAL = ZoneInfo("Asia/Shanghai")


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
    if version is not None and row["version"] != version:
        raise Refusal(CONFLICT, f"该{noun}已被他人修改,请刷新后重试。", ("version",))
    return row


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
    path: str,
    **detail: Any,
) -> None:
    """One audit row; `action` is `<type>.<verb>`."""
    await record(
        transaction,
        actor=actor,
        action=action,
        permission=scope.permission,
        object_type="".join(part.capitalize() for part in action.split(".")[0].split("_")),
        object_id=row_id,
        region_path=path,
        detail=detail,
    )


def local_day(now: dt.datetime) -> dt.date:
    return now.astimezone(LOCAL).date()


def past_day(given: dt.date | None, now: dt.datetime, field: str) -> dt.date:
    """The day given, or today; Refusal for a day to come."""
    today = local_day(now)
    if given is not None and given > today:
        raise Refusal(BAD_USER_INPUT, "日期不能晚于今天。", (field,))
    return given or today
