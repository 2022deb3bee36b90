"""`python -m bench.boards`: the board of a district with 200,000 cases, and of one of its streets;
the page of a meeting.

Through the endpoint's application in this process, with row-level security on, beside one
hand-written SQL statement that gives the same figures. Environment: BENCH_BOARD_CASES, BENCH_TURNS.
"""

from __future__ import annotations

import datetime as dt
import os
import statistics
import time
from typing import Any
from uuid import UUID

import orjson
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench import contestants, data, meetings
from bench.measure import Contestant, call, paired, report
from guanjia import settings
from guanjia.app import world
from guanjia.context import World
from guanjia.db import embedded
from guanjia.db.connections import Connections, connect, with_database
from guanjia.graph.times import CHINA
from guanjia.reading.plan import fence
from guanjia.tenancy.models import tenant_id
from guanjia.view import View

CASES = int(os.environ.get("BENCH_BOARD_CASES", "200000"))
TURNS = int(os.environ.get("BENCH_TURNS", "20"))
SLUGS = ["bench-0", "bench-1"]
TENANT = tenant_id(SLUGS[0])
STREET_PATH = "0001/0001/"
MILLISECONDS, RATIO = 150, 1.3
FIGURES = (
    "figures { metric { id } figure { numerator denominator }"
    " cells { id figure { numerator denominator } } }"
)
BOARD = f"query ($r: ID!, $p: String!) {{ board(regionId: $r, period: $p) {{ {FIGURES} }} }}"

# Two rows for a case, as its events would have left them: until it was dispatched, and since. One
# in sixteen is not closed, one in four late, one in ten went through rework.
_OUTCOMES = """
insert into case_outcomes (tenant_id, case_id, seq, since, until, region_path, reporter_id,
  category_id, handler_id, due_at, first_due_at, held, reported_at, filed_at, dispatched_at,
  returned_at, checking_at, reworked_at, closed_at, evaluated_at, answers, satisfied, handled_at,
  handling_minutes)
select c.tenant_id, c.id, v, case v when 1 then c.created_at else sent end,
  case v when 1 then sent else 'infinity' end, c.region_path, c.reporter_id, c.category_id,
  case v when 2 then c.handler_id end, case v when 2 then due end, case v when 2 then due end,
  false, c.created_at, sent - interval '1 hour', case v when 2 then sent end,
  case when v = 2 and n % 20 = 0 then sent + interval '1 hour' end,
  case when v = 2 and n % 16 > 0 then closed - interval '2 hours' end,
  case when v = 2 and n % 16 > 0 and n % 10 = 0 then closed - interval '1 hour' end,
  case when v = 2 and n % 16 > 0 then closed end,
  case when v = 2 and n % 16 > 0 then closed + interval '3 days' end,
  case when v = 2 then 2 else 0 end, case when v = 2 then 1 + (n % 3 > 0)::int else 0 end,
  case when v = 2 and n % 16 > 0 then closed - interval '2 hours' end,
  case when v = 2 and n % 16 > 0 then n * 37 % 2100 end
from cases c
cross join lateral (select right(c.number, 6)::int as n, c.created_at + interval '3 hours' as sent,
  c.created_at + interval '10 days' as due) x
cross join lateral (select due + case when n % 4 = 0 then 2 else -2 end * interval '1 day' as closed
  ) y
cross join generate_series(1, 2) v
order by c.created_at, v, c.tenant_id
"""
_TALLIES = "insert into case_tallies select * from recounted_case_tallies($1, '2026-11-01')"
_PART = (
    "(select json_agg(row_to_json(g)) from (select left(x.region_path, {length}) part, {sums}"
    " from case_outcomes x where x.tenant_id = $2 and s.t is not null and x.{moment} >= $5"
    " and x.{moment} < $6 and x.since < $6 and x.until >= $6"
    " and x.region_path >= $7 and x.region_path < $8 group by 1) g)"
)
_DUE = "x.filed_at < $6 and not x.held and (x.voided_at is null or x.voided_at >= $6)"
_SUMS = {
    "reported_at": "count(*) d0, count(*) filter (where x.filed_at < $6) n0",
    "due_at": f"count(*) filter (where {_DUE}) d0, count(*) filter (where {_DUE}"
    f" and x.closed_at < $6) n0, count(*) filter (where {_DUE} and x.closed_at < $6"
    " and x.closed_at <= x.first_due_at) n1",
    "checking_at": "count(*) d0, count(*) filter (where x.reworked_at < $6) n0",
    "dispatched_at": "count(*) d0, count(*) filter (where x.returned_at < $6) n0,"
    " count(*) filter (where x.extended_at < $6) n1,"
    " count(*) filter (where x.suspended_at < $6) n2",
    "evaluated_at": "sum(x.answers) d0, sum(x.satisfied) n0",
    "handled_at": "count(*) d0, sum(x.handling_minutes) n0,"
    " percentile_disc(0.9) within group (order by x.handling_minutes) n1",
}


