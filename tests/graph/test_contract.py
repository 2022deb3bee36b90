"""A breaking change fails unless it is declared, and only then passes."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from pathlib import Path

import pytest
from graphql import GraphQLEnumType, build_schema

from guanjia import schema as schemas
from guanjia.graph.contract import Contract, ContractBroken
from guanjia.settings import PROJECT_ROOT

BEFORE = "type Query {\n  cases: [String!]!\n  people: String\n}\n"
AFTER = "type Query {\n  cases: [String!]!\n}\n"
WIDER = "type Query {\n  cases: [String!]!\n  people: String\n  teams: String\n}\n"
REMOVED = "Field Query.people was removed."
DECLARED = (
    f'[[change]]\ndate = 2026-12-01\nbreak = "{REMOVED}"\nreason = "moved"\ninstead = "use cases"\n'
)


def contract(folder: Path, *, current: str, declared: str = "") -> Contract:
    made = Contract(folder)
    made.write(current)
    made.released.write_text(BEFORE)
    digest = hashlib.sha256(BEFORE.encode()).hexdigest()
    made.changes.write_text(f'released = 2026-11-24\nsha256 = "{digest}"\n{declared}')
    return made


def faults(made: Contract, sdl: str) -> str:
    with pytest.raises(ContractBroken) as broken:
        made.check(sdl)
    return str(broken.value)


def test_an_addition_needs_no_declaration(tmp_path: Path) -> None:
    contract(tmp_path, current=WIDER).check(WIDER)


def test_a_break_that_nobody_declared_is_named(tmp_path: Path) -> None:
    assert REMOVED in faults(contract(tmp_path, current=AFTER), AFTER)


def test_a_declared_break_passes(tmp_path: Path) -> None:
    contract(tmp_path, current=AFTER, declared=DECLARED).check(AFTER)


def test_a_declaration_that_matches_nothing_is_named(tmp_path: Path) -> None:
    said = faults(contract(tmp_path, current=BEFORE, declared=DECLARED), BEFORE)
    assert "不存在的变更" in said
    assert REMOVED in said


@pytest.mark.parametrize("missing", ["reason", "instead", "date"])
def test_a_declaration_says_why_and_what_instead(tmp_path: Path, missing: str) -> None:
    lines = [line for line in DECLARED.splitlines(True) if not line.startswith(missing)]
    assert missing in faults(contract(tmp_path, current=AFTER, declared="".join(lines)), AFTER)


def test_a_document_behind_the_code_is_named(tmp_path: Path) -> None:
    assert "make schema" in faults(contract(tmp_path, current=BEFORE), WIDER)


def test_the_promise_cannot_be_rewritten_on_the_side(tmp_path: Path) -> None:
    made = contract(tmp_path, current=AFTER)
    made.released.write_text(AFTER)
    assert "schema.released.graphql" in faults(made, AFTER)


def test_a_release_promises_the_current_document(tmp_path: Path) -> None:
    made = contract(tmp_path, current=AFTER, declared=DECLARED)
    made.release(AFTER, dt.date(2026, 12, 2))
    made.check(AFTER)
    assert made.released.read_text() == AFTER
    assert "released = 2026-12-02" in made.changes.read_text()
    assert REMOVED in made.changes.read_text()


def test_nothing_undeclared_is_released(tmp_path: Path) -> None:
    made = contract(tmp_path, current=AFTER)
    with pytest.raises(ContractBroken):
        made.release(AFTER, dt.date(2026, 12, 2))
    assert made.released.read_text() == BEFORE


def test_the_contract_of_this_house_holds() -> None:
    schemas.build()  # a schema built before leaves no trace in the next
    Contract(PROJECT_ROOT).check(schemas.sdl(schemas.build()))


def test_an_enum_says_what_each_of_its_values_means() -> None:
    """In their order, so that a page can show them to people; an order says how it sorts."""
    built = build_schema(schemas.sdl(schemas.build()))
    short = {
        name: (kind.description, len(kind.values))
        for name, kind in built.type_map.items()
        if isinstance(kind, GraphQLEnumType) and not name.startswith("__")
        if len(re.split("[、;]", kind.description or "")) < len(kind.values) or not kind.description
    }
    assert {name: said for name, said in short.items() if not name.endswith("Order")} == {}
