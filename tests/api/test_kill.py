"""The server is killed at random moments while people work: what was answered is there, what was
not answered is there once or not at all, and nothing is there by half."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx

from guanjia import settings
from guanjia.audit import chain
from guanjia.cases.chain import chain_fault
from guanjia.cases.facts import replay
from guanjia.cases.service.casefile import facts_of
from guanjia.cases.service.timeline import event_of, timeline_rows
from guanjia.db.connections import Connections

KILLS, CLIENTS, LEAST = 2, 6, 5
OPEN = (
    "mutation ($i: OpenCaseInput!) { openCase(input: $i)"
    " { case { id number version } userErrors { code message } } }"
)
FILE = (
    "mutation ($i: FileCaseInput!) { fileCase(input: $i)"
    " { case { id version } userErrors { code message } } }"
)


@dataclass
class Server:
    """`guanjia serve` as a process of its own, killed and started again on one port."""

    connections: Connections
    port: int
    process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        given = {
            "GUANJIA_PORT": str(self.port),
            "GUANJIA_DATABASE_URL": self.connections.require("app_rw"),
            "GUANJIA_READ_DATABASE_URL": self.connections.require("app_ro"),
            "GUANJIA_STATE_DIR": str(settings.load().state_dir),
            "PYTHONPATH": str(settings.PROJECT_ROOT / "platform"),
        }
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "guanjia.cli", "serve", env={**os.environ, **given}
        )
        async with httpx.AsyncClient() as http:
            ends = time.monotonic() + 60
            while time.monotonic() < ends:
                assert self.process.returncode is None, "the server ended by itself"
                try:
                    if (await http.get(f"{self.address}/readyz")).status_code == 200:
                        return
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
        raise AssertionError("the server did not start")

    async def kill(self) -> None:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
            await self.process.wait()


@asynccontextmanager
async def killable(connections: Connections) -> AsyncIterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = Server(connections, free.getsockname()[1])
    try:
        await server.start()
        yield server
    finally:
        await server.kill()


@dataclass
class Worker:
    """Somebody who opens a case and files it, over and over, and sends again what was not
    answered: an opening with its key, a filing with the version it was based on."""

    server: Server
    person: Any
    given: dict[str, Any]
    name: int
    answered: dict[str, str] = field(default_factory=dict)
    filed: set[str] = field(default_factory=set)
    resent: int = 0

    async def work(self, done: asyncio.Event) -> None:
        async with httpx.AsyncClient(base_url=self.server.address, timeout=20) as http:
            turn = 0
            while not done.is_set():
                turn += 1
                key = f"worker-{self.name}-{turn}"
                report = {**self.given, "idempotencyKey": key}
                opened = await self._send(http, OPEN, report)
                if turn % 2:  # as if the answer had been lost on its way
                    assert await self._send(http, OPEN, report) == opened
                case = opened["openCase"]["case"]
                self.answered[key] = case["id"]
                step = {"id": case["id"], "version": case["version"], "notDuplicate": True}
                answer = (await self._send(http, FILE, step))["fileCase"]
                codes = [error["code"] for error in answer["userErrors"]]
                # Sent again after a lost answer, it may find that it had taken effect.
                assert codes in ([], ["CONFLICT"]), answer
                self.filed.add(case["id"])

    async def _send(self, http: httpx.AsyncClient, query: str, given: Any) -> Any:
        headers = {"authorization": f"Bearer {self.person.token}", "x-tenant": self.person.slug}
        body = {"query": query, "variables": {"i": given}}
        while True:
            try:
                response = await http.post("/graphql", json=body, headers=headers)
            except httpx.TransportError:
                self.resent += 1
                await asyncio.sleep(0.05)
                continue
            assert response.status_code == 200, response.text
            answer = response.json()
            assert "errors" not in answer, answer
            return answer["data"]


async def test_killed_at_any_moment_nothing_is_lost_and_nothing_is_half(
    town: Any, connections: Connections
) -> None:
    clerk = await town.person("COMM", "north1")
    categories = await clerk.data("{ caseCategories(first: 1) { nodes { id } } }")
    given = {
        "categoryId": categories["caseCategories"]["nodes"][0]["id"],
        "regionId": str(town.tenant.regions["north1"].id),
        "title": "停电时上报", "location": "北门", "source": "COMMUNITY", "noPhotoReason": "夜间",
    }  # fmt: skip
    done = asyncio.Event()
    async with killable(connections) as server:
        workers = [Worker(server, clerk, given, n) for n in range(CLIENTS)]
        async with asyncio.TaskGroup() as working:
            for worker in workers:
                working.create_task(worker.work(done))
            for _ in range(KILLS):
                await _busy(workers)
                await server.kill()
                await server.start()
            await _busy(workers)
            done.set()
    answered = {key: case for worker in workers for key, case in worker.answered.items()}
    filed = set().union(*(worker.filed for worker in workers))
    assert min(worker.resent for worker in workers) >= 1
    assert len(filed) > KILLS * LEAST
    await _whole(town, connections, answered, filed)


async def _busy(workers: list[Worker]) -> None:
    """Some more has been answered, and something is under way."""
    wanted = sum(len(worker.filed) for worker in workers) + random.randint(LEAST, 3 * LEAST)
    async with asyncio.timeout(60):
        # The clients keep lists: there is no event to wait for.
        while sum(len(worker.filed) for worker in workers) < wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await asyncio.sleep(random.uniform(0, 0.05))


async def _whole(
    town: Any, connections: Connections, answered: dict[str, str], filed: set[str]
) -> None:
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        connection = transaction.connection
        rows = await connection.fetch("select * from cases order by number")
        last = await connection.fetchval("select max(last) from case_counters")
        grams = await connection.fetchval("select count(distinct case_id) from case_grams")
        timelines = {row["id"]: await timeline_rows(transaction, row["id"]) for row in rows}
    # Every key has one case, every number is used, and nothing else is there.
    assert {row["idempotency_key"]: str(row["id"]) for row in rows} == answered
    assert [int(row["number"][-6:]) for row in rows] == list(range(1, len(rows) + 1))
    assert last == grams == len(rows) == len(answered)
    for row in rows:
        timeline = timelines[row["id"]]
        assert replay([event_of(event) for event in timeline]) == facts_of(row)
        assert chain_fault(timeline) is None
        assert len(timeline) == (2 if str(row["id"]) in filed else 1)
    auditor = await asyncpg.connect(connections.require("auditor"))
    try:
        assert (await chain.verify(auditor, town.tenant.id)).fault is None
        await auditor.execute("select set_config('app.tenant_id', $1, false)", str(town.tenant.id))
        records = await auditor.fetch("select object_id from audit_records")
    finally:
        await auditor.close()
    counted = Counter(record["object_id"] for record in records)
    assert counted == {row["id"]: len(timelines[row["id"]]) for row in rows}
