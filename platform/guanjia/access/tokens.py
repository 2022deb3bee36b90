"""Tokens: ours are short-lived JWTs signed with EdDSA; a tenant may trust an OIDC issuer's too.

Whatever is wrong with a token, the answer is UNAUTHENTICATED and never anything else.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwt
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry

from guanjia.access.issuers import BadAnswer, Issuers
from guanjia.db.pools import Database
from guanjia.graph.errors import Denied, unauthenticated
from guanjia.reading.documents import Lru

ISSUER = "guanjia"
AUDIENCE = "guanjia-api"
OWN_ALGORITHM = "Ed25519"
EXTERNAL_ALGORITHMS = ["Ed25519", "EdDSA", "ES256", "RS256", "PS256"]
# Headers of an issuer's own are ignored, as RFC 7515 section 4 says; critical ones are not.
_EXTERNAL = JWSRegistry(algorithms=EXTERNAL_ALGORITHMS, strict_check_header=False)
MAX_TOKEN = 8_000
LEEWAY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says: which membership of which tenant, in which session."""

    tenant_id: UUID
    membership_id: UUID
    session_id: UUID | None
    expires: float

    @property
    def key(self) -> tuple[UUID, UUID, UUID | None]:
        return (self.tenant_id, self.membership_id, self.session_id)


class Tokens:
    """Signs and verifies with one key pair; remembers tokens it has verified until they expire."""

    def __init__(
        self, private_key_pem: str, lifetime_seconds: int, issuers: Issuers | None = None
    ) -> None:
        self._key = OKPKey.import_key(private_key_pem)
        self._lifetime = lifetime_seconds
        self._issuers = issuers or Issuers(plain_loopback=False)
        self._seen = Lru(10_000)
        secret = str(self._key.as_dict(private=True)["d"]).encode()
        self._derived = HKDF(hashes.SHA256(), 32, None, b"guanjia sessions").derive(secret)

    def issue(
        self, tenant_id: UUID, membership_id: UUID, session_id: UUID, now: dt.datetime
    ) -> str:
        issued = int(now.timestamp())
        return jwt.encode(
            {"alg": OWN_ALGORITHM},
            {
                "iss": ISSUER,
                "aud": AUDIENCE,
                "sub": str(membership_id),
                "tid": str(tenant_id),
                "sid": str(session_id),
                "iat": issued,
                "exp": issued + self._lifetime,
            },
            self._key,
            algorithms=[OWN_ALGORITHM],
        )

    def successor(self, session_id: UUID, secret: str) -> str:
        """The refresh secret that follows this one: always the same, and only we can tell it."""
        mac = self._mac(b"refresh", session_id.bytes, secret.encode(errors="replace"))
        return base64.urlsafe_b64encode(mac).decode().rstrip("=")

    def pseudonym(self, tenant_id: UUID, login_name: str) -> UUID:
        """What a login name that nobody has is counted under: people type passwords there too."""
        mac = self._mac(b"name", tenant_id.bytes, login_name.encode(errors="replace"))
        return UUID(bytes=mac[:16], version=4)

    def _mac(self, purpose: bytes, owner: bytes, text: bytes) -> bytes:
        return hmac.digest(self._derived, b"\0".join((purpose, owner, text)), hashlib.sha256)

    async def identify(self, token: str, tenant: UUID | None, database: Database) -> Claims:
        """The claims of a token of ours, or of an issuer that the tenant trusts."""
        now = dt.datetime.now(dt.UTC).timestamp()
        known: Claims | None = self._seen.get((token, tenant))
        if known is not None and known.expires > now:
            return known
        if len(token) > MAX_TOKEN:
            raise unauthenticated("登录凭证无效。")
        with _hostile():
            issuer = _unverified_issuer(token)
        if issuer == ISSUER:
            with _hostile():
                claims = self._own(token, now)
        else:
            # Verified anew after a while: the tenant may have stopped trusting the issuer.
            latest = now + self._lifetime
            claims = await self._external(token, issuer, tenant, now, latest, database)
        self._seen.put((token, tenant), claims)
        return claims

    def _own(self, token: str, now: float) -> Claims:
        claims = jwt.decode(token, self._key, algorithms=[OWN_ALGORITHM]).claims
        _check_time_and_audience(claims, AUDIENCE, now)
        return Claims(
            UUID(claims["tid"]), UUID(claims["sub"]), UUID(claims["sid"]), float(claims["exp"])
        )

    async def _external(
        self,
        token: str,
        issuer: str,
        tenant: UUID | None,
        now: float,
        latest: float,
        database: Database,
    ) -> Claims:
        """The member of the tenant whom an issuer of its trust speaks for. No connection is held
        while the issuer is asked for its keys."""
        if tenant is None:
            raise unauthenticated("请在请求头 X-Tenant 中指明租户。")
        if not issuer.isprintable():
            raise unauthenticated("登录凭证的签发方不受信任。")
        async with database.snapshot(tenant) as connection:
            settings = await connection.fetchval(
                "select settings::text from tenants where tenant_id = $1", tenant
            )
        with _hostile():
            trusted = _trusted(json.loads(settings or "{}"), issuer)
            kid = _key_id(token)
        try:
            keys = await self._issuers.keys(trusted, kid)
        except BadAnswer:
            raise unauthenticated("登录凭证的签发方没有可用的公钥。") from None
        with _hostile():
            claims = jwt.decode(token, keys, registry=_EXTERNAL).claims
            _check_time_and_audience(claims, trusted["audience"], now)
            subject, expires = str(claims["sub"]), min(float(claims["exp"]), latest)
            if not subject.isprintable():
                raise unauthenticated("该账号不是本租户的成员。")
        async with database.snapshot(tenant) as connection:
            member = await connection.fetchval(
                "select id from memberships where tenant_id = $1 and external_issuer = $2"
                " and external_subject = $3 and active",
                tenant,
                issuer,
                subject,
            )
        if member is None:
            raise unauthenticated("该账号不是本租户的成员。")
        return Claims(tenant, member, None, expires)


