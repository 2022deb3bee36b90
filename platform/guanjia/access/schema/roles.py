"""The catalogue of roles, and a tenant's own, in the API."""

from enum import Enum
from typing import Any
from uuid import UUID

import strawberry
from strawberry.types import Info

from guanjia.access import roles, rulebook
from guanjia.access.policy import Policy
from guanjia.access.tenantpolicy import read_policy
from guanjia.audit.replay import keyed
from guanjia.db.scope import Scope
from guanjia.graph.nodes import root_value
from guanjia.graph.payloads import mutation, payload
from guanjia.tenancy.schema import Level


@strawberry.enum(description="权限的范围:辖区内的、交办给本单位的、本人的")
class Reach(Enum):
    REGION = "region"
    ORGANISATION = "organisation"
    SELF = "self"


@strawberry.type(description="一项权限及其范围")
class RoleRight:
    permission: str
    reach: Reach


@strawberry.type(description="不得与该角色由同一人持有的角色,及理由")
class IncompatibleRole:
    code: str
    reason: str


@strawberry.type(description="角色目录中的一项:内置的,或本租户自建的")
class Role:
    code: str
    title: str
    levels: list[Level]
    permissions: list[str]
    rights: list[RoleRight] = strawberry.field(description="权限及其范围")
    incompatible: list[IncompatibleRole] = strawberry.field(description="须分离的角色")
    built_in: bool = strawberry.field(description="内置角色不能修改")
    based_on: str | None = strawberry.field(description="自建角色所依据的角色")
    version: int | None = strawberry.field(description="自建角色的版本;内置角色为空")


def catalogue(policy: Policy) -> list[Role]:
    """Every role that can be held, the built-in ones first."""
    return [described(policy, role) for role in policy.roles.values() if role.levels]


def described(policy: Policy, role: rulebook.Role) -> Role:
    return Role(
        code=role.code,
        title=role.title,
        levels=[level for level in Level if level.value in role.levels],
        permissions=sorted(policy.permissions_of(role.code)),
        rights=[
            RoleRight(permission=right.permission, reach=Reach(right.reach))
            for right in sorted(policy.rights_of(role.code))
        ],
        incompatible=[
            IncompatibleRole(code=code, reason=reason)
            for code, reason in policy.separated_from(role.code)
        ],
        built_in=role.own is None,
        based_on=role.own.based_on if role.own else None,
        version=role.own.version if role.own else None,
    )


def held(actor: Any) -> list[Role]:
    """The roles that the actor holds now."""
    policy = actor.policy
    return [described(policy, policy.roles[code]) for code in actor.roles if code in policy.roles]


@strawberry.input(description="一项权限及其范围")
class RoleRightInput:
    permission: str
    reach: Reach


@strawberry.input(description="自建角色:只能由该层级内置角色已有的权限组成")
class CreateRoleInput:
    code: str = strawberry.field(description="以 X_ 开头;停用后也不再使用")
    title: str
    level: Level = strawberry.field(description="可在哪一层级的区域持有;不再改变")
    based_on: str | None = strawberry.field(
        default=None, description="依据的角色;不给出 permissions 时取其全部权限"
    )
    permissions: list[RoleRightInput] | None = None
    incompatible_roles: list[str] = strawberry.field(
        default_factory=list, description="其持有者不得同时持有的角色"
    )
    idempotency_key: str | None = strawberry.field(
        default=None, description="同一键重复提交只生效一次"
    )


@strawberry.input(description="修改自建角色;不给出的不变")
class ChangeRoleInput:
    code: str
    version: int
    title: str | None = None
    permissions: list[RoleRightInput] | None = strawberry.field(
        default=None, description="给出时即为全部权限"
    )
    incompatible_roles: list[str] | None = None


@strawberry.input(description="停用自建角色")
class RetireRoleInput:
    code: str
    version: int
    end_grants: bool = strawberry.field(default=False, description="一并撤销仍有效的授权")


@payload
class RolePayload:
    """角色"""

    role: Role | None


@payload
class RetireRolePayload:
    """已停用的角色代码"""

    code: str | None


def _rights(given: list[RoleRightInput] | None) -> list[rulebook.Right] | None:
    if given is None:
        return None
    return [rulebook.Right(right.permission, right.reach.value) for right in given]


async def _role(info: Info, role_id: UUID) -> RolePayload:
    """The role as this transaction left it, which the actor's own policy does not know yet."""
    context = info.context
    connection = context.transaction.connection
    code = await connection.fetchval("select code from tenant_roles where id = $1", role_id)
    policy = await read_policy(connection, context.actor.policy.base, context.tenant_id)
    role = policy.roles.get(code)
    return RolePayload(role=described(policy, role) if role else None)


async def _create_role(
    self: None, info: Info, input: CreateRoleInput, scope: "Scope"
) -> RolePayload:
    context = info.context

    async def create() -> UUID:
        return await roles.create_role(
            context.transaction,
            context.actor,
            scope,
            code=input.code,
            title=input.title,
            level=input.level.value,
            based_on=input.based_on,
            rights=_rights(input.permissions),
            incompatible=input.incompatible_roles,
        )

    made = await keyed(
        context.transaction, context.actor.membership_id, "createRole", input, create
    )
    return await _role(info, made)


async def _change_role(
    self: None, info: Info, input: ChangeRoleInput, scope: "Scope"
) -> RolePayload:
    context = info.context
    changed = await roles.change_role(
        context.transaction,
        context.actor,
        scope,
        code=input.code,
        version=input.version,
        title=input.title,
        rights=_rights(input.permissions),
        incompatible=input.incompatible_roles,
        now=context.now,
    )
    return await _role(info, changed)


async def _retire_role(
    self: None, info: Info, input: RetireRoleInput, scope: "Scope"
) -> RetireRolePayload:
    context = info.context
    await roles.retire_role(
        context.transaction,
        context.actor,
        scope,
        code=input.code,
        version=input.version,
        end_grants=input.end_grants,
        now=context.now,
    )
    return RetireRolePayload(code=input.code)


@strawberry.type
class Query:
    roles: list[Role] = root_value(
        list[Role],
        lambda actor: catalogue(actor.policy),
        permission="role:read",
        description="角色目录:内置的与本租户自建的",
    )


@strawberry.type
class Mutation:
    create_role: RolePayload = mutation("role:manage", "自建角色")(_create_role)
    change_role: RolePayload = mutation("role:manage", "修改自建角色;对所有持有者立即生效")(
        _change_role
    )
    retire_role: RetireRolePayload = mutation("role:manage", "停用自建角色")(_retire_role)
