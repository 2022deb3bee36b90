"""The actor: a person in a tenant, with what they may do there and where.

An actor is a value as of one snapshot. It carries the tenant's access epoch: every write to grants,
organisation members or memberships bumps it, and a statement that meets another epoch yields
nothing, so an actor that is too old cannot read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from guanjia.access.policy import Policy
from guanjia.access.rulebook import REACHES
from guanjia.access.tenantpolicy import policy_of
from guanjia.access.tokens import Claims
from guanjia.db.scope import Reach, Scope
from guanjia.graph.errors import unauthenticated

FAR_FUTURE = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)
LEVEL_OF_DEPTH = {5: "DISTRICT", 10: "STREET", 15: "COMMUNITY", 20: "GRID"}


@dataclass(frozen=True, slots=True)
class Held:
    """A grant in force."""

    id: UUID
    role: str
    region_id: UUID
    path: str
    valid_from: dt.datetime
    valid_to: dt.datetime | None

    @property
    def level(self) -> str:
        return LEVEL_OF_DEPTH[len(self.path)]


@dataclass(frozen=True)
class Actor:
    tenant_id: UUID
    membership_id: UUID
    user_id: UUID | None
    session_id: UUID | None
    display_name: str
    kind: str
    grants: tuple[Held, ...]
    organisation_ids: tuple[UUID, ...]
    epoch: int
    expires_at: dt.datetime
    policy: Policy = field(repr=False, compare=False)
    must_change_password: bool = False
    """While it holds, no grant gives anything: every scope is empty, on every path."""

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(sorted({grant.role for grant in self.grants}))

    def permissions(self) -> frozenset[str]:
        """Every permission held anywhere with any reach."""
        if self.must_change_password:
            return frozenset()
        mask = 0
        for role in self.roles:
            for reach in REACHES:
                mask |= self.policy.mask(role, reach)
        return self.policy.permissions_in(mask)

    def scope(self, permission: str) -> Scope:
        """Where the actor holds the permission: the check and the row filter in one value."""
        bit = self.policy.bit(permission)
        return Scope(permission, tuple(self._reaches(bit)), self.membership_id)

    def _reaches(self, bit: int) -> Iterable[Reach]:
        if self.must_change_password:
            return
        for grant in self.grants:
            for kind in REACHES:
                if not self.policy.mask(grant.role, kind) & bit:
                    continue
                if kind == "organisation" and not self.organisation_ids:
                    continue
                yield Reach(
                    kind=kind,
                    path=grant.path if kind == "region" else "",
                    level=grant.level,
                    ids=self.organisation_ids if kind == "organisation" else (),
                    grant_id=grant.id,
                    role=grant.role,
                )


_MEMBER = """
select m.id, m.user_id, m.home_tenant_id, m.display_name, m.kind, m.active,
  e.epoch, e.role_version, s.expires_at as session_ends, s.password_due_at as password_due
from memberships m join access_epochs e on e.tenant_id = m.tenant_id
  left join sessions s on s.tenant_id = m.tenant_id and s.id = $3
  and s.membership_id = m.id and s.revoked_at is null and s.expires_at > $4
where m.tenant_id = $1 and m.id = $2
"""
_GRANTS = """
select g.id, g.role, g.region_id, g.region_path, g.valid_from, g.valid_to from grants g
where g.tenant_id = $1 and g.membership_id = $2 and g.revoked_at is null
  and (g.valid_to is null or g.valid_to > $3) order by g.valid_from, g.id
"""
_ORGANISATIONS = """
select o.organisation_id, o.valid_from, o.valid_to from organisation_members o
where o.tenant_id = $1 and o.membership_id = $2 and (o.valid_to is null or o.valid_to > $3)
"""


async def load_actor(connection: Any, claims: Claims, policy: Policy, now: dt.datetime) -> Actor:
    """The actor behind verified claims, on a connection whose tenant is set. `policy` is the
    built-in one; the actor's has the tenant's own roles too.

    UNAUTHENTICATED when the membership is closed or the session was ended.
    """
    tenant = claims.tenant_id
    member = await connection.fetchrow(
        _MEMBER, tenant, claims.membership_id, claims.session_id, now
    )
    if member is None or not member["active"]:
        raise unauthenticated("登录已失效,请重新登录。")
    ends = FAR_FUTURE if claims.session_id is None else member["session_ends"]
    if ends is None:
        raise unauthenticated("登录已失效,请重新登录。")
    policy = await policy_of(connection, policy, tenant, member["role_version"])
    grants = await connection.fetch(_GRANTS, tenant, member["id"], now)
    organisations = await connection.fetch(_ORGANISATIONS, tenant, member["id"], now)
    held = [row for row in grants if row["valid_from"] <= now]
    due = member["password_due"] or FAR_FUTURE
    return Actor(
        tenant_id=tenant,
        membership_id=member["id"],
        user_id=member["user_id"],
        session_id=claims.session_id,
        display_name=member["display_name"],
        kind=member["kind"],
        grants=without_conflicts([_held(row) for row in held], policy),
        organisation_ids=tuple(
            sorted(row["organisation_id"] for row in organisations if row["valid_from"] <= now)
        ),
        epoch=member["epoch"],
        expires_at=min(
            ends, _next_change([*grants, *organisations], now), due if due > now else FAR_FUTURE
        ),
        policy=policy,
        must_change_password=due <= now,
    )


def without_conflicts(grants: Sequence[Held], policy: Policy) -> tuple[Held, ...]:
    """Separation of duties at use: of two incompatible roles the one granted later is void."""
    kept: list[Held] = []
    for grant in grants:
        if not policy.conflicts([*(held.role for held in kept), grant.role]):
            kept.append(grant)
    return tuple(kept)


def _held(row: Any) -> Held:
    return Held(
        row["id"], row["role"], row["region_id"], row["region_path"], row["valid_from"],
        row["valid_to"],
    )  # fmt: skip


def _next_change(rows: Iterable[Any], now: dt.datetime) -> dt.datetime:
    """The first moment at which a validity begins or ends."""
    moments = [moment for row in rows for moment in (row["valid_from"], row["valid_to"]) if moment]
    return min((moment for moment in moments if moment > now), default=FAR_FUTURE)


async def lock_access(connection: Any) -> int:
    """Until the transaction ends nobody else changes who may do what in this tenant. Taken before
    any other row, so that two of them never wait for each other. Returns the roles' version."""
    version: int = await connection.fetchval("select role_version from access_epochs for update")
    return version


async def bump_epoch(connection: Any) -> None:
    """Every cached actor of this tenant is out of date once the transaction commits."""
    await connection.execute("update access_epochs set epoch = epoch + 1")


async def bump_roles(connection: Any) -> None:
    """As `bump_epoch`, and the tenant's own roles are read again."""
    await connection.execute(
        "update access_epochs set epoch = epoch + 1, role_version = role_version + 1"
    )
