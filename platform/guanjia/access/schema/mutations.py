"""Accounts, grants and organisation members as mutations."""

import datetime as dt

import strawberry
from strawberry.types import Info

from guanjia.access import grants, models, users
from guanjia.access.schema.identity import IdentityMutation, MemberPayload
from guanjia.access.schema.types import Grant, Member, MemberKind
from guanjia.db.scope import Scope
from guanjia.graph.filters import known_id
from guanjia.graph.payloads import mutation, payload
from guanjia.tenancy.schema import Organisation


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
class Mutation(IdentityMutation):
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
