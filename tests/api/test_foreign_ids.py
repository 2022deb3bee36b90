"""An id of another tenant, or of another region, is worth no more than one that nobody has.

Every filter, lookup and mutation that takes an id is given a stranger's and an invented one: the
answers are the same to the letter, and the stranger's rows are untouched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from graphql import GraphQLInputObjectType, get_named_type, get_nullable_type
from tests.api.oracle import Oracle
from tests.api.paths import id_argument, roots
from tests.api.population import populate, populate_compounds
from tests.api.test_schema_walk import PERSONAS, standing_of
from tests.api.test_walls import sample

from guanjia import schema as schemas
from guanjia.graph.marks import PUBLIC
from guanjia.reading.mapping import NODES, REQUIRES, Connect, Lookup

ASKING = [p for p in PERSONAS if p[0] in ("RES", "GRID", "CSEC", "SLEAD", "DSUP", "DEPT", "SEC")]
WRITING = [
    p
    for p in PERSONAS
    if p[0] in ("RES", "PPB", "CSEC", "SLEAD", "DSUP", "DEPTL", "SYS", "SEC", "AUD")
]
PLACED = [p for p in PERSONAS if p[0] in ("GRID", "CSEC", "SLEAD", "PPB")]
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


async def answers(person: Any, document: str, variables: Any) -> Any:
    """What the answer says, with ids and anything else that was invented taken out."""
    answer = await person.ask(document, variables)
    return ANY_ID.sub("…", str(answer))


async def strangers_ids(town: Any, admin: Any) -> dict[str, str]:
    """One id of each node type of a tenant."""
    oracle = Oracle(town.api.world.policy, admin, town.tenant.id)
    found = {}
    for node in NODES:
        rows = await oracle.rows(node)
        if rows:
            found[node.name] = str(rows[-1][node.key])
    return found


async def rows_of(admin: Any, tenant: Any) -> dict[str, Any]:
    """Every tenant table's rows of one tenant, as one hash each."""
    tables = await admin.fetch(
        "select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid"
        " and a.attname = 'tenant_id' where c.relkind = 'r'"
        " and c.relnamespace = 'public'::regnamespace"
    )
    return {
        row["name"]: await admin.fetchval(
            f"select md5(string_agg(x::text, '|' order by x::text)) from {row['name']} x"
            " where tenant_id = $1",
            tenant,
        )
        for row in tables
    }


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
    graph = schemas.graphql_schema(town.api.schema)
    foreign = await strangers_ids(other, admin)
    for persona in ASKING:
        person, _ = await standing_of(town, persona)
        for root in roots(graph, Lookup):
            argument = id_argument(graph, root)
            if argument is None:
                continue
            document = f"query ($id: ID!) {{ {root}({argument}: $id) {{ id }} }}"
            invented = await answers(person, document, {"id": str(uuid4())})
            for identifier in foreign.values():
                assert await answers(person, document, {"id": identifier}) == invented
        for root in roots(graph, Connect):
            field = graph.query_type.fields[root]
            kind = get_named_type(field.args["filter"].type)
            for name, operator in filters_of_ids(kind):
                many = operator == "in"
                document = f"query ($f: {kind.name}) {{ {root}(filter: $f) {{ totalCount }} }}"
                invented = await answers(
                    person,
                    document,
                    {"f": {name: {operator: [str(uuid4())] if many else str(uuid4())}}},
                )
                assert "'totalCount': 0" in invented or "FORBIDDEN" in invented, (root, name)
                for identifier in foreign.values():
                    given = {"f": {name: {operator: [identifier] if many else identifier}}}
                    assert await answers(person, document, given) == invented, (root, name)


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
    local = await strangers_ids(town, admin)
    oracle = Oracle(town.api.world.policy, admin, town.tenant.id)
    for persona in PLACED:
        person, standing = await standing_of(town, persona)
        hidden = {}
        for name in local:
            rows = await oracle.rows(NODES[name])
            may = await oracle.readable(standing, NODES[name])
            ids = [str(row[NODES[name].key]) for row in rows]
            out = [row for row in ids if row not in may]
            if out:
                hidden[name] = out[0]
        assert "Case" in hidden
        await _compare(person, standing, town, hidden)


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
        document = (
            f"mutation ($i: {kind.name}!) {{ {name}(input: $i)"
            " { userErrors { code message field } } }"
        )
        invented = await answers(person, document, {"i": _filled(kind, str(uuid4()))})
        assert "'code': '" in invented, (name, invented)
        for identifier in given.values():
            said = await answers(person, document, {"i": _filled(kind, identifier)})
            assert said == invented, (standing, name)
        used.add(name)
    return used


def _filled(kind: Any, identifier: str) -> dict[str, Any]:
    """A right input with this id in every place that takes one."""
    values = sample(kind)
    for name in id_fields(kind):
        many = str(get_nullable_type(kind.fields[name].type)).startswith("[")
        values[name] = [identifier] if many else identifier
    return values
