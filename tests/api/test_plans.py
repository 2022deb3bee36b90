"""What PostgreSQL makes of a plan: nothing is read but what an index finds for the tenant."""

import re
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from tests.api.documents import DOCUMENTS, SEARCHED

from guanjia.db.ids import new_id
from guanjia.reading.mapping import NODES
from guanjia.reading.plan import Plan, Relation, lint
from guanjia.reading.values import Decline
from guanjia.tenancy.models import tenant_id


async def plans(person: Any) -> list[tuple[str, Plan]]:
    """Every plan of the documents that this person gets."""
    engine, caller = person.api.world.engine, await person.caller()
    found = []
    for query, variables in [*DOCUMENTS, *SEARCHED]:
        prepared = engine._documents.prepare(query, None)
        given = prepared.variables(variables)
        try:
            plan = prepared.plan(NODES, given, caller.signature, caller.shape)
        except Decline as decline:
            if decline.reason != "forbidden":  # a filter over what this person may not read
                raise
            continue
        if all(caller.scope(permission) for permission in plan.demands):
            found.append((query, plan))
    return found


async def test_every_relation_is_fenced_and_carries_the_tenant(people: list[Any]) -> None:
    for person in people:
        for query, plan in await plans(person):
            assert lint(plan) == [], query


async def test_the_lint_sees_a_missing_tenant() -> None:
    plan = Plan("select 1 from cases t1", (), (Relation("cases", "t1", tenant=True, fenced=True),))
    assert lint(plan) == ["cases"]


async def explained(connection: Any, sql: str) -> Any:
    """The generic plan of a statement, the one that serves every tenant."""
    count = max(int(number) for number in re.findall(r"\$(\d+)", sql))
    await connection.execute(f"prepare probe as {sql}")
    try:
        nulls = ", ".join(["null"] * count)
        text = await connection.fetchval(f"explain (format json) execute probe({nulls})")
    finally:
        await connection.execute("deallocate probe")
    return orjson.loads(text)[0]["Plan"]


def astray(plan: dict[str, Any], tenant: str = "$2") -> list[str]:
    """The scans in a plan of PostgreSQL that do not start from the tenant in an index."""
    found = [fault for below in plan.get("Plans", ()) for fault in astray(below, tenant)]
    kind, name = plan["Node Type"], plan.get("Relation Name") or plan.get("Index Name")
    if kind == "Seq Scan" or (
        "Index Name" in plan and f"(tenant_id = {tenant})" not in plan.get("Index Cond", "")
    ):
        found.append(f"{kind} on {name}: {plan.get('Index Cond')}")
    return found


@pytest.fixture
async def reading(people: list[Any]) -> AsyncIterator[Any]:
    """A connection as the server reads, inside a transaction of the people's tenant. Tables are
    small here, so that sequential scans are priced out: what is seen is whether an index serves."""
    async with people[0].api.world.database.snapshot(tenant_id(people[0].slug)) as connection:
        await connection.execute("set local enable_seqscan = off")
        yield connection


async def test_no_plan_scans_a_tenant_table(people: list[Any], reading: Any) -> None:
    """As app_ro, with row-level security on: an index whose condition has the tenant, in lists,
    counts, searches and look-ups, for each form of scope."""
    scans = 0
    for person in people:
        for query, plan in await plans(person):
            found = await explained(reading, plan.sql)
            assert astray(found) == [], query
            scans += str(found).count("Index Cond")
    assert scans > 100


async def test_a_scan_astray_is_found(people: list[Any], reading: Any) -> None:
    search = next(
        plan for query, plan in await plans(people[0]) if '"f"' not in query and "$f" in query
    )
    for alias in re.findall(r"from cases (t\d+) where", search.sql):
        broken = search.sql.replace(f"{alias}.tenant_id = $2 and ", "")
        assert any("cases" in fault for fault in astray(await explained(reading, broken)))
    gramless = search.sql.replace("g.tenant_id = $2 and ", "")
    assert any("case_grams" in fault for fault in astray(await explained(reading, gramless)))
    for way in ("indexscan", "indexonlyscan", "bitmapscan"):
        await reading.execute(f"set local enable_{way} = off; set local enable_seqscan = on")
    assert any("Seq Scan" in fault for fault in astray(await explained(reading, search.sql)))


