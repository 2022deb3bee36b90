"""A tenant's own roles: made of the permissions that `policies/` allows, never wider.

An own role is held at one level and has rights of that level's built-in roles. It carries their
separated duties with it. A change counts from the next operation of everybody who holds it.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Collection
from dataclasses import replace
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor, bump_roles, lock_access
from guanjia.access.grants import rights_to_give
from guanjia.access.policy import Policy
from guanjia.access.rulebook import LEVELS, OWN_PREFIX, OwnRole, Right
from guanjia.access.tenantpolicy import own_role
from guanjia.audit.service import record
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import (
    BAD_USER_INPUT,
    CONFLICT,
    LIMIT_EXCEEDED,
    Refusal,
    forbidden,
    not_found,
)

MANAGE = "role:manage"
MAX_ROLES = 30
MAX_TITLE = 20
_CODE = re.compile(OWN_PREFIX + r"[A-Z0-9_]{1,28}")
_ROLE = (
    "select r.id, r.code, r.title, r.level, r.based_on, r.incompatible, r.version,"
    " array(select p.permission || ' ' || p.reach from tenant_role_rights p"
    " where p.role_id = r.id order by 1) as rights"
    " from tenant_roles r where r.code = $1 and r.retired_at is null for update"
)
_IN_FORCE = "revoked_at is null and (valid_to is null or valid_to > $2)"


async def create_role(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    code: str,
    title: str,
    level: str,
    based_on: str | None,
    rights: Collection[Right] | None,
    incompatible: Collection[str],
) -> UUID:
    """The tenant has the role; who may give all its rights may grant it. Without `rights` it has
    those of the role it is based on. A code is never used again. Returns the role's id."""
    policy = await _current(transaction, actor, scope)
    if not _CODE.fullmatch(code):
        raise Refusal(
            BAD_USER_INPUT,
            f"角色代码须以 {OWN_PREFIX} 开头,其后为大写字母、数字或下划线,共不超过 30 位。",
            ("code",),
        )
    role = OwnRole(
        code=code,
        title=_checked_title(title),
        level=level,
        rights=_wanted(policy, level, based_on, rights),
        incompatible=frozenset(incompatible),
        based_on=based_on,
    )
    _check(policy, role)
    _check_delegation(actor, scope, role.rights)
    if sum(1 for known in policy.roles.values() if known.own) >= MAX_ROLES:
        raise Refusal(LIMIT_EXCEEDED, f"自建角色最多 {MAX_ROLES} 个,请先停用不用的。", ("code",))
    role_id = new_id()
    made = await transaction.connection.fetchval(
        "insert into tenant_roles (id, code, title, level, based_on, incompatible)"
        " values ($1, $2, $3, $4, $5, $6) on conflict (tenant_id, code) do nothing returning id",
        role_id, role.code, role.title, role.level, role.based_on, sorted(role.incompatible),
    )  # fmt: skip
    if made is None:
        raise Refusal(CONFLICT, "角色代码已被使用(停用的代码也不再使用)。", ("code",))
    await _write_rights(transaction, role_id, added=role.rights, removed=())
    await bump_roles(transaction.connection)
    await _record(transaction, actor, "create", role_id, role, added=role.rights)
    return role_id


async def change_role(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    code: str,
    version: int,
    title: str | None,
    rights: Collection[Right] | None,
    incompatible: Collection[str] | None,
    now: dt.datetime,
) -> UUID:
    """The role is so for everybody who holds it; what is not given stays. Returns its id.

    Refused when the actor would give themself more, or a holder would have separated duties.
    """
    policy = await _current(transaction, actor, scope)
    role_id, before = await _own(transaction, code, version)
    after = replace(
        before,
        title=before.title if title is None else _checked_title(title),
        rights=before.rights if rights is None else _wanted(policy, before.level, None, rights),
        incompatible=before.incompatible if incompatible is None else frozenset(incompatible),
        version=version + 1,
    )
    _check(policy, after)
    added, removed = after.rights - before.rights, before.rights - after.rights
    if added and code in actor.roles:
        raise Refusal("SELF_GRANT", "不能为自己持有的角色增加权限。", ("permissions",))
    _check_delegation(actor, scope, added)
    await _check_holders(transaction, policy, after, now)
    await transaction.connection.execute(
        "update tenant_roles set title = $2, incompatible = $3, version = $4 where id = $1",
        role_id,
        after.title,
        sorted(after.incompatible),
        after.version,
    )
    await _write_rights(transaction, role_id, added=added, removed=removed)
    await bump_roles(transaction.connection)
    await _record(transaction, actor, "change", role_id, after, added=added, removed=removed)
    return role_id


