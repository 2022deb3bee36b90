"""Members, grants and roles: node types and queries."""

import datetime as dt
from enum import Enum

import strawberry
from strawberry.types import Info

from guanjia.access import grants, models
from guanjia.access.schema.roles import Role, held
from guanjia.db.scope import Scope
from guanjia.graph.errors import not_found
from guanjia.graph.filters import IdFilter, by, enum_filter, filters, flag, holds, known_id, row_id
from guanjia.graph.marks import requires
from guanjia.graph.nodes import (
    Connection,
    column,
    derived,
    from_actor,
    many,
    node,
    one,
    root_connection,
    root_lookup,
    root_viewer,
)
from guanjia.reading.mapping import METADATA, Links, Unplanned, newest, sorted_by
from guanjia.tenancy.schema import Organisation, Region, RegionFilter, TextFilter

MemberKind = strawberry.enum(
    models.MemberKind, name="MemberKind", description=models.MemberKind.__doc__
)
MemberKindFilter = enum_filter(MemberKind)
BY_NAME = sorted_by("NAME", "display_name")


HELD_ON = (
    "(({row}.valid_from at time zone 'Asia/Shanghai')::date <= {value}"
    " and coalesce((least({row}.valid_to, {row}.revoked_at) at time zone 'Asia/Shanghai')::date"
    " > {value}, true))"
)
"""Held when the local day ended: what ends on a day is no longer held on it."""


@filters
class GrantsFilter:
    """授权筛选"""

    role: TextFilter = by("role")
    region: RegionFilter = by("region_id", path="region_path")
    member: IdFilter = by("membership_id")
    revoked: bool = flag("{row}.revoked_at is not null", "{row}.revoked_at is null")
    as_of: dt.date = holds(HELD_ON, "date", "当日有效的;当日终止的不算")


@filters
class MembersFilter:
    """成员筛选"""

    kind: MemberKindFilter = by("kind")
    id: IdFilter = by("id")
    active: bool = flag("{row}.active")


@node(
    models.Grant,
    read="role:read",
    reach=models.GRANT_REACH,
    orders=newest("valid_from"),
    filters=GrantsFilter,
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
    filters=MembersFilter,
)
class Member:
    """成员"""

    id: strawberry.ID = column()
    display_name: str = column("姓名")
    kind: MemberKind = column("工作人员、居民或任务链接")
    active: bool = column("是否有效")
    locked: bool | None = derived(
        "coalesce((select u.disabled_at is not null from users u where u.tenant_id = {tenant}"
        " and u.id = {row}.user_id and {row}.home_tenant_id = {tenant}), false)",
        "账号是否被管理员锁定",
        requires="user:manage",
    )
    grants: list[Grant] = many(
        "Grant", "membership_id", (("valid_from", "asc"), ("id", "asc")), "授权"
    )


@node(models.Session, read="user:manage", reach=models.SESSION_REACH)
class Session:
    """会话:一次登录,在一台设备上"""

    id: strawberry.ID = column()
    device: str = column("登录时所给的设备名称,或程序自报的名称")
    created_at: dt.datetime = column("登录时间")
    last_used_at: dt.datetime = column("最近一次登录或换取凭证的时间")
    expires_at: dt.datetime = column("最迟结束时间")
    idle_ends_at: dt.datetime = column("在此之前不换取凭证则结束")


_MEMBERSHIPS = (
    "(select tenant_id, membership_id, organisation_id from organisation_members"
    " where tenant_id = {tenant} and valid_from <= now()"
    " and (valid_to is null or valid_to > now()))"
)


@node(models.Membership, read="user:read", reach=models.MEMBER_REACH, orders=(BY_NAME,))
class Viewer:
    """本人:身份、角色、授权与权限"""

    id: strawberry.ID = column()
    display_name: str = column("姓名")
    kind: MemberKind = column("工作人员、居民或任务链接")
    roles: list[str] = from_actor(lambda actor: list(actor.roles), "现有效的角色")
    held_roles: list[Role] = from_actor(held, "现有效的角色,连同名称与权限")
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
    organisations: list[Organisation] = many(
        "Organisation",
        "id",
        (("name", "asc"), ("id", "asc")),
        "所在的单位:以单位为范围的权限,范围即是这些单位",
        through="viewer",
        links=Links(_MEMBERSHIPS, "membership_id", "organisation_id"),
        where="{row}.active",
    )
    must_change_password: bool = from_actor(
        lambda actor: actor.must_change_password, "是否须先修改密码;在此之前其他操作均被拒绝"
    )
    session_id: strawberry.ID | None = from_actor(
        lambda actor: str(actor.session_id) if actor.session_id else None,
        "当前会话;外部签发方的凭证没有会话",
    )
    sessions: list[Session] = many(
        "Session",
        "membership_id",
        (("last_used_at", "desc"), ("id", "desc")),
        "本人在本租户可继续使用的会话",
        through="viewer",
        where="{row}.revoked_at is null and {row}.expires_at > now()"
        " and {row}.idle_ends_at > now()",
    )


@strawberry.enum(description="授权排序:最新在前")
class GrantOrder(Enum):
    NEWEST = "NEWEST"


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
    async with context.reader.alone() as connection:
        region = await connection.fetchrow(
            "select path from regions where tenant_id = $1 and id = $2",
            context.tenant_id,
            row_id(region_id),
        )
        if region is None or not scope.covering(region["path"]):
            raise not_found("区域", "regionId")
        member = known_id(member_id, "memberId")
        if not await grants.within_reach(connection, context.tenant_id, scope, member):
            raise not_found("成员", "memberId")
        why = await grants.why_allowed(
            connection,
            context.actor.policy,
            membership_id=member,
            permission=permission,
            region_path=region["path"],
            now=context.now,
            seen=scope,
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
    why_allowed: WhyAllowed = strawberry.field(
        resolver=_why_allowed,
        description="某成员在某区域是否有某权限,以及由哪条授权和规则决定",
        metadata={METADATA: Unplanned("the policy's explanation, no list of rows")},
        extensions=requires("role:read"),
    )
