"""An id of another tenant, or of another region, is worth no more than one that nobody has.

Every filter, lookup and mutation that takes an id is given a stranger's and an invented one: the
answers are the same to the letter, and the stranger's rows are untouched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from typing import Any
from uuid import uuid4

import pytest
from graphql import GraphQLInputObjectType, get_named_type, get_nullable_type
from tests.api.oracle import Oracle, rows_of
from tests.api.paths import id_argument, roots
from tests.api.population import populate, populate_compounds
from tests.api.test_schema_walk import PERSONAS, standing_of
from tests.api.test_walls import sample

from guanjia import schema as schemas
from guanjia.graph.limits import MAX_ALIASES
from guanjia.graph.marks import PUBLIC
from guanjia.reading.mapping import NODES, REQUIRES, Connect, Lookup

ASKING = [p for p in PERSONAS if p[0] in ("RES", "GRID", "CSEC", "SLEAD", "DSUP", "DEPT", "SEC")]
WRITING = [
    p
    for p in PERSONAS
    if p[0] in ("RES", "PPB", "CSEC", "SLEAD", "DSUP", "DEPTL", "SYS", "SEC", "AUD", "LINK")
]
PLACED = [p for p in PERSONAS if p[0] in ("GRID", "CSEC", "SLEAD", "PPB")]
TOGETHER = {"query": 16, "mutation": MAX_ALIASES}
"""Values tried in one operation: sixteen queries together take three quarters of sixteen alone."""
ANY_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def id_fields(kind: GraphQLInputObjectType) -> list[str]:
    return [n for n, f in kind.fields.items() if get_named_type(f.type).name == "ID"]


def filters_of_ids(kind: GraphQLInputObjectType) -> Iterator[tuple[str, str]]:
    """The (field, operator) pairs of a filter input that take ids."""
    for name, field in kind.fields.items():
        inner = get_named_type(field.type)
        if isinstance(inner, GraphQLInputObjectType):
            for operator, part in inner.fields.items():
                if get_named_type(part.type).name == "ID":
                    yield name, operator


@dataclass(frozen=True)
class Door:
    """A root field that is tried with one value after another."""

    kind: str
    name: str
    argument: str
    type: str
    selected: str
    listed: bool = False
    shut: bool = False
    """Its list is denied to the person who asks: no operation says more than one denial."""

    async def answers(self, person: Any, values: list[Any]) -> list[str]:
        """What each of the values is answered, in order, as if it had been sent alone."""
        size = ceil(len(values) / ceil(len(values) / TOGETHER[self.kind]))
        # Full operations only, so that their text is validated once.
        full = [*values, *values[:1] * (-len(values) % size)]
        said: list[str] = []
        for start in range(0, len(full), size):
            said += await self._together(person, full[start : start + size])
        return said[: len(values)]

    async def _together(self, person: Any, values: list[Any]) -> list[str]:
        declared = ", ".join(f"$v{n}: {self.type}" for n in range(len(values)))
        fields = " ".join(
            f"a{n}: {self.name}({self.argument}: $v{n}) {self.selected}" for n in range(len(values))
        )
        answer = await person.ask(
            f"{self.kind} ({declared}) {{ {fields} }}",
            {f"v{n}": value for n, value in enumerate(values)},
        )
        if answer.get("data") is None and len(values) > 1:
            if self.shut:
                return [_said(answer, _ended(answer))] * len(values)
            # What ended the operation was said of one value, or of none, so each is sent alone.
            return [said for value in values for said in await self._together(person, [value])]
        return [_said(answer, f"a{n}") for n in range(len(values))]


def _said(answer: dict[str, Any], field: str) -> str:
    """What the answer says of a field, with ids and anything else that was invented taken out."""
    errors = [
        {key: part for key, part in error.items() if key != "locations"}
        | {"path": error["path"][1:] if "path" in error else None}
        for error in answer.get("errors", ())
        if error.get("path", [field])[0] == field
    ]
    return ANY_ID.sub("…", str(((answer.get("data") or {}).get(field), errors)))


def _ended(answer: dict[str, Any]) -> str:
    """The field whose denial ended an operation in which all are denied."""
    [error] = answer["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN", answer
    field: str = error["path"][0]
    return field


async def strangers_ids(town: Any, admin: Any) -> dict[str, str]:
    """One id of each node type of a tenant; types that share a row are known by the first."""
    oracle = Oracle(town.api.world.policy, admin, town.tenant.id)
    found: dict[str, str] = {}
    for node in NODES:
        rows = await oracle.rows(node)
        if rows and (identifier := str(rows[-1][node.key])) not in found.values():
            found[node.name] = identifier
    return found


@pytest.fixture
async def two_towns(town: Any, make_town: Any, admin: Any) -> tuple[Any, Any]:
    other = await make_town()
    for each in (town, other):
        for name in ("甲物业", "乙物业"):
            await each.organisation(name, "PROPERTY_COMPANY")
        await populate(each)
        await populate_compounds(each)
    return town, other


async def test_a_strangers_id_finds_nothing(two_towns: tuple[Any, Any], admin: Any) -> None:
    town, other = two_towns
    foreign = await strangers_ids(other, admin)
    for persona in ASKING:
        person, _ = await standing_of(town, persona)
        await _look(person, schemas.graphql_schema(town.api.schema), foreign)


async def test_a_strangers_id_changes_nothing(two_towns: tuple[Any, Any], admin: Any) -> None:
    """Each mutation by someone who holds its permission; ids of the other tenant everywhere."""
    town, other = two_towns
    foreign = await strangers_ids(other, admin)
    before = await rows_of(admin, other.tenant.id)
    used: set[str] = set()
    for persona in WRITING:
        person, standing = await standing_of(town, persona)
        used |= await _compare(person, standing, town, foreign)
    assert used == set(with_ids(schemas.graphql_schema(town.api.schema)))
    assert await rows_of(admin, other.tenant.id) == before


async def test_an_id_of_another_region_changes_nothing(
    two_towns: tuple[Any, Any], admin: Any
) -> None:
    """The same for rows of one's own tenant that the person may not read."""
    town, _ = two_towns
    oracle = Oracle(town.api.world.policy, admin, town.tenant.id)
    for persona in PLACED:
        person, standing = await standing_of(town, persona)
        hidden: dict[str, str] = {}
        for node in NODES:
            may = await oracle.readable(standing, node)
            ids = [str(row[node.key]) for row in await oracle.rows(node)]
            out = [row for row in ids if row not in may and row not in hidden.values()]
            if out:
                hidden[node.name] = out[0]
        assert "Case" in hidden
        await _compare(person, standing, town, hidden)


