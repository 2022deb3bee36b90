"""Opening an edition of a list: locked, in reach, as the caller saw it; its items; the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.audit.service import record
from guanjia.compounds.models.lists import CONTENT, LIST_REACH, ListState
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Reachable, Scope
from guanjia.graph.errors import CONFLICT, Refusal, not_found

LIST_FROZEN = "LIST_FROZEN"


async def open_list(
    transaction: Transaction, scope: Scope, list_id: UUID, version: int, *, name: str = "id"
) -> Any:
    """Locks an edition that the scope reaches, and its compound, so that editions follow one
    another. NOT_FOUND otherwise; CONFLICT when it has changed since the caller saw it."""
    row = await locked(
        transaction,
        scope,
        LIST_REACH,
        "select l.*, c.region_path from compound_lists l join compounds c"
        " on c.tenant_id = l.tenant_id and c.id = l.compound_id where l.id = $2",
        "l",
        list_id,
        also=", c",
    )
    if row is None:
        raise not_found("清单", name)
    if row["version"] != version:
        raise Refusal(CONFLICT, "清单已被他人更新,请刷新后再试。", ("version",))
    return row


async def open_draft(
    transaction: Transaction, scope: Scope, list_id: UUID, version: int, *, name: str = "id"
) -> Any:
    """As `open_list`, and LIST_FROZEN unless the edition is a draft."""
    row = await open_list(transaction, scope, list_id, version, name=name)
    if row["state"] != ListState.DRAFT:
        raise Refusal(LIST_FROZEN, "该版清单已公布或已撤回,不能再修改;请新建一版。", (name,))
    return row


async def items_of(transaction: Transaction, list_id: UUID) -> list[Any]:
    """The items of a list, in order."""
    found: list[Any] = await transaction.connection.fetch(
        "select * from list_items where tenant_id = $1 and list_id = $2 order by position, id",
        transaction.tenant_id,
        list_id,
    )
    return found


async def insert_items(
    transaction: Transaction,
    list_id: UUID,
    compound_id: UUID,
    items: Sequence[Mapping[str, Any]],
    *,
    after: int = 0,
) -> list[UUID]:
    """The items stand at the end of the list, which has `after` already; their ids."""
    ids = [new_id() for _ in items]
    columns = ", ".join(CONTENT)
    places = ", ".join(f"${number}" for number in range(1, 5 + len(CONTENT)))
    await transaction.connection.executemany(
        f"insert into list_items (id, list_id, compound_id, position, {columns}) values ({places})",
        [
            (made, list_id, compound_id, position, *(item[name] for name in CONTENT))
            for position, (made, item) in enumerate(zip(ids, items, strict=True), after + 1)
        ],
    )
    return ids


async def locked(
    transaction: Transaction,
    scope: Scope,
    reach: Reachable,
    select: str,
    row: str,
    row_id: UUID,
    *,
    also: str = "",
) -> Any:
    """The row of a statement over `$2` that the scope reaches, locked; None otherwise."""
    arguments: list[Any] = [transaction.tenant_id, row_id]

    def bind(value: Any, kind: str) -> str:
        arguments.append(value)
        return f"${len(arguments)}::{kind}"

    return await transaction.connection.fetchrow(
        f"{select} and {row}.tenant_id = $1 and {scope.predicate(reach, row, '$1', bind)}"
        f" for no key update of {row}{also}",
        *arguments,
    )


async def record_step(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    action: str,
    list_id: UUID,
    region_path: str,
    detail: Mapping[str, Any],
) -> None:
    await record(
        transaction,
        actor=actor,
        action=action,
        permission=scope.permission,
        object_type="CompoundList",
        object_id=list_id,
        region_path=region_path,
        detail=detail,
    )
