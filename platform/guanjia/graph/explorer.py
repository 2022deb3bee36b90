"""GraphiQL on GET /graphql in development, offline: its files come from an installed package.

The page adds to it a login, the permissions beside the documentation, and subscriptions.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path

from graphql import (
    ConstValueNode,
    FieldDefinitionNode,
    InterfaceTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    StringValueNode,
    parse,
)
from starlette.staticfiles import StaticFiles

PACKAGE = "graphene_django_graphiql_static"
"""Carries GraphiQL, React and graphql-ws as built files; nothing of it is imported."""
ASSETS = "/assets"


def assets() -> StaticFiles:
    """The package's files, to be mounted at the endpoint's ASSETS."""
    return StaticFiles(packages=[(PACKAGE, f"static/{PACKAGE}")])


@cache
def _template() -> str:
    return Path(__file__).with_suffix(".html").read_text(encoding="utf-8")


def page(endpoint: str, permissions: Mapping[str, str] | None = None) -> tuple[str, dict[str, str]]:
    """The page that sends its operations to `endpoint`, and the headers it must be served with.

    `permissions` maps `Type.field` or `Type` to the permission shown beside it. The page's own
    style and script carry a nonce of this answer; besides them only the package's files load.
    """
    nonce = secrets.token_urlsafe(18)
    facts = json.dumps({"endpoint": endpoint, "permissions": dict(permissions or {})})
    # In a script element only "<" could end the JSON early.
    html = (
        _template()
        .replace("%NONCE%", nonce)
        .replace("%ASSETS%", escape(endpoint + ASSETS))
        .replace("%FACTS%", facts.replace("<", "\\u003c"))
    )
    policy = (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
        "connect-src 'self'; font-src 'self' data:; img-src 'self' data:; base-uri 'none'; "
        "form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return html, {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def permissions(sdl: str) -> dict[str, str]:
    """What `@requires` says in the SDL, by `Type.field` and `Type`: introspection leaves it out."""
    found: dict[str, str] = {}
    for definition in parse(sdl, no_location=True).definitions:
        if isinstance(definition, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode):
            name = definition.name.value
            _note(found, name, definition)
            for field in definition.fields or ():
                _note(found, f"{name}.{field.name.value}", field)
    return found


def _note(
    found: dict[str, str],
    place: str,
    node: ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode | FieldDefinitionNode,
) -> None:
    for directive in node.directives or ():
        if directive.name.value == "requires":
            for argument in directive.arguments or ():
                value: ConstValueNode = argument.value
                if argument.name.value == "permission" and isinstance(value, StringValueNode):
                    found[place] = value.value
