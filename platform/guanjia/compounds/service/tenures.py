"""Somebody holds a post from a day until another: begun and ended the same way everywhere."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.audit.service import Recorded
from guanjia.compounds.service.avoidance import refuse_relatives
from guanjia.compounds.service.opening import in_order, record_write, same_version
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import CONFLICT, Refusal, not_found


@dataclass(frozen=True, slots=True)
class Tenure:
    """Rows of `table` say who holds `post` of the row in `body` and when.

    place: SQL for the region path of the row `t`. single: posts that one person holds at a time.
    """

    table: str
    body: str
    post: str
    noun: str
    object_type: str
    place: str
    single: tuple[str, ...] = ()


async def begin(
    transaction: Transaction,
    tenure: Tenure,
    *,
    body_id: UUID,
    person_id: UUID,
    post: str,
    on: dt.date,
    **more: Any,
) -> UUID:
    """The person holds the post from this day, unless a near relative keeps them from it. The body
    is locked by the caller."""
    others = await transaction.connection.fetch(
        f"select person_id, {tenure.post} as post from {tenure.table} where tenant_id = $1"
        f" and {tenure.body} = $2 and (valid_to is null or valid_to > $3)",
        transaction.tenant_id,
        body_id,
        on,
    )
    if any((o["person_id"], o["post"]) == (person_id, post) for o in others):
        raise Refusal(CONFLICT, f"此人已任该{tenure.noun}。", ("personId",))
    if post in tenure.single and any(o["post"] == post for o in others):
        raise Refusal(CONFLICT, f"该{tenure.noun}已有人担任,请先免去。", ("post",))
    tenure_id = new_id()
    names = ["id", tenure.body, "person_id", tenure.post, "valid_from", *more]
    await transaction.connection.execute(
        f"insert into {tenure.table} ({', '.join(names)})"
        f" values ({', '.join(f'${n}' for n in range(1, len(names) + 1))})",
        tenure_id,
        body_id,
        person_id,
        post,
        on,
        *more.values(),
    )
    await refuse_relatives(transaction, person_id, tenure_id)
    return tenure_id


async def end(
    transaction: Transaction,
    tenure: Tenure,
    actor: Recorded,
    scope: Scope,
    action: str,
    *,
    id: UUID,
    version: int,
    on: dt.date,
) -> UUID:
    """From this day the person no longer holds the post; until the day before they did."""
    row = await transaction.connection.fetchrow(
        f"select t.*, {tenure.place} as place from {tenure.table} t"
        " where t.tenant_id = $1 and t.id = $2 for update of t",
        transaction.tenant_id,
        id,
    )
    if row is None or not scope.covering(row["place"] or ""):
        raise not_found(tenure.noun, "id")
    same_version(row, version)
    if row["valid_to"] is not None:
        raise Refusal(CONFLICT, f"该{tenure.noun}已于 {row['valid_to']} 免去。", ("id",))
    in_order(row["valid_from"], on, "on")
    await transaction.connection.execute(
        f"update {tenure.table} set valid_to = $3, version = version + 1"
        " where tenant_id = $1 and id = $2",
        transaction.tenant_id,
        id,
        on,
    )
    return await record_write(
        transaction, actor, scope, action, id, row["place"], of=tenure.object_type, on=on
    )