async def retire_role(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    code: str,
    version: int,
    end_grants: bool,
    now: dt.datetime,
) -> UUID:
    """Nobody holds or gets the role any more; its past stays. Returns its id.

    While somebody holds it, it is refused with their number unless `end_grants` revokes them.
    """
    await _current(transaction, actor, scope)
    role_id, role = await _own(transaction, code, version)
    held = await transaction.connection.fetch(
        f"select id, region_path from grants where role = $1 and {_IN_FORCE}", code, now
    )
    if held and not end_grants:
        raise Refusal(
            "ROLE_IN_USE", f"仍有 {len(held)} 条有效授权,请先撤销,或选择一并撤销。", ("endGrants",)
        )
    await transaction.connection.execute(
        "update grants set revoked_at = $2, revoked_by = $3, reason = '角色停用'"
        " where id = any($1)",
        [grant["id"] for grant in held],
        now,
        actor.membership_id,
    )
    await transaction.connection.execute(
        "update tenant_roles set retired_at = $2, version = version + 1 where id = $1", role_id, now
    )
    await bump_roles(transaction.connection)
    for grant in held:
        await record(
            transaction, actor=actor, action="role.revoke", permission=MANAGE, object_type="Grant",
            object_id=grant["id"], region_path=grant["region_path"], detail={"role": code},
        )  # fmt: skip
    await _record(transaction, actor, "retire", role_id, role)
    return role_id


async def _current(transaction: Transaction, actor: Actor, scope: Scope) -> Policy:
    """The tenant's policy, which nobody else changes until the transaction ends. Own roles are
    the whole tenant's: whoever changes them holds the permission at the district."""
    if not any(reach.kind == "region" and reach.level == "DISTRICT" for reach in scope.reaches):
        raise forbidden(MANAGE)
    if await lock_access(transaction.connection) != actor.policy.own_version:
        raise Refusal(CONFLICT, "角色目录刚被修改,请刷新后重试。")
    return actor.policy


async def _own(transaction: Transaction, code: str, version: int) -> tuple[UUID, OwnRole]:
    known = _CODE.fullmatch(code)
    row: Any = await transaction.connection.fetchrow(_ROLE, code) if known else None
    if row is None:
        raise not_found("自建角色", "code")
    if row["version"] != version:
        raise Refusal(CONFLICT, "该角色已被他人修改,请刷新后重试。", ("version",))
    return row["id"], own_role(row)


def _wanted(
    policy: Policy, level: str, based_on: str | None, rights: Collection[Right] | None
) -> frozenset[Right]:
    """The rights asked for, or those of the role it is based on."""
    if level not in LEVELS:
        raise Refusal(BAD_USER_INPUT, f"没有层级 {level[:20]}。", ("level",))
    base = policy.roles.get(based_on) if based_on else None
    if based_on and (base is None or level not in base.levels):
        raise Refusal(BAD_USER_INPUT, f"没有可在该层级持有的角色 {based_on[:32]}。", ("basedOn",))
    wanted = frozenset(rights) if rights is not None else frozenset[Right]()
    if rights is None and base is not None:
        wanted = policy.rights_of(base.code)
    if not wanted:
        raise Refusal(BAD_USER_INPUT, "角色至少须有一项权限。", ("permissions",))
    return wanted


