"""The worker as an operator meets it: does what is due, says what fails, ends when told to."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.test_cli import free_port
from tests.worker.processes import environment, on_board, said, started, stopped
from tests.worker.surveys import surveyed

from guanjia.db.connections import Connections, database_of, with_database
from guanjia.db.ids import new_id
from guanjia.db.pools import Database
from guanjia.jobs.queue import wake


async def states(town: Any) -> list[str]:
    async with town.open() as transaction:
        rows = await transaction.connection.fetch("select state from cases order by number")
    return [row["state"] for row in rows]


async def dead_job(town: Any, kind: str = "look.sweep") -> UUID:
    """A job that somebody has to look at."""
    made = new_id()
    async with town.open() as transaction:
        await transaction.connection.execute(
            "insert into jobs (id, kind, title, subject_id, due_at, run_at, state, attempts,"
            " listed_at, finished_at, error_code, error_message) values ($1, $2, '清理', $1,"
            " now() - interval '1 day', now(), 'DEAD', 8, now(), now(), 'UNAVAILABLE',"
            " '数据库暂时不可用。')", made, kind,
        )  # fmt: skip
    return made


async def state_of(town: Any, job: UUID) -> Any:
    async with town.open() as transaction:
        return await transaction.connection.fetchval("select state from jobs where id = $1", job)


async def until(what: Any, wanted: Any, seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while (found := await what()) != wanted:
        assert time.monotonic() < ends, found
        await asyncio.sleep(0.05)


async def test_once_does_what_is_due_and_the_second_time_nothing(
    town: Any, database: Database, connections: Connections
) -> None:
    await surveyed(town, 3)
    await on_board(database, town.tenant)
    slug = town.tenant.slug
    # Three surveys end, three cases are archived, and seven jobs of the night.
    assert f"{slug}:完成 13 件" in await said(connections, "--once", "--tenant", slug)
    assert await states(town) == ["ARCHIVED"] * 3
    assert f"{slug}:完成 0 件" in await said(connections, "--once", "--tenant", slug)
    assert "没有租户 nowhere" in await said(
        connections, "--once", "--tenant", "nowhere", fails=True
    )


async def test_the_queue_is_seen_and_a_job_is_tried_again(
    town: Any, database: Database, connections: Connections
) -> None:
    await on_board(database, town.tenant)
    job, slug = await dead_job(town), town.tenant.slug
    seen = await said(connections, "status", "--tenant", slug)
    assert f"{slug} 可执行 0 " in " ".join(seen.split())
    assert "已停止 1" in seen
    assert f"{job} 清理(look.sweep,应于" in seen
    assert "UNAVAILABLE 数据库暂时不可用。" in seen
    assert f"{slug}:“清理”将立即重试。" in await said(connections, "retry", str(job))
    assert await state_of(town, job) == "WAITING"
    await said(connections, "--once", "--tenant", slug)
    assert await state_of(town, job) == "DONE"
    stopped_too, other = await dead_job(town), await dead_job(town, "session.sweep")
    every = await said(connections, "retry", "--kind", "look.sweep", "--tenant", slug)
    assert f"{slug}:1 件将立即重试。" in every
    assert (await state_of(town, stopped_too), await state_of(town, other)) == ("WAITING", "DEAD")
    for wrong, sentence in (
        (("--kind", "nothing"), "没有这一类任务"),
        ((), "请给出任务标识"),
        ((str(other), "--kind", "look.sweep"), "请给出任务标识"),
    ):
        assert sentence in await said(connections, "retry", *wrong, fails=True)
    assert "没有这件任务" in await said(connections, "retry", str(new_id()), fails=True)
    assert "任务标识无效" in await said(connections, "retry", "x", fails=True)


async def test_a_worker_shows_its_health_hears_at_once_and_ends_when_told(
    town: Any, database: Database, connections: Connections
) -> None:
    await on_board(database, town.tenant)
    port = free_port()
    process = await started(connections, GUANJIA_WORKER_PORT=str(port))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:

            async def ready() -> int:
                try:
                    return (await http.get("/readyz")).status_code
                except httpx.TransportError:
                    return 0

            async def nightly() -> int:
                async with town.open() as transaction:
                    return await transaction.connection.fetchval(
                        "select count(*) from jobs where state = 'DONE'"
                    )

            await until(ready, 200)
            await until(nightly, 7)
            assert (await http.get("/healthz")).json() == {"status": "ok"}
            # Between two looks: only the notification can tell it so soon.
            job = await dead_job(town)
            begun = time.monotonic()
            async with town.open() as transaction:
                await transaction.connection.execute(
                    "update jobs set state = 'WAITING', attempts = 0,"
                    " finished_at = null where id = $1",
                    job,
                )
                await wake(transaction)
            await until(lambda: state_of(town, job), "DONE", 10)
            assert time.monotonic() - begun < 10
            figures = (await http.get("/metrics")).text
        slug = town.tenant.slug
        assert f'guanjia_jobs{{state="dead",tenant="{slug}"}} 0.0' in figures
        assert f'guanjia_jobs_lag_seconds{{tenant="{slug}"}}' in figures
        assert 'guanjia_jobs_tried_total{kind="look.sweep",outcome="DONE"}' in figures
    finally:
        text = await stopped(process)
    assert process.returncode == 0, text
    assert "Traceback" not in text


async def test_a_worker_ends_with_its_parent(connections: Connections) -> None:
    script = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-m', 'guanjia.cli',"
        " 'worker', '--parent', str(__import__('os').getpid())]); print(p.pid, flush=True);"
        " __import__('time').sleep(8)"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, env=environment(connections),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    await asyncio.sleep(2)
    parent.kill()
    await parent.wait()

    async def alive() -> bool:
        try:
            # A file of the kernel is read at once.
            with open(f"/proc/{child}/stat") as stat:  # noqa: ASYNC230
                return stat.read().rpartition(")")[2].split()[0] != "Z"
        except FileNotFoundError:
            return False

    try:
        await until(alive, False)
    finally:
        if await alive():
            os.kill(child, signal.SIGKILL)


async def test_a_superuser_is_refused_in_a_sentence(server: Any, connections: Connections) -> None:
    superuser = with_database(server.administrator, database_of(connections.require("app_rw")))
    process = await started(connections, GUANJIA_DATABASE_URL=superuser)
    text = (await process.communicate())[0].decode()
    assert process.returncode == 1
    assert "是超级用户" in text
    assert "Traceback" not in text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_demos_child_is_kept_and_ended(
    number: int, connections: Connections, tmp_path: Any
) -> None:
    """It is started again when it ends by itself, which is said; it ends with the one it is
    beside."""
    script = tmp_path / "beside.py"
    script.write_text(
        "import os, signal, sys, time\n"
        "from guanjia.worker import child\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
        "child.FIRST_REST = 0.1\n"
        "start = child.subprocess.Popen\n"
        "def told(*given, **more):\n"
        "    made = start(*given, **more)\n"
        "    print('child', made.pid, flush=True)\n"
        "    return made\n"
        "child.subprocess.Popen = told\n"
        "with child.worker_beside(lambda line: print(line, flush=True)):\n"
        "    time.sleep(60)\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), env=environment(connections),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(60):
        first = int((await process.stdout.readline()).split()[1])
        os.kill(first, signal.SIGKILL)
        assert "已退出(返回值 -9)" in (await process.stdout.readline()).decode()
        second = int((await process.stdout.readline()).split()[1])
        process.send_signal(number)
        await process.wait()
    for each in (first, second):
        with pytest.raises(ProcessLookupError):
            os.kill(each, 0)
