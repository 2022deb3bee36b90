"""Login, refresh and logout.

A failed login must stay counted although its answer is a refusal, and a replayed refresh token must
end its session: these use-cases open their own transactions.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.access import passwords
from guanjia.access.actor import bump_epoch
from guanjia.access.tokens import Tokens
from guanjia.audit.service import record
from guanjia.db.ids import new_id
from guanjia.db.pools import Database, Transaction
from guanjia.graph.errors import Refusal
from guanjia.settings import Settings
from guanjia.tenancy.models import tenant_id as tenant_of

REMEMBERED_TOKENS = 500
"""Used refresh tokens that a session recognises: more than 8 hours of ordinary refreshing make,
and few enough that a client refreshing in a loop cannot swell the row."""


@dataclass(frozen=True, slots=True)
class Login:
    """An open session: the access token, the refresh token, and when the session ends."""

    access_token: str
    refresh_token: str
    expires_in: int
    session_expires_at: dt.datetime
    must_change_password: bool
    membership_id: UUID


@dataclass(frozen=True, slots=True)
class Member:
    """A membership as the audit record names it."""

    membership_id: UUID
    display_name: str
    session_id: UUID | None = None


@dataclass(frozen=True)
class Desk:
    """What opening sessions needs."""

    database: Database
    settings: Settings
    tokens: Tokens

    async def login(
        self, tenant_id: UUID, login_name: str, password: str, now: dt.datetime
    ) -> Login:
        """A new session. LOGIN_FAILED is the same for an unknown name, a wrong password and a
        person who is no member; LOGIN_LOCKED for 15 minutes after five failures."""
        name, _, home_slug = login_name.strip().lower().partition("@")
        if not name.isprintable() or not home_slug.isprintable():
            # Neither PostgreSQL nor UTF-8 can hold it, so nobody has such a name.
            await passwords.matches(None, password)
            raise _failed()
        home = tenant_of(home_slug) if home_slug else tenant_id
        user = await self._verified(home, name, password, now)
        async with self.database.tenant_transaction(tenant_id) as transaction:
            member = await transaction.connection.fetchrow(
                "select id, display_name, kind from memberships"
                " where home_tenant_id = $1 and user_id = $2 and active",
                home,
                user["id"],
            )
            if member is None:
                raise _failed()
            return await self._open(transaction, member, user, now)

    async def open_locally(self, tenant_id: UUID, login_name: str, now: dt.datetime) -> Login:
        """A session for an account without its password: for the operator at the server's own
        command line. It is recorded as such."""
        async with self.database.tenant_transaction(tenant_id) as transaction:
            row = await transaction.connection.fetchrow(
                "select m.id, m.display_name, m.kind, u.must_change_password,"
                " u.password_changed_at from users u join memberships m"
                " on m.tenant_id = u.tenant_id and m.user_id = u.id and m.active"
                " where u.login_name = $1 and u.disabled_at is null",
                login_name,
            )
            if row is None:
                raise Refusal("NOT_FOUND", f"该租户没有账号 {login_name}。")
            await record(
                transaction, action="session.local", object_type="Member", object_id=row["id"]
            )
            return await self._open(transaction, row, row, now)

    async def _verified(self, home: UUID, name: str, password: str, now: dt.datetime) -> Any:
        """The user whose password this is. The row lock makes guesses wait for each other, so
        that no sixth one is ever tried."""
        async with self.database.tenant_transaction(home) as transaction:
            connection = transaction.connection
            user = await connection.fetchrow(
                "select id, password_hash, failed_logins, locked_until, must_change_password,"
                " password_changed_at, disabled_at from users where login_name = $1 for update",
                name,
            )
            if user is not None and user["locked_until"] and user["locked_until"] > now:
                raise Refusal(
                    "LOGIN_LOCKED",
                    f"连续失败 {self.settings.lock_failures} 次,账号已锁定"
                    f" {self.settings.lock_seconds // 60} 分钟。",
                )
            right = await passwords.matches(user["password_hash"] if user else None, password)
            if user is not None and right and user["disabled_at"] is None:
                await connection.execute(
                    "update users set failed_logins = 0, locked_until = null where id = $1",
                    user["id"],
                )
                return user
            if user is not None:
                await self._count_failure(transaction, user, now)
        raise _failed()

    async def _count_failure(self, transaction: Transaction, user: Any, now: dt.datetime) -> None:
        # A lock that ran out starts a new count.
        failures = 1 if user["locked_until"] else user["failed_logins"] + 1
        locked = failures >= self.settings.lock_failures
        until = now + dt.timedelta(seconds=self.settings.lock_seconds) if locked else None
        await transaction.connection.execute(
            "update users set failed_logins = $2, locked_until = $3 where id = $1",
            user["id"],
            failures,
            until,
        )
        await record(
            transaction,
            action="login.locked" if locked else "login.failed",
            object_type="User",
            object_id=user["id"],
            result="DENIED",
        )

    async def _open(
        self, transaction: Transaction, member: Any, user: Any, now: dt.datetime
    ) -> Login:
        session, refresh = new_id(), secrets.token_urlsafe(32)
        ends = now + dt.timedelta(seconds=self.settings.absolute_seconds)
        await transaction.connection.execute(
            "insert into sessions (id, membership_id, created_at, last_used_at, expires_at,"
            " refresh_hash) values ($1, $2, $3, $3, $4, $5)",
            session,
            member["id"],
            now,
            ends,
            _digest(refresh),
        )
        await record(
            transaction,
            actor=Member(member["id"], member["display_name"], session),
            action="login",
            object_type="Session",
            object_id=session,
        )
        changed = user["password_changed_at"]
        oldest = now - dt.timedelta(days=self.settings.password_max_age_days)
        return Login(
            access_token=self.tokens.issue(transaction.tenant_id, member["id"], session, now),
            refresh_token=f"{session}.{refresh}",
            expires_in=self.settings.access_token_seconds,
            session_expires_at=ends,
            must_change_password=user["must_change_password"] or not changed or changed < oldest,
            membership_id=member["id"],
        )

    async def refresh(self, tenant_id: UUID, refresh_token: str, now: dt.datetime) -> Login:
        """A new pair of tokens; the old refresh token is dead. One that was used before ends the
        session (REFRESH_REUSED): somebody has a copy."""
        session_id, secret = _parse(refresh_token)
        reused = False
        async with self.database.tenant_transaction(tenant_id) as transaction:
            session = await transaction.connection.fetchrow(
                "select s.*, m.display_name, m.active from sessions s join memberships m"
                " on m.tenant_id = s.tenant_id and m.id = s.membership_id"
                " where s.id = $1 for update of s",
                session_id,
            )
            if session is None or session["revoked_at"] or not session["active"]:
                raise _ended()
            if session["refresh_hash"] == _digest(secret):
                return await self._rotate(transaction, session, now)
            reused = _digest(secret) in session["previous_hashes"]
            if reused:
                await end_session(transaction, session_id, "REFRESH_REUSED", now)
                member = Member(session["membership_id"], session["display_name"], session_id)
                await record(
                    transaction, actor=member, action="session.reuse_detected", result="DENIED"
                )
        if reused:
            raise Refusal("REFRESH_REUSED", "刷新凭证已被使用过,会话已终止,请重新登录。")
        raise _ended()

    async def _rotate(self, transaction: Transaction, session: Any, now: dt.datetime) -> Login:
        idle = dt.timedelta(seconds=self.settings.idle_seconds)
        if now - session["last_used_at"] > idle or now >= session["expires_at"]:
            raise Refusal("SESSION_EXPIRED", "会话因闲置或到时已结束,请重新登录。")
        secret = secrets.token_urlsafe(32)
        await transaction.connection.execute(
            "update sessions set refresh_hash = $2, last_used_at = $3,"
            " previous_hashes = $4 where id = $1",
            session["id"],
            _digest(secret),
            now,
            [*session["previous_hashes"], session["refresh_hash"]][-REMEMBERED_TOKENS:],
        )
        member = session["membership_id"]
        return Login(
            access_token=self.tokens.issue(transaction.tenant_id, member, session["id"], now),
            refresh_token=f"{session['id']}.{secret}",
            expires_in=self.settings.access_token_seconds,
            session_expires_at=session["expires_at"],
            must_change_password=False,
            membership_id=member,
        )


async def logout(database: Database, actor: Any, now: dt.datetime) -> None:
    """The actor's session is over: its next operation is UNAUTHENTICATED."""
    if actor.session_id is None:
        return
    async with database.tenant_transaction(actor.tenant_id) as transaction:
        await end_session(transaction, actor.session_id, "LOGOUT", now)
        await record(
            transaction, actor=actor, action="logout", object_type="Session",
            object_id=actor.session_id,
        )  # fmt: skip


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


