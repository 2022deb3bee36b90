"""`make bench`: the figures to reach, as ratios in one run, with row-level security on.

Requests go through the ASGI applications in this process, four at a time, in short turns. Not
measured here: the network, the HTTP parser and PostGraphile.
Environment: BENCH_TENANTS, BENCH_CASES, BENCH_OTHERS, BENCH_SMALL (what is loaded), BENCH_TURNS.
"""

from __future__ import annotations

import datetime as dt
import os
import statistics
import time
import timeit
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import orjson
import uvloop

from bench import compounds, data, page
from bench.contestants import Stock, hand_written
from bench.measure import Contestant, call, paired, report, slowest
from guanjia import settings
from guanjia.app import world
from guanjia.context import World
from guanjia.db.connections import Connections
from guanjia.db.pools import Database, open_read_pool
from guanjia.reading.documents import Lru
from guanjia.tenancy.models import tenant_id
from guanjia.view import View

AMOUNTS = data.Amounts(
    tenants=int(os.environ.get("BENCH_TENANTS", "4")),
    cases=int(os.environ.get("BENCH_CASES", "100000")),
    others=int(os.environ.get("BENCH_OTHERS", "996")),
    small=int(os.environ.get("BENCH_SMALL", "300")),
)
TURNS = int(os.environ.get("BENCH_TURNS", "20"))
TURN, STOCK_TURN = 150, 8
PAGE, PAGES = 50, 1000
FIELDS = (
    "id number title state stage dueAt createdAt region { name }"
    " timeline(first: 3) { nodes { seq title at } }"
)
LIST = f"query ($after: String) {{ cases(first: 50, after: $after) {{ nodes {{ {FIELDS} }} }} }}"
STEPS = (
    "query ($after: String) { cases(first: 50, after: $after)"
    " { nodes { id } pageInfo { endCursor } } }"
)
SLUG = AMOUNTS.slugs[0]
TENANT = tenant_id(SLUG)
Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Bench:
    """A running world with its view on one of the two databases."""

    world: World
    schema: Any
    connections: Connections

    @property
    def view(self) -> View:
        return View(self.schema, self.world)

    async def member(self, role: str, *paths: str) -> Headers:
        member, session = await data.open_session(self.connections, SLUG, role, paths)
        token = self.world.tokens.issue(TENANT, member, session, dt.datetime.now(dt.UTC))
        return [
            (b"content-type", b"application/json"), (b"x-tenant", SLUG.encode()),
            (b"authorization", f"Bearer {token}".encode()),
        ]  # fmt: skip


@asynccontextmanager
async def on_both() -> AsyncIterator[tuple[Bench, Bench]]:
    """The same code on the few tenants' tables and on the many tenants'."""
    start = time.perf_counter()
    databases = await data.prepare(AMOUNTS)
    print(
        f"{AMOUNTS.tenants} tenants x {AMOUNTS.cases:,} cases x 3 events; the same with"
        f" {AMOUNTS.others} more tenants x {AMOUNTS.small} ({time.perf_counter() - start:.0f} s)"
    )
    async with world(settings.load(), databases.few) as (opened, schema):
        pool = await open_read_pool(databases.many)
        larger = Database(pool, databases.many.require("app_ro"), None)
        try:
            many = replace(opened, database=larger, callers=Lru(10))
            yield Bench(opened, schema, databases.few), Bench(many, schema, databases.many)
        finally:
            await pool.close()


async def run() -> None:
    start = time.perf_counter()
    async with on_both() as (few, many):
        district = await few.member("DCMD", data.DISTRICT_PATH)
        await against_others(few, district)
        await pages(few, district)
        await scopes(few, district)
        await compound_page(few)
        await tenants(few, many, district)
        await python(few, district)
    print(f"{time.perf_counter() - start:.0f} s in all")


def asking(app: Any, headers: Headers, after: str | None = None, count: int = TURN) -> Contestant:
    body = orjson.dumps({"query": LIST, "variables": {"after": after}})
    return Contestant(app, body, headers, count)


