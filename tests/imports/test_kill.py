"""The server is killed while it applies two files: nothing of either stays, and both are applied
again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import asyncpg
import httpx
from tests.api.test_kill import killable
from tests.compounds.conftest import Estate, estate
from tests.compounds.residents import row
from tests.compounds.test_homesheet import resident, sent
from tests.imports.conftest import grids, uploaded, when_settled

from guanjia.db.connections import Connections
from guanjia.db.ids import new_id
from guanjia.imports.reading import CHUNK_ROWS
from guanjia.tenancy.regions import segment

__all__ = ["estate"]

PLACES = ("north1", "north2")
CODES = range(2, 512)
STEP = (
    "mutation ($i: ImportStepInput!) { applyImport(input: $i)"
    " { importBatch { state } userErrors { code } } }"
)
OPEN = "select count(*) from regions where tenant_id = $1 and level = 'GRID' and valid_to is null"
HOMES = [
    f"select count(*) from {table} where tenant_id = $1"
    for table in ("house_units", "persons", "house_bindings", "vote_holdings")
]
RESIDENTS = 4
WAITING = (
    "select pid from pg_stat_activity where datname = current_database() and usename = 'app_rw'"
    " and wait_event_type = 'Lock'"
    " and (query like 'insert into regions%' or query like 'select % from buildings %')"
)
ALIVE = "select count(*) from pg_stat_activity where pid = $1"


async def test_killed_while_it_applies_nothing_is_there_by_half(
    estate: Estate, admin: Any, connections: Connections
) -> None:
    town, clerk = estate.town, await estate.town.person("SYS")
    codes = [f"{town.tenant.regions[place].code}{n:03}" for place in PLACES for n in CODES]
    names = {town.tenant.regions[place].code: f"测试{place}" for place in PLACES}
    file = grids(*((code, f"网格{code}", f"{names[code[:-3]]} {code[:-3]}") for code in codes))
    batch = await uploaded(clerk, file)
    assert (batch["state"], batch["added"]) == ("READY", len(codes))
    homes = await sent(estate.clerk, *_homes())
    assert (homes["state"], homes["added"]) == ("READY", len(_homes()))

    async def stored() -> list[int]:
        return [await admin.fetchval(count, town.tenant.id) for count in (OPEN, *HOMES)]

    before = await stored()
    async with killable(connections) as server:
        # Somebody is about to make the last grid, and somebody to change the last building: the
        # server has to wait with all but done.
        async with _making(connections, town, codes[-1]), _changing(connections, estate):
            for person, waits in ((clerk, batch), (estate.clerk, homes)):
                answer = await _asked(server.address, person, waits["id"])
                assert answer == {"importBatch": {"state": "APPLYING"}, "userErrors": []}
            waiting = await _until(lambda: admin.fetch(WAITING), 2)
            await server.kill()
        for found in waiting:
            await _until(partial(_gone, admin, found["pid"]))
        assert await stored() == before

        await admin.execute(
            "update import_batches set heard_at = now() - interval '61 seconds' where id = any($1)",
            [batch["id"], homes["id"]],
        )
        await server.start()
        for person, waits, rows in (
            (clerk, batch, len(codes)), (estate.clerk, homes, len(_homes())),
        ):  # fmt: skip
            assert (await when_settled(person, waits["id"]))["state"] == "INTERRUPTED"
            answer = await _asked(server.address, person, waits["id"])
            assert answer["userErrors"] == []
            applied = await when_settled(person, waits["id"])
            assert (applied["state"], applied["done"]) == ("APPLIED", rows)
    made = [after - then for after, then in zip(await stored(), before, strict=True)]
    assert made == [len(codes), len(_homes()), RESIDENTS, RESIDENTS, RESIDENTS]


def _homes() -> list[list[Any]]:
    """A part and a little more: the last rows, of persons, are in the second building."""
    first = [
        row(
            compound="阳光小区", building="1幢", floor=n // 40 + 1, room=f"{n // 40 + 1}{n % 40:02}"
        )
        for n in range(CHUNK_ROWS)
    ]
    return first + [resident(n, building="2幢", room=f"30{n}") for n in range(RESIDENTS)]


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


@asynccontextmanager
async def _changing(connections: Connections, estate: Estate) -> AsyncIterator[None]:
    """Meanwhile another transaction holds the second building."""
    connection = await asyncpg.connect(connections.require("app_rw"))
    try:
        await connection.execute("begin")
        await connection.execute(
            "select set_config('app.tenant_id', $1, true)", str(estate.town.tenant.id)
        )
        held = await connection.fetchval(
            "select id from buildings where id = $1 for update", estate.buildings[1]["id"]
        )
        assert held is not None
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


async def _until(look: Any, many: int = 1) -> Any:
    """What is seen as soon as there is something, or so many, to see."""
    async with asyncio.timeout(30):
        # What is seen is in another process.
        while not (found := await look()) or (many > 1 and len(found) < many):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found