async def change_password(
    database: Database, actor: Any, old: str, new: str, now: dt.datetime
) -> None:
    """The new password holds; the person's other sessions end. Only at the home tenant."""
    async with database.tenant_transaction(actor.tenant_id) as transaction:
        await _change_password(transaction, actor, old, new, now)


async def _change_password(
    transaction: Transaction, actor: Any, old: str, new: str, now: dt.datetime
) -> None:
    user = await transaction.connection.fetchrow(
        "select id, login_name, password_hash, previous_hashes from users where id = $1 for update",
        actor.user_id,
    )
    if user is None:
        raise Refusal("NOT_HOME_TENANT", "请在账号所属的租户修改密码。")
    if not await passwords.matches(user["password_hash"], old):
        raise Refusal("WRONG_PASSWORD", "原密码不正确。", ("oldPassword",))
    passwords.check_new(new, user["login_name"])
    kept = [*user["previous_hashes"], user["password_hash"]]
    if await passwords.used_before(kept, new):
        raise Refusal("PASSWORD_REUSED", "不能使用最近五次用过的密码。", ("newPassword",))
    await transaction.connection.execute(
        "update users set password_hash = $2, password_changed_at = $3,"
        " must_change_password = false, previous_hashes = $4 where id = $1",
        user["id"],
        await passwords.hashed(new),
        now,
        kept[-passwords.REMEMBERED :],
    )
    await transaction.connection.execute(
        "update sessions set revoked_at = $3, revoked_reason = 'PASSWORD_CHANGED'"
        " where membership_id = $1 and id is distinct from $2 and revoked_at is null",
        actor.membership_id,
        actor.session_id,
        now,
    )
    await bump_epoch(transaction.connection)
    await record(
        transaction, actor=actor, action="password.change", object_type="User", object_id=user["id"]
    )


def _failed() -> Refusal:
    return Refusal("LOGIN_FAILED", "登录名或密码不正确。")


def _ended() -> Refusal:
    return Refusal("SESSION_EXPIRED", "会话已结束,请重新登录。")


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _parse(refresh_token: str) -> tuple[UUID, str]:
    head, _, secret = refresh_token.partition(".")
    try:
        return UUID(head), secret
    except ValueError:
        raise _ended() from None
