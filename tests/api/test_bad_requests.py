"""Requests that are none: a body that cannot be read, a tenant that nobody has."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.answers import check


@pytest.mark.parametrize("tenant", ["nosuch", "", "\u00e9", "a" * 5000, "../x", "yanping'--"])
async def test_an_unknown_tenant(town: Any, tenant: str) -> None:
    clerk = await town.person("COMM", "north1")
    answer = await town.api.http.post(
        "/graphql",
        json={"query": "{ cases { totalCount } }"},
        headers={"x-tenant": tenant.encode(), "authorization": f"Bearer {clerk.token}"},
    )
    if tenant:
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert check(answer.json(), tenant)
    login = await town.api.http.post(
        "/graphql",
        json={
            "query": "mutation ($i: LoginInput!) { login(input: $i) { accessToken"
            " userErrors { code message } } }",
            "variables": {"i": {"loginName": "somebody", "password": "Wrong-2026-guanjia"}},
        },
        headers={"x-tenant": tenant.encode()},
    )
    assert check(login.json(), tenant)


@pytest.mark.parametrize(
    "body",
    [
        b'{"query": "{ cases { totalCount } }", "variables": {"a": "\\ud800"}}',
        b'{"query": "{ cases { totalCount } }\xff"}',
        b'{"query": "{ case(id: \\"\\\\ud800\\") { id } }"}',
        b'{"query": "{ cases(first: ' + b"9" * 5000 + b') { totalCount } }"}',
        b'{"query": "query ($n: Int) { cases(first: $n) { totalCount } }", "variables": {"n": 1'
        + b"0" * 400
        + b"}}",
        b'{"query": "{ x }", "variables": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}",
        b'{"query": "{ x }", "variables": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"query": "' + b"{a" * 3000 + b"}" * 3000 + b'"}',
        b'{"query": "{ cases(filter: ' + b"{a:" * 3000 + b"1" + b"}" * 3000 + b') { x } }"}',
        b'{"query": "{ viewer { id } }", "operationName": "Nope"}',
        b'{"query": "subscription { caseChanged { id } }"}',
        b'{"query": "{ viewer { id } }", "extensions": 3}',
        b'[{"query": "{ viewer { id } }"}]', b'{"variables": {}}', b"", b"\x00", b"{", b"null",
    ],
)  # fmt: skip
async def test_a_body_that_is_no_request(town: Any, body: bytes) -> None:
    for person in (await town.person("COMM", "north1"), None):
        headers = {"content-type": "application/json", "x-tenant": town.tenant.slug}
        if person:
            headers["authorization"] = f"Bearer {person.token}"
        answer = await town.api.http.post("/graphql", content=body, headers=headers)
        assert answer.status_code < 500
        assert check(answer.json(), body[:80])