def hand_written(world: World, path: str, start: dt.datetime, end: dt.datetime) -> Any:
    """The same counts in one statement, for whoever has a session; nothing is made of them."""
    length = len(path) + 5
    parts = ", ".join(
        f"{_PART.format(length=length, sums=sums, moment=moment)} as {moment}"
        for moment, sums in _SUMS.items()
    )
    sql = fence(f"(select row_to_json(b) from (select {parts}) b) as board")

    async def endpoint(request: Request) -> Response:
        token = request.headers["authorization"].removeprefix("Bearer ")
        claims = await world.tokens.identify(token, TENANT, world.database)
        await request.body()
        given = [str(TENANT), TENANT, 1, claims.session_id, start, end, path, path[:-1] + "0"]
        found = await world.database.fetch_json(sql, given)
        return Response(b'{"data":' + (found or b"null") + b"}", media_type="application/json")

    return Starlette(routes=[Route("/graphql", endpoint, methods=["POST"])])


async def prepared() -> Connections:
    """The database exists, is migrated and holds its rows."""
    running = await embedded.start(settings.load().state_dir)
    database = f"guanjia_bench_boards_{CASES}"
    connections = await data.prepared(running, database)
    await data.load(running, database, SLUGS, CASES)
    connection = await connect(with_database(running.administrator, database))
    try:
        if not await connection.fetchval("select exists (select 1 from case_outcomes)"):
            async with connection.transaction():
                # Summed up at once, not row by row.
                await connection.execute("set local session_replication_role = replica")
                await connection.execute(_OUTCOMES)
                for slug in SLUGS:
                    await connection.execute(_TALLIES, tenant_id(slug))
            await connection.execute("vacuum (freeze, analyze) case_outcomes, case_tallies")
        await meetings.loaded(connection, [tenant_id(slug) for slug in SLUGS])
    finally:
        await connection.close()
    return connections