@pytest.mark.parametrize("kind", [Lookup, Connect])
async def test_a_search_that_finds_something_is_seen(
    two_towns: tuple[Any, Any], admin: Any, kind: type
) -> None:
    """The twin: one's own rows are found, by a lookup and by a filter, last among many."""
    town, other = two_towns
    graph = schemas.graphql_schema(town.api.schema)
    person, _ = await standing_of(town, ("CSEC", "south1", None))
    given = await strangers_ids(other, admin) | {"own": await _own_case(person)}
    with pytest.raises(AssertionError, match="case"):
        await _look(person, graph, given, (kind,))


async def test_a_change_that_is_made_is_seen(two_towns: tuple[Any, Any], admin: Any) -> None:
    """The twin: one's own case can be changed, the last among many that cannot."""
    town, other = two_towns
    person, standing = await standing_of(town, ("CSEC", "south1", None))
    strangers = [*(await strangers_ids(other, admin)).items()][: MAX_ALIASES // 2]
    given = dict(strangers) | {"own": await _own_case(person)}
    with pytest.raises(AssertionError, match="Case"):
        await _compare(person, standing, town, given)


async def _own_case(person: Any) -> str:
    found = await person.data("{ cases(first: 1) { nodes { id } } }")
    identifier: str = found["cases"]["nodes"][0]["id"]
    return identifier


async def _look(
    person: Any, graph: Any, given: dict[str, str], kinds: Any = (Lookup, Connect)
) -> None:
    """No lookup and no filter answers one of the ids otherwise than an invented one."""
    for door, wrapped in _searches(graph, kinds):
        if door.listed:
            # What a list counts is at least what each of its ids alone counts.
            tried = {tuple(given): wrapped([*given.values()])}
            invented_one = wrapped([str(uuid4()) for _ in given])
        else:
            tried = {(name,): wrapped(identifier) for name, identifier in given.items()}
            invented_one = wrapped(str(uuid4()))
        [alone] = await door.answers(person, [invented_one])
        if door.argument == "filter":
            assert "'totalCount': 0" in alone or "FORBIDDEN" in alone, door
            door = replace(door, shut="FORBIDDEN" in alone)
        for names, answer in zip(tried, await door.answers(person, [*tried.values()]), strict=True):
            assert answer == alone, (door, names)


def _searches(graph: Any, kinds: Any) -> Iterator[tuple[Door, Callable[[Any], Any]]]:
    """Each root query that takes an id, by itself or in a filter, with how it takes it."""
    fields = graph.query_type.fields
    if Lookup in kinds:
        for root in roots(graph, Lookup):
            if argument := id_argument(graph, root):
                yield Door("query", root, argument, "ID!", "{ id }"), lambda identifier: identifier
    if Connect in kinds:
        for root in roots(graph, Connect):
            kind = get_named_type(fields[root].args["filter"].type)
            for name, operator in filters_of_ids(kind):
                door = Door("query", root, "filter", kind.name, "{ totalCount }", operator == "in")
                yield door, partial(_filter, name, operator)


def _filter(name: str, operator: str, value: Any) -> dict[str, Any]:
    return {name: {operator: value}}


def with_ids(graph: Any) -> dict[str, Any]:
    """The guarded mutations that take an id, with their input types."""
    found = {}
    for name, field in graph.mutation_type.fields.items():
        marks = field.extensions["strawberry-definition"].metadata or {}
        if PUBLIC not in marks:
            kind = get_nullable_type(field.args["input"].type)
            if id_fields(kind):
                found[name] = kind
    return found


async def _compare(person: Any, standing: Any, town: Any, given: dict[str, str]) -> set[str]:
    """Each mutation the person may use answers a stranger's id as it does an invented one."""
    graph = schemas.graphql_schema(town.api.schema)
    oracle = Oracle(town.api.world.policy, None, town.tenant.id)
    used = set()
    for name, kind in with_ids(graph).items():
        marks = graph.mutation_type.fields[name].extensions["strawberry-definition"].metadata
        if not oracle.holds_any(standing, marks[REQUIRES]):
            continue
        selected = "{ userErrors { code message field } }"
        invented, *said = await Door("mutation", name, "input", f"{kind.name}!", selected).answers(
            person, [_filled(kind, identifier) for identifier in (str(uuid4()), *given.values())]
        )
        assert "'code': '" in invented, (name, invented)
        for node, answer in zip(given, said, strict=True):
            assert answer == invented, (standing, name, node)
        used.add(name)
    return used


def _filled(kind: Any, identifier: str) -> dict[str, Any]:
    """A right input with this id in every place that takes one."""
    values = sample(kind)
    for name in id_fields(kind):
        many = str(get_nullable_type(kind.fields[name].type)).startswith("[")
        values[name] = [identifier] if many else identifier
    return values
