"""The query page of development: one HTML page of our own, with no outside address."""

from __future__ import annotations

import html
import secrets
from pathlib import Path

_PAGE = Path(__file__).with_name("explorer.html")


def page(endpoint: str) -> tuple[str, dict[str, str]]:
    """The page and its headers. Only its own script and its own server are allowed."""
    nonce = secrets.token_urlsafe(16)
    text = _PAGE.read_text(encoding="utf-8")
    text = text.replace("{{nonce}}", nonce).replace("{{endpoint}}", html.escape(endpoint, True))
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}';"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return text, {"content-security-policy": policy, "cache-control": "no-store"}
