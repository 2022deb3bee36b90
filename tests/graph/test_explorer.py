"""The explorer works offline: no outside address, and only its own script may run."""

from __future__ import annotations

import re

from guanjia.graph import explorer

SDL = """
directive @requires(permission: String!) on FIELD_DEFINITION | OBJECT
type Query { cases: [Case!]! @requires(permission: "case:read") version: String! }
type Case @requires(permission: "case:read") { title: String! }
"""


def test_the_page_names_no_outside_address() -> None:
    html, _ = explorer.page("/graphql")
    assert not re.search(r"https?:|wss?:|//[a-z]+\.", html)
    assert not re.search(r"<(?:script|img|iframe|link)[^>]*(?:src|href)=[\"'](?!data:)", html)


def test_only_the_pages_own_script_and_style_may_run() -> None:
    html, headers = explorer.page("/graphql")
    policy = headers["Content-Security-Policy"]
    nonces = set(re.findall(r"'nonce-([^']+)'", policy))
    assert nonces == set(re.findall(r'nonce="([^"]+)"', html))
    assert len(nonces) == 1
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert len(re.findall(r"<script|<style", html)) == len(
        re.findall(r"<(?:script|style)[^>]*nonce", html)
    )
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
