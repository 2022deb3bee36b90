"""What the README names is there: settings, operations, fields, exports and commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer
from graphql import build_schema, parse, validate

from guanjia import schema as schemas
from guanjia.cli import app
from guanjia.imports.exports import exports
from guanjia.settings import PROJECT_ROOT, Settings

README = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.DOTALL)
INLINE = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", README, flags=re.DOTALL))
OF_OTHERS = {"securityContext", "networkPolicy", "tenantGateways", "requestId"}
"""Names of the chart's values and of what stands beside an error, in the way of a field's."""


def test_it_names_every_setting_and_no_other() -> None:
    """`…NAME` stands for a further variable of the same sentence."""
    named = set(re.findall(r"(?:GUANJIA_|`…)([A-Z0-9_]+)", README))
    assert named == {name.upper() for name in Settings.model_fields}


def test_its_examples_are_valid() -> None:
    schema = build_schema(schemas.sdl(schemas.build()))
    blocks = [text for language, text in BLOCKS if language == "graphql"]
    assert len(blocks) > 5
    for text in blocks:
        for operation in re.split(r"^(?=query|mutation|subscription|\{)", text, flags=re.MULTILINE):
            if operation.strip():
                assert validate(schema, parse(operation)) == [], operation


def test_the_fields_it_names_exist() -> None:
    words = set(re.findall(r"\w+", schemas.sdl(schemas.build())))
    named = {
        word
        for text in INLINE
        for word in re.findall(r"\b[a-z]+[A-Z]\w*", text)
        if not word.startswith("jwks")
    }
    assert len(named) > 100
    assert named - words <= OF_OTHERS


def test_the_exports_it_names_are_offered_and_take_what_is_asked() -> None:
    offered = {export.code: dict(export.parameters) for export in exports()}
    for code, name in re.findall(r"\bexports/([a-z-]+)(?:\?(\w+)=)?", README):
        assert code in offered
        assert not name or name in offered[code], f"{code}?{name}"


def test_it_names_every_command_and_no_other() -> None:
    """As far as a line goes: what stands behind a command is its own."""
    lines = [" ".join(text.split()) for text in INLINE]
    lines += [line for _, text in BLOCKS for line in text.splitlines()]
    starts = (re.match(r"(?:\.venv/bin/)?guanjia ([a-z-]+(?: [a-z-]+)*)", line) for line in lines)
    said = {tuple(start[1].split()) for start in starts if start}
    there = set(_commands(typer.main.get_command(app))) - {("demo",)}  # of `make`
    assert there <= {line[: len(name)] for line in said for name in there}
    assert {line for line in said if not any(line[: len(name)] == name for name in there)} == set()


def _commands(group: Any, *above: str) -> Iterator[tuple[str, ...]]:
    """Each by its words."""
    for name, command in group.commands.items():
        if inner := getattr(command, "commands", None):
            yield from _commands(command, *above, name)
        if not inner or command.invoke_without_command:
            yield (*above, name)
