"""The limits hold on the compiled path and on the stock executor alike."""

from __future__ import annotations

import datetime as dt
from secrets import token_hex
from typing import Any

import pytest
from tests.api.conftest import Person, Service, Town

from guanjia.access.links import Links, open_link
from guanjia.graph.attempts import Attempts
from guanjia.view import View

TREE = "{ regions(first: 100) { nodes { children { children { children { id } } } } } }"
MERGING = "{ cases { nodes { " + "id " * 100 + "} } }"
DOUBLING = (
    "{ ...F0 } "
    + " ".join(f"fragment F{i} on Query {{ ...F{i + 1} ...F{i + 1} }}" for i in range(24))
    + " fragment F24 on Query { __typename }"
)
SIX = " ".join(f"a{i}: timeline(first: $n) {{ nodes {{ id }} }}" for i in range(6))
PAGES = f"query ($n: Int) {{ cases(first: $n) {{ nodes {{ {SIX} }} }} }}"


@pytest.mark.parametrize("query", [TREE, MERGING, DOUBLING])
async def test_everyone_is_told_the_limit(town: Town, query: str) -> None:
    person = await town.person("CSEC", "north1")
    nobody = Person(town.api, town.tenant.slug)
    assert await person.code(query) == "LIMIT_EXCEEDED"
    assert await nobody.code(query) == "LIMIT_EXCEEDED"


async def test_a_page_size_decides_on_the_compiled_path(town: Town) -> None:
    person = await town.person("CSEC", "north1")
    small = await person.post({"query": PAGES, "variables": {"n": 20}})
    assert small.headers["x-plan"] == "fast"
    assert small.json()["data"] == {"cases": {"nodes": []}}
    large = await person.post({"query": PAGES, "variables": {"n": 100}})
    assert large.headers["x-plan"] == "slow:rows"
    assert large.json()["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"


async def test_a_page_size_decides_on_the_stock_executor(town: Town) -> None:
    person = await town.person("CSEC", "north1")
    stock = PAGES.replace("{ cases", "{ __schema { queryType { name } } cases")
    small = await person.post({"query": stock, "variables": {"n": 20}})
    assert small.headers["x-plan"] == "slow:introspection"
    assert small.json()["data"]["cases"] == {"nodes": []}
    large = await person.post({"query": stock, "variables": {"n": 100}})
    assert large.json()["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"


LOGIN = (
    "mutation ($a: LoginInput!, $b: LoginInput!) { a: login(input: $a) { userErrors { code } }"
    " b: login(input: $b) { userErrors { code } } }"
)


async def test_an_address_runs_out_of_logins(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(town.api.world, "attempts", Attempts(3))

    async def codes(address: str) -> list[str]:
        view = View(town.api.schema, town.api.world)
        nobody = Person(Service(town.api.world, None, view, address), town.tenant.slug)
        # A name of its own each time, so that no lock of an account is what answers.
        given = {key: {"loginName": token_hex(8), "password": "x"} for key in ("a", "b")}
        answer = await nobody.data(LOGIN, given)
        return [answer[key]["userErrors"][0]["code"] for key in ("a", "b")]

    assert await codes("192.0.2.7") == ["LOGIN_FAILED", "LOGIN_FAILED"]
    assert await codes("192.0.2.7") == ["LOGIN_FAILED", "LIMIT_EXCEEDED"]
    assert await codes("192.0.2.8") == ["LOGIN_FAILED", "LOGIN_FAILED"]
    assert await codes("127.0.0.1") == ["LOGIN_FAILED", "LOGIN_FAILED"]


async def test_an_address_runs_out_of_secrets_of_links(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then a secret that opens something and one that does not are answered alike."""
    world = town.api.world
    monkeypatch.setattr(world, "links", Links(world.database, Attempts(4)))
    async with world.database.tenant_transaction(town.tenant.id) as transaction:
        now = dt.datetime.now(dt.UTC)
        link = await open_link(
            transaction, name="某公司(任务链接)", expires_at=now + dt.timedelta(days=1), now=now
        )
    view = View(town.api.schema, world)

    async def answer(secret: str, address: str, query: str = "{ tasks { totalCount } }") -> Any:
        given = {"x-tenant": town.tenant.slug, "authorization": f"TaskLink {secret}"}
        service = Service(world, None, view, address)
        body = (await service.post({"query": query}, given)).json()
        return body.get("data") or body["errors"][0]["extensions"]["code"]

    reads = "{ tasks { totalCount } __schema { queryType { name } } }"  # by the stock executor
    writes = 'mutation { acceptTask(input: { id: "x" }) { userErrors { code } } }'
    for query in ("{ tasks { totalCount } }", reads, writes):
        assert await answer(token_hex(16), "192.0.2.7", query) == "UNAUTHENTICATED"
    assert await answer(link.secret, "192.0.2.7") == {"tasks": {"totalCount": 0}}
    assert await answer("x" * 200, "192.0.2.7") == "UNAUTHENTICATED"
    for secret in (token_hex(16), link.secret):
        assert await answer(secret, "192.0.2.7") == "LIMIT_EXCEEDED"
        assert await answer(secret, "192.0.2.7", writes) == "LIMIT_EXCEEDED"
    assert await answer(link.secret, "192.0.2.8") == {"tasks": {"totalCount": 0}}
    # A sign-in is not held up by it.
    nobody = Person(Service(world, None, view, "192.0.2.7"), town.tenant.slug)
    given = {key: {"loginName": token_hex(8), "password": "x"} for key in ("a", "b")}
    assert (await nobody.data(LOGIN, given))["a"]["userErrors"][0]["code"] == "LOGIN_FAILED"
