"""GraphQL over HTTP: the rules of the specification's audit, and what a browser may not do."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from tests.api.conftest import Service

from guanjia import schema as schemas
from guanjia.app import create_app
from guanjia.db.connections import Connections
from guanjia.settings import load
from guanjia.view import View

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"
GOOD = {"query": "{ __typename }"}


async def send(
    api: Service, body: Any, accept: str | None = JSON, **headers: str
) -> httpx.Response:
    request = api.http.build_request("POST", "/graphql", json=body, headers=headers)
    del request.headers["accept"]
    if accept is not None:
        request.headers["accept"] = accept
    return await api.http.send(request)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (JSON, JSON),
        (GRAPHQL, GRAPHQL),
        ("*/*", JSON),
        ("application/*", JSON),
        (None, JSON),
        (f"{GRAPHQL}, {JSON};q=0.9", GRAPHQL),
        (f"{GRAPHQL};q=0.5, {JSON}", JSON),
        (f"{GRAPHQL};q=0, */*", JSON),
        ("text/html, */*;q=0.1", JSON),
    ],
)
async def test_the_answer_has_the_form_that_is_asked_for(
    api: Service, accept: str | None, form: str
) -> None:
    answer = await send(api, GOOD, accept)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{form}; charset=utf-8"
    assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("accept", ["text/html", "image/png", f"{JSON};q=0", f"{JSON};q=x"])
async def test_another_form_is_not_acceptable(api: Service, accept: str) -> None:
    assert (await send(api, GOOD, accept)).status_code == 406


REFUSED = [
    {"query": "{"},
    {"query": "{ absent }"},
    {"query": "query ($id: ID!) { case(id: $id) { id } }"},
    {"query": "query A { __typename } query B { __typename }"},
    {"query": "{ __typename }", "operationName": "B"},
    {"query": "subscription { caseChanged { id } }"},
    {"query": ""},
]


@pytest.mark.parametrize("body", REFUSED)
async def test_what_did_not_run_has_no_data(api: Service, body: Any) -> None:
    plain, graphql = await send(api, body, JSON), await send(api, body, GRAPHQL)
    assert plain.status_code == 200
    assert graphql.status_code == 400
    for answer in (plain.json(), graphql.json()):
        assert "data" not in answer
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
        assert re.search(r"[\u4e00-\u9fff]", answer["errors"][0]["message"])


async def test_what_ran_keeps_its_data(api: Service) -> None:
    answer = await send(api, {"query": "{ cases { totalCount } }"}, GRAPHQL, **{"x-tenant": "none"})
    assert answer.status_code == 200
    assert answer.json()["data"] is None
    assert answer.json()["errors"][0]["path"] == ["cases"]


async def test_a_bad_token_has_a_status_of_its_own(api: Service) -> None:
    answer = await send(api, GOOD, GRAPHQL, authorization="Bearer x")
    assert answer.status_code == 401
    assert (await send(api, GOOD, JSON, authorization="Bearer x")).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        [GOOD],
        "text",
        *({"query": wrong} for wrong in ({}, 1, True, [], None)),
        *({**GOOD, "operationName": wrong} for wrong in ({}, 1, True, [])),
        *({**GOOD, "variables": wrong} for wrong in ("x", 1, True, [])),
        *({**GOOD, "extensions": wrong} for wrong in ("x", 1, True, [])),
    ],
)
async def test_a_malformed_request_is_told(api: Service, body: Any) -> None:
    for form in (JSON, GRAPHQL):
        answer = await send(api, body, form)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("name", ["operationName", "variables", "extensions"])
async def test_null_parameters_are_none(api: Service, name: str) -> None:
    assert (await send(api, {**GOOD, name: None}, GRAPHQL)).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"nul"])
async def test_a_body_that_is_no_json_is_told(api: Service, body: bytes) -> None:
    answer = await api.http.post("/graphql", content=body, headers={"content-type": JSON})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/jsonp",
        f"{JSON}; charset=utf-16",
        "",
    ],
)
async def test_a_page_elsewhere_cannot_post_without_asking(api: Service, kind: str) -> None:
    answer = await api.http.post(
        "/graphql", content=b'{"query":"{ __typename }"}', headers={"content-type": kind}
    )
    assert answer.status_code == 415


@pytest.mark.parametrize("kind", [f"{JSON}; charset=utf-8", f'{JSON};charset="UTF-8"'])
async def test_utf_8_may_be_named(api: Service, kind: str) -> None:
    answer = await api.http.post(
        "/graphql",
        content='{"query":"{ __typename } # 管"}'.encode(),
        headers={"content-type": kind},
    )
    assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
async def test_other_methods_are_told_which_ones_there_are(api: Service, method: str) -> None:
    answer = await api.http.request(method, "/graphql")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"


async def test_nothing_runs_on_get(api: Service) -> None:
    answer = await api.http.get("/graphql", params={"query": "{ __typename }"})
    assert answer.status_code == 405


async def test_production_has_no_get_at_all(api: Service) -> None:
    settings = api.world.settings.model_copy(update={"environment": "production"})
    api.world.settings, given = settings, api.world.settings
    try:
        view = View(api.schema, api.world)
    finally:
        api.world.settings = given
    async with httpx.AsyncClient(transport=httpx.ASGITransport(view), base_url="http://x") as http:
        page = await http.get("/graphql", headers={"accept": "text/html"})
        assert page.status_code == 405
        assert page.headers["allow"] == "POST"
        ran = await http.post("/graphql", json=GOOD)
        assert "x-plan" not in ran.headers


async def preflight(environment: str, origin: str, **more: str) -> str | None:
    settings = load().model_copy(update={"environment": environment, **more})
    transport = httpx.ASGITransport(create_app(settings, Connections()))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
        asked = {"origin": origin, "access-control-request-method": "POST"}
        answer = await http.options("/graphql", headers=asked)
    return answer.headers.get("access-control-allow-origin")


async def test_a_page_elsewhere_may_ask_only_when_it_is_named() -> None:
    local, named, other = "http://localhost:5173", "https://app.example", "https://evil.example"
    assert await preflight("development", local) == local
    assert await preflight("development", other) is None
    assert await preflight("production", local) is None
    allowed = {"allowed_origins": f"https://a.example, {named}"}
    assert await preflight("production", named, **allowed) == named
    assert await preflight("production", other, **allowed) is None


async def test_production_does_not_describe_itself(api: Service) -> None:
    told = schemas.build(introspection=False)
    for query in ("{ __schema { queryType { name } } }", '{ __type(name: "Case") { name } }'):
        result = await told.execute(query)
        assert result.errors
        assert "introspection" in result.errors[0].extensions["detail"]
    assert (await send(api, {"query": "{ __schema { queryType { name } } }"})).json()["data"]


async def test_a_body_over_the_limit_is_told(api: Service) -> None:
    answer = await send(api, {**GOOD, "variables": {"x": "x" * 1_000_000}})
    assert answer.status_code == 413
    assert answer.json()["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"


async def test_answers_are_kept_by_nobody(api: Service) -> None:
    answer = await send(api, GOOD)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_an_answer_carries_the_requests_id(api: Service) -> None:
    named = await send(api, GOOD, **{"x-request-id": "from-the-proxy-1"})
    assert named.headers["x-request-id"] == "from-the-proxy-1"
    forged = await send(api, GOOD, **{"x-request-id": "two words"})
    assert re.fullmatch(r"[0-9a-f]{16}", forged.headers["x-request-id"])
