"""Login, accounts, grants and organisation members as mutations."""

import datetime as dt

import strawberry
from strawberry.types import Info

from guanjia.access import grants, models, sessions, users
from guanjia.access.schema.types import Grant, Member, MemberKind
from guanjia.db.scope import Scope
from guanjia.graph.filters import known_id
from guanjia.graph.payloads import mutation, payload, public_mutation
from guanjia.tenancy.schema import Organisation


@strawberry.input(description="登录;租户由请求头 X-Tenant 或域名指明")
class LoginInput:
    login_name: str
    password: str


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


@strawberry.input(description="开设账号")
class CreateUserInput:
    login_name: str
    display_name: str
    kind: MemberKind = models.MemberKind.STAFF


@payload
class CreateUserPayload:
    """新成员与只显示一次的初始密码"""

    member: Member | None
    one_time_password: str | None


@strawberry.input(description="停用成员")
class DeactivateMemberInput:
    member_id: strawberry.ID


@payload
class MemberPayload:
    """成员"""

    member: Member | None


@strawberry.input(description="授予角色")
class GrantRoleInput:
    member_id: strawberry.ID
    role: str
    region_id: strawberry.ID
    valid_from: dt.datetime | None = None
    valid_to: dt.datetime | None = None
    reason: str | None = None


@strawberry.input(description="撤销角色")
class RevokeRoleInput:
    grant_id: strawberry.ID
    reason: str | None = None


@payload
class GrantPayload:
    """授权"""

    grant: Grant | None


@strawberry.input(description="加入或离开机构")
class OrganisationMemberInput:
    organisation_id: strawberry.ID
    member_id: strawberry.ID


@payload
class OrganisationMemberPayload:
    """机构"""

    organisation: Organisation | None


def _session(login: sessions.Login) -> SessionPayload:
    return SessionPayload(
        access_token=login.access_token,
        refresh_token=login.refresh_token,
        expires_in=login.expires_in,
        session_expires_at=login.session_expires_at,
        must_change_password=login.must_change_password,
    )


def _desk(info: Info) -> sessions.Desk:
    world = info.context.world
    return sessions.Desk(world.database, world.settings, world.tokens)


async def _login(self: None, info: Info, input: LoginInput) -> SessionPayload:
    context = info.context
    return _session(
        await _desk(info).login(context.named_tenant, input.login_name, input.password, context.now)
    )


async def _refresh(self: None, info: Info, input: RefreshSessionInput) -> SessionPayload:
    context = info.context
    return _session(
        await _desk(info).refresh(context.named_tenant, input.refresh_token, context.now)
    )


async def _logout(self: None, info: Info) -> LogoutPayload:
    context = info.context
    if context.caller is not None:
        await sessions.logout(context.world.database, context.actor, context.now)
    return LogoutPayload(logged_out=True)


async def _change_password(
    self: None, info: Info, input: ChangePasswordInput
) -> ChangePasswordPayload:
    context = info.context
    await sessions.change_password(
        context.world.database, context.actor, input.old_password, input.new_password, context.now
    )
    return ChangePasswordPayload(changed=True)


async def _create_user(self: None, info: Info, input: CreateUserInput) -> CreateUserPayload:
    context = info.context
    made = await users.create_user(
        context.transaction,
        context.actor,
        login_name=input.login_name,
        display_name=input.display_name,
        kind=input.kind,
    )
    return CreateUserPayload(
        member=await context.reader.by_id("Member", made.membership_id),
        one_time_password=made.one_time_password,
    )


async def _deactivate(self: None, info: Info, input: DeactivateMemberInput) -> MemberPayload:
    context = info.context
    member = await users.deactivate_member(
        context.transaction,
        context.actor,
        membership_id=known_id(input.member_id, "memberId"),
        now=context.now,
    )
    return MemberPayload(member=await context.reader.by_id("Member", member))


async def _grant_role(
    self: None, info: Info, input: GrantRoleInput, scope: "Scope"
) -> GrantPayload:
    context = info.context
    made = await grants.grant_role(
        context.transaction,
        context.actor,
        scope,
        membership_id=known_id(input.member_id, "memberId"),
        role=input.role,
        region_id=known_id(input.region_id, "regionId"),
        valid_from=input.valid_from,
        valid_to=input.valid_to,
        reason=input.reason,
        now=context.now,
    )
    return GrantPayload(grant=await context.reader.by_id("Grant", made))


async def _revoke_role(
    self: None, info: Info, input: RevokeRoleInput, scope: "Scope"
) -> GrantPayload:
    context = info.context
    revoked = await grants.revoke_role(
        context.transaction,
        context.actor,
        scope,
        grant_id=known_id(input.grant_id, "grantId"),
        reason=input.reason,
        now=context.now,
    )
    return GrantPayload(grant=await context.reader.by_id("Grant", revoked))


async def _add_member(
    self: None, info: Info, input: OrganisationMemberInput, scope: "Scope"
) -> OrganisationMemberPayload:
    context = info.context
    organisation = await users.add_organisation_member(
        context.transaction,
        context.actor,
        scope,
        organisation_id=known_id(input.organisation_id, "organisationId"),
        membership_id=known_id(input.member_id, "memberId"),
        now=context.now,
    )
    return OrganisationMemberPayload(
        organisation=await context.reader.by_id("Organisation", organisation)
    )


async def _remove_member(
    self: None, info: Info, input: OrganisationMemberInput, scope: "Scope"
) -> OrganisationMemberPayload:
    context = info.context
    organisation = await users.remove_organisation_member(
        context.transaction,
        context.actor,
        scope,
        organisation_id=known_id(input.organisation_id, "organisationId"),
        membership_id=known_id(input.member_id, "memberId"),
        now=context.now,
    )
    return OrganisationMemberPayload(
        organisation=await context.reader.by_id("Organisation", organisation)
    )


@strawberry.type
class Mutation:
    login: SessionPayload = public_mutation("登录本身", "登录,得到会话")(_login)
    refresh_session: SessionPayload = public_mutation(
        "访问凭证可能已过期", "换取新凭证;旧的刷新凭证随即失效"
    )(_refresh)
    logout: LogoutPayload = public_mutation("结束自己的会话不需要权限", "结束当前会话")(_logout)
    change_password: ChangePasswordPayload = public_mutation(
        "修改自己的密码不需要权限", "修改自己的密码"
    )(_change_password)
    create_user: CreateUserPayload = mutation("user:manage", "开设账号")(_create_user)
    deactivate_member: MemberPayload = mutation("user:manage", "停用成员,其会话随即结束")(
        _deactivate
    )
    grant_role: GrantPayload = mutation("role:grant", "授予角色;不得超出自身的权限与辖区")(
        _grant_role
    )
    revoke_role: GrantPayload = mutation("role:grant", "撤销授权,立即生效")(_revoke_role)
    add_organisation_member: OrganisationMemberPayload = mutation(
        "organisation:manage", "让成员加入机构"
    )(_add_member)
    remove_organisation_member: OrganisationMemberPayload = mutation(
        "organisation:manage", "让成员离开机构"
    )(_remove_member)
