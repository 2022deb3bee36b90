"""The desk where sessions are opened and renewed: login and refresh.

A failed login must stay counted although its answer is a refusal, and a replayed refresh token must
end its session: these use-cases open their own transactions.

Refresh tokens rotate. The one before the last still gives its successor for half a minute, because
an answer that a bad network lost is asked for again. The successor is derived, so it is the same
one and the session has one line of tokens. Whoever replays a stolen token in that half minute holds
what the owner holds, and the second of the two to refresh is found out: detection comes one refresh
later, never not at all. Outside the grace an old token ends the session at once.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.access import attempts, passwords
from guanjia.access.policy import Policy
from guanjia.access.sessions import end_session
from guanjia.access.tokens import Tokens
from guanjia.audit.service import record
from guanjia.db.ids import new_id
from guanjia.db.pools import Database, Transaction
from guanjia.graph.errors import Refusal
from guanjia.settings import Settings
from guanjia.tenancy.models import tenant_id as tenant_of
from guanjia.tenancy.signin import SignInRules, rules_of_tenant

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
    policy: Policy

    async def login(
        self, tenant_id: UUID, login_name: str, password: str, now: dt.datetime, device: str = ""
    ) -> Login:
        """A new session. LOGIN_FAILED is the same for an unknown name, a wrong password and a
        person who is no member; LOGIN_LOCKED when a name, anybody's or nobody's, used its guesses
        up. ACCOUNT_LOCKED is said only to who knows the password."""
        passwords.check_room()
        name, _, home_slug = login_name.strip().lower().partition("@")
        if not name.isprintable() or not home_slug.isprintable():
            # Neither PostgreSQL nor UTF-8 can hold it, so nobody has such a name.
            await passwords.matches(None, password)
            raise _failed()
        home = tenant_of(home_slug) if home_slug else tenant_id
        async with self.database.tenant_transaction(home) as transaction:
            rules = await rules_of_tenant(transaction.connection, self.settings)
            if rules is not None:
                user = await _user(transaction, name)
                subject = user["id"] if user else self.tokens.pseudonym(home, name)
                number = await attempts.count_guess(transaction, subject, rules, now)
        if rules is None:  # no such tenant
            await passwords.matches(None, password)
            raise _failed()
        if not await passwords.matches(user["password_hash"] if user else None, password):
            async with self.database.tenant_transaction(home) as transaction:
                await attempts.record_wrong_guess(
                    transaction, user["id"] if user else None, number, rules, now
                )
            raise _failed()
        return await self._admit(tenant_id, home, user, rules, now, device)

    async def open_locally(self, tenant_id: UUID, login_name: str, now: dt.datetime) -> Login:
        """A session for an account without its password: for the operator at the server's own
        command line. It is recorded as such, and no password's age holds it up."""
        async with self.database.tenant_transaction(tenant_id) as transaction:
            row = await transaction.connection.fetchrow(
                "select m.id, m.display_name, m.kind from users u join memberships m"
                " on m.tenant_id = u.tenant_id and m.user_id = u.id and m.active"
                " where u.login_name = $1 and u.disabled_at is null",
                login_name,
            )
            if row is None:
                raise Refusal("NOT_FOUND", f"该租户没有账号 {login_name}。")
            await record(
                transaction, action="session.local", object_type="Member", object_id=row["id"]
            )
            return await self._open(transaction, row, None, now, "本机命令行")

    async def _admit(
        self,
        tenant_id: UUID,
        home: UUID,
        user: Any,
        rules: SignInRules,
        now: dt.datetime,
        device: str,
    ) -> Login:
        """The password was right. An account that was locked or whose password was changed in
        the meantime opens no session: its row is held until the session is there."""
        async with self.database.tenant_transaction(home) as transaction:
            now_stored = await transaction.connection.fetchrow(
                "select password_hash, disabled_at, must_change_password, password_changed_at"
                " from users where id = $1 for share",
                user["id"],
            )
            if now_stored is None or now_stored["password_hash"] != user["password_hash"]:
                raise _failed()
            if now_stored["disabled_at"] is not None:
                raise Refusal("ACCOUNT_LOCKED", "账号已被管理员锁定,请联系本地系统管理员。")
            await attempts.forget(transaction, user["id"])
            changed = now_stored["password_changed_at"]
            fresh = changed is not None and not now_stored["must_change_password"]
            due = rules.password_due(changed) if fresh else now
            if home == tenant_id:
                return await self._enter(transaction, home, user["id"], due, now, device)
        async with self.database.tenant_transaction(tenant_id) as transaction:
            return await self._enter(transaction, home, user["id"], due, now, device)

    async def _enter(
        self,
        transaction: Transaction,
        home: UUID,
        user_id: UUID,
        due: dt.datetime,
        now: dt.datetime,
        device: str,
    ) -> Login:
        member = await transaction.connection.fetchrow(
            "select id, display_name, kind from memberships"
            " where home_tenant_id = $1 and user_id = $2 and active",
            home,
            user_id,
        )
        if member is None:
            raise _failed()
        return await self._open(transaction, member, due, now, device)

    async def _open(
        self,
        transaction: Transaction,
        member: Any,
        password_due: dt.datetime | None,
        now: dt.datetime,
        device: str,
    ) -> Login:
        session, refresh = new_id(), secrets.token_urlsafe(32)
        idle, absolute = await self._limits(transaction, member["id"], member["kind"], now)
        ends = now + absolute
        await transaction.connection.execute(
            "insert into sessions (id, membership_id, created_at, last_used_at, expires_at,"
            " idle_ends_at, password_due_at, device, refresh_hash)"
            " values ($1, $2, $3, $3, $4, $5, $6, $7, $8)",
            session,
            member["id"],
            now,
            ends,
            now + idle,
            password_due,
            device,
            _digest(refresh),
        )
        await record(
            transaction,
            actor=Member(member["id"], member["display_name"], session),
            action="login",
            object_type="Session",
            object_id=session,
        )
        return Login(
            access_token=self.tokens.issue(transaction.tenant_id, member["id"], session, now),
            refresh_token=f"{session}.{refresh}",
            expires_in=self.settings.access_token_seconds,
            session_expires_at=ends,
            must_change_password=password_due is not None and password_due <= now,
            membership_id=member["id"],
        )

    async def _limits(
        self, transaction: Transaction, member: UUID, kind: str, now: dt.datetime
    ) -> tuple[dt.timedelta, dt.timedelta]:
        """How long a session of this member may idle and last. Whoever holds any role of staff
        is staff, whatever their account was opened as."""
        rules = await rules_of_tenant(transaction.connection, self.settings)
        assert rules is not None, "a membership without its tenant"
        staff = kind != "RESIDENT" or await transaction.connection.fetchval(
            "select exists (select 1 from grants where membership_id = $1 and revoked_at is null"
            " and valid_from <= $2 and (valid_to is null or valid_to > $2)"
            " and role <> all($3::text[]))",
            member,
            now,
            self.policy.residents,
        )
        return rules.idle(staff=staff), rules.absolute(staff=staff)

    async def refresh(self, tenant_id: UUID, refresh_token: str, now: dt.datetime) -> Login:
        """A new pair of tokens; the old refresh token is dead, except that a retry within the
        grace gets the same next one. Any other used one ends the session (REFRESH_REUSED):
        somebody has a copy."""
        session_id, secret = _parse(refresh_token)
        await self._guest_still_welcome(tenant_id, session_id)
        async with self.database.tenant_transaction(tenant_id) as transaction:
            session = await transaction.connection.fetchrow(
                "select s.*, m.display_name, m.kind, m.active from sessions s join memberships m"
                " on m.tenant_id = s.tenant_id and m.id = s.membership_id"
                " where s.id = $1 for update of s",
                session_id,
            )
            if session is None or session["revoked_at"] or not session["active"]:
                raise _ended()
            successor = self.tokens.successor(session_id, secret)
            if session["refresh_hash"] == _digest(secret):
                return await self._rotate(transaction, session, successor, now)
            if self._lost_its_answer(session, successor, now):
                return self._pair(transaction, session, successor, now)
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

    def _lost_its_answer(self, session: Any, successor: str, now: dt.datetime) -> bool:
        """Whether the token before the last came, the only one whose successor is the last, soon
        enough after the rotation."""
        grace = dt.timedelta(seconds=self.settings.refresh_grace_seconds)
        return bool(
            session["refresh_hash"] == _digest(successor)
            and now - session["last_used_at"] < grace
            and now < session["expires_at"]
        )

    async def _rotate(
        self, transaction: Transaction, session: Any, successor: str, now: dt.datetime
    ) -> Login:
        """The limits are those of what the member is now."""
        idle, absolute = await self._limits(
            transaction, session["membership_id"], session["kind"], now
        )
        ends = min(session["expires_at"], session["created_at"] + absolute)
        if now - session["last_used_at"] > idle or now >= ends:
            raise Refusal("SESSION_EXPIRED", "会话因闲置或到时已结束,请重新登录。")
        await transaction.connection.execute(
            "update sessions set refresh_hash = $2, last_used_at = $3, previous_hashes = $4,"
            " idle_ends_at = $5, expires_at = $6 where id = $1",
            session["id"],
            _digest(successor),
            now,
            [*session["previous_hashes"], session["refresh_hash"]][-REMEMBERED_TOKENS:],
            now + idle,
            ends,
        )
        return self._pair(transaction, {**session, "expires_at": ends}, successor, now)

    def _pair(self, transaction: Transaction, session: Any, secret: str, now: dt.datetime) -> Login:
        member, due = session["membership_id"], session["password_due_at"]
        return Login(
            access_token=self.tokens.issue(transaction.tenant_id, member, session["id"], now),
            refresh_token=f"{session['id']}.{secret}",
            expires_in=self.settings.access_token_seconds,
            session_expires_at=session["expires_at"],
            must_change_password=due is not None and due <= now,
            membership_id=member,
        )

    async def _guest_still_welcome(self, tenant_id: UUID, session_id: UUID) -> None:
        """A guest's account lives in another tenant, where it may have been locked or given
        another password since the session was opened: then the session goes no further."""
        async with self.database.snapshot(tenant_id) as connection:
            guest = await connection.fetchrow(
                "select m.home_tenant_id, m.user_id, s.created_at from sessions s"
                " join memberships m on m.tenant_id = s.tenant_id and m.id = s.membership_id"
                " where s.tenant_id = $1 and s.id = $2 and m.home_tenant_id <> $1",
                tenant_id,
                session_id,
            )
        if guest is None:
            return
        async with self.database.snapshot(guest["home_tenant_id"]) as connection:
            good = await connection.fetchval(
                "select exists (select 1 from users where tenant_id = $1 and id = $2"
                " and disabled_at is null"
                " and (password_changed_at is null or password_changed_at <= $3))",
                guest["home_tenant_id"],
                guest["user_id"],
                guest["created_at"],
            )
        if not good:
            raise _ended()


async def _user(transaction: Transaction, name: str) -> Any:
    return await transaction.connection.fetchrow(
        "select id, password_hash from users where login_name = $1", name
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
        return UUID(head), secret.encode("ascii").decode()
    except ValueError:  # UnicodeEncodeError is one
        raise _ended() from None
