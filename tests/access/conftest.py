"""People of a test tenant, made by the real use-cases."""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from argon2 import PasswordHasher

from guanjia import settings
from guanjia.access import passwords
from guanjia.access.actor import Actor, load_actor
from guanjia.access.desk import Desk
from guanjia.access.models import MemberKind
from guanjia.access.policy import Policy
from guanjia.access.tokens import Claims, Tokens
from guanjia.access.users import NewUser, create_user
from guanjia.db.ids import new_id
from guanjia.db.pools import Database
from guanjia.tenancy.models import tenant_id

NOW = dt.datetime(2026, 11, 24, 2, 0, tzinfo=dt.UTC)
Person = Callable[..., Awaitable[NewUser]]
ActorOf = Callable[..., Awaitable[Actor]]


@pytest.fixture(scope="session")
def tokens() -> Tokens:
    return Tokens(settings._new_private_key(), 300)


@pytest.fixture
def desk(database: Database, tokens: Tokens, policy: Policy) -> Desk:
    return Desk(database, settings.load(), tokens, policy)


@pytest.fixture(autouse=True, scope="session")
def cheap_hashing() -> Iterator[None]:
    """A quick argon2id: these tests are about what happens around it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=1024))
        yield


@dataclass(frozen=True)
class Elsewhere:
    """Another tenant, with nobody in it."""

    id: UUID
    slug: str


@pytest.fixture
async def other_tenant(database: Database) -> Elsewhere:
    slug = f"t{secrets.token_hex(6)}"
    made = Elsewhere(tenant_id(slug), slug)
    async with database.tenant_transaction(made.id) as transaction:
        await transaction.connection.execute(
            "insert into tenants (slug, code, name, next_region) values ($1, '990102', $1, 1)", slug
        )
        await transaction.connection.execute("insert into access_epochs default values")
    return made


@pytest.fixture
def person(database: Database, tenant: Any) -> Person:
    """Makes a user with grants, each `(role, region name)`."""

    async def make(
        login: str,
        *grants: tuple[str, str],
        until: dt.datetime | None = None,
        kind: MemberKind = MemberKind.STAFF,
    ) -> NewUser:
        async with database.tenant_transaction(tenant.id) as transaction:
            made = await create_user(
                transaction, None, login_name=login, display_name="测试" + login, kind=kind
            )
            for role, name in grants:
                region = tenant.regions[name]
                await transaction.connection.execute(
                    "insert into grants (id, membership_id, role, region_id, region_path,"
                    " valid_from, valid_to) values ($1, $2, $3, $4, $5, $6, $7)",
                    new_id(), made.membership_id, role, region.id, region.path,
                    NOW - dt.timedelta(days=1), until,
                )  # fmt: skip
        return made

    return make


@pytest.fixture
def actor_of(database: Database, tenant: Any, policy: Policy) -> ActorOf:
    async def load_it(
        membership: UUID, session: UUID | None = None, now: dt.datetime = NOW
    ) -> Actor:
        claims = Claims(tenant.id, membership, session, 0.0)
        async with database.snapshot(tenant.id) as connection:
            return await load_actor(connection, claims, policy, now)

    return load_it


@pytest.fixture
def trust(database: Database, tenant: Any) -> Callable[..., Awaitable[None]]:
    """The tenant trusts an issuer, which speaks for one member, `someone`."""

    async def write(**described: Any) -> None:
        async with database.tenant_transaction(tenant.id) as transaction:
            await transaction.connection.execute(
                "update tenants set settings = settings || $1::jsonb",
                json.dumps({"oidc": [{"audience": "guanjia", **described}]}),
            )
            await transaction.connection.execute(
                "insert into memberships (id, home_tenant_id, display_name, kind, external_issuer,"
                " external_subject) values ($1, $2, '外部', 'STAFF', $3, 'someone')",
                new_id(),
                tenant.id,
                described["issuer"],
            )

    return write