def _check(policy: Policy, role: OwnRole) -> None:
    """The rights exist at the level, join no separated duties, and the other roles exist."""
    unknown = sorted(role.rights - policy.rights_at(role.level))
    if unknown:
        name, reach = unknown[0]
        raise Refusal(
            "RIGHT_NOT_AVAILABLE",
            f"权限 {name[:40]}(范围 {reach[:20]})在该层级没有任何内置角色可用。",
            ("permissions",),
        )
    if joined := policy.joined_duties(role):
        raise Refusal("SEPARATION_OF_DUTIES", joined.reason + "。", ("permissions",))
    for other in sorted(role.incompatible):
        known = policy.roles.get(other)
        if other == role.code or known is None or not known.levels:
            raise Refusal(BAD_USER_INPUT, f"没有角色 {other[:32]}。", ("incompatibleRoles",))


def _check_delegation(actor: Actor, scope: Scope, rights: frozenset[Right]) -> None:
    """Whoever makes a role could give each of its rights."""
    for reach in scope.reaches:
        if reach.level == "DISTRICT" and rights <= rights_to_give(actor, reach):
            return
    raise Refusal("EXCEEDS_OWN_RIGHTS", "角色的权限不能超出自身可授予的权限。", ("permissions",))


async def _check_holders(
    transaction: Transaction, policy: Policy, role: OwnRole, now: dt.datetime
) -> None:
    """No one who holds the role would have separated duties by its change."""
    others = [known.own for known in policy.roles.values() if known.own]
    changed = policy.extended(
        policy.own_version + 1, [role if own.code == role.code else own for own in others]
    )
    rows = await transaction.connection.fetch(
        "select array_agg(distinct role) as roles from grants"
        f" where {_IN_FORCE} and membership_id in (select membership_id from grants"
        f" where role = $1 and {_IN_FORCE}) group by membership_id",
        role.code,
        now,
    )
    faults = [
        conflict
        for row in rows
        for conflict in changed.conflicts(row["roles"])
        if role.code in (conflict.first, conflict.second)
    ]
    if faults:
        raise Refusal(
            "SEPARATION_OF_DUTIES",
            f"已有持有者会兼有须分离的职责({faults[0].reason}),请先撤销其授权。",
            ("permissions",),
        )


async def _write_rights(
    transaction: Transaction, role_id: UUID, *, added: Collection[Right], removed: Collection[Right]
) -> None:
    for statement, rights in (
        (
            "insert into tenant_role_rights (role_id, permission, reach)"
            " select $1, p, r from unnest($2::text[], $3::text[]) u(p, r)",
            added,
        ),
        (
            "delete from tenant_role_rights d using unnest($2::text[], $3::text[]) u(p, r)"
            " where d.role_id = $1 and d.permission = u.p and d.reach = u.r",
            removed,
        ),
    ):
        await transaction.connection.execute(
            statement, role_id, [r.permission for r in rights], [r.reach for r in rights]
        )


def _checked_title(given: str) -> str:
    title = unicodedata.normalize("NFKC", given).strip()
    if not 1 <= len(title) <= MAX_TITLE or not title.isprintable():
        raise Refusal(BAD_USER_INPUT, f"角色名称须为 1 到 {MAX_TITLE} 个字。", ("title",))
    return title


async def _record(
    transaction: Transaction,
    actor: Actor,
    verb: str,
    role_id: UUID,
    role: OwnRole,
    *,
    added: Collection[Right] = (),
    removed: Collection[Right] = (),
) -> None:
    await record(
        transaction, actor=actor, action=f"role.{verb}", permission=MANAGE, object_type="Role",
        object_id=role_id,
        detail={
            "role": role.code, "title": role.title, "level": role.level,
            "incompatible": sorted(role.incompatible),
            "added": [" ".join(right) for right in sorted(added)],
            "removed": [" ".join(right) for right in sorted(removed)],
        },
    )  # fmt: skip