async def run() -> None:
    start = time.perf_counter()
    connections = await prepared()
    print(f"{len(SLUGS)} tenants x {CASES:,} cases ({time.perf_counter() - start:.0f} s)")
    async with world(settings.load(), connections) as (opened, schema):
        view = View(schema, opened)
        slowest = {}
        for name, role, path in (
            ("district", "DCMD", data.DISTRICT_PATH),
            ("street", "SCMD", STREET_PATH),
        ):
            member, session = await data.open_session(connections, SLUGS[0], role, (path,))
            token = opened.tokens.issue(TENANT, member, session, dt.datetime.now(dt.UTC))
            headers = _headers(token)
            async with opened.database.snapshot(TENANT) as connection:
                region = await connection.fetchval(
                    "select id from regions where tenant_id = $1 and path = $2", TENANT, path
                )
            for period, low, high in (
                ("2025-06", (2025, 6), (2025, 7)),
                ("2025", (2025, 1), (2026, 1)),
            ):
                body = orjson.dumps({"query": BOARD, "variables": {"r": str(region), "p": period}})
                ours = Contestant(view, body, headers, 4)
                low_at, high_at = (dt.datetime(*day, 1, tzinfo=CHINA) for day in (low, high))
                hand = hand_written(opened, path, low_at, high_at)
                theirs = Contestant(hand, body, headers, 4)
                _same(await ours.ask(), await theirs.ask())
                spent = await _alone(ours)
                slowest[name, period] = spent
                report(
                    f"ms, board of a {name}, {period}",
                    spent,
                    MILLISECONDS,
                    "one at a time",
                    most=True,
                )
                found = await paired(theirs, ours, TURNS)
                report("the same / hand-written", found.median, RATIO, found.spread, most=True)
        await _meeting_page(view, opened, connections)
    for period in ("2025-06", "2025"):
        ratio = slowest["street", period] / slowest["district", period]
        report(f"street / district, {period}", ratio, 1, most=True)


async def _meeting_page(view: View, opened: World, connections: Connections) -> None:
    """A community clerk opens the page of a meeting."""
    place = (meetings.COMMUNITY_PATH,)
    member, session = await data.open_session(connections, SLUGS[0], "COMM", place)
    token = opened.tokens.issue(TENANT, member, session, dt.datetime.now(dt.UTC))
    headers = _headers(token)
    listing = orjson.dumps({"query": "{ meetings(first: 1) { nodes { id } } }"})
    seen = orjson.loads(await call(view, listing, headers))["data"]["meetings"]["nodes"]
    body = meetings.asked(UUID(seen[0]["id"]))
    by_hand = contestants.hand_written(
        opened.database, opened.tokens, TENANT, meetings.BY_HAND, meetings.given
    )
    ours, limit = (Contestant(app, body, headers, 100) for app in (view, by_hand))
    shown = orjson.loads(await ours.ask())["data"]["meeting"]
    assert len(shown["items"]) == meetings.ITEMS
    assert len(shown["attendance"]["nodes"]) == meetings.ATTENDEES
    assert len(shown["readBacks"]["nodes"]) == meetings.ITEMS
    assert await ours.ask() == await limit.ask()
    found = await paired(limit, ours, 2 * TURNS)
    report("time of a meeting's page / by hand", found.median, RATIO, found.spread, most=True)


def _headers(token: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", b"application/json"), (b"x-tenant", SLUGS[0].encode()),
        (b"authorization", f"Bearer {token}".encode()),
    ]  # fmt: skip


def _same(ours: bytes, theirs: bytes) -> None:
    """Both counted the same."""
    figures = {f["metric"]["id"]: f for f in orjson.loads(ours)["data"]["board"]["figures"]}
    counted = orjson.loads(theirs)["data"]["board"]
    for metric, moment, side in (
        ("case.filing_rate", "reported_at", "n0"), ("case.closing_rate", "due_at", "n0"),
        ("case.on_time_rate", "due_at", "n1"), ("case.rework_rate", "checking_at", "n0"),
        ("case.return_rate", "dispatched_at", "n0"),
        ("case.satisfaction_rate", "evaluated_at", "n0"),
        ("case.handling_time", "handled_at", "n0"),
    ):  # fmt: skip
        figure = figures[metric]["figure"]
        rows = counted[moment]
        assert figure["denominator"] == sum(row["d0"] for row in rows) > 0, metric
        assert figure["numerator"] == sum(row[side] for row in rows) > 0, metric
        assert len(rows) == len(figures[metric]["cells"])


async def _alone(contestant: Contestant) -> float:
    """The median time of an answer in milliseconds, one request at a time."""
    spent = []
    for _ in range(TURNS + 2):
        start = time.perf_counter()
        await contestant.ask()
        spent.append((time.perf_counter() - start) * 1000)
    return statistics.median(spent[2:])


if __name__ == "__main__":
    uvloop.run(run())
