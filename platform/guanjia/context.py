"""From a request to an actor, in this order: identity, tenant, actor.

Identity: the bearer token, verified. Tenant: the host or the `X-Tenant` header, and it must be the
one the token was issued for. Actor: the person's roles and grants there. A `Context` carries one
operation: the connection its rows are read on, and the permissions that were denied.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from graphql import DocumentNode

from guanjia.access.actor import Actor, load_actor
from guanjia.access.links import Links
from guanjia.access.policy import Policy
from guanjia.access.tokens import Claims, Tokens
from guanjia.attachments.store import Store
from guanjia.audit.service import record
from guanjia.db.channels import Channel
from guanjia.db.pools import Database, Transaction
from guanjia.db.scope import Scope
from guanjia.graph.attempts import Attempts
from guanjia.graph.errors import (
    BAD_USER_INPUT,
    LIMIT_EXCEEDED,
    Denied,
    forbidden,
    password_change_required,
    unauthenticated,
)
from guanjia.hub import Behind, Changes, Hub
from guanjia.imports.running import Runner
from guanjia.reading.documents import Lru
from guanjia.reading.engine import Caller, Engine
from guanjia.reading.mapping import NODES
from guanjia.reading.rows import RowReader
from guanjia.settings import Settings
from guanjia.tenancy.models import tenant_id

MAX_CALLERS = 10_000
BEARER, LINK = "bearer ", "tasklink "
"""How an `Authorization` begins: with a token of a session, or with the secret of a link."""


@dataclass(frozen=True, slots=True)
class Request:
    """What of a request decides who asks: its token and the tenant it names, if any. `agent` is
    the program that asks, as it calls itself. `by_link`: the token is the secret of a link.
    `address`: where it comes from, None for no network."""

    token: str | None
    tenant: UUID | None
    agent: str = ""
    by_link: bool = False
    address: str | None = None

    @staticmethod
    def of(
        headers: Mapping[str, str], host_suffix: str | None, address: str | None = None
    ) -> Request:
        authorization = headers.get("authorization", "")
        scheme = next((s for s in (BEARER, LINK) if authorization[: len(s)].lower() == s), None)
        token = authorization[len(scheme) :].strip() if scheme else None
        slug = headers.get("x-tenant") or _tenant_of_host(headers.get("host", ""), host_suffix)
        tenant = tenant_id(slug) if slug else None
        return Request(token, tenant, headers.get("user-agent", ""), scheme == LINK, address)

    def said(self, given: Mapping[str, Any], host_suffix: str | None) -> Request:
        """The same request with what `connection_init` said: a browser cannot set headers on a
        WebSocket."""
        headers = {str(k).lower(): v for k, v in given.items() if isinstance(v, str)}
        found = Request.of(headers, host_suffix)
        token, by_link = (found.token, found.by_link) if found.token else (self.token, self.by_link)
        return replace(self, token=token, by_link=by_link, tenant=found.tenant or self.tenant)


def _tenant_of_host(host: str, suffix: str | None) -> str | None:
    name = host.rsplit(":", 1)[0].lower()
    if suffix and name.endswith("." + suffix):
        return name.removesuffix("." + suffix)
    return None


@dataclass
class World:
    """What every operation of this process shares."""

    settings: Settings
    database: Database
    policy: Policy
    tokens: Tokens
    engine: Engine
    hub: Hub
    imports: Runner
    store: Store
    callers: Lru = field(default_factory=lambda: Lru(MAX_CALLERS))
    attempts: Attempts = field(init=False)
    links: Links = field(init=False)

    def __post_init__(self) -> None:
        self.attempts = Attempts(self.settings.login_attempts_per_minute)
        self.links = Links(self.database, Attempts(self.settings.login_attempts_per_minute))

    async def identify(self, request: Request, now: dt.datetime | None = None) -> Claims | None:
        """Who the token speaks for in the tenant the request names; None without a token. `now`
        decides whether a link is still open."""
        if request.token is None:
            return None
        if request.by_link:
            return await self.links.identify(
                request.token, request.tenant, now or _now(), request.address
            )
        claims = await self.tokens.identify(request.token, request.tenant, self.database)
        if request.tenant is not None and claims.tenant_id != request.tenant:
            raise unauthenticated("登录凭证不属于该租户,请重新登录。")
        return claims

    async def caller(self, claims: Claims, *, fresh: bool = False) -> Caller:
        """The actor behind a token, at most as old as its access epoch allows (see reading)."""
        caller: Caller | None = None if fresh else self.callers.get(claims.key)
        if caller is None or caller.actor.expires_at <= dt.datetime.now(dt.UTC):
            async with self.database.snapshot(claims.tenant_id) as connection:
                caller = Caller(await self.load(connection, claims))
            self.callers.put(claims.key, caller)
        return caller

    async def load(self, connection: Any, claims: Claims) -> Actor:
        """The actor as of this connection's snapshot; UNAUTHENTICATED when the session ended."""
        return await load_actor(connection, claims, self.policy, dt.datetime.now(dt.UTC))


