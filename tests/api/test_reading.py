"""The compiled path against the stock executor: the same bytes, for every role."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis_graphql import nodes, queries
from tests.api.test_schema_walk import populate_compounds

from guanjia.context import Context, Request
from guanjia.reading.engine import Caller
from guanjia.reading.plan import Plan, lint
from guanjia.reading.values import Decline
from guanjia.schema import sdl
from guanjia.tenancy.models import tenant_id

DOCUMENTS: list[tuple[str, Any]] = [
    (
        "{ cases(first: 50) { nodes { id number title state dueAt createdAt contactPhone overdue"
        " region { name } reporter { displayName } handler { name } timeline(last: 3) { nodes"
        " { seq title at } } assignments { role organisation { name } } } } }",
        None,
    ),
    (
        "query ($n: Int, $f: CaseFilter, $o: CaseOrder) { c: cases(first: $n, filter: $f,"
        " orderBy: $o) { totalCount edges { cursor node { number } } pageInfo { hasNextPage"
        " hasPreviousPage startCursor endCursor } } }",
        {"n": 2, "f": {"search": "井盖", "state": {"in": ["REPORTED"]}}, "o": "OLDEST"},
    ),
    (
        "{ cases(last: 2) { edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage"
        " endCursor } } }",
        None,
    ),
    (
        "query ($x: Boolean!) { cases { nodes { ...F id @include(if: $x) n: number o: state"
        " t1: title } } } fragment F on Case { __typename e: level ... on Case { g: urgent } }",
        {"x": False},
    ),
    ("{ cases(filter: { overdue: false, urgent: false }) { totalCount } }", None),
    (
        "{ viewer { displayName roles permissions grants { role region { code parent { code } } }"
        " } }",
        None,
    ),
    (
        "{ regions(orderBy: CODE) { nodes { code name level parent { name } children { code } } }"
        " }",
        None,
    ),
    ("{ organisations { totalCount nodes { name kind region { name } } } }", None),
    (
        "{ caseEvents(first: 5) { totalCount nodes { code title at hash organisation { name } } }"
        " }",
        None,
    ),
    ("{ auditRecords(first: 3) { nodes { seq action result hash detail } } }", None),
    ("{ members { nodes { displayName grants { role region { name } } } } }", None),
    ("{ grants { nodes { role validFrom member { displayName } region { name } } } }", None),
    ("{ roles { code title levels __typename } }", None),
    ("{ retentionRules { nodes { code months days validFrom source } } }", None),
    (
        "{ persons(first: 50) { totalCount nodes { id name sex ageBand address warnings version"
        " createdAt erasedAt region { name } mergedInto { id } documents { kind number recordedAt"
        " } phones { kind number } } pageInfo { endCursor } } }",
        None,
    ),
    (
        "query ($f: PersonFilter) { persons(filter: $f, orderBy: OLDEST) { totalCount nodes"
        " { name } } }",
        {"f": {"search": "张小", "inForce": True, "hasWarnings": False}},
    ),
    (
        "{ roles { code builtIn version basedOn rights { permission reach } incompatible { code"
        " reason } } viewer { heldRoles { code title levels rights { permission } } } }",
        None,
    ),
    (
        '{ regions(filter: { asOf: "2026-03-02" }) { totalCount nodes { code version predecessors'
        " { code } successors { code validFrom } } } }",
        None,
    ),
    (
        "query ($d: Date) { compoundLists(first: 5, filter: { asOf: $d, kind: { in:"
        " [SERVICE_LIST] } }) { totalCount nodes { kind edition state validFrom version compound"
        " { name } basedOn { edition } createdBy { displayName } items(first: 9) { totalCount nodes"
        " { code title basisFrom limitValue limitUnit weight ownerSeat coSeats public } } } } }",
        {"d": "2026-11-01"},
    ),
    (
        "{ compounds { nodes { name listsInForce { totalCount nodes { kind items { totalCount"
        " nodes { code } } } } } } }",
        None,
    ),
    (
        "{ listsInForce { totalCount nodes { kind edition validFrom compound { name } items"
        " { totalCount nodes { code standard limitUnit coSeats } } } } }",
        None,
    ),
    (
        "{ caseCategories(first: 3) { nodes { code limitValue limitUnit } pageInfo { endCursor } }"
        " }",
        None,
    ),
]
PERSONAS = [
    ("DCMD", "district", None), ("SCMD", "north", None), ("COMM", "north1", None),
    ("GRID", "north1grid", None), ("CSEC", "south2", None), ("DEPT", "district", "住建"),
    ("RES", "north1", None), ("AUD", "district", None), ("SEC", "district", None),
    ("SYS", "district", None),
]  # fmt: skip


async def caller_of(person: Any) -> Caller:
    world = person.api.world
    claims = await world.identify(Request(person.token, tenant_id(person.slug)))
    found: Caller = await world.caller(claims, fresh=True)
    return found


async def both(person: Any, query: str, variables: Any) -> tuple[bytes, Any] | None:
    """(compiled bytes, stock result), or None where the compiler declines."""
    world, caller = person.api.world, await caller_of(person)
    try:
        fast = await world.engine.run(world.database.fetch_json, caller, query, None, variables)
    except Decline:
        return None
    assert fast is not None
    context = Context(world, Request(person.token, tenant_id(person.slug)))
    async with context.reading():
        slow = await person.api.schema.execute(
            query, variable_values=variables, context_value=context
        )
    return fast, slow


@pytest.fixture
async def people(town: Any) -> list[Any]:
    reporters = [await town.person("COMM", place) for place in ("north1", "north2", "south1")]
    for number in range(3):
        for person, place in zip(reporters, ("north1grid", "north2", "south1"), strict=True):
            await town.opened(person, place, f"第{number}处井盖缺失")
    found = [await town.person(*persona) for persona in PERSONAS]
    await town.opened(found[6], "north1", "居民上报")
    for number, place in enumerate(("north1grid", "north2", "south2")):
        await town.registered(found[4] if place == "south2" else reporters[number], place)
    await populate_compounds(town)
    return found


async def test_the_compiled_path_gives_the_stock_executors_bytes(people: list[Any]) -> None:
    compared = 0
    for person in people:
        for query, variables in DOCUMENTS:
            answers = await both(person, query, variables)
            if answers is not None:
                fast, slow = answers
                assert not slow.errors, (query, slow.errors)
                assert fast == orjson.dumps(slow.data), query
                compared += 1
    assert compared > len(DOCUMENTS) * 4


def random_documents(api: Any) -> list[str]:
    """Documents over the whole schema, made by hypothesis with a fixed seed."""
    found: list[str] = []
    fields = [
        "cases",
        "regions",
        "organisations",
        "caseCategories",
        "caseEvents",
        "viewer",
        "persons",
    ]

    @hypothesis_settings(
        max_examples=150,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        queries(
            sdl(api.schema),
            fields=fields,
            custom_scalars={
                "DateTime": st.just("2026-03-02T01:00:00+00:00").map(nodes.String),
                "Date": st.just("2026-03-02").map(nodes.String),
            },
        )
    )
    def collect(document: str) -> None:
        # Pages that cannot be given are refused alike; here they would only hide the rest.
        found.append(re.sub(r"\b(first|last|after|before): (\".*?\"|[-\w]+)", "", document))

    collect()
    return found


async def test_random_documents_agree_too(people: list[Any]) -> None:
    agreed = 0
    for document in random_documents(people[0].api):
        for person in (people[0], people[2]):
            answers = await both(person, document, None)
            if answers is not None:
                fast, slow = answers
                assert not slow.errors, (document, slow.errors)
                assert fast == orjson.dumps(slow.data), document
                agreed += 1
    assert agreed >= 10


async def plans(person: Any) -> list[tuple[str, Plan, list[Any]]]:
    """Every plan of DOCUMENTS that this person gets."""
    engine, caller = person.api.world.engine, await caller_of(person)
    found = []
    for query, variables in DOCUMENTS:
        try:
            _, arguments = engine.bind(caller, query, None, variables)
        except Decline:
            continue
        prepared = engine._documents.prepare(query, None)
        given_ = prepared.variables(variables)
        from guanjia.reading.mapping import NODES

        found.append(
            (query, prepared.plan(NODES, given_, caller.signature, caller.shape), arguments)
        )
    return found


async def test_every_relation_is_fenced_and_carries_the_tenant(people: list[Any]) -> None:
    for person in people:
        for query, plan, _ in await plans(person):
            assert lint(plan) == [], query


async def test_the_lint_sees_a_missing_tenant() -> None:
    from guanjia.reading.plan import Relation

    plan = Plan("select 1 from cases t1", (), (Relation("cases", "t1", tenant=True, fenced=True),))
    assert lint(plan) == ["cases"]


async def test_no_plan_scans_a_tenant_table(people: list[Any]) -> None:
    """As app_ro, with row-level security on: an index whose condition starts with the tenant."""
    database = people[0].api.world.database
    for person in (people[0], people[2], people[5]):
        for query, plan, arguments in await plans(person):
            async with database._read.acquire() as connection:
                async with connection.transaction():
                    await connection.execute("set local enable_seqscan = off")
                    lines = await connection.fetch(f"explain {plan.sql}", *arguments)
            text = "\n".join(line[0] for line in lines)
            assert "Seq Scan" not in text, (query, text)
            for condition in re.findall(r"Index Cond: (.*)", text):
                assert "tenant_id = $2" in condition or "tenant_id = '" in condition, (query, text)


async def test_a_cursor_belongs_to_one_tenant_list_and_order(
    people: list[Any], make_town: Any
) -> None:
    query = (
        "query ($a: String, $o: CaseOrder) { cases(first: 2, after: $a, orderBy: $o)"
        " { nodes { id } pageInfo { endCursor } } }"
    )
    mine = await people[0].data(query)
    cursor = mine["cases"]["pageInfo"]["endCursor"]
    following = await people[0].data(query, {"a": cursor})
    assert {n["id"] for n in following["cases"]["nodes"]}.isdisjoint(
        n["id"] for n in mine["cases"]["nodes"]
    )
    stranger = await (await make_town()).person("DCMD")
    assert await stranger.code(query, {"a": cursor}) == "BAD_USER_INPUT"
    assert await people[0].code(query, {"a": cursor, "o": "OLDEST"}) == "BAD_USER_INPUT"
    assert await people[0].code(query, {"a": cursor[:-2] + "zz"}) == "BAD_USER_INPUT"
    assert await people[0].code(query, {"a": "垃圾" * 600}) == "BAD_USER_INPUT"


async def test_a_stale_epoch_yields_nothing(people: list[Any]) -> None:
    world, caller = people[0].api.world, await caller_of(people[0])
    sql, arguments = world.engine.bind(caller, "{ cases { totalCount } }", None, None)
    assert await world.database.fetch_json(sql, arguments) is not None
    arguments[2] += 1
    assert await world.database.fetch_json(sql, arguments) is None
    arguments[2] -= 1
    arguments[3] = uuid4()
    assert await world.database.fetch_json(sql, arguments) is None
