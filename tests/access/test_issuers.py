"""Tokens of an issuer whose keys are asked for at its address, on a real one on the loopback."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime as dt
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from joserfc.jws import JWSRegistry

from guanjia.access import issuers
from guanjia.access.issuers import BadAnswer, Issuers, public_keys
from guanjia.access.tokens import Tokens
from guanjia.db.ids import new_id
from guanjia.db.pools import Database
from guanjia.graph.errors import Denied
from guanjia.settings import _new_private_key

ISSUER = "https://id.example"


def ec(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})


@dataclass
class Provider:
    """An HTTP server that answers every request with its key set, or as it is told."""

    keys: list[Any] = field(default_factory=list)
    status: int = 200
    headers: str = ""
    body: bytes | None = None
    held: asyncio.Event | None = None
    asked: int = 0
    address: str = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        if self.held is not None:
            await self.held.wait()
        body = self.body
        if body is None:
            body = json.dumps({"keys": [k.as_dict(private=False) for k in self.keys]}).encode()
        head = f"HTTP/1.1 {self.status} X\r\nContent-Length: {len(body)}\r\n{self.headers}"
        writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    made = Provider([ec("one")])
    server = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    made.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks"
    async with server:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ours(clock: Clock) -> Tokens:
    return Tokens(_new_private_key(), 300, Issuers(plain_loopback=True, clock=clock))


@pytest.fixture
async def trusting(tenant: Any, trust: Any, provider: Provider) -> Any:
    """The tenant, which trusts the provider for one member."""
    await trust(issuer=ISSUER, jwks_url=provider.address)
    return tenant


def signed(key: Any, algorithm: str = "ES256", kid: str | None = None, **changed: Any) -> str:
    now = int(dt.datetime.now(dt.UTC).timestamp())
    claims = {
        "iss": ISSUER, "aud": "guanjia", "sub": "someone", "iat": now, "exp": now + 60, **changed,
    }  # fmt: skip
    # A header of the issuer's own, which RFC 7515 says to ignore.
    header = {"alg": algorithm, "kid": kid or key.kid, "nonce": "x"}
    claims = {name: value for name, value in claims.items() if value is not None}
    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    return jwt.encode(header, claims, key, [algorithm], registry)


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


async def refused(attempt: Any) -> str:
    with pytest.raises(Denied) as denied:
        await attempt
    assert denied.value.code == "UNAUTHENTICATED"
    return denied.value.message


async def test_a_token_is_known_by_the_keys_at_the_address(
    database: Database, trusting: Any, provider: Provider, ours: Tokens
) -> None:
    claims = await ours.identify(signed(provider.keys[0]), trusting.id, database)
    assert (claims.tenant_id, claims.session_id) == (trusting.id, None)
    for n in range(5):
        await ours.identify(signed(provider.keys[0], n=n), trusting.id, database)
    assert provider.asked == 1


async def test_many_at_once_ask_once(
    database: Database, trusting: Any, provider: Provider, ours: Tokens
) -> None:
    tokens = [signed(provider.keys[0], n=n) for n in range(20)]
    await asyncio.gather(*(ours.identify(token, trusting.id, database) for token in tokens))
    assert provider.asked == 1


async def test_rotated_keys_are_asked_for_at_most_once_a_minute(
    database: Database, trusting: Any, provider: Provider, ours: Tokens, clock: Clock
) -> None:
    old, new = provider.keys[0], ec("two")
    await ours.identify(signed(old), trusting.id, database)
    provider.keys = [new]
    clock.now += 59
    for n in range(10):
        await refused(ours.identify(signed(new, n=n), trusting.id, database))
    assert provider.asked == 1
    clock.now += 1
    await ours.identify(signed(new), trusting.id, database)
    assert provider.asked == 2
    # What the issuer took back is no longer good.
    await refused(ours.identify(signed(old, n=1), trusting.id, database))


async def test_a_key_taken_back_is_good_for_ten_minutes_at_most(
    database: Database, trusting: Any, provider: Provider, ours: Tokens, clock: Clock
) -> None:
    old = provider.keys[0]
    await ours.identify(signed(old), trusting.id, database)
    provider.keys = [ec("two")]
    clock.now += 599
    await ours.identify(signed(old, n=1), trusting.id, database)
    clock.now += 1
    await refused(ours.identify(signed(old, n=2), trusting.id, database))


async def test_while_the_issuer_is_down_its_last_keys_work_for_a_day(
    database: Database, trusting: Any, provider: Provider, ours: Tokens, clock: Clock
) -> None:
    key = provider.keys[0]
    await ours.identify(signed(key), trusting.id, database)
    provider.status, provider.body = 503, b"down"
    clock.now += 86_399
    await ours.identify(signed(key, n=1), trusting.id, database)
    assert provider.asked == 2
    clock.now += 1
    assert "签发方" in await refused(ours.identify(signed(key, n=2), trusting.id, database))
    provider.status, provider.body = 200, None
    clock.now += 60
    await ours.identify(signed(key, n=3), trusting.id, database)


async def test_while_the_keys_are_asked_for_anew_the_old_ones_hold_up_nobody(
    database: Database, trusting: Any, provider: Provider, ours: Tokens, clock: Clock
) -> None:
    key = provider.keys[0]
    await ours.identify(signed(key), trusting.id, database)
    clock.now += 600
    provider.held = asyncio.Event()
    first = asyncio.create_task(ours.identify(signed(key, n=1), trusting.id, database))
    async with asyncio.timeout(5):
        while provider.asked < 2:  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(0.01)
        await ours.identify(signed(key, n=2), trusting.id, database)
    assert not first.done()
    provider.held.set()
    await first


@pytest.mark.parametrize(
    "broken",
    [
        {"status": 500}, {"status": 404}, {"status": 204, "body": b""},
        {"status": 302, "headers": "Location: http://127.0.0.1:1/\r\n"},
        {"body": b""}, {"body": b"<html>"}, {"body": b"null"}, {"body": b"[]"},
        {"body": b'{"keys": 3}'}, {"body": b'{"keys": []}'}, {"body": b'{"keys": [1, null, {}]}'},
        {"body": b'{"keys": [{"kty": "EC", "crv": "P-256", "x": "!", "y": 1}]}'},
        {"body": b'{"keys": [{"kty": "oct", "k": "AAAA", "kid": "one"}]}'},
        {"body": b"[" * 100_000},
        {"body": b"\xff\xfe"}, {"headers": "Content-Encoding: gzip\r\n"},
    ],
    ids=lambda broken: str(broken)[:60],
)  # fmt: skip
async def test_an_answer_that_is_no_key_set_is_a_sentence(
    database: Database, trusting: Any, provider: Provider, ours: Tokens, broken: dict[str, Any]
) -> None:
    token = signed(provider.keys[0])
    for name, value in broken.items():
        setattr(provider, name, value)
    assert "签发方" in await refused(ours.identify(token, trusting.id, database))
    assert provider.asked == 1


async def test_an_answer_is_read_no_further_than_its_limit(
    database: Database, trusting: Any, provider: Provider, ours: Tokens, clock: Clock
) -> None:
    key = provider.keys[0]
    whole = json.dumps({"keys": [key.as_dict(private=False)]}).encode()
    provider.body = whole.ljust(issuers.MAX_BYTES + 1)
    await refused(ours.identify(signed(key), trusting.id, database))
    provider.body = whole.ljust(issuers.MAX_BYTES)
    clock.now += 60
    await ours.identify(signed(key), trusting.id, database)


async def test_a_redirect_is_not_followed(
    database: Database, trusting: Any, provider: Provider, ours: Tokens
) -> None:
    elsewhere = Provider(provider.keys)
    server = await asyncio.start_server(elsewhere.answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        provider.status, provider.headers = 307, f"Location: http://127.0.0.1:{port}/\r\n"
        await refused(ours.identify(signed(provider.keys[0]), trusting.id, database))
    assert elsewhere.asked == 0


async def test_an_issuer_that_does_not_answer_is_left_after_a_while(
    database: Database,
    trusting: Any,
    provider: Provider,
    ours: Tokens,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(issuers, "TIMEOUT_SECONDS", 0.2)
    provider.held = asyncio.Event()
    async with asyncio.timeout(5):
        message = await refused(ours.identify(signed(provider.keys[0]), trusting.id, database))
    provider.held.set()
    assert "稍后再试" in message


@pytest.mark.parametrize(
    "address", ["http://id.example/jwks", "http://127.0.0.1:1/jwks", "ftp://id.example/", "x"]
)
async def test_plain_http_is_never_asked_in_production(address: str) -> None:
    production = Issuers(plain_loopback=False)
    await refused(production.keys({"jwks_url": address}, "one"))
    assert production._known == {}


async def test_other_algorithms_and_claims_are_refused(
    database: Database, trusting: Any, provider: Provider, ours: Tokens
) -> None:
    key = provider.keys[0]
    rsa = RSAKey.generate_key(2048, {"kid": "rsa", "alg": "RS256"})
    provider.keys = [key, rsa]
    undesigned = RSAKey.import_key({**rsa.as_dict(private=True), "alg": "PS256"})
    coordinate = OctKey.import_key({"kty": "oct", "k": key.as_dict(private=False)["x"]})
    head = base64url(b'{"alg":"none","kid":"one"}')
    _, body, signature = signed(key).split(".")
    symmetric = base64url(b'{"alg":"HS256","kid":"one"}') + "." + body
    mac = hmac.digest(key.as_pem(private=False), symmetric.encode(), "sha256")
    future, past = 9_999_999_999, 1
    for token in [
        f"{symmetric}.{base64url(mac)}", signed(coordinate, "HS256", "one"),
        f"{head}.{body}.", f"{head}.{body}.{signature}",
        signed(ec("one")), signed(key, kid="rsa"), signed(undesigned, "PS256"),
        signed(key, aud="other"), signed(key, aud=None), signed(key, aud=[]),
        signed(key, exp=past), signed(key, exp=None), signed(key, nbf=future),
        signed(key, iat=future), signed(key, sub="stranger"), signed(key, sub=None),
    ]:  # fmt: skip
        await refused(ours.identify(token, trusting.id, database))
    await ours.identify(signed(rsa, "RS256"), trusting.id, database)
    await ours.identify(signed(key, aud=["x", "guanjia"]), trusting.id, database)


async def test_an_issuer_speaks_for_no_other_tenant(
    database: Database, trusting: Any, provider: Provider, ours: Tokens, other_tenant: Any
) -> None:
    token = signed(provider.keys[0])
    await ours.identify(token, trusting.id, database)
    await refused(ours.identify(token, other_tenant.id, database))
    await refused(ours.identify(token, new_id(), database))
    await refused(ours.identify(token, None, database))


def test_only_public_signature_keys_of_a_set_count() -> None:
    good = ec("good").as_dict(private=False)
    others = [
        {**ec("private").as_dict(private=True)},
        {**ec("encryption").as_dict(private=False), "use": "enc"},
        OctKey.generate_key(256, {"kid": "secret"}).as_dict(private=True),
        {**ec("unknown").as_dict(private=False), "kty": "ML-DSA"},
    ]
    assert [key.kid for key in public_keys({"keys": [*others, good]})] == ["good"]
    for described in ({"keys": others}, {}, None, [], "keys", {"keys": {}}):
        with pytest.raises(BadAnswer):
            public_keys(described)
