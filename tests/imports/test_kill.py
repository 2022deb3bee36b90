"""The server is killed while it applies a file: nothing of it stays, and it is applied again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
from tests.api.test_kill import killable
from tests.imports.conftest import grids, uploaded, when_settled

from guanjia.db.connections import Connections
from guanjia.db.ids import new_id
from guanjia.tenancy.regions import segment

PLACES = ("north1", "north2")
CODES = range(2, 512)
STEP = (
    "mutation ($i: ImportStepInput!) { applyImport(input: $i)"
    " { importBatch { state } userErrors { code } } }"
)
OPEN = "select count(*) from regions where tenant_id = $1 and level = 'GRID' and valid_to is null"
WAITING = (
    "select pid from pg_stat_activity where datname = current_database() and usename = 'app_rw'"
    " and wait_event_type = 'Lock' and query like 'insert into regions%'"
)
ALIVE = "select count(*) from pg_stat_activity where pid = $1"


async def test_killed_while_it_applies_nothing_is_there_by_half(
    town: Any, admin: Any, connections: Connections
) -> None:
    clerk = await town.person("SYS")
    codes = [f"{town.tenant.regions[place].code}{n:03}" for place in PLACES for n in CODES]
    homes = {town.tenant.regions[place].code: f"测试{place}" for place in PLACES}
    file = grids(*((code, f"网格{code}", f"{homes[code[:-3]]} {code[:-3]}") for code in codes))
    batch = await uploaded(clerk, file)
    assert (batch["state"], batch["added"]) == ("READY", len(codes))
    before = await admin.fetchval(OPEN, town.tenant.id)

    async with killable(connections) as server:
        # Somebody is about to make the last grid: the server has to wait with all but done.
        async with _making(connections, town, codes[-1]):
            answer = await _asked(server.address, clerk, batch["id"])
            assert answer == {"importBatch": {"state": "APPLYING"}, "userErrors": []}
            [waiting] = await _until(lambda: admin.fetch(WAITING))
            await server.kill()
        await _until(lambda: _gone(admin, waiting["pid"]))
        assert await admin.fetchval(OPEN, town.tenant.id) == before

        await admin.execute(
            "update import_batches set heard_at = now() - interval '61 seconds' where id = $1",
            batch["id"],
        )
        assert (await when_settled(clerk, batch["id"]))["state"] == "INTERRUPTED"
        await server.start()
        answer = await _asked(server.address, clerk, batch["id"])
        assert answer["userErrors"] == []
        applied = await when_settled(clerk, batch["id"])
    assert (applied["state"], applied["done"]) == ("APPLIED", len(codes))
    assert await admin.fetchval(OPEN, town.tenant.id) == before + len(codes)


@asynccontextmanager
async def _making(connections: Connections, town: Any, code: str) -> AsyncIterator[None]:
    """Meanwhile another transaction makes the grid; in the end it does not."""
    home = town.tenant.regions[PLACES[-1]]
    connection = await asyncpg.connect(connections.require("app_rw"))
    try:
        await connection.execute("begin")
        await connection.execute(
            "select set_config('app.tenant_id', $1, true)", str(town.tenant.id)
        )
        await connection.execute(
            "insert into regions (id, level, code, name, parent_id, path, grid_kind, valid_from)"
            " values ($1, 'GRID', $2, '他人所建', $3, $4, 'BASIC', '2020-01-01')",
            new_id(), code, home.id, home.path + segment(9_999),
        )  # fmt: skip
        yield
        await connection.execute("rollback")
    finally:
        await connection.close()


async def _asked(address: str, person: Any, batch: str) -> Any:
    """applyImport, sent to the server that is killed."""
    headers = {"authorization": f"Bearer {person.token}", "x-tenant": person.slug}
    async with httpx.AsyncClient(base_url=address, headers=headers) as http:
        sent = {"query": STEP, "variables": {"i": {"id": batch}}}
        return (await http.post("/graphql", json=sent)).json()["data"]["applyImport"]


async def _gone(admin: Any, process: int) -> bool:
    return await admin.fetchval(ALIVE, process) == 0


async def _until(look: Any) -> Any:
    """What is seen as soon as there is something to see."""
    async with asyncio.timeout(30):
        # What is seen is in another process.
        while not (found := await look()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found
