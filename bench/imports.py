"""`python -m bench.imports`: a list of 170,000 rows and 12 columns from upload to applied.

Through the routes and the endpoint, with sealed cells and row-level security on. Printed are the
seconds of each step and the memory at its highest: of this process and of the one apart.
Environment: BENCH_ROWS.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import os
import resource
import secrets
import time
from typing import Any

import httpx
import xlsxwriter
from starlette.applications import Starlette
from tests.imports.synthetic import COLUMNS, PARTIES, people

from bench import data
from guanjia import settings
from guanjia.app import endpoints, world
from guanjia.imports import kinds
from guanjia.tenancy.models import tenant_id
from guanjia.transfers import routes
from guanjia.view import View

ROWS = int(os.environ.get("BENCH_ROWS", "170000"))
WRONG_EVERY = 34
"""5,000 of 170,000."""
COMMUNITY = "990101001001"
ASK = "query ($id: ID!) { importBatch(id: $id) { state done total wrong added message } }"
APPLY = "mutation ($i: ImportStepInput!) { applyImport(input: $i) { userErrors { message } } }"


def workbook(rows: list[list[Any]]) -> bytes:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"constant_memory": True})
    sheet = book.add_worksheet("数据")
    sheet.write_row(0, 0, [column.header for column in COLUMNS])
    for number, row in enumerate(rows, 1):
        sheet.write_row(number, 0, row)
    book.close()
    return target.getvalue()


def highest() -> str:
    """Megabytes of resident memory at their highest."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    apart = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    return f"{own} MB here, {apart} MB apart"


async def settled(client: httpx.AsyncClient, batch: str) -> tuple[dict[str, Any], float]:
    """The batch when its step has ended, and the longest that a question waited meanwhile."""
    waited = 0.0
    while True:
        start = time.perf_counter()
        answer = await client.post("/graphql", json={"query": ASK, "variables": {"id": batch}})
        waited = max(waited, time.perf_counter() - start)
        found: dict[str, Any] = answer.json()["data"]["importBatch"]
        if found["state"] not in ("READING", "APPLYING"):
            return found, waited
        await asyncio.sleep(0.05)


async def handed_in(client: httpx.AsyncClient, body: bytes) -> tuple[str, float, float]:
    start = time.perf_counter()
    answer = await client.post("/imports/parties", params={"name": "a.xlsx"}, content=body)
    batch = answer.json()["id"]
    found, waited = await settled(client, batch)
    print(f"  {found}")
    return batch, time.perf_counter() - start, waited


async def run() -> None:
    kinds.register(PARTIES)
    connections = await data.prepare()
    slug = f"bench-imports-{secrets.token_hex(4)}"
    wrong = workbook(people(ROWS, COMMUNITY, WRONG_EVERY))
    right = workbook(people(ROWS, COMMUNITY))
    print(f"{ROWS} rows, {len(right) / 1e6:.0f} MB; memory before: {highest()}")
    async with world(settings.load(), connections) as (opened, schema):
        await data.fill(opened.database, slug, 1)
        member, session = await data.open_session(opened.database, slug, "SYS", "0001/")
        token = opened.tokens.issue(tenant_id(slug), member, session, dt.datetime.now(dt.UTC))
        view = View(schema, opened)
        files = Starlette(routes=routes(lambda: opened, view.journal))
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=endpoints(lambda: view, files)),
            base_url="http://bench",
            headers={"x-tenant": slug, "authorization": f"Bearer {token}"},
            timeout=300,
        ) as client:
            batch, seconds, waited = await handed_in(client, wrong)
            start = time.perf_counter()
            back = await client.get(f"/imports/batches/{batch}/workbook")
            spent = time.perf_counter() - start
            print(f"wrong rows: checked in {seconds:.1f} s, back in {spent:.1f} s"
                  f" ({len(back.content) / 1e6:.0f} MB; wanted < 20); {highest()}")  # fmt: skip
            batch, read, waited = await handed_in(client, right)
            start = time.perf_counter()
            await client.post("/graphql", json={"query": APPLY, "variables": {"i": {"id": batch}}})
            found, later = await settled(client, batch)
            applied = time.perf_counter() - start
            print(f"  {found}")
            print(f"read, checked and staged in {read:.1f} s, applied in {applied:.1f} s:"
                  f" {read + applied:.1f} s (wanted < 60)")  # fmt: skip
            print(f"memory: {highest()} (wanted < 600); a question meanwhile waited at most"
                  f" {max(waited, later) * 1000:.0f} ms")  # fmt: skip


if __name__ == "__main__":
    asyncio.run(run())
