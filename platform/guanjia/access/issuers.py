"""The public keys of the OIDC issuers that tenants trust.

Keys stand in the tenant's file or at an address of it. The address comes from the operator, who has
the database and the signing key anyway, and from nobody else: an issuer inside a private network is
therefore as good as any. What the address answers is a stranger's: it is asked over TLS (plain HTTP
only on the loopback, in development), follows no redirect, and is read for five seconds and up to
256 KiB. Keys are asked for again after ten minutes, and at most once a minute when a token names a
key that is not among them. While an issuer is down its last keys are used, for a day.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet

from guanjia.graph.errors import Denied, unauthenticated

logger = logging.getLogger("guanjia.issuers")
FRESH_SECONDS = 600.0
RETRY_SECONDS = 60.0
STALE_SECONDS = 86_400.0
TIMEOUT_SECONDS = 5.0
MAX_BYTES = 256 * 1024
MAX_KEYS = 64
PUBLIC_KINDS = frozenset({"EC", "RSA", "OKP"})
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SMALLEST_RSA = 2048


class BadAnswer(Exception):
    """What the issuer answered is no set of keys; for the log."""


@dataclass
class _Known:
    """What an address answered last. Moments are of the monotonic clock."""

    keys: KeySet | None = None
    fetched: float = float("-inf")
    tried: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def usable(self, now: float) -> KeySet | None:
        return self.keys if now - self.fetched < STALE_SECONDS else None

    def lacks(self, kid: str | None) -> bool:
        return self.keys is None or (kid is not None and kid not in {k.kid for k in self.keys})


class Issuers:
    """The keys of this process, by address."""

    def __init__(
        self, *, plain_loopback: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._plain_loopback = plain_loopback
        self._clock = clock
        self._known: dict[str, _Known] = {}

    async def keys(self, trusted: Mapping[str, Any], kid: str | None) -> KeySet:
        """The keys of a trusted issuer, among them `kid` if the issuer has it; UNAUTHENTICATED
        with a sentence while there are none to be had."""
        address = trusted.get("jwks_url")
        if not address:
            return public_keys(trusted["jwks"])
        if not self._allowed(address):
            logger.error("the key address %s is neither https nor on the loopback", address)
            raise _unavailable()
        known = self._known.setdefault(address, _Known())
        # While somebody asks already, the keys at hand will do, if the one named is among them.
        if self._due(known, kid) and (known.lacks(kid) or not known.lock.locked()):
            async with known.lock:
                if self._due(known, kid):
                    await self._ask(address, known)
        keys = known.usable(self._clock())
        if keys is None:
            raise _unavailable()
        return keys

    def _due(self, known: _Known, kid: str | None) -> bool:
        now = self._clock()
        if now - known.tried < RETRY_SECONDS:
            return False
        return known.lacks(kid) or now - known.fetched >= FRESH_SECONDS

    async def _ask(self, address: str, known: _Known) -> None:
        try:
            known.keys = await _fetch(address)
            known.fetched = self._clock()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError, BadAnswer) as fault:
            logger.warning("no keys from %s: %s", address, fault or type(fault).__name__)
        finally:
            known.tried = self._clock()

    def _allowed(self, address: str) -> bool:
        parts = urlsplit(address)
        return parts.scheme == "https" or (
            self._plain_loopback and parts.scheme == "http" and parts.hostname in LOOPBACK
        )


def public_keys(described: Any) -> KeySet:
    """The keys of a JWK set that can verify a signature in public; BadAnswer when there is none.

    Secret keys, private keys' secret parts, keys for encryption, weak ones and kinds we do not know
    are left out (RFC 7517 section 5), so that a symmetric key can never become a public one.
    """
    entries = described.get("keys") if isinstance(described, dict) else None
    if not isinstance(entries, list):
        raise BadAnswer("no list of keys")
    keys = [key for entry in entries[:MAX_KEYS] if (key := _public_key(entry)) is not None]
    if not keys:
        raise BadAnswer("no usable key")
    return KeySet(keys)


def _public_key(entry: Any) -> Key | None:
    if not isinstance(entry, dict) or entry.get("kty") not in PUBLIC_KINDS:
        return None
    if entry.get("use", "sig") != "sig" or "d" in entry:
        return None
    try:
        key = JWKRegistry.import_key(entry)
        key.ensure_kid()
        size = getattr(key.public_key, "key_size", SMALLEST_RSA)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return None if entry["kty"] == "RSA" and size < SMALLEST_RSA else key


async def _fetch(address: str) -> KeySet:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        # The system's own certificates, where an operator puts those of the district; no proxy
        # and no .netrc of the environment.
        async with httpx.AsyncClient(
            verify=ssl.create_default_context(), trust_env=False, follow_redirects=False,
            timeout=TIMEOUT_SECONDS,
        ) as client:  # fmt: skip
            async with client.stream("GET", address, headers={"accept": "application/json"}) as got:
                if got.status_code != httpx.codes.OK:
                    raise BadAnswer(f"status {got.status_code}")
                body = b""
                async for chunk in got.aiter_bytes():
                    body += chunk
                    if len(body) > MAX_BYTES:
                        raise BadAnswer(f"more than {MAX_BYTES} bytes")
    try:
        return public_keys(json.loads(body))
    except (ValueError, RecursionError) as fault:
        raise BadAnswer("not JSON") from fault


def _unavailable() -> Denied:
    return unauthenticated("登录服务(签发方)暂时无法核验,请稍后再试。")