async def against_others(bench: Bench, headers: Headers) -> None:
    database, tokens = bench.world.database, bench.world.tokens
    ours = asking(bench.view, headers)
    limit = asking(hand_written(database, tokens, TENANT), headers)
    stock = asking(Stock(database, tokens, TENANT), headers, count=STOCK_TURN)
    answer = orjson.loads(await ours.ask())
    nodes = answer["data"]["cases"]["nodes"]
    assert len(nodes) == 50
    assert all(len(node["timeline"]["nodes"]) == 3 and node["region"] for node in nodes)
    assert await ours.ask() == await limit.ask()
    assert answer == orjson.loads(await stock.ask())
    found = await paired(ours, limit, TURNS)
    report("nested list / hand-written endpoint", found.median, 0.85, found.spread)
    found = await paired(ours, stock, max(TURNS // 2, 5))
    report("nested list / Strawberry+Tortoise+DataLoader", found.median, 20, found.spread)


async def pages(bench: Bench, headers: Headers) -> None:
    view, after = bench.view, None
    for _ in range(PAGES - 1):
        body = orjson.dumps({"query": STEPS, "variables": {"after": after}})
        page = orjson.loads(await call(view, body, headers))["data"]["cases"]
        assert len(page["nodes"]) == PAGE
        after = page["pageInfo"]["endCursor"]
    last, first = asking(view, headers, after, 4 * TURN), asking(view, headers, count=4 * TURN)
    assert len(orjson.loads(await last.ask())["data"]["cases"]["nodes"]) == PAGE
    await slowest(last, first, 1)
    ratios = await slowest(last, first, max(TURNS // 2, 5))
    note = f"p99; {min(ratios):.2f}-{max(ratios):.2f}"
    report(f"page {PAGES:,} / page 1", statistics.median(ratios), 1.3, note, most=True)


async def scopes(bench: Bench, district: Headers) -> None:
    """In short turns and many: what is measured is smaller than what a machine does meanwhile."""
    wide = asking(bench.view, district, count=TURN // 3)
    for name, wanted, paths in (
        ("grid member's list / district's", 1, (data.GRID_PATH,)),
        ("the same with two grids", None, data.TWO_GRIDS),
    ):
        narrow = asking(bench.view, await bench.member("GRID", *paths), count=TURN // 3)
        assert len(orjson.loads(await narrow.ask())["data"]["cases"]["nodes"]) == PAGE
        found = await paired(narrow, wide, 4 * TURNS)
        report(name, found.median, wanted, found.spread)


async def compound_page(bench: Bench) -> None:
    """A community clerk opens the page of a compound."""
    clerk = await bench.member("COMM", compounds.COMMUNITY_PATH)
    listing = orjson.dumps({"query": "{ compounds(first: 1) { nodes { id } } }"})
    seen = orjson.loads(await call(bench.view, listing, clerk))["data"]["compounds"]["nodes"]
    body = page.asked(UUID(seen[0]["id"]))
    database, tokens = bench.world.database, bench.world.tokens
    by_hand = hand_written(database, tokens, TENANT, page.BY_HAND, page.given)
    ours = Contestant(bench.view, body, clerk, TURN // 3)
    limit = Contestant(by_hand, body, clerk, TURN // 3)
    shown = orjson.loads(await ours.ask())["data"]
    compound, homes = shown["compound"], shown["houseUnits"]["nodes"]
    assert len(homes) == PAGE
    assert all(home["bindings"][1]["person"]["phones"][0]["number"] for home in homes)
    assert compound["contract"]["company"]
    assert len(compound["committee"]["members"]) == 5
    seats, lists = compound["butler"]["seats"], compound["listsInForce"]["nodes"]
    assert compound["butler"]["active"]
    holders = [len(seat["holders"]) for seat in seats]
    # The grid members of the figures above are stewards of this compound too.
    assert holders[:3] == [1, 1, 1]
    assert holders[3] >= compounds.BUILDINGS
    assert [len(part["items"]["nodes"]) for part in lists] == [compounds.ITEMS] * 3
    assert await ours.ask() == await limit.ask()
    found = await paired(limit, ours, 2 * TURNS)
    report("time of a compound's page / by hand", found.median, 1.3, found.spread, most=True)


async def tenants(few: Bench, many: Bench, district: Headers) -> None:
    there = await many.member("DCMD", data.DISTRICT_PATH)
    large, small = asking(many.view, there), asking(few.view, district)
    assert await large.ask() == await small.ask()
    found = await paired(small, large, TURNS)
    name = f"time with {AMOUNTS.tenants + AMOUNTS.others:,} tenants / with {AMOUNTS.tenants}"
    report(name, found.median, 1.1, found.spread, most=True)


async def python(bench: Bench, headers: Headers) -> None:
    """A compiled request but for the database driver, which gives at once what it gave before."""
    given = await bench.world.database.fetch_json("select '{}'::json", [])

    class Driver:
        async def fetch_json(self, sql: str, arguments: list[Any]) -> bytes | None:
            return given

    ours = asking(View(bench.schema, replace(bench.world, database=Driver())), headers)
    await asking(bench.view, headers).ask()
    spent = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(2000):
            await ours.ask()
        spent.append((time.process_time() - start) / 2000 * 1e6)
    report("us of Python in a compiled request", min(spent), 150, "without the driver", most=True)
    decision = timeit.Timer(
        'policy.allows("COMM", "case:file", "region")',
        timer=time.process_time,
        globals={"policy": bench.world.policy},
    )
    taken = min(decision.repeat(repeat=5, number=100_000)) / 100_000 * 1e6
    report("us to decide a permission", taken, 1, "from the bit set", most=True)


if __name__ == "__main__":
    uvloop.run(run())
