"""`make bench`: ratios on one machine in one run, row-level security on for every contestant.

Requests go through the ASGI applications in this process, a few at a time, in turns, so that both
contestants meet the same machine. Environment: BENCH_TENANTS, BENCH_CASES, BENCH_REQUESTS.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import statistics
import time
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench import data
from guanjia import settings
from guanjia.app import world
from guanjia.context import Request as Asked
from guanjia.db.pools import Database
from guanjia.reading.plan import fence
from guanjia.tenancy.models import tenant_id
from guanjia.view import View

TENANTS = int(os.environ.get("BENCH_TENANTS", "4"))
CASES = int(os.environ.get("BENCH_CASES", "100000"))
REQUESTS = int(os.environ.get("BENCH_REQUESTS", "600"))
CONCURRENCY = 4
FIELDS = (
    "id number title state stage dueAt createdAt region { name }"
    " timeline(first: 3) { nodes { seq title at } }"
)
LIST = f"query ($after: String) {{ cases(first: 50, after: $after) {{ nodes {{ {FIELDS} }} }} }}"
PAGES = (
    "query ($after: String) { cases(first: 50, after: $after)"
    " { nodes { id } pageInfo { endCursor } } }"
)
HAND = fence(
    "(select row_to_json(x) from (select (select array_to_json(array_agg(n)) from"
    ' (select c.id, c.number, c.title, c.state, c.stage, c.due_at "dueAt",'
    ' c.created_at "createdAt", (select row_to_json(r) from (select g.name from regions g where'
    " g.tenant_id = $2 and g.id = c.region_id) r) region,"
    " (select row_to_json(line) from (select (select coalesce(array_to_json(array_agg(e)), '[]')"
    " from (select v.seq, v.title, v.at from case_events v"
    " where v.tenant_id = $2 and v.case_id = c.id"
    " order by v.seq, v.id limit 3) e) nodes) line) timeline"
    " from cases c where c.tenant_id = $2 and s.t is not null"
    " order by c.created_at desc, c.id desc limit 50) n) nodes) x) as cases"
)


async def call(app: Any, body: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
    """One POST through an ASGI application."""
    scope = {
        "type": "http", "method": "POST", "path": "/graphql", "raw_path": b"/graphql",
        "query_string": b"", "headers": headers, "http_version": "1.1", "scheme": "http",
        "server": ("bench", 80), "client": ("bench", 1), "root_path": "",
    }  # fmt: skip
    parts: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    return b"".join(parts)


async def load(app: Any, bodies: list[bytes], headers: Any) -> list[float]:
    """The seconds each request took, CONCURRENCY at a time."""
    took: list[float] = []
    waiting = iter(bodies)

    async def client() -> None:
        for body in waiting:
            start = time.perf_counter()
            await call(app, body, headers)
            took.append(time.perf_counter() - start)

    await asyncio.gather(*(client() for _ in range(CONCURRENCY)))
    return took


async def throughput(app: Any, body: bytes, headers: Any, count: int) -> float:
    start = time.perf_counter()
    await load(app, [body] * count, headers)
    return count / (time.perf_counter() - start)


def hand_written(database: Database, tokens: Any, tenant: Any) -> Any:
    """The limit: one SQL statement in a Starlette route, with the same token check and fence."""

    async def endpoint(request: Request) -> Response:
        token = request.headers["authorization"].removeprefix("Bearer ")
        claims = await tokens.identify(token, tenant, database)
        await request.body()
        found = await database.fetch_json(HAND, [str(tenant), tenant, 1, claims.session_id])
        return Response(b'{"data":' + (found or b"null") + b"}", media_type="application/json")

    return Starlette(routes=[Route("/graphql", endpoint, methods=["POST"])])


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


async def run() -> None:
    connections = await data.prepare()
    slugs = [f"bench-{CASES}-{n}" for n in range(TENANTS)]
    async with world(settings.load(), connections) as (opened, schema):
        start = time.perf_counter()
        for slug in slugs:
            await data.fill(opened.database, slug, CASES)
        print(f"{TENANTS} tenants x {CASES} cases x 3 events ({time.perf_counter() - start:.0f} s)")
        await _analyse(connections)
        view, tenant = View(schema, opened), tenant_id(slugs[0])

        async def headers(role: str, path: str) -> list[tuple[bytes, bytes]]:
            member, session = await data.open_session(opened.database, slugs[0], role, path)
            token = opened.tokens.issue(tenant, member, session, dt.datetime.now(dt.UTC))
            return [
                (b"content-type", b"application/json"), (b"x-tenant", slugs[0].encode()),
                (b"authorization", f"Bearer {token}".encode()),
            ]  # fmt: skip

        district = await headers("DCMD", "0001/")
        await _against_the_limit(opened, view, tenant, district)
        await _pages(view, district)
        await _scopes(view, district, await headers("GRID", "0001/0001/0003/0004/"))
        await _python(opened, district, tenant)


async def _against_the_limit(opened: Any, view: Any, tenant: Any, headers: Any) -> None:
    limit = hand_written(opened.database, opened.tokens, tenant)
    body = orjson.dumps({"query": LIST})
    answer = await call(view, body, headers)
    assert answer == await call(limit, body, headers)
    assert len(orjson.loads(answer)["data"]["cases"]["nodes"]) == 50
    ratios = []
    for _ in range(5):
        ours = await throughput(view, body, headers, REQUESTS)
        theirs = await throughput(limit, body, headers, REQUESTS)
        ratios.append(ours / theirs)
    print(f"nested list / hand-written: {statistics.median(ratios):.2f} (wanted >= 0.85)")
    print(f"  spread {min(ratios):.2f}-{max(ratios):.2f}; {ours:.0f} against {theirs:.0f} a second")


async def _pages(view: Any, headers: Any) -> None:
    after, cursors = None, []
    for _ in range(1000):
        answer = orjson.loads(
            await call(view, orjson.dumps({"query": PAGES, "variables": {"after": after}}), headers)
        )
        after = answer["data"]["cases"]["pageInfo"]["endCursor"]
        cursors.append(after)
    figures = {}
    for name, cursor in (("first", None), ("last", cursors[-2])):
        body = orjson.dumps({"query": LIST, "variables": {"after": cursor}})
        figures[name] = percentile(await load(view, [body] * REQUESTS, headers), 0.99)
    print(f"p99 page 1,000 / page 1: {figures['last'] / figures['first']:.2f} (wanted <= 1.3)")


async def _scopes(view: Any, district: Any, grid: Any) -> None:
    body = orjson.dumps({"query": LIST})
    ratios = []
    for _ in range(3):
        wide = await throughput(view, body, district, REQUESTS)
        narrow = await throughput(view, body, grid, REQUESTS)
        ratios.append(narrow / wide)
    print(
        f"grid member / district: {statistics.median(ratios):.2f} of its throughput (wanted >= 1)"
    )


async def _python(opened: Any, headers: Any, tenant: Any) -> None:
    token = headers[2][1].decode().removeprefix("Bearer ")
    claims = await opened.identify(Asked(token, tenant))
    caller = await opened.caller(claims)
    start = time.perf_counter()
    for _ in range(5000):
        opened.engine.bind(caller, LIST, None, {"after": None})
    print(f"plan hit: {(time.perf_counter() - start) / 5000 * 1e6:.0f} us of Python (wanted < 150)")
    mask, bit = opened.policy.mask("COMM", "region"), opened.policy.bit("case:file")
    start = time.perf_counter()
    for _ in range(100_000):
        _ = mask & bit
    print(f"permission from the bits: {(time.perf_counter() - start) / 100_000 * 1e6:.3f} us"
          " (wanted < 1)")  # fmt: skip


async def _analyse(connections: Any) -> None:
    import asyncpg

    owner = await asyncpg.connect(connections.require("owner"))
    await owner.execute("analyze")
    await owner.close()


if __name__ == "__main__":
    asyncio.run(run())
