"""The policy of a tenant: the built-in one, and for a tenant with roles of its own, theirs too.

The version of the own roles is read with the actor. What was built for a version is kept, so that
one version is read and decided once a process; a tenant without own roles has version 0 and the
built-in policy itself.
"""

from __future__ import annotations

from functools import cache
from typing import Any
from uuid import UUID

from guanjia import settings
from guanjia.access.policy import Policy, load
from guanjia.access.rulebook import OwnRole, Right
from guanjia.db.pools import Transaction
from guanjia.reading.documents import Lru

MAX_POLICIES = 1_000
_ROLES = """
select e.role_version, r.code, r.title, r.level, r.based_on, r.incompatible, r.version,
  array(select p.permission || ' ' || p.reach from tenant_role_rights p
    where p.tenant_id = r.tenant_id and p.role_id = r.id order by 1) as rights
from access_epochs e left join tenant_roles r
  on r.tenant_id = e.tenant_id and r.retired_at is null
where e.tenant_id = $1 order by r.code
"""
_built = Lru(MAX_POLICIES)


async def policy_of(connection: Any, base: Policy, tenant: UUID, version: int) -> Policy:
    """The policy at this version of the tenant's roles, or at a later one that is committed.

    The transaction must not have changed the roles itself: what it built would be kept.
    """
    if version == 0:
        return base
    known: Policy | None = _built.get((base.version, tenant, version))
    if known is not None:
        return known
    version, own = await _own_roles(connection, tenant)
    known = _built.get((base.version, tenant, version))  # somebody may have been faster
    if known is None:
        known = base.extended(version, own)
        _built.put((base.version, tenant, version), known)
    return known


async def current_policy(transaction: Transaction) -> Policy:
    """What the tenant's roles may do now: jobs have no actor who would bring it along."""
    connection = transaction.connection
    version = await connection.fetchval(
        "select role_version from access_epochs where tenant_id = $1", transaction.tenant_id
    )
    return await policy_of(connection, _built_in(), transaction.tenant_id, version)


@cache
def _built_in() -> Policy:
    return load(settings.load().policies_dir)


async def read_policy(connection: Any, base: Policy, tenant: UUID) -> Policy:
    """The policy with the tenant's roles as this connection sees them, also its own changes."""
    return base.extended(*await _own_roles(connection, tenant))


async def _own_roles(connection: Any, tenant: UUID) -> tuple[int, list[OwnRole]]:
    """The roles and their version, from one statement."""
    rows = await connection.fetch(_ROLES, tenant)
    own = [own_role(row) for row in rows if row["code"] is not None]
    return rows[0]["role_version"], own


def own_role(row: Any) -> OwnRole:
    return OwnRole(
        code=row["code"],
        title=row["title"],
        level=row["level"],
        rights=frozenset(Right(*text.split(" ")) for text in row["rights"]),
        incompatible=frozenset(row["incompatible"]),
        based_on=row["based_on"],
        version=row["version"],
    )
