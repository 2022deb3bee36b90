"""Cases when the region tree changes under them."""

from __future__ import annotations

import asyncio
import datetime as dt
from contextvars import Context
from dataclasses import replace
from typing import Any

import guanjia.access.grants
import guanjia.cases.dependents  # noqa: F401  # both make themselves known to tenancy
from guanjia import settings
from guanjia.cases import service
from guanjia.cases.chain import chain_fault
from guanjia.cases.facts import replay
from guanjia.cases.models import CASE_REACH, EVENT_REACH, PART_REACH
from guanjia.cases.reasons import DeclineReason, Source
from guanjia.db.ids import new_id
from guanjia.graph.times import CHINA
from guanjia.people.vault import vault_of
from guanjia.tenancy.dependents import DEPENDENTS
from guanjia.tenancy.regionplan import plan
from guanjia.tenancy.regions import apply_plan, in_force, lock_tree
from guanjia.tenancy.regiontree import Entry

NORTH1, SOUTH1 = "990101001001", "990101002001"
MOVED = "990101002009"


async def changed(town: Any, **codes: str | None) -> None:
    """The tree is imported with some communities under another code, or merged into one."""
    async with town.open() as transaction:
        await lock_tree(transaction)
        current = await in_force(transaction)
        by_id = {region.id: region.code for region in current}
        wanted = []
        for region in current:
            if region.level == "GRID":
                continue
            parent = by_id.get(region.parent_id) if region.parent_id else None
            wanted.append(Entry(0, region.level, region.code, region.name, parent))
        for old, new in codes.items():
            entry = next(e for e in wanted if e.code == old[1:])
            wanted.remove(entry)
            standing = next((e for e in wanted if e.code == new), None)
            if standing is not None:
                wanted.remove(standing)
                wanted.append(replace(standing, predecessor_code=old[1:]))
            elif new is not None:
                wanted.append(replace(entry, code=new, parent_code=new[:9]))
        made = plan(current, wanted)
        await apply_plan(transaction, made, dt.date(2026, 3, 2))


async def seen(town: Any, who: str, table: str = "cases", reach: Any = CASE_REACH) -> set[Any]:
    """The ids of rows a person reads, by the grants they hold now."""
    async with town.open() as transaction:
        actor = town.people[who]
        held = await transaction.connection.fetch(
            "select g.id, g.role, g.region_id, g.region_path from grants g"
            " where g.membership_id = $1",
            actor.membership_id,
        )
        now = tuple(
            replace(actor.grants[0], id=g["id"], region_id=g["region_id"], path=g["region_path"])
            for g in held
        )
        scope = replace(actor, grants=now).scope("case:read")
        values: list[Any] = [town.tenant.id]

        def bind(value: Any, kind: str) -> str:
            values.append(value)
            return f"${len(values)}::{kind}"

        rows = await transaction.connection.fetch(
            f"select x.* from {table} x where x.tenant_id = $1"
            f" and {scope.predicate(reach, 'x', '$1', bind)}",
            *values,
        )
        return {row["case_id" if table != "cases" else "id"] for row in rows}


async def at_work(town: Any) -> Any:
    case = await town.report()
    await town.do("clerk", "file_case", case)
    return await town.do(
        "clerk", "dispatch_case", case, organisation_id=town.organisations["company"]
    )


async def test_an_open_case_follows_its_community(town: Any) -> None:
    case = await at_work(town)
    ended = await town.report()
    await town.do("clerk", "decline_case", ended, reason=DeclineReason.UNCLEAR, answer="请补充")
    before = await town.rows(case)
    await changed(town, **{f"c{NORTH1}": MOVED})

    async with town.open() as transaction:
        grid = await transaction.connection.fetchrow(
            "select id, path from regions where code = $1 and valid_to is null", f"{MOVED}001"
        )
    now = await town.stored(case.id)
    south = town.tenant.regions["south"].path
    assert (now["region_id"], now["region_path"]) == (grid["id"], grid["path"])
    assert (now["street_path"], now["community_path"]) == (south, grid["path"][:15])
    rows = await town.rows(case)
    assert {row["current_path"] for row in rows} == {grid["path"]}
    assert [r | {"current_path": ""} for r in rows] == [b | {"current_path": ""} for b in before]
    assert chain_fault(rows) is None
    assert (await town.stored(ended.id))["region_path"] == ended.region_path

    # Who holds the place now sees the case, with its parts; who holds the old street, the ended.
    for who in ("grid", "clerk"):
        assert case.id in await seen(town, who)
        assert case.id in await seen(town, who, "case_events", EVENT_REACH)
        assert case.id in await seen(town, who, "case_assignments", PART_REACH)
    assert await seen(town, "street") == {ended.id}
    assert await seen(town, "dispatcher") == {case.id, ended.id}

    # Work goes on, and the chain with it.
    await town.do("worker", "accept_case", case)
    rows = await town.rows(case)
    assert chain_fault(rows) is None
    assert rows[-1]["region_path"] == grid["path"]
    assert replay(await town.events(case)) == await town.facts(case)


