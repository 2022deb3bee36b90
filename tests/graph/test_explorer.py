"""GraphiQL works offline: no outside address, and only its own scripts may run."""

from __future__ import annotations

import re

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount

from guanjia.graph import explorer

SDL = """
directive @requires(permission: String!) on FIELD_DEFINITION | OBJECT
type Query { cases: [Case!]! @requires(permission: "case:read") version: String! }
type Case @requires(permission: "case:read") { title: String! }
"""


def test_the_page_names_no_outside_address() -> None:
    html, _ = explorer.page("/graphql")
    assert not re.search(r"https?://|wss?://|//[a-z]+\.", html)
    named = re.findall(r"(?:src|href)=[\"']([^\"']+)", html)
    assert [name for name in named if not name.startswith(("/graphql/assets/", "data:"))] == []


async def test_every_file_of_the_page_is_installed() -> None:
    html, _ = explorer.page("/graphql")
    app = Starlette(routes=[Mount("/graphql" + explorer.ASSETS, explorer.assets())])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        for name in re.findall(r"(?:src|href)=\"(/[^\"]+)", html):
            assert (await http.get(name)).status_code == 200, name
        assert (await http.get("/graphql/assets/../views.py")).status_code == 404


def test_only_these_scripts_and_styles_may_run() -> None:
    html, headers = explorer.page("/graphql")
    policy = headers["Content-Security-Policy"]
    nonces = set(re.findall(r"'nonce-([^']+)'", policy))
    assert nonces == set(re.findall(r'nonce="([^"]+)"', html))
    assert len(nonces) == 1
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert re.findall(r"<(?:script|style)(?![^>]*(?:nonce|src)=)", html) == []
    assert not re.search(r"\son[a-z]+=|\sstyle=|innerHTML|insertAdjacentHTML|eval\(", html)


def test_each_answer_has_its_own_nonce() -> None:
    first, second = explorer.page("/graphql")[1], explorer.page("/graphql")[1]
    assert first["Content-Security-Policy"] != second["Content-Security-Policy"]


def test_an_endpoint_cannot_break_out_of_the_script() -> None:
    html, _ = explorer.page("/graphql</script><script>alert(1)")
    assert "<script>" not in html


def test_permissions_are_read_from_the_sdl() -> None:
    assert explorer.permissions(SDL) == {"Query.cases": "case:read", "Case": "case:read"}
    html, _ = explorer.page("/graphql", explorer.permissions(SDL))
    assert '"Query.cases": "case:read"' in html
