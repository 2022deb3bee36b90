"""Accounts, memberships, and who belongs to which organisation."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.access import passwords
from guanjia.access.actor import Actor, bump_epoch, lock_access
from guanjia.access.administrators import refuse_without_administrator
from guanjia.access.models import MemberKind
from guanjia.access.sessions import end_sessions
from guanjia.audit.service import record
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import CONFLICT, Refusal, not_found
from guanjia.tenancy.models import ORGANISATION_REACH
from guanjia.tenancy.tenantfile import TenantFile

LOGIN = re.compile(r"[a-z][a-z0-9._-]{2,31}")
MAX_NAME = 30


@dataclass(frozen=True, slots=True)
class NewUser:
    """A made account and the password for its first login, which is shown once."""

    membership_id: UUID
    one_time_password: str


async def create_user(
    transaction: Transaction,
    actor: Actor | None,
    *,
    login_name: str,
    display_name: str,
    kind: MemberKind = MemberKind.STAFF,
) -> NewUser:
    """An account in this tenant with its membership. The first login has to change the password."""
    login, name = login_name.strip().lower(), display_name.strip()
    if kind is MemberKind.LINK:
        raise Refusal("BAD_USER_INPUT", "任务链接由交办任务时签发,不能建立账号。", ("kind",))
    if not LOGIN.fullmatch(login):
        raise Refusal(
            "BAD_USER_INPUT",
            "登录名须为 3–32 位小写字母、数字、点、横线,以字母开头。",
            ("loginName",),
        )
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise Refusal("BAD_USER_INPUT", f"姓名须为 1 到 {MAX_NAME} 个字。", ("displayName",))
    if await transaction.connection.fetchval(
        "select exists (select 1 from users where login_name = $1)", login
    ):
        raise Refusal(CONFLICT, "登录名已被使用。", ("loginName",))
    password, user, member = passwords.one_time(), new_id(), new_id()
    await transaction.connection.execute(
        "insert into users (id, login_name, display_name, password_hash, must_change_password)"
        " values ($1, $2, $3, $4, true)",
        user,
        login,
        name,
        await passwords.hashed(password),
    )
    await transaction.connection.execute(
        "insert into memberships (id, home_tenant_id, user_id, display_name, kind)"
        " values ($1, $2, $3, $4, $5)",
        member,
        transaction.tenant_id,
        user,
        name,
        kind,
    )
    await record(
        transaction, actor=actor, action="user.create", permission="user:manage",
        object_type="Member", object_id=member,
    )  # fmt: skip
    return NewUser(member, password)


async def deactivate_member(
    transaction: Transaction, actor: Actor, *, membership_id: UUID, now: dt.datetime
) -> UUID:
    """The member's sessions end and no grant of theirs counts any more. Refused for the last who
    can give roles."""
    # Sessions before the access epoch, as whoever refreshes one takes them.
    await end_sessions(transaction, membership_id, "DEACTIVATED", now)
    await lock_access(transaction.connection)
    held = await transaction.connection.fetch(
        "select id from grants where membership_id = $1 and revoked_at is null", membership_id
    )
    await refuse_without_administrator(
        transaction, actor.policy, [grant["id"] for grant in held], now
    )
    changed = await transaction.connection.fetchval(
        "update memberships set active = false where id = $1 and active returning id", membership_id
    )
    if changed is None:
        raise not_found("成员", "membershipId")
    await record(
        transaction, actor=actor, action="user.deactivate", permission="user:manage",
        object_type="Member", object_id=membership_id,
    )  # fmt: skip
    return membership_id


async def add_organisation_member(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    organisation_id: UUID,
    membership_id: UUID,
    now: dt.datetime,
) -> UUID:
    """The member works for the organisation from now on; doing it twice changes nothing."""
    await lock_access(transaction.connection)
    organisation = await _organisation(transaction, scope, organisation_id)
    member = await transaction.connection.fetchval(
        "select id from memberships where id = $1 and active for update", membership_id
    )
    if member is None:
        raise not_found("成员", "membershipId")
    if await transaction.connection.fetchval(
        "select exists (select 1 from organisation_members where organisation_id = $1"
        " and membership_id = $2 and (valid_to is null or valid_to > $3))",
        organisation_id,
        membership_id,
        now,
    ):
        return organisation_id
    await transaction.connection.execute(
        "insert into organisation_members (id, organisation_id, membership_id, valid_from)"
        " values ($1, $2, $3, $4)",
        new_id(),
        organisation_id,
        membership_id,
        now,
    )
    await bump_epoch(transaction.connection)
    await record(
        transaction, actor=actor, action="organisation.add_member", object_type="Organisation",
        permission="organisation:manage", object_id=organisation_id,
        region_path=organisation["region_path"], detail={"membership": membership_id},
    )  # fmt: skip
    return organisation_id


async def remove_organisation_member(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    organisation_id: UUID,
    membership_id: UUID,
    now: dt.datetime,
) -> UUID:
    """The member no longer works for the organisation; what was given to it is out of their
    reach. Doing it twice changes nothing."""
    await lock_access(transaction.connection)
    organisation = await _organisation(transaction, scope, organisation_id)
    ended = await transaction.connection.fetch(
        "update organisation_members set valid_to = $3 where organisation_id = $1"
        " and membership_id = $2 and (valid_to is null or valid_to > $3) returning id",
        organisation_id,
        membership_id,
        now,
    )
    if ended:
        await bump_epoch(transaction.connection)
        await record(
            transaction, actor=actor, action="organisation.remove_member",
            object_type="Organisation", permission="organisation:manage",
            object_id=organisation_id, region_path=organisation["region_path"],
            detail={"membership": membership_id},
        )  # fmt: skip
    return organisation_id


async def _organisation(transaction: Transaction, scope: Scope, organisation_id: UUID) -> Any:
    """The active organisation, if it lies in the scope."""
    values: list[Any] = [transaction.tenant_id, organisation_id]

    def bind(value: Any, kind: str) -> str:
        values.append(value)
        return f"${len(values)}::{kind}"

    reach = scope.predicate(ORGANISATION_REACH, "o", "$1", bind)
    organisation = await transaction.connection.fetchrow(
        "select o.id, o.region_path from organisations o"
        f" where o.tenant_id = $1 and o.id = $2 and o.active and {reach}",
        *values,
    )
    if organisation is None:
        raise not_found("机构", "organisationId")
    return organisation


async def seed(transaction: Transaction, described: TenantFile) -> list[str]:
    """Onboarding: the access epoch, and the first administrators with one-time passwords."""
    await transaction.connection.execute(
        "insert into access_epochs (epoch) values (1) on conflict (tenant_id) do nothing"
    )
    said = []
    district = await transaction.connection.fetchrow(
        "select id, path from regions where level = 'DISTRICT' and valid_to is null"
    )
    for person in described.administrators:
        if await transaction.connection.fetchval(
            "select exists (select 1 from users where login_name = $1)", person.login
        ):
            continue
        made = await create_user(
            transaction, None, login_name=person.login, display_name=person.name
        )
        await transaction.connection.execute(
            "insert into grants (id, membership_id, role, region_id, region_path, valid_from,"
            " reason) values ($1, $2, $3, $4, $5, now(), '租户开通')",
            new_id(),
            made.membership_id,
            person.role,
            district["id"],
            district["path"],
        )
        said.append(f"账号 {person.login}({person.name}) 的一次性密码:{made.one_time_password}")
    return said