async def test_a_case_follows_into_the_community_that_took_its_own(town: Any) -> None:
    case = await at_work(town)
    await changed(town, **{f"c{NORTH1}": SOUTH1})
    now = await town.stored(case.id)
    assert now["community_path"] == town.tenant.regions["south1"].path
    assert len(now["region_path"]) == 20
    assert case.id in await seen(town, "stranger")


async def test_no_case_comes_to_lie_in_a_closing_region(town: Any) -> None:
    """An import waits for the report that is being written, and takes it along."""
    clerk = town.people["clerk"]
    async with town.open() as transaction:
        case = await service.report_case(
            transaction, clerk, clerk.scope("case:report"), now=town.now,
            vault=vault_of(settings.load()), category_id=town.categories["E01-02"],
            region_id=town.tenant.regions["north1"].id,
            title="暴露垃圾", location="北门", source=Source.COMMUNITY, no_photo_reason="夜间",
        )  # fmt: skip
        # An empty context knows no open transaction.
        importing = asyncio.create_task(changed(town, **{f"c{NORTH1}": MOVED}), context=Context())
        done, _ = await asyncio.wait({importing}, timeout=0.5)
        assert not done
    await importing
    moved = await town.stored(case.id)
    assert moved["region_path"].startswith(town.tenant.regions["south"].path)
    gone = town.tenant.regions["north1"].id
    await town.refused("NOT_FOUND", town.report("clerk", region_id=gone))


async def test_the_routing_of_a_community_follows_it(town: Any) -> None:
    """Its rows end today and go on in the successor, each until the day on which it would have
    ended anyway; one that has not begun begins there; what is over or taken back stays behind."""
    today = dt.datetime.now(CHINA).date()
    month, past = today + dt.timedelta(days=30), today - dt.timedelta(days=30)
    drawn = dt.date(2020, 1, 1)
    rows = [  # one level each, so that none stands in another's way
        ("company", None, None, None),
        ("company", "COMMUNITY", None, month),
        ("company", "STREET", drawn, month),
        ("bureau", "DISTRICT", past, today),
        ("bureau", "DISTRICT", month, None),
    ]
    region = town.tenant.regions["north1"]
    into = town.tenant.regions["south1"]
    async with town.open() as transaction:
        names = {"company": town.organisations["company"], "bureau": town.organisations["bureau"]}

        async def add(place: Any, unit: str, level: Any, since: Any, until: Any) -> None:
            await transaction.connection.execute(
                "insert into case_routings (id, category_id, region_id, region_path, basis, role,"
                " level, organisation_id, valid_from, valid_until, source, created_at)"
                " values ($1, $2, $3, $4, 'OWNER', 'LEAD', $5, $6, $7, $8, '测试', now())",
                new_id(), town.categories["E01-02"], place.id, place.path, level, names[unit],
                since, until,
            )  # fmt: skip

        for row in rows:
            await add(region, *row)
        await add(into, "bureau", None, past, None)  # the successor has one like the first
        # While one of them stands or will, its organisation cannot be closed unseen.
        [routed] = [d.of_organisation for d in DEPENDENTS if d.noun == "派遣路由"]
        assert await routed(transaction, names["company"]) == 3
        assert await routed(transaction, names["bureau"]) == 2
    await changed(town, **{f"c{NORTH1}": SOUTH1})

    async with town.open() as transaction:

        async def table(place: Any) -> set[tuple[Any, ...]]:
            found = await transaction.connection.fetch(
                "select organisation_id, level, valid_from, valid_until from case_routings"
                " where region_id = $1",
                place.id,
            )
            by_id = {id_: name for name, id_ in names.items()}
            return {(by_id[r["organisation_id"]], *list(r)[1:]) for r in found}

        assert await table(region) == {
            ("company", None, None, today),
            ("company", "COMMUNITY", None, today),
            ("company", "STREET", drawn, today),
            ("bureau", "DISTRICT", past, today),
            ("bureau", "DISTRICT", month, month),
        }
        assert await table(into) == {
            ("bureau", None, past, None),
            ("company", "COMMUNITY", today, month),
            ("company", "STREET", today, month),
            ("bureau", "DISTRICT", month, None),
        }
        paths = await transaction.connection.fetch(
            "select distinct region_path from case_routings where region_id = $1", into.id
        )
        assert [r["region_path"] for r in paths] == [into.path]