@contextmanager
def _hostile() -> Iterator[None]:
    """What comes in a token is a stranger's text: whatever reading it raises, the token is bad.
    The database is never asked inside, so that its faults are not taken for the token's."""
    try:
        yield
    except Denied:
        raise
    except Exception:
        raise unauthenticated("登录凭证无效或已过期,请重新登录。") from None


def _unverified_issuer(token: str) -> str:
    """The `iss` that the token claims: it only says which keys to try."""
    return str(_part(token, 1)["iss"])


def _key_id(token: str) -> str | None:
    """The key that the token claims. Nobody is asked for keys on behalf of an algorithm that is
    not accepted anyway."""
    header = _part(token, 0)
    if header["alg"] not in EXTERNAL_ALGORITHMS:
        raise unauthenticated("登录凭证的算法不受支持。")
    kid = header.get("kid")
    return None if kid is None else str(kid)


def _part(token: str, index: int) -> Any:
    part = token.split(".")[index]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def _trusted(settings: dict[str, Any], issuer: str) -> dict[str, Any]:
    for described in settings.get("oidc", ()):
        if described["issuer"] == issuer:
            found: dict[str, Any] = described
            return found
    raise unauthenticated("登录凭证的签发方不受信任。")


def _check_time_and_audience(claims: dict[str, Any], audience: str, now: float) -> None:
    given = claims.get("aud")
    if audience not in ([given] if isinstance(given, str) else given or ()):
        raise unauthenticated("登录凭证不是发给本系统的。")
    if not float(claims["exp"]) > now:  # so that NaN has expired too
        raise unauthenticated("登录已过期,请重新登录。")
    if float(claims.get("nbf", claims.get("iat", 0))) > now + LEEWAY_SECONDS:
        raise unauthenticated("登录凭证尚未生效。")
