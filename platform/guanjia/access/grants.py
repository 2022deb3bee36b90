"""Granting and revoking roles: nobody gives more than they hold, and nowhere else.

A grant is one row: who, which role, at which region, from when until when, given by whom. Rights
are computed from it, never copied.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.access.actor import (
    FAR_FUTURE,
    LEVEL_OF_DEPTH,
    Actor,
    Held,
    bump_epoch,
    lock_access,
    without_conflicts,
)
from guanjia.access.administrators import refuse_without_administrator
from guanjia.access.models import MEMBER_REACH
from guanjia.access.policy import Policy
from guanjia.access.rulebook import REACHES, Right
from guanjia.audit.service import record
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Reach, Scope, is_within
from guanjia.graph.errors import CONFLICT, FORBIDDEN, Refusal, not_found
from guanjia.reading.rows import Query
from guanjia.tenancy.dependents import DEPENDENTS, Dependent

GRANT = "role:grant"
MAX_REASON = 200
SAME_MOMENT = dt.timedelta(minutes=1)
"""Of two requests that wait for each other the one that began later may be decided first: what it
gave begins after what the other asks for."""


async def grant_role(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    membership_id: UUID,
    role: str,
    region_id: UUID,
    valid_from: dt.datetime | None,
    valid_to: dt.datetime | None,
    reason: str | None,
    now: dt.datetime,
) -> UUID:
    """The member holds the role there; every cached right of the tenant is out of date.

    Refused beyond the granter's region, permissions or own validity, to oneself, at a level the
    role does not have, and against the separation of duties. Returns the grant's id.
    """
    policy = actor.policy
    if await lock_access(transaction.connection) != policy.own_version:
        raise Refusal(CONFLICT, "角色目录刚被修改,请重试。", ("role",))
    if role not in policy.roles:
        raise Refusal("BAD_USER_INPUT", f"没有角色 {role[:32]}。", ("role",))
    if membership_id == actor.membership_id:
        raise Refusal("SELF_GRANT", "不能给自己授权。", ("membershipId",))
    region = await transaction.connection.fetchrow(
        "select id, path, level from regions where id = $1 and valid_to is null for share",
        region_id,
    )
    if region is None or not scope.covering(region["path"]):
        raise not_found("区域", "regionId")
    if region["level"] not in policy.roles[role].levels:
        raise Refusal("WRONG_LEVEL", f"{policy.roles[role].title}不能在该层级持有。", ("regionId",))
    start, reason = valid_from or now, _checked_reason(reason)
    giving = [r for r in scope.covering(region["path"]) if _may_give(actor, r, role)]
    if not giving:
        raise Refusal("EXCEEDS_OWN_RIGHTS", "不能授予超出自身权限的角色。", ("role",))
    _check_validity(actor, giving, role, start, valid_to)
    await _lock_member(transaction, membership_id)
    await _refuse_held(transaction, membership_id, role, region_id, start, valid_to)
    await _check_separation(transaction, policy, membership_id, role, now)
    grant_id = new_id()
    await transaction.connection.execute(
        "insert into grants (id, membership_id, role, region_id, region_path, valid_from,"
        " valid_to, granted_by, reason) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        grant_id,
        membership_id,
        role,
        region_id,
        region["path"],
        start,
        valid_to,
        actor.membership_id,
        reason,
    )
    await bump_epoch(transaction.connection)
    await record(
        transaction, actor=actor, action="role.grant", permission=GRANT, object_type="Grant",
        object_id=grant_id, region_path=region["path"],
        detail={"role": role, "membership": membership_id},
    )  # fmt: skip
    return grant_id


async def revoke_role(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    grant_id: UUID,
    reason: str | None,
    now: dt.datetime,
) -> UUID:
    """The grant is over; the very next operation of its holder is decided without it.

    Also one's own may be given back, but not the last by which roles can be given.
    """
    reason = _checked_reason(reason)
    await lock_access(transaction.connection)
    grant = await transaction.connection.fetchrow(
        "select id, role, region_path, revoked_at from grants where id = $1 for update", grant_id
    )
    if grant is None or not scope.covering(grant["region_path"]):
        raise not_found("授权", "grantId")
    if not any(_may_give(actor, r, grant["role"]) for r in scope.covering(grant["region_path"])):
        raise Refusal(FORBIDDEN, "不能撤销超出自身权限的角色。", ("grantId",))
    if grant["revoked_at"] is None:
        await refuse_without_administrator(transaction, actor.policy, [grant_id], now)
        await transaction.connection.execute(
            "update grants set revoked_at = $2, revoked_by = $3, reason = coalesce($4, reason)"
            " where id = $1",
            grant_id,
            now,
            actor.membership_id,
            reason,
        )
        await bump_epoch(transaction.connection)
        await record(
            transaction, actor=actor, action="role.revoke", permission=GRANT, object_type="Grant",
            object_id=grant_id, region_path=grant["region_path"], detail={"role": grant["role"]},
        )  # fmt: skip
    return grant_id


def _may_give(actor: Actor, reach: Reach, role: str, among: Collection[UUID] | None = None) -> bool:
    """Whether the role through which the actor reaches the region may give `role` there.

    A security administrator's role lists what it may give; any other may give what it holds
    itself, right by right, in the same region; of the grants `among` only, when given. A tenant's
    own role is made of rights: who may give all of them may give it.
    """
    listed = actor.policy.roles[reach.role].may_grant
    if listed and role in actor.policy.base.roles:
        return role in listed
    return actor.policy.rights_of(role) <= rights_to_give(actor, reach, among)


def rights_to_give(
    actor: Actor, reach: Reach, among: Collection[UUID] | None = None
) -> frozenset[Right]:
    """The rights that the actor may give through this reach: those of the listed roles, or those
    held in the reach's region."""
    policy = actor.policy
    giving: Iterable[str] = policy.roles[reach.role].may_grant
    if not giving:
        giving = {
            grant.role
            for grant in actor.grants
            if (among is None or grant.id in among) and is_within(reach.path, grant.path)
        }
    return frozenset[Right]().union(*(policy.rights_of(role) for role in giving))


