"""Login, members, grants and roles in the API."""

import datetime as dt
from enum import Enum

import strawberry
from strawberry.types import Info

from guanjia.access import grants, models, sessions, users
from guanjia.db.scope import Scope
from guanjia.graph.errors import not_found
from guanjia.graph.filters import IdFilter, enum_filter, known_id, row_id
from guanjia.graph.marks import requires
from guanjia.graph.nodes import (
    Connection,
    column,
    from_actor,
    many,
    node,
    one,
    root_connection,
    root_lookup,
    root_value,
    root_viewer,
)
from guanjia.graph.payloads import mutation, payload, public_mutation
from guanjia.reading.mapping import Condition, Order, SortKey
from guanjia.tenancy.schema import Level, Organisation, Region, RegionFilter, TextFilter

MemberKind = strawberry.enum(models.MemberKind, name="MemberKind")
MemberKindFilter = enum_filter(MemberKind)
BY_NAME = Order("NAME", (SortKey("display_name", "text"), SortKey("id", "uuid")))


@node(
    models.Grant,
    read="role:read",
    reach=models.GRANT_REACH,
    orders=(Order("NEWEST", (SortKey("valid_from", "time", True), SortKey("id", "uuid", True))),),
    filters={
        "role": {"in": Condition("in", "role")},
        "region": {
            "within": Condition("within", "region_path"),
            "in": Condition("in", "region_id", "uuid"),
        },
        "member": {"in": Condition("in", "membership_id", "uuid")},
        "revoked": Condition(
            "flag", "{row}.revoked_at is not null", otherwise="{row}.revoked_at is null"
        ),
    },
)
class Grant:
    """授权:某成员在某区域持有某角色"""

    id: strawberry.ID = column()
    role: str = column("角色代码")
    valid_from: dt.datetime = column("生效时间")
    valid_to: dt.datetime | None = column("失效时间;长期有效时为空")
    revoked_at: dt.datetime | None = column("撤销时间")
    reason: str | None = column("理由")
    region: Region | None = one("Region", "region_id", through="role:read")
    member: "Member | None" = one("Member", "membership_id")


@node(
    models.Membership,
    read="user:read",
    reach=models.MEMBER_REACH,
    orders=(BY_NAME,),
    filters={
        "kind": {"in": Condition("in", "kind")},
        "id": {"in": Condition("in", "id", "uuid")},
        "active": Condition("flag", "{row}.active", otherwise="not {row}.active"),
    },
)
class Member:
    """成员"""

    id: strawberry.ID = column()
    display_name: str = column("姓名")
    kind: MemberKind = column("工作人员或居民")
    active: bool = column("是否有效")
    grants: list[Grant] = many(
        "Grant", "membership_id", (("valid_from", "asc"), ("id", "asc")), "授权"
    )


@node(models.Membership, read="user:read", reach=models.MEMBER_REACH, orders=(BY_NAME,))
class Viewer:
    """本人:身份、角色、授权与权限"""

    id: strawberry.ID = column()
    display_name: str = column("姓名")
    kind: MemberKind = column("工作人员或居民")
    roles: list[str] = from_actor(lambda actor: list(actor.roles), "现有效的角色")
    permissions: list[str] = from_actor(
        lambda actor: sorted(actor.permissions()), "在某处持有的全部权限"
    )
    grants: list[Grant] = many(
        "Grant",
        "membership_id",
        (("valid_from", "asc"), ("id", "asc")),
        "未撤销的授权",
        through="viewer",
        where="{row}.revoked_at is null",
    )


@strawberry.type(description="角色目录中的一项")
class Role:
    code: str
    title: str
    levels: list[Level]
    permissions: list[str]


def _roles(actor: object) -> list[Role]:
    policy = actor.policy  # type: ignore[attr-defined]  # an Actor; the graph kit knows no type
    return [
        Role(
            code=role.code,
            title=role.title,
            levels=[level for level in Level if level.value in role.levels],
            permissions=sorted(policy.permissions_of(role.code)),
        )
        for role in policy.roles.values()
        if role.levels
    ]


@strawberry.input(description="授权筛选")
class GrantsFilter:
    role: TextFilter | None = strawberry.UNSET
    region: RegionFilter | None = strawberry.UNSET
    member: IdFilter | None = strawberry.UNSET
    revoked: bool | None = strawberry.UNSET


@strawberry.enum(description="授权排序:最新在前")
class GrantOrder(Enum):
    NEWEST = "NEWEST"


@strawberry.input(description="成员筛选")
class MembersFilter:
    kind: MemberKindFilter | None = strawberry.UNSET
    id: IdFilter | None = strawberry.UNSET
    active: bool | None = strawberry.UNSET


@strawberry.enum(description="成员排序:按姓名")
class MemberOrder(Enum):
    NAME = "NAME"


@strawberry.type(description="为何允许或不允许:起决定作用的授权与规则")
class WhyAllowed:
    allowed: bool
    explanation: str
    role: str | None
    rule: str | None
    grant: Grant | None


async def _why_allowed(
    self: None,
    info: Info,
    member_id: strawberry.ID,
    permission: str,
    region_id: strawberry.ID,
    scope: "Scope",
) -> WhyAllowed:
    context = info.context
    region = await context.reader.connection.fetchrow(
        "select path from regions where tenant_id = $1 and id = $2",
        context.tenant_id,
        row_id(region_id),
    )
    if region is None or not scope.covering(region["path"]):
        raise not_found("区域", "regionId")
    why = await grants.why_allowed(
        context.reader.connection,
        context.actor.policy,
        membership_id=known_id(member_id, "memberId"),
        permission=permission,
        region_path=region["path"],
        now=context.now,
    )
    return WhyAllowed(
        allowed=why.allowed,
        explanation=why.explanation,
        role=why.role,
        rule=why.rule,
        grant=await context.reader.by_id("Grant", why.grant_id),
    )


@strawberry.type
class Query:
    viewer: Viewer | None = root_viewer(
        Viewer, reason="返回本人;未登录时为空", description="本人的身份、角色、授权与权限"
    )
    members: Connection[Member] = root_connection(
        Member,
        permission="user:read",
        filter_type=MembersFilter,
        order_type=MemberOrder,
        description="辖区内的成员",
    )
    member: Member | None = root_lookup(Member, permission="user:read", description="一个成员")
    grants: Connection[Grant] = root_connection(
        Grant,
        permission="role:read",
        filter_type=GrantsFilter,
        order_type=GrantOrder,
        description="辖区内的授权",
    )
    roles: list[Role] = root_value(
        list[Role], _roles, permission="role:read", description="角色目录"
    )
    why_allowed: WhyAllowed = strawberry.field(
        resolver=_why_allowed,
        description="某成员在某区域是否有某权限,以及由哪条授权和规则决定",
        extensions=requires("role:read"),
    )


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


@strawberry.input(description="加入机构")
class AddOrganisationMemberInput:
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
    self: None, info: Info, input: AddOrganisationMemberInput, scope: "Scope"
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
