"""Passwords as their owners and the administrators change them, and accounts that are locked."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from guanjia.access import attempts, passwords
from guanjia.access.actor import Actor
from guanjia.access.sessions import end_sessions
from guanjia.audit.service import record
from guanjia.db.pools import Database, Transaction
from guanjia.graph.errors import Refusal, not_found
from guanjia.settings import Settings
from guanjia.tenancy.signin import SignInRules, rules_of_tenant

MANAGE = "user:manage"
MAX_REASON = 200


@dataclass(frozen=True)
class Change:
    """A person's wish for a new password. `now` is when it happens."""

    old: str
    new: str
    now: dt.datetime


async def change_password(
    database: Database, settings: Settings, actor: Actor, change: Change
) -> None:
    """The new password holds; the person's other sessions end. Only at the home tenant.

    A wrong old password counts towards the lock-out as a wrong login does, and stays counted.
    """
    passwords.check_room()
    async with database.tenant_transaction(actor.tenant_id) as transaction:
        rules = await rules_of_tenant(transaction.connection, settings)
        user = await transaction.connection.fetchrow(
            "select id, login_name, password_hash, previous_hashes from users where id = $1",
            actor.user_id,
        )
        if user is None or rules is None:
            raise Refusal("NOT_HOME_TENANT", "请在账号所属的租户修改密码。")
        number = await attempts.count_guess(transaction, user["id"], rules, change.now)
    if not await passwords.matches(user["password_hash"], change.old):
        async with database.tenant_transaction(actor.tenant_id) as transaction:
            await attempts.record_wrong_guess(
                transaction, user["id"], number, rules, change.now, actor
            )
        raise _wrong()
    async with database.tenant_transaction(actor.tenant_id) as transaction:
        await attempts.forget(transaction, user["id"])
    passwords.check_new(change.new, user["login_name"], rules)
    kept = [*user["previous_hashes"], user["password_hash"]]
    if await passwords.used_before(kept, change.new):
        raise Refusal("PASSWORD_REUSED", "不能使用最近五次用过的密码。", ("newPassword",))
    made = await passwords.hashed(change.new)
    async with database.tenant_transaction(actor.tenant_id) as transaction:
        # Hashing took its time: if somebody else was quicker, the old password is wrong by now.
        replaced = await transaction.connection.fetchval(
            "update users set password_hash = $2, password_changed_at = $3,"
            " must_change_password = false, previous_hashes = $4"
            " where id = $1 and password_hash = $5 returning true",
            user["id"],
            made,
            change.now,
            kept[-passwords.REMEMBERED :],
            user["password_hash"],
        )
        if not replaced:
            raise _wrong()
        await end_sessions(
            transaction, actor.membership_id, "PASSWORD_CHANGED", change.now, spare=actor.session_id
        )
        await _session_may_go_on(transaction, actor, rules, change.now)
        await record(
            transaction, actor=actor, action="password.change", object_type="User",
            object_id=user["id"],
        )  # fmt: skip


def _wrong() -> Refusal:
    return Refusal("WRONG_PASSWORD", "原密码不正确。", ("oldPassword",))


async def _session_may_go_on(
    transaction: Transaction, actor: Actor, rules: SignInRules, now: dt.datetime
) -> None:
    """The session that changed the password has all its rights; `end_sessions` moved the epoch."""
    await transaction.connection.execute(
        "update sessions set password_due_at = $2 where id = $1 and password_due_at is not null",
        actor.session_id,
        rules.password_due(now),
    )


async def lock_user(
    transaction: Transaction,
    actor: Actor,
    *,
    membership_id: UUID,
    reason: str | None,
    now: dt.datetime,
) -> UUID:
    """The account opens no session until it is unlocked, and those it had are over. Grants stay.
    Nobody locks themselves out."""
    if membership_id == actor.membership_id:
        raise Refusal("OWN_ACCOUNT", "不能锁定自己的账号。", ("memberId",))
    said = _reason(reason)
    user_id = await _account(transaction, membership_id)
    await transaction.connection.execute(
        "update users set disabled_at = coalesce(disabled_at, $2) where id = $1", user_id, now
    )
    await end_sessions(transaction, membership_id, "LOCKED", now)
    await record(
        transaction, actor=actor, action="user.lock", permission=MANAGE, object_type="Member",
        object_id=membership_id, detail={"reason": said} if said else {},
    )  # fmt: skip
    return membership_id