def _check_validity(
    actor: Actor,
    giving: Sequence[Reach],
    role: str,
    start: dt.datetime,
    end: dt.datetime | None,
) -> None:
    """Both the right to grant and the rights that are given last as long as the new grant."""
    if end is not None and end <= start:
        raise Refusal("BAD_USER_INPUT", "失效时间须晚于生效时间。", ("validTo",))
    until = end or FAR_FUTURE
    lasting = {held.id for held in actor.grants if (held.valid_to or FAR_FUTURE) >= until}
    for reach in giving:
        if reach.grant_id in lasting and _may_give(actor, reach, role, lasting):
            return
    raise Refusal("EXCEEDS_OWN_RIGHTS", "授权的有效期不能超过自身授权的有效期。", ("validTo",))


def _checked_reason(given: str | None) -> str | None:
    reason = given.strip() if given else ""
    if len(reason) > MAX_REASON or not reason.isprintable():
        raise Refusal("BAD_USER_INPUT", f"理由须为不超过 {MAX_REASON} 个字。", ("reason",))
    return reason or None


async def _lock_member(transaction: Transaction, membership_id: UUID) -> None:
    """Two grants to one person wait for each other, so that neither misses the other's role."""
    found = await transaction.connection.fetchval(
        "select id from memberships where id = $1 and active for update", membership_id
    )
    if found is None:
        raise not_found("成员", "membershipId")


async def _refuse_held(
    transaction: Transaction,
    membership_id: UUID,
    role: str,
    region_id: UUID,
    start: dt.datetime,
    end: dt.datetime | None,
) -> None:
    """One right is one row: else the revocation of one would leave the other unseen. A right that
    begins within SAME_MOMENT of the asked start is that right."""
    if await transaction.connection.fetchval(
        "select exists (select 1 from grants where membership_id = $1 and role = $2"
        " and region_id = $3 and revoked_at is null and valid_from <= $4"
        " and (valid_to is null or valid_to >= $5))",
        membership_id,
        role,
        region_id,
        start + SAME_MOMENT,
        end or FAR_FUTURE,
    ):
        raise Refusal("ALREADY_HELD", "该成员在此区域已持有该角色。", ("role",))


async def _check_separation(
    transaction: Transaction, policy: Policy, membership_id: UUID, role: str, now: dt.datetime
) -> None:
    rows = await transaction.connection.fetch(
        "select role from grants where membership_id = $1 and revoked_at is null"
        " and (valid_to is null or valid_to > $2)",
        membership_id,
        now,
    )
    for conflict in policy.conflicts([role, *(row["role"] for row in rows)]):
        if role in (conflict.first, conflict.second):
            raise Refusal("SEPARATION_OF_DUTIES", conflict.reason + "。", ("role",))


