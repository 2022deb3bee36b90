"""Signing in and out, one's own sessions and password, and accounts under lock, as mutations."""

import datetime as dt

import strawberry
from strawberry.types import Info

from guanjia.access import credentials, sessions
from guanjia.access.actor import Actor
from guanjia.access.desk import Desk, Login
from guanjia.access.schema.types import Member
from guanjia.graph.errors import forbidden
from guanjia.graph.filters import known_id
from guanjia.graph.payloads import mutation, payload, public_mutation


@strawberry.input(description="登录;租户由请求头 X-Tenant 或域名指明")
class LoginInput:
    login_name: str
    password: str
    device_name: str | None = None


@strawberry.input(description="以刷新凭证换取新凭证")
class RefreshSessionInput:
    refresh_token: str


@payload
class SessionPayload:
    """会话:访问凭证(短时)与刷新凭证(一次性)"""

    access_token: str | None
    refresh_token: str | None
    expires_in: int | None
    session_expires_at: dt.datetime | None
    must_change_password: bool | None


@payload
class LogoutPayload:
    """会话已结束"""

    logged_out: bool | None


@strawberry.input(description="修改密码")
class ChangePasswordInput:
    old_password: str
    new_password: str


@payload
class ChangePasswordPayload:
    """密码已修改;其他会话已结束"""

    changed: bool | None


@strawberry.input(description="结束自己的一个会话,例如遗失的手机上的")
class EndSessionInput:
    session_id: strawberry.ID


@payload
class EndSessionPayload:
    """会话已结束"""

    session_id: strawberry.ID | None


@payload
class EndOtherSessionsPayload:
    """除当前会话外,本人在本租户的会话均已结束"""

    ended: int | None


@strawberry.input(description="锁定账号")
class LockUserInput:
    member_id: strawberry.ID
    reason: str | None = None


@strawberry.input(description="解锁账号")
class UnlockUserInput:
    member_id: strawberry.ID


@strawberry.input(description="重置密码")
class ResetPasswordInput:
    member_id: strawberry.ID


@payload
class ResetPasswordPayload:
    """成员与只显示一次的新密码"""

    member: Member | None
    one_time_password: str | None


@payload
class MemberPayload:
    """成员"""

    member: Member | None


def _session(login: Login) -> SessionPayload:
    return SessionPayload(
        access_token=login.access_token,
        refresh_token=login.refresh_token,
        expires_in=login.expires_in,
        session_expires_at=login.session_expires_at,
        must_change_password=login.must_change_password,
    )


def _desk(info: Info) -> Desk:
    world = info.context.world
    return Desk(world.database, world.settings, world.tokens, world.policy)


def _account(info: Info) -> Actor:
    """The actor, who has an account. FORBIDDEN for a link, which is nobody's to log out of: whoever
    gave it out takes it back."""
    if info.context.request.by_link:
        raise forbidden(message="任务链接没有账号,不能登录、退出或改密码;由签发人撤销。")
    actor: Actor = info.context.actor
    return actor


async def _login(self: None, info: Info, input: LoginInput) -> SessionPayload:
    context = info.context
    device = sessions.device_name(input.device_name, context.request.agent)
    return _session(
        await _desk(info).login(
            context.named_tenant, input.login_name, input.password, context.now, device
        )
    )


async def _refresh(self: None, info: Info, input: RefreshSessionInput) -> SessionPayload:
    context = info.context
    return _session(
        await _desk(info).refresh(context.named_tenant, input.refresh_token, context.now)
    )


async def _logout(self: None, info: Info) -> LogoutPayload:
    context = info.context
    if context.caller is not None:
        await sessions.logout(context.world.database, _account(info), context.now)
    return LogoutPayload(logged_out=True)


async def _change_password(
    self: None, info: Info, input: ChangePasswordInput
) -> ChangePasswordPayload:
    context = info.context
    await credentials.change_password(
        context.world.database,
        context.world.settings,
        _account(info),
        credentials.Change(input.old_password, input.new_password, context.now),
    )
    return ChangePasswordPayload(changed=True)


async def _end_session(self: None, info: Info, input: EndSessionInput) -> EndSessionPayload:
    context = info.context
    ended = await sessions.end_own_session(
        context.world.database,
        _account(info),
        known_id(input.session_id, "sessionId"),
        context.now,
    )
    return EndSessionPayload(session_id=strawberry.ID(str(ended)))


async def _end_other_sessions(self: None, info: Info) -> EndOtherSessionsPayload:
    context = info.context
    return EndOtherSessionsPayload(
        ended=await sessions.end_other_sessions(context.world.database, _account(info), context.now)
    )


async def _lock(self: None, info: Info, input: LockUserInput) -> MemberPayload:
    context = info.context
    member = await credentials.lock_user(
        context.transaction,
        context.actor,
        membership_id=known_id(input.member_id, "memberId"),
        reason=input.reason,
        now=context.now,
    )
    return MemberPayload(member=await context.reader.by_id("Member", member))


async def _unlock(self: None, info: Info, input: UnlockUserInput) -> MemberPayload:
    context = info.context
    member = await credentials.unlock_user(
        context.transaction,
        context.actor,
        membership_id=known_id(input.member_id, "memberId"),
    )
    return MemberPayload(member=await context.reader.by_id("Member", member))


async def _reset_password(
    self: None, info: Info, input: ResetPasswordInput
) -> ResetPasswordPayload:
    context = info.context
    member = known_id(input.member_id, "memberId")
    password = await credentials.reset_password(
        context.transaction, context.actor, membership_id=member, now=context.now
    )
    return ResetPasswordPayload(
        member=await context.reader.by_id("Member", member), one_time_password=password
    )


@strawberry.type
class IdentityMutation:
    login: SessionPayload = public_mutation(
        "登录本身", "登录,得到会话", while_password_due=True, counted=True
    )(_login)
    refresh_session: SessionPayload = public_mutation(
        "访问凭证可能已过期",
        "换取新凭证;旧的刷新凭证随即失效,仅在短时间内重试得到同一新凭证",
        while_password_due=True,
    )(_refresh)
    logout: LogoutPayload = public_mutation(
        "结束自己的会话不需要权限", "结束当前会话", while_password_due=True
    )(_logout)
    change_password: ChangePasswordPayload = public_mutation(
        "修改自己的密码不需要权限", "修改自己的密码", while_password_due=True
    )(_change_password)
    end_session: EndSessionPayload = public_mutation(
        "结束自己的会话不需要权限", "结束自己的一个会话,其凭证随即失效"
    )(_end_session)
    end_other_sessions: EndOtherSessionsPayload = public_mutation(
        "结束自己的会话不需要权限", "结束自己的其他会话"
    )(_end_other_sessions)
    lock_user: MemberPayload = mutation(
        "user:manage", "锁定账号,其会话随即结束;授权保留,直到解锁前不能登录"
    )(_lock)
    unlock_user: MemberPayload = mutation("user:manage", "解除管理员的锁定和密码错误的锁定")(
        _unlock
    )
    reset_password: ResetPasswordPayload = mutation(
        "user:manage", "重置密码,其会话随即结束;下次登录须修改"
    )(_reset_password)
