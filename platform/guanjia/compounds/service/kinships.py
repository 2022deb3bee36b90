"""Who is whose near relative: declared, and withdrawn with a reason."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from guanjia.audit.service import Recorded
from guanjia.compounds.models.crossappointments import KINSHIP_REACH, KinshipKind
from guanjia.compounds.service.avoidance import alone_with_kinship
from guanjia.compounds.service.opening import (
    known_person,
    local_day,
    open_row,
    past_day,
    record_write,
    store,
)
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal
from guanjia.graph.texts import line


async def declare_kinship(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    person_id: UUID,
    relative_id: UUID,
    kind: KinshipKind,
    now: dt.datetime,
    since: dt.date | None = None,
) -> UUID:
    """`relative` is this near relative of `person`, since the day or as long as both live. Posts
    that both hold already stay, and are shown as findings. Returns the kinship's id."""
    if person_id == relative_id:
        raise Refusal(BAD_USER_INPUT, "本人不是自己的近亲属。", ("relativeId",))
    person = await known_person(transaction, scope, person_id)
    await known_person(transaction, scope, relative_id, "relativeId")
    if since is not None:
        past_day(since, now, "since")
    await alone_with_kinship(transaction)
    if await transaction.connection.fetchval(
        "select exists (select 1 from kinships where tenant_id = $1 and valid_to is null"
        " and (person_id, relative_id) in (($2, $3), ($3, $2)))",
        transaction.tenant_id,
        person_id,
        relative_id,
    ):
        raise Refusal(CONFLICT, "二人的近亲属关系已声明;更改请先撤回。", ("relativeId",))
    made = new_id()
    await transaction.connection.execute(
        "insert into kinships (id, person_id, relative_id, kind, valid_from)"
        " values ($1, $2, $3, $4, $5)",
        made,
        person_id,
        relative_id,
        kind,
        since,
    )
    return await record_write(
        transaction, actor, scope, "kinship.declare", made, person["region_path"]
    )


async def withdraw_kinship(
    transaction: Transaction,
    actor: Recorded,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    reason: str,
    now: dt.datetime,
) -> UUID:
    """The two are no near relatives any more, or never were: it keeps them from nothing."""
    row = await open_row(
        transaction, scope, "kinships", KINSHIP_REACH, id, "近亲属关系", version=version
    )
    if row["valid_to"] is not None:
        raise Refusal(CONFLICT, f"该近亲属关系已于 {row['valid_to']} 撤回。", ("id",))
    said = line(reason, "撤回原因", "reason")
    if not said:
        raise Refusal(BAD_USER_INPUT, "请填写撤回原因(如离婚、误录)。", ("reason",))
    values = {"valid_to": local_day(now), "withdrawal_reason": said}
    await store(transaction, "kinships", id, values)
    path: str = await transaction.connection.fetchval(
        "select region_path from persons where tenant_id = $1 and id = $2",
        transaction.tenant_id,
        row["person_id"],
    )
    return await record_write(transaction, actor, scope, "kinship.withdraw", id, path)
