"""The operator's commands on jobs: run the worker, see the queue, try again."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import signal
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import typer
import uvloop
from rich.console import Console

from guanjia import settings as configuration
from guanjia.app import check_walls, settle
from guanjia.db.connections import Connections, resolve
from guanjia.db.pools import Database
from guanjia.graph.errors import Refusal
from guanjia.graph.journal import configure
from guanjia.graph.times import CHINA
from guanjia.jobs.kinds import load_kinds
from guanjia.jobs.queue import Outcome, drain
from guanjia.jobs.service import Status, retry_job, retry_stopped, status_of
from guanjia.settings import MODULES, Settings
from guanjia.worker.health import server
from guanjia.worker.running import Worker, tenants

worker_app = typer.Typer(invoke_without_command=True)
console = Console(highlight=False, soft_wrap=True)
SHOWN = 20
"""So many failed jobs of a tenant are listed; the others are counted."""
Tenant = Annotated[str | None, typer.Option("--tenant", help="只看一个租户")]


@worker_app.callback()
def worker(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="办完已到期的任务即退出")] = False,
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="与 --once 同用:只办一个租户")
    ] = None,
    parent: Annotated[int | None, typer.Option("--parent", hidden=True)] = None,
) -> None:
    """执行到期的后台任务,直到被终止。可同时运行多个。"""
    if context.invoked_subcommand is not None:
        return
    settings = configuration.load()
    settings.check_for_working()
    if once:
        if asyncio.run(_once(settings, tenant)):
            raise typer.Exit(1)
        return
    configure(settings.environment)
    uvloop.run(_work(settings, parent))


@worker_app.command("status")
def status(tenant: Tenant = None) -> None:
    """各租户的任务:可执行、未到时间、待重试、执行中、已停止,以及最晚的一件晚了多久。"""
    asyncio.run(_status(configuration.load(), tenant))


@worker_app.command("retry")
def retry(
    job: Annotated[str | None, typer.Argument(help="任务标识,见 status")] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="改为重试这一类中所有已停止的,例如 notice.deliver")
    ] = None,
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="与 --kind 同用:只一个租户")
    ] = None,
) -> None:
    """立即重试一件已停止或待重试的任务,或一类中所有已停止的(记入审计)。"""
    if (job is None) == (kind is None):
        raise Refusal("BAD_USER_INPUT", "请给出任务标识,或用 --kind 给出类别。")
    if kind is not None:
        asyncio.run(_retry_stopped(configuration.load(), kind, tenant))
        return
    try:
        job_id = UUID(job)
    except ValueError:
        raise Refusal("BAD_USER_INPUT", "任务标识无效。") from None
    slug, title = asyncio.run(_retry(configuration.load(), job_id))
    console.print(f"{slug}:“{title}”将立即重试。")


@contextlib.asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[Database, Connections]]:
    connections = await resolve(settings)
    await check_walls(connections)
    database = await Database.open(connections, MODULES)
    try:
        yield database, connections
    finally:
        await database.close()


async def _chosen(database: Database, slug: str | None) -> dict[UUID, str]:
    found = await tenants(database)
    if slug is None:
        return found
    if slug not in found.values():
        raise Refusal("NOT_FOUND", f"没有租户 {slug}。")
    return {each: name for each, name in found.items() if name == slug}


async def _work(settings: Settings, parent: int | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with _opened(settings) as (database, connections):
        working = Worker(database, settings, load_kinds())
        settle()
        around = [asyncio.create_task(_orphaned(parent, stop))] if parent else []
        http = server(working, connections, settings) if settings.worker_port else None
        if http is not None:
            around.append(asyncio.create_task(http.serve()))
        await working.run(stop)
        if http is not None:
            http.should_exit = True
        else:
            for task in around:
                task.cancel()
        await asyncio.gather(*around, return_exceptions=True)


async def _orphaned(parent: int, stop: asyncio.Event) -> None:
    """Stops when the process that started this one is gone, however it went."""
    while not stop.is_set():
        if os.getppid() != parent:
            stop.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 1)


async def _once(settings: Settings, slug: str | None) -> int:
    """What is due is done; how many jobs, or tenants, failed."""
    failed = 0
    async with _opened(settings) as (database, _):
        kinds = load_kinds()
        for tenant, name in (await _chosen(database, slug)).items():
            try:
                tried = await drain(database, tenant, kinds, settings, dt.datetime.now(dt.UTC))
            except Exception as error:
                # The other tenants do not wait for this one's fault.
                console.print(f"{name}:出错({type(error).__name__})", style="red")
                failed += 1
                continue
            done = sum(n for (_, how), n in tried.items() if how is Outcome.DONE)
            bad = sum(n for (_, how), n in tried.items() if how in (Outcome.FAILED, Outcome.DEAD))
            failed += bad
            console.print(f"{name}:完成 {done} 件" + (f",失败 {bad} 件" if bad else ""))
    return failed


async def _status(settings: Settings, slug: str | None) -> None:
    now = dt.datetime.now(dt.UTC)
    async with _opened(settings) as (database, _):
        for tenant, name in (await _chosen(database, slug)).items():
            async with database.snapshot(tenant) as connection:
                found = await status_of(connection, tenant, now)
                stopped = await connection.fetch(
                    "select id, kind, title, due_at, attempts, error_code, error_message"
                    " from jobs where tenant_id = $1 and error_code is not null"
                    " order by due_at, id limit $2",
                    tenant,
                    SHOWN,
                )
            console.print(_line(name, found))
            for row in stopped:
                console.print(_complaint(row), style="red")
            if (more := found.retrying + found.dead - len(stopped)) > 0:
                console.print(f"  另有 {more} 件失败的未列出。", style="red")


def _line(slug: str, found: Status) -> str:
    done = found.last_done_at
    return "\t".join(
        (
            slug,
            f"可执行 {found.ready}",
            f"未到时间 {found.later}",
            f"待重试 {found.retrying}",
            f"执行中 {found.running}",
            f"已停止 {found.dead}",
            f"最晚 {found.lag:.0f} 秒",
            f"最近完成 {done.astimezone(CHINA):%m-%d %H:%M:%S}" if done else "尚未完成过",
        )
    )


def _complaint(row: Any) -> str:
    return (
        f"  {row['id']} {row['title']}({row['kind']},"
        f"应于 {row['due_at'].astimezone(CHINA):%m-%d %H:%M},"
        f"已试 {row['attempts']} 次):{row['error_code']} {row['error_message']}"
    )


async def _retry(settings: Settings, job_id: UUID) -> tuple[str, str]:
    now = dt.datetime.now(dt.UTC)
    async with _opened(settings) as (database, _):
        for tenant, name in (await tenants(database)).items():
            async with database.snapshot(tenant) as connection:
                known = await connection.fetchval(
                    "select true from jobs where tenant_id = $1 and id = $2", tenant, job_id
                )
            if known:
                async with database.tenant_transaction(tenant) as transaction:
                    job = await retry_job(transaction, None, job_id, now)
                    return name, job.title
    raise Refusal("NOT_FOUND", "没有这件任务。")


async def _retry_stopped(settings: Settings, kind: str, slug: str | None) -> None:
    now = dt.datetime.now(dt.UTC)
    if kind not in {each.code for each in load_kinds()}:
        raise Refusal("NOT_FOUND", f"没有这一类任务:{kind}。")
    async with _opened(settings) as (database, _):
        for tenant, name in (await _chosen(database, slug)).items():
            async with database.tenant_transaction(tenant) as transaction:
                count = await retry_stopped(transaction, None, kind, now)
            console.print(f"{name}:{count} 件将立即重试。")
