"""Lists of somebody who holds one grid or a few: read in order, and each region once."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from tests.api.conftest import Person, Town
from tests.api.test_plans import explained, nodes_of, statement
from tests.api.test_reading import agreed, both
from tests.planner import large

from guanjia.db.scope import BREADTHS, breadth
from guanjia.tenancy.models import tenant_id

GRIDS = ("north1grid", "north2grid", "south1grid", "south2grid")
CASES = (
    "query ($n: Int, $c: String) { cases(first: $n, after: $c, filter: { overdue: false })"
    " { totalCount nodes { title overdue contactName region { name parent { name } children"
    " { name } } timeline(last: 1) { nodes { title } } original { region { name } } }"
    " pageInfo { hasNextPage endCursor } } }"
)
CONDITIONS = ("Index Cond", "Recheck Cond", "Filter")
REGIONS = "{ cases(first: 50) { nodes { title region { code } } } }"


@pytest.fixture
async def members(town: Town) -> list[Person]:
    """Those who hold the first grid, the first two, three and four; each has three cases."""
    found = []
    for held in range(1, len(GRIDS) + 1):
        member = await town.person("GRID", GRIDS[0])
        for grid in GRIDS[1:held]:
            await town.also(member, "GRID", grid)
        found.append(member)
    reporter = await town.person("COMM", "district")
    for number in range(3):
        for grid in GRIDS:
            await town.opened(reporter, grid, f"{grid} {number}")
    return found


async def page(person: Person, cursor: str | None, size: int) -> dict[str, Any]:
    """A page that is compiled and the same in both readers."""
    answer = await both(person, CASES, {"n": size, "c": cursor})
    assert agreed(CASES, answer)
    found: dict[str, Any] = orjson.loads(answer[0])["cases"]
    return found


async def test_the_cases_of_all_grids_are_one_list(members: list[Person]) -> None:
    for held, member in enumerate(members, 1):
        wanted = [f"{grid} {number}" for number in (2, 1, 0) for grid in GRIDS[:held][::-1]]
        titles, cursor, more = [], None, True
        while more:
            found = await page(member, cursor, 2)
            assert found["totalCount"] == len(wanted)
            titles += [node["title"] for node in found["nodes"]]
            cursor, more = found["pageInfo"]["endCursor"], found["pageInfo"]["hasNextPage"]
        assert titles == wanted


async def test_a_case_shows_the_region_that_it_names(members: list[Person], admin: Any) -> None:
    """Also one whose path says otherwise, which no operation leaves behind."""
    changed = await admin.fetchval(
        "update cases set region_id = (select id from regions g where g.tenant_id = cases.tenant_id"
        " and g.level = 'STREET' order by g.path limit 1)"
        " where tenant_id = $1 and title = 'north1grid 1' returning id",
        tenant_id(members[0].slug),
    )
    assert changed
    for member in members:
        answer = await both(member, REGIONS, None)
        assert agreed(REGIONS, answer)
        nodes = orjson.loads(answer[0])["cases"]["nodes"]
        codes = {node["title"]: node["region"]["code"] for node in nodes}
        assert codes["north1grid 1"] == "990101001"
        assert codes["north1grid 2"] == "990101001001001"


async def plan(member: Person, query: str, admin: Any) -> list[dict[str, Any]]:
    """The nodes of PostgreSQL's plan where sequential scans and sorts are priced out, and there are
    cases of years."""
    database, tenant = member.api.world.database, tenant_id(member.slug)
    async with large(admin, "cases"), database.snapshot(tenant) as connection:
        await connection.execute("set local enable_seqscan = off; set local enable_sort = off")
        return nodes_of(await explained(connection, await statement(member, query)))


async def test_each_grid_is_one_range_of_an_index(members: list[Person], admin: Any) -> None:
    """Merged in order: nothing is sorted, and no more rows are read than the page holds."""
    for member, ranges in zip(members, (1, 2, 4, 4), strict=True):
        nodes = await plan(member, REGIONS, admin)
        scans = [node for node in nodes if node.get("Relation Name") == "cases"]
        assert len(scans) == ranges
        assert all("(region_path = " in scan["Index Cond"] for scan in scans), scans
        assert all(scan["Scan Direction"] == "Backward" for scan in scans)
        assert ("Merge Append" in {node["Node Type"] for node in nodes}) == (ranges > 1)
        assert "Sort" not in {node["Node Type"] for node in nodes}


async def test_each_grid_is_read_once(members: list[Person], admin: Any) -> None:
    """The region at a path hangs on no case: it is read when the first case names it."""
    for member, regions in zip(members, (1, 2, 4, 4), strict=True):
        once = [
            looked
            for node in await plan(member, REGIONS, admin)
            if node.get("Relation Name") == "regions"
            and "(path = " in (looked := "".join(str(node.get(name)) for name in CONDITIONS))
        ]
        assert len(once) == 2 * regions  # its id, and what of it is asked for
        assert not any("t1." in looked for looked in once)


def test_a_breadth_is_enough_and_says_when_there_are_too_many() -> None:
    assert [breadth(count) for count in (0, 1, 2, 3, 4, 5, 32)] == [0, 1, 2, 4, 4, 8, 32]
    assert breadth(33) == breadth(500) > BREADTHS[-1]
