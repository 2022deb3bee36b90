"""Tokens: whatever is wrong with one, the answer is UNAUTHENTICATED."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey

from guanjia.access.tokens import AUDIENCE, ISSUER, Claims, Tokens
from guanjia.db.ids import new_id
from guanjia.db.pools import Database
from guanjia.graph.errors import Denied
from guanjia.settings import _new_private_key

PEM = _new_private_key()
OURS = Tokens(PEM, 300)
KEY = OKPKey.import_key(PEM)
NOWHERE: Any = None
"""Not a database: tokens of ours are judged without one."""


def claims_of(**changed: Any) -> dict[str, Any]:
    now = dt.datetime.now(dt.UTC).timestamp()
    claims = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": str(new_id()), "tid": str(new_id()),
        "sid": str(new_id()), "iat": int(now), "exp": int(now) + 60, **changed,
    }  # fmt: skip
    return {name: value for name, value in claims.items() if value is not None}


def signed(claims: dict[str, Any], key: Any = KEY, algorithm: str = "Ed25519") -> str:
    return jwt.encode({"alg": algorithm}, claims, key, algorithms=[algorithm])


async def refused(token: str) -> None:
    with pytest.raises(Denied) as denied:
        await OURS.identify(token, None, NOWHERE)
    assert denied.value.code == "UNAUTHENTICATED"


async def test_our_own_token_is_known_again_until_it_expires() -> None:
    tenant, member, session = new_id(), new_id(), new_id()
    now = dt.datetime.now(dt.UTC)
    claims = await OURS.identify(OURS.issue(tenant, member, session, now), None, NOWHERE)
    assert (claims.tenant_id, claims.membership_id, claims.session_id) == (tenant, member, session)
    await refused(OURS.issue(tenant, member, session, now - dt.timedelta(seconds=301)))


async def test_a_token_seen_before_expires_all_the_same() -> None:
    token = OURS.issue(new_id(), new_id(), new_id(), dt.datetime.now(dt.UTC))
    claims = await OURS.identify(token, None, NOWHERE)
    past = Claims(claims.tenant_id, claims.membership_id, claims.session_id, 1.0)
    OURS._seen.put((token, None), past)
    assert await OURS.identify(token, None, NOWHERE) == claims


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": 1}, {"exp": None}, {"exp": "soon"}, {"exp": float("nan")}, {"exp": [1]},
        {"exp": {}}, {"aud": "other"}, {"aud": None}, {"aud": 7}, {"tid": "x"}, {"tid": None},
        {"sub": None}, {"sub": 1}, {"sid": None}, {"iat": 99999999999}, {"nbf": 99999999999},
    ],
    ids=str,
)  # fmt: skip
async def test_a_signed_token_with_wrong_claims_is_refused(changed: dict[str, Any]) -> None:
    await refused(signed({**claims_of(), **changed} if changed else {}))


async def test_another_key_or_algorithm_is_refused() -> None:
    await refused(signed(claims_of(), OKPKey.import_key(_new_private_key())))
    await refused(signed(claims_of(), OctKey.generate_key(256), "HS256"))
    # The public key as an HMAC secret.
    public = OctKey.import_key({"kty": "oct", "k": KEY.as_dict(private=False)["x"]})
    await refused(signed(claims_of(), public, "HS256"))
    await refused(signed(claims_of(), ECKey.generate_key("P-256"), "ES256"))
    head, body, _ = signed(claims_of()).split(".")
    await refused(f"{head}.{body}.")
    await refused("eyJhbGciOiJub25lIn0." + body + ".")


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "garbage", "a.b.c", "a" * 10_000, "." * 10_000, "W10.W10.", "e30.bnVsbA.",
     "e30.eyJpc3MiOiJndWFuamlhIn0.AA", "中文.中文.中文", "\0.\0.\0", "\ud800.\ud800.\ud800",
     "e30." + "W1tbW1tb" * 900 + ".AA"],
)  # fmt: skip
async def test_garbage_is_refused(token: str) -> None:
    await refused(token)


@settings(max_examples=150)
@given(st.text(max_size=300), st.integers(0, 400))
async def test_no_text_raises_anything_else(text: str, cut: int) -> None:
    await refused(text)
    token = signed(claims_of())
    await refused(token[:cut] + text + "!" + token[cut:])


@pytest.fixture
async def trusting(trust: Any) -> tuple[ECKey, OctKey]:
    """Keys of an issuer that the tenant trusts; the symmetric one got into its key set."""
    key = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
    secret = OctKey.generate_key(256, {"kid": "two"})
    keys = [key.as_dict(private=False), secret.as_dict(private=True)]
    await trust(issuer="https://id.example", jwks={"keys": keys})
    return key, secret


def foreign(key: Any, algorithm: str = "ES256", kid: str = "one", **changed: Any) -> str:
    claims = claims_of(iss="https://id.example", aud="guanjia", sub="someone", tid=None, sid=None)
    return jwt.encode({"alg": algorithm, "kid": kid}, {**claims, **changed}, key, [algorithm])


async def test_a_trusted_issuer_speaks_for_its_members(
    database: Database, tenant: Any, trusting: tuple[ECKey, OctKey]
) -> None:
    claims = await OURS.identify(foreign(trusting[0]), tenant.id, database)
    assert claims.tenant_id == tenant.id
    assert claims.session_id is None


async def test_what_a_trusted_issuer_did_not_say_is_refused(
    database: Database, tenant: Any, trusting: tuple[ECKey, OctKey]
) -> None:
    key, secret = trusting
    for token, where in [
        (foreign(key), None),
        (foreign(key), new_id()),
        (foreign(ECKey.generate_key("P-256", {"kid": "one"})), tenant.id),
        (foreign(secret, "HS256", "two"), tenant.id),
        (foreign(key, aud="other"), tenant.id),
        (foreign(key, sub="stranger"), tenant.id),
        (foreign(key, sub="\0"), tenant.id),
        (foreign(key, exp=1), tenant.id),
        (foreign(key, iss="https://other.example"), tenant.id),
        (foreign(key, iss="\0"), tenant.id),
    ]:
        with pytest.raises(Denied) as denied:
            await OURS.identify(token, where, database)
        assert denied.value.code == "UNAUTHENTICATED"
