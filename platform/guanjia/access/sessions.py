"""The end of sessions: by logging out, by their owner from another device, by somebody's duty.

Whoever's session ended is refused at their next operation, on every worker.
"""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from guanjia.access.actor import Actor, bump_epoch
from guanjia.audit.service import record
from guanjia.db.pools import Database, Transaction
from guanjia.graph.errors import Refusal, not_found

MAX_DEVICE = 60


def device_name(given: str | None, agent: str) -> str:
    """What a person knows the session's device by: its given name, or the program's own."""
    if given is None:
        return "".join(c for c in agent if c.isprintable())[:MAX_DEVICE]
    name = given.strip()
    if len(name) > MAX_DEVICE or not name.isprintable():
        raise Refusal("BAD_USER_INPUT", f"设备名称最多 {MAX_DEVICE} 个字。", ("deviceName",))
    return name


async def logout(database: Database, actor: Actor, now: dt.datetime) -> None:
    """The actor's session is over: its next operation is UNAUTHENTICATED."""
    if actor.session_id is None:
        return
    async with database.tenant_transaction(actor.tenant_id) as transaction:
        await end_session(transaction, actor.session_id, "LOGOUT", now)
        await record(
            transaction, actor=actor, action="logout", object_type="Session",
            object_id=actor.session_id,
        )  # fmt: skip


async def end_own_session(
    database: Database, actor: Actor, session_id: UUID, now: dt.datetime
) -> UUID:
    """A session of the actor's own is over, on whatever device; NOT_FOUND for anybody else's."""
    async with database.tenant_transaction(actor.tenant_id) as transaction:
        mine = await transaction.connection.fetchval(
            "select true from sessions where id = $1 and membership_id = $2"
            " and revoked_at is null for update",
            session_id,
            actor.membership_id,
        )
        if not mine:
            raise not_found("会话", "sessionId")
        await end_session(transaction, session_id, "ENDED_BY_OWNER", now)
        await record(
            transaction, actor=actor, action="session.end", object_type="Session",
            object_id=session_id,
        )  # fmt: skip
    return session_id


async def end_other_sessions(database: Database, actor: Actor, now: dt.datetime) -> int:
    """Only the session that asks goes on; how many others were ended."""
    async with database.tenant_transaction(actor.tenant_id) as transaction:
        ended = await end_sessions(
            transaction, actor.membership_id, "ENDED_BY_OWNER", now, spare=actor.session_id
        )
        await record(transaction, actor=actor, action="session.end_others", detail={"ended": ended})
    return ended


async def end_session(
    transaction: Transaction, session_id: UUID, reason: str, now: dt.datetime
) -> None:
    """The session is revoked. The epoch moves, because a cached actor carries its session."""
    await transaction.connection.execute(
        "update sessions set revoked_at = $2, revoked_reason = $3"
        " where id = $1 and revoked_at is null",
        session_id,
        now,
        reason,
    )
    await bump_epoch(transaction.connection)


async def end_sessions(
    transaction: Transaction,
    membership_id: UUID,
    reason: str,
    now: dt.datetime,
    *,
    spare: UUID | None = None,
) -> int:
    """Every session of the member that could still be used is revoked, but for one; how many."""
    ended = await transaction.connection.fetch(
        "update sessions set revoked_at = $2, revoked_reason = $3 where membership_id = $1"
        " and revoked_at is null and expires_at > $2 and id is distinct from $4 returning id",
        membership_id,
        now,
        reason,
        spare,
    )
    await bump_epoch(transaction.connection)
    return len(ended)
