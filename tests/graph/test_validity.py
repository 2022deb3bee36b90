"""A valid document is validated once, an invalid one each time, and each schema knows its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import strawberry
from strawberry.extensions import DisableIntrospection
from strawberry.schema import schema as library

from guanjia.graph.limits import Limits
from guanjia.graph.validity import Validity
from guanjia.reading.documents import Lru
from guanjia.schema import Schema


@strawberry.type
class Query:
    @strawberry.field
    def one(self, given: str = "") -> int:
        return 1


def schema(*more: Any, known: int = 10) -> strawberry.Schema:
    return Schema(Query, extensions=[Limits, partial(Validity, Lru(known)), *more])


@pytest.fixture
def validated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The documents that were validated, in turn."""
    seen: list[str] = []
    run: Callable[..., Any] = library.validate_document

    def noting(of: Any, document: Any, rules: Any) -> Any:
        seen.append(document.loc.source.body)
        return run(of, document, rules)

    monkeypatch.setattr(library, "validate_document", noting)
    return seen


async def test_a_valid_document_is_validated_once(validated: list[str]) -> None:
    built = schema()
    for _ in range(3):
        for text in ("{ one }", "{ one one }"):
            result = await built.execute(text)
            assert (result.data, result.errors) == ({"one": 1}, None)
    assert validated == ["{ one }", "{ one one }"]


async def test_an_invalid_document_is_refused_each_time(validated: list[str]) -> None:
    built = schema()
    for _ in range(3):
        result = await built.execute("{ two }")
        assert result.data is None
        assert [error.message for error in result.errors or ()] == [
            "Cannot query field 'two' on type 'Query'."
        ]
    assert validated == ["{ two }"] * 3


async def test_what_one_schema_allows_another_may_refuse(validated: list[str]) -> None:
    text = "{ __schema { queryType { name } } }"
    open_one, closed = schema(), schema(DisableIntrospection)
    assert (await open_one.execute(text)).errors is None
    for _ in range(2):
        assert (await closed.execute(text)).errors
    assert (await open_one.execute(text)).errors is None
    assert len(validated) == 3


async def test_wrong_variables_are_refused_all_the_same() -> None:
    built, text = schema(), "query ($g: String!) { one(given: $g) }"
    assert (await built.execute(text, {"g": "x"})).errors is None
    assert (await built.execute(text, {"g": 1})).errors
    assert (await built.execute(text)).errors


async def test_the_documents_used_last_are_remembered(validated: list[str]) -> None:
    built = schema(known=2)
    for text in (
        "{ a: one }",
        "{ b: one }",
        "{ a: one }",
        "{ c: one }",
        "{ a: one }",
        "{ b: one }",
    ):
        await built.execute(text)
    assert validated == ["{ a: one }", "{ b: one }", "{ c: one }", "{ b: one }"]


@pytest.mark.parametrize("text", ['{ one(given: "\ud83d") }', "{ one } # \ud83d"])
async def test_what_is_no_text_is_refused_before(text: str) -> None:
    result = await schema().execute(text)
    assert [error.message.partition(":")[0] for error in result.errors or ()] == ["Syntax Error"]