@dataclass(frozen=True, slots=True)
class Why:
    """Why a member may or may not do something at a region: the deciding grant and rule."""

    allowed: bool
    explanation: str
    role: str | None = None
    grant_id: UUID | None = None
    rule: str | None = None


async def why_allowed(
    connection: Any,
    policy: Policy,
    *,
    membership_id: UUID,
    permission: str,
    region_path: str,
    now: dt.datetime,
    seen: Scope | None = None,
) -> Why:
    """The decision, replayed in words, for a region reach or, failing that, a nearer one.

    Of grants outside the scope `seen`, if given, nothing is said but what they allow here.
    """
    if not policy.bit(permission):
        return Why(False, "没有这一权限")
    rows = await connection.fetch(
        "select id, role, region_id, region_path, valid_from, valid_to from grants"
        " where membership_id = $1 and revoked_at is null and valid_from <= $2"
        " and (valid_to is null or valid_to > $2) order by valid_from, id",
        membership_id,
        now,
    )
    grants = without_conflicts(
        [
            Held(
                r["id"], r["role"], r["region_id"], r["region_path"], r["valid_from"], r["valid_to"]
            )
            for r in rows
        ],
        policy,
    )
    if not await connection.fetchval("select active from memberships where id = $1", membership_id):
        return Why(False, "没有该成员,或已停用")
    employed = await connection.fetchval(
        "select exists (select 1 from organisation_members where membership_id = $1"
        " and valid_from <= $2 and (valid_to is null or valid_to > $2))",
        membership_id,
        now,
    )
    elsewhere = False
    for reach in REACHES:
        if reach == "organisation" and not employed:
            continue
        for grant in grants:
            rule = policy.explain(grant.role, permission, reach)
            if rule is None:
                continue
            if reach != "region" or is_within(region_path, grant.path):
                said = {
                    "region": "辖区内",
                    "organisation": "仅限交办给本单位的",
                    "self": "仅限本人的",
                }
                title = policy.roles[grant.role].title
                level = LEVEL_OF_DEPTH[len(grant.path)]
                text = f"{title}({level})允许 {permission}:{said[reach]}"
                return Why(True, text, grant.role, grant.id, rule)
            elsewhere = elsewhere or seen is None or bool(seen.covering(grant.path))
    if elsewhere:
        return Why(False, "持有该权限,但区域不在授权范围内")
    if not grants:
        return Why(False, "没有有效的授权")
    return Why(False, f"所持角色在此均不含权限 {permission}")


async def within_reach(connection: Any, tenant: UUID, scope: Scope, membership_id: UUID) -> bool:
    """Whether the scope reaches the member."""
    query = Query([tenant, membership_id])
    reach = scope.predicate(MEMBER_REACH, "m", "$1", query.bind)
    found: bool = await connection.fetchval(
        "select exists (select 1 from memberships m where m.tenant_id = $1 and m.id = $2"
        f" and {reach})",
        *query.values,
    )
    return found


async def _follow(transaction: Transaction, pairs: Sequence[tuple[UUID, UUID]]) -> None:
    """What people hold at a region that moved they hold at its successor too."""
    await transaction.connection.execute(
        "insert into grants (id, membership_id, role, region_id, region_path, valid_from,"
        " valid_to, granted_by, reason)"
        " select gen_random_uuid(), g.membership_id, g.role, r.id, r.path, now(), g.valid_to,"
        " g.granted_by, '区域划转' from unnest($1::uuid[], $2::uuid[]) u(old, new)"
        " join grants g on g.region_id = u.old and g.revoked_at is null"
        " and (g.valid_to is null or g.valid_to > now()) join regions r on r.id = u.new"
        " where not exists (select 1 from grants h where h.membership_id = g.membership_id"
        "   and h.role = g.role and h.region_id = r.id and h.revoked_at is null"
        "   and (h.valid_to is null or h.valid_to >= g.valid_to))",
        [old for old, _ in pairs],
        [new for _, new in pairs],
    )
    await bump_epoch(transaction.connection)


async def _at_region(transaction: Transaction, path: str) -> int:
    count: int = await transaction.connection.fetchval(
        "select count(*) from grants g join memberships m on m.id = g.membership_id and m.active"
        " where g.region_path = $1 and g.revoked_at is null"
        " and (g.valid_to is null or g.valid_to > now())",
        path,
    )
    return count


DEPENDENTS.append(Dependent("有效授权", "条", at_region=_at_region, follow=_follow))
