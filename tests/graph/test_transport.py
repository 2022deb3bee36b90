"""What an operation is called in the log."""

from __future__ import annotations

import time

import pytest

from guanjia.graph.transport import kind_and_name


@pytest.mark.parametrize(
    ("query", "chosen", "expected"),
    [
        ("{ a }", None, ("query", None)),
        ("query { a }", None, ("query", None)),
        ("query Mine($a: Int) { a }", None, ("query", "Mine")),
        ("# 说明\n\n# b\n mutation Do { a }", None, ("mutation", "Do")),
        ("query A { a } subscription B { b }", "B", ("subscription", "B")),
        ("query A { a }", "C", ("unknown", "C")),
        ("query A { a }", "张三", ("unknown", None)),
        ("fragment F on Query { a } query A { ...F }", None, ("unknown", None)),
        ("", None, ("unknown", None)),
    ],
)
def test_an_operation_is_named(
    query: str, chosen: str | None, expected: tuple[str, str | None]
) -> None:
    assert kind_and_name(query, chosen) == expected


def test_naming_takes_no_time() -> None:
    began = time.process_time()
    for hostile in ("#" * 500_000, "#\n" * 250_000, " " * 500_000, "query" + " " * 500_000):
        kind_and_name(hostile)
        kind_and_name(hostile, "a" * 64)
    assert time.process_time() - began < 2
