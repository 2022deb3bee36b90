"""Links: a secret that stands for somebody who has no account, until a day, and for nothing but
what their role has as their own.

Only the hash of the secret is kept. Whoever presents it acts as a membership that was made for the
link, in a session that ends with it, so that what holds for members holds for them: the next
operation after the end is refused, and every record names them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.access.actor import bump_epoch
from guanjia.access.models import MemberKind
from guanjia.access.sessions import end_sessions
from guanjia.access.tokens import ISSUER, Claims
from guanjia.db.ids import new_id
from guanjia.db.pools import Database, Transaction
from guanjia.graph.attempts import Attempts
from guanjia.graph.errors import LIMIT_EXCEEDED, UNAUTHENTICATED, Denied, unauthenticated
from guanjia.graph.journal import Operation, current
from guanjia.reading.documents import Lru

ROLE = "LINK"
SECRET_BYTES = 32
PER_MINUTE = 60
"""Operations that one link may ask for in a minute, on all workers together [design]."""
MAX_SECRET = 100
_MINUTE = dt.timedelta(minutes=1)
_FRESH = "(minute_began is null or minute_began <= $3 - $5::interval)"
_VALID = "tenant_id = $1 and secret_hash = $2 and revoked_at is null and expires_at > $3"
_USE = (
    "update access_links set uses = uses + 1, last_used_at = $3,"
    f" minute_began = case when {_FRESH} then $3 else minute_began end,"
    f" minute_uses = case when {_FRESH} then 1 else minute_uses + 1 end"
    f" where {_VALID} and ({_FRESH} or minute_uses < $4)"
    " returning membership_id, session_id, expires_at"
)


@dataclass(frozen=True, slots=True)
class Link:
    """A new link. `secret` is told this once."""

    id: UUID
    membership_id: UUID
    secret: str


async def open_link(
    transaction: Transaction,
    *,
    name: str,
    expires_at: dt.datetime,
    now: dt.datetime,
) -> Link:
    """Whoever has the secret acts under this name until it expires or is closed."""
    run, begins = transaction.connection.execute, dt.datetime.now(dt.UTC)
    link, member, session = new_id(), new_id(), new_id()
    secret = secrets.token_urlsafe(SECRET_BYTES)
    await run(
        "insert into memberships (id, home_tenant_id, display_name, kind, external_issuer,"
        " external_subject) values ($1, $2, $3, $4, $5, $6)",
        member,
        transaction.tenant_id,
        name,
        MemberKind.LINK,
        ISSUER,  # no token of an issuer of trust can name it
        str(link),
    )
    await run(
        "insert into grants (id, membership_id, role, region_id, region_path, valid_from, reason)"
        " select $1, $2, $3, r.id, r.path, $4, '任务链接' from regions r"
        " where r.level = 'DISTRICT' and r.valid_to is null",
        new_id(),
        member,
        ROLE,
        begins,
    )
    lasts = expires_at - now
    await run(
        "insert into sessions (id, membership_id, created_at, last_used_at, expires_at,"
        " idle_ends_at, device, refresh_hash) values ($1, $2, $3, $3, $4, $4, '任务链接', '')",
        session,
        member,
        begins,
        begins + lasts,
    )
    await run(
        "insert into access_links (id, membership_id, session_id, secret_hash, created_at,"
        " expires_at) values ($1, $2, $3, $4, $5, $6)",
        link,
        member,
        session,
        _hashed(secret),
        now,
        expires_at,
    )
    await bump_epoch(transaction.connection)
    return Link(link, member, secret)


async def close_link(transaction: Transaction, link_id: UUID, now: dt.datetime) -> bool:
    """The secret opens nothing from the next operation on; False when it did not any more."""
    member: UUID | None = await transaction.connection.fetchval(
        "update access_links set revoked_at = $3 where tenant_id = $1 and id = $2"
        " and revoked_at is null returning membership_id",
        transaction.tenant_id,
        link_id,
        now,
    )
    if member is None:
        return False
    await end_sessions(transaction, member, "LINK_CLOSED", dt.datetime.now(dt.UTC))
    await transaction.connection.execute(
        "update memberships set active = false where id = $1", member
    )
    return True


class Links:
    """Knows who a secret stands for, and counts each operation that it is used for once. An address
    that tried so many secrets a minute that open nothing is not looked up any more."""

    def __init__(self, database: Database, misses: Attempts) -> None:
        self._database = database
        self._misses = misses
        self._counted = Lru(10_000)

    async def identify(
        self, secret: str, tenant: UUID | None, now: dt.datetime, address: str | None = None
    ) -> Claims:
        """Who uses the link. UNAUTHENTICATED for a secret that opens nothing (any more),
        LIMIT_EXCEEDED for one that is used too often, and for any secret, open or not, from an
        address that is out of tries."""
        if self._misses.spent(address):
            raise _too_often()
        try:
            return await self._known(secret, tenant, now)
        except Denied as denied:
            if denied.code == UNAUTHENTICATED:
                self._misses.count(address)
            raise

    async def _known(self, secret: str, tenant: UUID | None, now: dt.datetime) -> Claims:
        if tenant is None or len(secret) > MAX_SECRET:
            raise _nothing()
        key, operation = (tenant, _hashed(secret)), current()
        known: tuple[Operation, Claims] | None = self._counted.get(key)
        if known is not None and operation is not None and known[0] is operation:
            return known[1]
        async with self._database.tenant_transaction(tenant) as transaction:
            claims = await _used(transaction.connection, tenant, key[1], now)
        if operation is not None:
            self._counted.put(key, (operation, claims))
        return claims


async def _used(connection: Any, tenant: UUID, secret_hash: bytes, now: dt.datetime) -> Claims:
    row = await connection.fetchrow(_USE, tenant, secret_hash, now, PER_MINUTE, _MINUTE)
    if row is not None:
        return Claims(
            tenant, row["membership_id"], row["session_id"], row["expires_at"].timestamp()
        )
    if await connection.fetchval(
        f"select exists (select 1 from access_links where {_VALID})", tenant, secret_hash, now
    ):
        raise _too_often()
    raise _nothing()


def _too_often() -> Denied:
    return Denied(LIMIT_EXCEEDED, "任务链接使用过于频繁,请一分钟后再试。")


def _nothing() -> Denied:
    return unauthenticated("任务链接无效、已过期或已撤销,请联系交办的工作人员。")


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
