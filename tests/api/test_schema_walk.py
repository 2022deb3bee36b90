"""Every role, every root field, every way to a row: exactly what the ALLOW table says, no more."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from tests.api.meetings import populate_meetings
from tests.api.oracle import Oracle, Standing
from tests.api.paths import Way, id_argument, roots, ways
from tests.api.population import (
    notice,
    populate,
    populate_compounds,
    populate_jobs,
    populate_parties,
)
from tests.api.surveys import populate_surveys
from tests.api.whistles import populate_whistles

from guanjia import schema as schemas
from guanjia.access.policy import Allow
from guanjia.reading.mapping import NODES, Connect, Lookup

PERSONAS: list[tuple[str | None, str, str | None]] = [
    (None, "district", None),
    ("RES", "north1", None), ("GRID", "north1grid", None), ("BLD", "south1grid", None),
    ("PPB", "north1", "甲物业"), ("PROP", "south1", "乙物业"), ("OC", "north1", None),
    ("COMM", "north1", None), ("CSEC", "south1", None),
    ("SCMD", "north", None), ("SLEAD", "south", None),
    ("DCMD", "district", None), ("DSUP", "district", None),
    ("DEPT", "district", "住建局"), ("DEPTL", "district", "城管局"),
    ("CHK", "north", None), ("CHK", "south1", None), ("LINK", "district", None),
    ("SYS", "district", None), ("SEC", "district", None), ("AUD", "district", None),
]  # fmt: skip
RENEWED = 20
"""So many ways are walked by everyone with one access token."""


@pytest.fixture
async def settled(town: Any) -> Any:
    for name in ("甲物业", "乙物业"):
        await town.organisation(name, "PROPERTY_COMPANY")
    await populate(town)
    await populate_compounds(town)
    await populate_parties(town)
    await populate_jobs(town)
    await populate_meetings(town)
    await populate_whistles(town)
    await populate_surveys(town)
    return town


async def standing_of(
    town: Any, persona: tuple[str | None, str, str | None]
) -> tuple[Any, Standing]:
    role, place, organisation = persona
    person = await town.person(role, place, organisation)
    member = person.membership
    await notice(town, person)
    belongs: tuple[UUID, ...] = (town.organisations[organisation],) if organisation else ()
    return person, Standing(role, town.tenant.regions[place].path, member, belongs)


async def walk(town: Any, admin: Any, policy: Any, personas: Any) -> tuple[set[str], set[str]]:
    """The node types that were met and those that could be, after everyone walked every way."""
    graph = schemas.graphql_schema(town.api.schema)
    everyone = [await standing_of(town, persona) for persona in personas]
    walked, lists = list(ways(graph)), roots(graph, Connect)
    oracle = Oracle(policy, admin, town.tenant.id)
    open_roots: dict[UUID, set[str]] = {standing.membership: set() for _, standing in everyone}
    for root, node in lists.items():
        document = Way(root, (node,)).document()
        for person, standing in everyone:
            if oracle.holds_any(standing, NODES[node].read):
                open_roots[standing.membership].add(root)
            else:
                assert await person.code(document) == "FORBIDDEN", (standing, root)
    # Only now: each denial above is a row of the audit record.
    may = {
        standing.membership: {node.name: await oracle.readable(standing, node) for node in NODES}
        for _, standing in everyone
    }
    seen: set[str] = set()
    # Everyone walks one way before anyone the next: its document is then at hand for all of them.
    for number, way in enumerate(walked):
        for person, standing in everyone:
            if number % RENEWED == 0:
                town.renew(person)
            if way.root in open_roots[standing.membership]:
                seen |= await _walk(person, standing, way, may[standing.membership])
    return seen, {node for way in walked for node in way.nodes}


async def test_every_way_gives_what_the_allow_table_says(settled: Any, admin: Any) -> None:
    seen, all_types = await walk(settled, admin, settled.api.world.policy, PERSONAS)
    assert seen == all_types, "some type has no row in this test"


@pytest.mark.parametrize(
    ("persona", "line"),
    [
        (("COMM", "north1", None), Allow("COMM", "case:read", "region", "COMMUNITY")),
        (("RES", "north1", None), Allow("RES", "region:read", "region", "COMMUNITY")),
        (("DEPT", "district", "住建局"), Allow("DEPT", "case:read", "organisation", "DISTRICT")),
    ],
)
async def test_the_walk_sees_a_right_too_many(
    settled: Any, admin: Any, persona: Any, line: Allow
) -> None:
    """The twin: a table without the line finds the API giving more than it allows."""
    lacking = SimpleNamespace(allow_table=settled.api.world.policy.allow_table - {line})
    assert len(lacking.allow_table) == len(settled.api.world.policy.allow_table) - 1
    with pytest.raises((AssertionError, KeyError)):
        await walk(settled, admin, lacking, [persona])


async def _walk(person: Any, standing: Standing, way: Way, may: dict[str, set[str]]) -> set[str]:
    """Nothing that may not be read is met on the way; a list gives all that may be."""
    document = way.document()
    page, levels = {"hasNextPage": True, "endCursor": None}, [list[Any]() for _ in way.nodes]
    while page["hasNextPage"]:
        data = await person.data(document, {"after": page["endCursor"]})
        for level, found in zip(levels, way.met(data), strict=True):
            level += found
        page = data[way.root]["pageInfo"]
    seen, bare = set(), True
    for step, (node, level) in enumerate(zip(way.nodes, levels, strict=True)):
        ids = {row for row, _ in level}
        if step == 0:
            assert ids == may[node], (standing, document)
            assert {total for _, total in level} <= {len(may[node])}, (standing, document)
        else:
            bare = bare and way.steps[step - 1][1].through is None
            assert not bare or ids <= may[node], (standing, document)
        if ids:
            seen.add(node)
    return seen


async def test_a_lookup_gives_what_may_be_read_and_null_for_the_rest(
    settled: Any, admin: Any
) -> None:
    town = settled
    graph = schemas.graphql_schema(town.api.schema)
    everyone = [await standing_of(town, persona) for persona in PERSONAS]
    oracle = Oracle(town.api.world.policy, admin, town.tenant.id)
    looked = 0
    for person, standing in everyone:
        for root, name in roots(graph, Lookup).items():
            node = NODES[name]
            argument = id_argument(graph, root)
            if argument is None:
                continue
            if not oracle.holds_any(standing, node.read):
                continue
            may = await oracle.readable(standing, node)
            for row in await oracle.rows(node):
                data = await person.data(f'{{ {root}({argument}: "{row["id"]}") {{ id }} }}')
                wanted = {"id": str(row["id"])} if str(row["id"]) in may else None
                assert data[root] == wanted, (standing, root)
                looked += 1
    assert looked > 100


async def test_a_relation_covered_by_its_parent_stands_on_a_parent_that_may_be_read(
    api: Any,
) -> None:
    """`through` names the permission that the parent was read with; nothing else is a reason."""
    for node in NODES:
        for name, mapped in node.fields.items():
            through = getattr(mapped, "through", None)
            if through is not None and through != "viewer":
                assert through == node.read, f"{node.name}.{name}"