NEWEST = "query ($n: Int, $a: String) { cases(first: $n, after: $a) { nodes { id } } }"
OWN_EVENTS = "{ caseEvents(first: 50) { nodes { id } } }"


async def statement(person: Any, query: str, variables: Any = None) -> str:
    sql, _ = person.api.world.engine.bind(await person.caller(), query, None, variables)
    return str(sql)


async def in_order(reading: Any, sql: str) -> bool:
    """Whether the rows of a list can come from an index in the order of the list."""
    await reading.execute("set local enable_sort = off")
    return "Sort" not in str(await explained(reading, sql))


async def test_a_page_is_one_range_of_an_index(people: list[Any], reading: Any) -> None:
    """For a district, a street, a community, a grid and one's own; further pages too."""
    page = await people[0].data("{ cases(first: 1) { pageInfo { endCursor } } }")
    cursor = page["cases"]["pageInfo"]["endCursor"]
    for person in (*people[:4], people[6]):
        for variables in ({"n": 50}, {"n": 50, "a": cursor}):
            assert await in_order(reading, await statement(person, NEWEST, variables))
    for person in (people[0], people[3], people[6]):
        assert await in_order(reading, await statement(person, OWN_EVENTS))


STEPS = "{ cases(first: 50) { nodes { id timeline(first: 3) { nodes { %s } } } } }"


async def test_the_steps_of_a_list_are_read_from_an_index_alone(
    people: list[Any], reading: Any
) -> None:
    for shown, alone in (("seq at title actorName", True), ("at note", False)):
        sql = await statement(people[3], STEPS % shown)
        (scan,) = (
            node
            for node in nodes_of(await explained(reading, sql))
            if node.get("Relation Name") == "case_events"
        )
        assert (scan["Node Type"] == "Index Only Scan") == alone, shown


HOMES = (
    "query ($c: [ID!]) { houseUnits(first: 50, filter: { compound: { in: $c } }) { nodes { id } } }"
)


async def test_a_filter_by_one_value_keeps_the_order(people: list[Any], reading: Any) -> None:
    """The homes of one compound come from an index in their order, those of two are sorted."""
    for count, ordered in ((1, True), (2, False)):
        sql = await statement(people[2], HOMES, {"c": [str(new_id()) for _ in range(count)]})
        assert await in_order(reading, sql) == ordered


async def test_a_list_out_of_order_is_found(people: list[Any], reading: Any) -> None:
    sql = await statement(people[0], NEWEST, {"n": 50})
    assert not await in_order(reading, sql.replace("order by t1.created_at", "order by t1.title"))


async def test_several_regions_are_read_one_by_one(people: list[Any], reading: Any) -> None:
    """Each from its own range of an index, in order, before the page is put together."""
    sql = await statement(people[10], NEWEST, {"n": 50})
    await reading.execute("set local enable_sort = off")
    scans = [
        node
        for node in nodes_of(await explained(reading, sql))
        if node.get("Relation Name") == "cases"
    ]
    assert len(scans) == 2
    assert all("(community_path = " in scan["Index Cond"] for scan in scans)
    assert all(scan["Scan Direction"] == "Backward" for scan in scans)


def nodes_of(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for below in plan.get("Plans", ()) for node in nodes_of(below))]


SEATS = "{ butlers { %s } }"
WHO = "nodes { active inactiveReasons seats { vacant holders { name } } }"


async def test_who_holds_the_seats_is_found_once_for_those_who_ask(
    people: list[Any], reading: Any
) -> None:
    """For what is said of the butler, for what is said of its seats, and for the holders' names;
    counting butlers asks it of none."""
    for asked, times in ((WHO, 3), ("totalCount", 0), ("totalCount nodes { name }", 0)):
        plan = await explained(reading, await statement(people[0], SEATS % asked))
        scans = [n for n in nodes_of(plan) if n.get("Relation Name") == "seat_tenures"]
        assert len(scans) == times, asked
