"""`python -m bench.imports [homes|parties]`: a large list from upload to applied.

homes: 50,000 homes with 120,000 residents, sealed; parties: 170,000 rows of 12 columns. Through the
routes and the endpoint, with row-level security on. Printed are the seconds of each step and the
memory at its highest: of this process and of the one apart. Environment: BENCH_COMPOUNDS (of 5,000
homes each), BENCH_ROWS.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import os
import resource
import secrets
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import httpx
import uvloop
import xlsxwriter
from starlette.applications import Starlette
from tests.compounds import residents
from tests.imports.synthetic import COLUMNS, PARTIES, people

from bench import data
from bench.measure import report
from guanjia import settings
from guanjia.app import endpoints, settle, world
from guanjia.db import embedded
from guanjia.db.connections import Connections, connect
from guanjia.imports import kinds
from guanjia.tenancy.models import tenant_id
from guanjia.transfers import routes
from guanjia.view import View

DATABASE = "guanjia_bench_imports"
ROWS = int(os.environ.get("BENCH_ROWS", "170000"))
COMPOUNDS = int(os.environ.get("BENCH_COMPOUNDS", "10"))
BUILDINGS = 50
"""In a compound, of 100 homes each."""
COMMUNITY, COMMUNITY_PATH = "990101001001", "0001/0001/0001/"
ASK = "query ($id: ID!) { importBatch(id: $id) { state done total rows wrong added message } }"
APPLY = "mutation ($i: ImportStepInput!) { applyImport(input: $i) { userErrors { message } } }"
_COMPOUNDS = """
with c as (insert into compounds (id, name, region_id, region_path, management_mode, search_text)
  select gen_random_uuid(), '小区' || n, r.id, r.path, 'COMMUNITY_FALLBACK', '小区' || n
  from generate_series(1, $1::int) n, regions r where r.code = $3 returning id, name, region_id,
  region_path)
insert into buildings (id, compound_id, code, name, position, region_id, region_path)
select gen_random_uuid(), c.id, $3 || lpad(((substr(c.name, 3)::int - 1) * $2 + n)::text, 5, '0'),
  n || '幢', n, c.region_id, c.region_path from c, generate_series(1, $2::int) n
"""


@dataclass(frozen=True)
class Trial:
    """What is imported, by whom. rows: with every so many wrong."""

    kind: str
    role: str
    path: str
    headers: Iterable[str]
    rows: Callable[[int], Iterable[list[Any]]]
    wrong_every: int


TRIALS = {
    "homes": Trial(
        "homes", "COMM", COMMUNITY_PATH, residents.HEADERS,
        lambda wrong: residents.homes(COMPOUNDS, BUILDINGS, wrong), 24,
    ),
    "parties": Trial(
        "parties", "SYS", "0001/", [column.header for column in COLUMNS],
        lambda wrong: people(ROWS, COMMUNITY, wrong), 34,
    ),
}  # fmt: skip
"""5,000 wrong of 120,000, and of 170,000."""


def workbook(headers: Iterable[str], rows: Iterable[list[Any]]) -> bytes:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"constant_memory": True})
    sheet = book.add_worksheet("数据")
    sheet.write_row(0, 0, headers)
    for number, row in enumerate(rows, 1):
        sheet.write_row(number, 0, row)
    book.close()
    return target.getvalue()


def highest() -> tuple[int, int]:
    """Megabytes of resident memory at their highest: here, and in processes apart."""
    return (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
    )


async def prepared(slug: str) -> Connections:
    """The database, with a new tenant that has compounds and buildings and no homes."""
    running = await embedded.start(settings.load().state_dir)
    connections = await data.prepared(running, DATABASE)
    await data.load(running, DATABASE, [slug], 0)
    writer = await connect(connections.require("app_rw"))
    try:
        async with writer.transaction():
            await writer.execute(
                "select set_config('app.tenant_id', $1, true)", str(tenant_id(slug))
            )
            await writer.execute(_COMPOUNDS, COMPOUNDS, BUILDINGS, COMMUNITY)
    finally:
        await writer.close()
    return connections


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
        await asyncio.sleep(0.25)


async def handed_in(
    client: httpx.AsyncClient, trial: Trial, body: bytes
) -> tuple[dict[str, Any], str, float, float]:
    start = time.perf_counter()
    answer = await client.post(f"/imports/{trial.kind}", params={"name": "a.xlsx"}, content=body)
    batch = answer.json()["id"]
    found, waited = await settled(client, batch)
    return found, batch, time.perf_counter() - start, waited


async def measured(client: httpx.AsyncClient, trial: Trial) -> None:
    wrong = workbook(trial.headers, trial.rows(trial.wrong_every))
    found, batch, read, _ = await handed_in(client, trial, wrong)
    start = time.perf_counter()
    back = await client.get(f"/imports/batches/{batch}/workbook")
    spent = time.perf_counter() - start
    print(f"  {found}, workbook of {len(back.content) / 1e6:.0f} MB")
    note = f"after {read:.1f} s of reading"
    report(f"{trial.kind}: {found['wrong']} wrong rows come back, s", spent, 20, note, most=True)
    right = workbook(trial.headers, trial.rows(0))
    found, batch, read, waited = await handed_in(client, trial, right)
    print(f"  {found}")
    start = time.perf_counter()
    await client.post("/graphql", json={"query": APPLY, "variables": {"i": {"id": batch}}})
    found, later = await settled(client, batch)
    applied = time.perf_counter() - start
    print(f"  {found}")
    note = f"read, checked, staged {read:.1f} s; applied {applied:.1f} s"
    report(f"{trial.kind}: {found['rows']} rows, s", read + applied, 60, note, most=True)
    here, apart = highest()
    note = f"{here} MB here, {apart} MB apart"
    report(f"{trial.kind}: memory, MB", here + apart, 600, note, most=True)
    report(f"{trial.kind}: a question meanwhile waited, s", max(waited, later), None)


async def run(trial: Trial) -> None:
    if trial.kind == PARTIES.code:
        kinds.register(PARTIES)
    slug = f"bench-{secrets.token_hex(4)}"
    connections = await prepared(slug)
    here, apart = highest()
    print(f"{trial.kind}: memory before: {here} MB here, {apart} MB apart")
    async with world(settings.load(), connections) as (opened, schema):
        member, session = await data.open_session(connections, slug, trial.role, (trial.path,))

        def signed(request: httpx.Request) -> httpx.Request:
            """With a fresh token: on a busy machine the trial outlives one."""
            now = dt.datetime.now(dt.UTC)
            token = opened.tokens.issue(tenant_id(slug), member, session, now)
            request.headers["authorization"] = f"Bearer {token}"
            return request

        settle()
        view = View(schema, opened)
        files = Starlette(routes=routes(lambda: opened, view.journal))
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=endpoints(lambda: view, files)),
            base_url="http://bench",
            headers={"x-tenant": slug},
            auth=signed,
            timeout=300,
        ) as client:
            await measured(client, trial)


if __name__ == "__main__":
    uvloop.run(run(TRIALS[sys.argv[1] if len(sys.argv) > 1 else "homes"]))