Clock = Callable[[], dt.datetime]


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Context:
    """One operation. Public fields run without an actor."""

    def __init__(self, world: World, request: Request, clock: Clock = _now) -> None:
        self.world = world
        self.clock = clock
        self.request = request
        self.connection_params: dict[str, Any] | None = None
        self.document: DocumentNode | None = None
        """What is asked, where it was parsed before."""
        self.denied: list[str] = []
        self.caller: Caller | None = None
        self.reader: Any = None
        self.apart = False
        """Some field wrote in a transaction of its own, which stays whatever happens later."""
        self._transaction: Transaction | None = None
        self._held = AsyncExitStack()

    @property
    def actor(self) -> Actor:
        """Who asks; UNAUTHENTICATED for nobody."""
        if self.caller is None:
            raise unauthenticated()
        actor: Actor = self.caller.actor
        return actor

    @property
    def transaction(self) -> Transaction:
        assert self._transaction is not None, "only mutations write"
        return self._transaction

    @property
    def now(self) -> dt.datetime:
        """The moment this operation happens, as rules see it."""
        return self.clock()

    @property
    def tenant_id(self) -> UUID:
        """The tenant of this operation: the actor's, or for login the one that is named."""
        if self.caller is not None:
            tenant: UUID = self.caller.actor.tenant_id
            return tenant
        return self.named_tenant

    @property
    def named_tenant(self) -> UUID:
        """The tenant that the request names; login needs one."""
        if self.request.tenant is None:
            raise Denied(BAD_USER_INPUT, "请在请求头 X-Tenant 中指明租户,例如 yanping。")
        return self.request.tenant

    def admit(self) -> None:
        """Counts an attempt of this operation's address; Refusal when it has none left."""
        self.world.attempts.admit(self.request.address)

    async def scope(self, permission: str) -> Scope:
        """The actor's scope for a permission; FORBIDDEN when there is none, and remembered."""
        if self.caller is None:
            raise unauthenticated()
        found = self.caller.scope(permission)
        if not found:
            self.denied.append(permission)
            self.refuse_while_password_due(permission)
            raise forbidden(permission)
        return found

    def refuse_while_password_due(self, permission: str | None = None) -> None:
        """PASSWORD_CHANGE_REQUIRED for somebody who has to choose a new password first."""
        if self.caller is not None and self.actor.must_change_password:
            raise password_change_required(permission)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Context]:
        """One consistent snapshot for everything this operation reads."""
        claims = await self.world.identify(self.request, self.now)
        tenant = claims.tenant_id if claims else self.request.tenant
        if tenant is None:
            yield self
            return
        async with self.world.database.snapshot(tenant) as connection:
            await self._open(connection, claims, tenant)
            yield self

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Context]:
        """One transaction for everything this operation writes and reads. Without a token there
        is none: the few public mutations open their own."""
        claims = await self.world.identify(self.request, self.now)
        if claims is None:
            yield self
            return
        tenant = claims.tenant_id
        async with self.world.database.tenant_transaction(tenant) as transaction:
            self._transaction = transaction
            await self._open(transaction.connection, claims, tenant)
            yield self

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        async with self.world.database.tenant_transaction(self.transaction.tenant_id):
            yield

    @asynccontextmanager
    async def subscribed(
        self, permission: str, channel: Channel, *, own: bool = False
    ) -> AsyncIterator[AsyncIterator[UUID]]:
        """The ids of this tenant's rows as they change, for someone who holds the permission; of
        a channel whose rows are somebody's, their `own`.

        LIMIT_EXCEEDED ends it for a reader that falls too far behind."""
        async with self.reading():
            await self.scope(permission)
        member = self.actor.membership_id if own else None
        with self.world.hub.changes(channel, self.tenant_id, member) as changes:
            try:
                yield self._each(changes, permission)
            finally:
                await self.release()

    async def _each(self, changes: Changes, permission: str) -> AsyncIterator[UUID]:
        """Each change in a snapshot of its own, with the rights that are held by then. The
        snapshot ends with `release`, which whoever sends the answer calls before sending: a slow
        reader must not keep a connection."""
        while True:
            try:
                changed = await changes.next()
            except Behind:
                raise Denied(
                    LIMIT_EXCEEDED, "变化太多,未能及时接收;请重新订阅并刷新列表。"
                ) from None
            await self._held.enter_async_context(self.reading())
            await self.scope(permission)
            yield changed
            await self.release()

    async def release(self) -> None:
        """The snapshot that a subscription's event was read in is closed."""
        await self._held.aclose()

    async def region_path(self, region_id: UUID | None) -> str:
        """The path of a region; NOT_FOUND (as a denial of input) for one of nobody's."""
        async with self.world.database.snapshot(self.tenant_id) as connection:
            path: str | None = await connection.fetchval(
                "select path from regions where tenant_id = $1 and id = $2",
                self.tenant_id,
                region_id,
            )
        if path is None:
            raise Denied(BAD_USER_INPUT, "找不到该区域。")
        return path

    async def record_denials(self) -> None:
        """One audit row for each permission this operation was refused."""
        if not self.denied or self.caller is None:
            return
        actor = self.actor
        async with self.world.database.tenant_transaction(actor.tenant_id) as transaction:
            for permission in dict.fromkeys(self.denied):
                await record(
                    transaction,
                    actor=actor,
                    action="access.denied",
                    permission=permission,
                    result="DENIED",
                )
        self.denied.clear()

    async def _open(self, connection: Any, claims: Claims | None, tenant: UUID) -> None:
        if claims is not None:
            self.caller = Caller(await self.world.load(connection, claims))
        caller = self.caller
        self.reader = RowReader(
            connection=connection,
            tenant_id=tenant,
            membership_id=caller.actor.membership_id if caller else None,
            scope=caller.scope if caller else Scope,
            nodes=NODES,
            secret=self.world.settings.cursor_secret(),
        )