async def unlock_user(transaction: Transaction, actor: Actor, *, membership_id: UUID) -> UUID:
    """The account may log in again: an administrator's lock and one of wrong passwords are over."""
    user_id = await _account(transaction, membership_id)
    await transaction.connection.execute(
        "update users set disabled_at = null where id = $1", user_id
    )
    await attempts.forget(transaction, user_id)
    await record(
        transaction, actor=actor, action="user.unlock", permission=MANAGE, object_type="Member",
        object_id=membership_id,
    )  # fmt: skip
    return membership_id


async def reset_password(
    transaction: Transaction, actor: Actor, *, membership_id: UUID, now: dt.datetime
) -> str:
    """A password for one login, shown once; the account's sessions are over and its guesses free.

    Not for an account whose roles are incompatible with the resetter's: whoever holds its
    password could act as both (三员分立). Those are reset at the server's command line.
    """
    if membership_id == actor.membership_id:
        raise Refusal("OWN_ACCOUNT", "请用修改密码更换自己的密码。", ("memberId",))
    user_id = await _account(transaction, membership_id)
    theirs = await transaction.connection.fetch(
        "select role from grants where membership_id = $1 and revoked_at is null"
        " and (valid_to is null or valid_to > $2)",
        membership_id,
        now,
    )
    for row in theirs:
        if row["role"] not in actor.roles and (
            conflicts := actor.policy.conflicts([*actor.roles, row["role"]])
        ):
            raise Refusal(
                "SEPARATION_OF_DUTIES",
                f"{conflicts[0].reason}:该账号的密码须由平台运营方在服务器上重置。",
                ("memberId",),
            )
    return await _reset(transaction, user_id, membership_id, now, actor)


async def reset_locally(transaction: Transaction, login_name: str, now: dt.datetime) -> str:
    """As `reset_password`, for the operator at the server's own command line; an administrator's
    lock is over too."""
    row = await transaction.connection.fetchrow(
        "select m.id, u.id as user_id from users u join memberships m"
        " on m.tenant_id = u.tenant_id and m.user_id = u.id and m.active where u.login_name = $1",
        login_name,
    )
    if row is None:
        raise Refusal("NOT_FOUND", f"该租户没有账号 {login_name}。")
    await transaction.connection.execute(
        "update users set disabled_at = null where id = $1", row["user_id"]
    )
    return await _reset(transaction, row["user_id"], row["id"], now, None)


async def _reset(
    transaction: Transaction,
    user_id: UUID,
    membership_id: UUID,
    now: dt.datetime,
    actor: Actor | None,
) -> str:
    password = passwords.one_time()
    await transaction.connection.execute(
        "update users set previous_hashes = previous_hashes || password_hash,"
        " password_hash = $2, password_changed_at = $3, must_change_password = true where id = $1",
        user_id,
        await passwords.hashed(password),
        now,
    )
    await attempts.forget(transaction, user_id)
    await end_sessions(transaction, membership_id, "PASSWORD_RESET", now)
    await record(
        transaction, actor=actor, action="password.reset",
        permission=MANAGE if actor else None, object_type="Member", object_id=membership_id,
    )  # fmt: skip
    return password


async def _account(transaction: Transaction, membership_id: UUID) -> UUID:
    """The account of a member of this tenant; a guest's is its home tenant's business."""
    row = await transaction.connection.fetchrow(
        "select u.id from memberships m left join users u on u.tenant_id = m.tenant_id"
        " and u.id = m.user_id and m.home_tenant_id = m.tenant_id where m.id = $1",
        membership_id,
    )
    if row is None:
        raise not_found("成员", "memberId")
    if row["id"] is None:
        raise Refusal("NOT_HOME_TENANT", "该成员的账号不属于本租户。", ("memberId",))
    found: UUID = row["id"]
    return found


def _reason(reason: str | None) -> str:
    said = (reason or "").strip()
    if len(said) > MAX_REASON or not said.isprintable():
        raise Refusal("BAD_USER_INPUT", f"理由最多 {MAX_REASON} 个字。", ("reason",))
    return said
