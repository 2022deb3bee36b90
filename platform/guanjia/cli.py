"""The command line: one command a job; those of a module come from the module."""

from __future__ import annotations

import asyncio
import datetime as dt
import errno
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer
import uvicorn
from rich.console import Console

from guanjia import schema as schemas
from guanjia import settings as configuration
from guanjia.access import policy, rulebook, users
from guanjia.access.commands import policy_app, user_app
from guanjia.access.desk import Desk
from guanjia.access.tokens import Tokens
from guanjia.app import check_walls, create_app
from guanjia.audit import chain
from guanjia.cases import onboard as cases
from guanjia.cases.commands import case_app
from guanjia.compounds import dependents as dependents  # makes itself known to tenancy
from guanjia.db import embedded
from guanjia.db.connections import Connections, MissingConnection, connect, resolve
from guanjia.db.embedded import ServerFailed
from guanjia.db.migrate import migrate as run_migrations
from guanjia.db.pools import Database
from guanjia.db.requirements import UnsafeDatabase
from guanjia.demo import people, story
from guanjia.graph.contract import Contract, ContractBroken
from guanjia.graph.errors import Refusal
from guanjia.graph.journal import Journal, configure
from guanjia.graph.transport import MAX_BODY_BYTES
from guanjia.indicators import onboard as indicators
from guanjia.meetings import onboard as meetings
from guanjia.people import keys, retention
from guanjia.settings import MODULES, PROJECT_ROOT, Settings, SettingsError
from guanjia.tenancy import onboarding
from guanjia.tenancy.models import OPERATOR, tenant_id
from guanjia.tenancy.regiontree import BadTree
from guanjia.tenancy.tenantfile import BadTenantFile, load
from guanjia.worker.child import worker_beside
from guanjia.worker.commands import worker_app

app = typer.Typer(help="管家:区县治理与社会救助平台", no_args_is_help=True, add_completion=False)
tenant_app = typer.Typer(help="租户(区县)", no_args_is_help=True)
audit_app = typer.Typer(help="审计", no_args_is_help=True)
database_app = typer.Typer(help="内置数据库", no_args_is_help=True)
for group, name in (
    (tenant_app, "tenant"), (policy_app, "policy"), (audit_app, "audit"), (case_app, "case"),
    (worker_app, "worker"), (database_app, "database"), (user_app, "user"), (keys.app, "key"),
):  # fmt: skip
    app.add_typer(group, name=name)

console = Console(highlight=False, soft_wrap=True)
run = asyncio.run
HOOKS = (users.seed, retention.seed, cases.seed, meetings.seed, indicators.seed)
EXPECTED = (
    SettingsError, MissingConnection, ServerFailed, UnsafeDatabase, BadTree, BadTenantFile,
    onboarding.Refused, rulebook.BadPolicy, ContractBroken, Refusal, OSError,
)  # fmt: skip


def main() -> None:
    """Runs a command; what a person can mend is one sentence, not a trace."""
    # As an exit at any moment, not only while serving: the embedded server is released then.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # not so under nohup
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    try:
        app(prog_name="guanjia")
    except EXPECTED as error:
        Console(stderr=True).print(str(error), style="red", soft_wrap=True)
        sys.exit(1)


async def opened(settings: Settings) -> tuple[Database, Connections]:
    connections = await resolve(settings)
    return await Database.open(connections, MODULES), connections


@app.command()
def serve() -> None:
    """启动服务。"""
    settings = configuration.load()
    settings.check_for_serving()
    with listening(settings) as port:
        connections = run(resolve(settings))
        run(check_walls(connections))
        answer(settings, connections, port)


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """The address is ours from now on, before any work is done for it; nobody is answered yet."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as port:
        port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            port.bind((settings.host, settings.port))
            port.listen(0)
        except OSError as error:
            raise SettingsError(_unusable(settings, error)) from error
        yield port


def _unusable(settings: Settings, error: OSError) -> str:
    where = f"{settings.host} 的端口 {settings.port} "
    if error.errno == errno.EADDRINUSE:
        return (
            f"{where}已被占用。请停止占用它的程序,或换一个端口,例如 GUANJIA_PORT=8080 make demo。"
        )
    if error.errno == errno.EACCES:
        return f"无权使用{where}。请换一个 1024 以上的端口(GUANJIA_PORT)。"
    return f"无法监听 {where}:{error.strerror or error}。请检查 GUANJIA_HOST。"


def answer(settings: Settings, connections: Connections, port: socket.socket) -> None:
    """Serves until told to stop; open requests are finished first."""
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(settings, connections, Journal(configure(settings.environment))),
            loop="uvloop",
            http="httptools",
            access_log=False,
            server_header=False,
            date_header=False,
            log_config=None,
            ws_max_size=MAX_BODY_BYTES,
            forwarded_allow_ips=settings.forwarded_allow_ips,
            timeout_graceful_shutdown=10,
        )
    )
    # Uvicorn raises the signal it was stopped by again when it has shut down.
    with suppress(KeyboardInterrupt):
        server.run(sockets=[port])
    if not server.started:
        raise typer.Exit(1)


@app.command()
def migrate() -> None:
    """以 owner 角色执行数据库迁移。"""

    async def work() -> list[str]:
        settings = configuration.load()
        connections = await resolve(settings, administer=True)
        return await run_migrations(connections.require("owner"), MODULES)

    done = run(work())
    console.print("已执行:" + "、".join(done) if done else "数据库已是最新。")


@app.command()
def demo() -> None:
    """从空白开始:迁移、开通演示租户、载入演示故事并启动服务。可重复执行。"""
    settings = configuration.load()
    if settings.environment == "production":
        raise SettingsError("演示数据不能载入生产环境(GUANJIA_ENVIRONMENT=production)。")
    with listening(settings) as port:
        connections = run(_stage(settings))
        for line in people.how_to_log_in(f"http://{settings.host}:{settings.port}"):
            console.print(line)
        with worker_beside(console.print):
            answer(settings, connections, port)


async def _stage(settings: Settings) -> Connections:
    """The demo's database, tenants and story are there."""
    connections = await resolve(settings, administer=True)
    await run_migrations(connections.require("owner"), MODULES)
    database = await Database.open(connections, MODULES)
    try:
        for path in sorted(settings.tenants_dir.glob("*.toml")):
            if load(path)[0].demo:
                report = await onboarding.onboard(database, path, hooks=HOOKS)
                console.print("  ".join(report.lines()[:2]))
    finally:
        await database.close()
    for line in await story.tell(settings, connections):
        console.print(line)
    return connections


@app.command()
def schema(
    check: Annotated[
        bool, typer.Option("--check", help="只比较,不改写;不一致或有未声明的破坏性变更时失败")
    ] = False,
    release: Annotated[
        bool, typer.Option("--release", help="把当前接口作为已发布的承诺,声明过的变更转为历史")
    ] = False,
) -> None:
    """导出 schema.graphql,并守住与前端的约定。"""
    contract, text = Contract(PROJECT_ROOT), schemas.sdl(schemas.build())
    if check:
        contract.check(text)
        console.print("schema.graphql 与代码一致,破坏性变更均已声明。")
    elif release:
        contract.release(text, dt.datetime.now(dt.UTC).date())
        console.print("已发布:schema.released.graphql 即为对前端的承诺。")
    else:
        contract.write(text)


@app.command()
def token(
    user: Annotated[str, typer.Argument(help="登录名")],
    tenant: Annotated[str, typer.Option("--tenant", help="租户,例如 yanping")],
) -> None:
    """为一个账号签发访问凭证(记入审计)。"""

    async def work() -> str:
        settings = configuration.load()
        database, _ = await opened(settings)
        try:
            tokens = Tokens(settings.signing_key_pem(), settings.access_token_seconds)
            desk = Desk(database, settings, tokens, policy.load(settings.policies_dir))
            now = dt.datetime.now(dt.UTC)
            return (await desk.open_locally(tenant_id(tenant), user, now)).access_token
        finally:
            await database.close()

    print(run(work()))  # noqa: T201  # for a pipe: nothing but the token


@tenant_app.command("onboard")
def tenant_onboard(
    file: Annotated[Path, typer.Argument(help="租户文件,例如 tenants/jianyang.toml")],
    plan: Annotated[bool, typer.Option("--plan", help="只显示将要发生的变化")] = False,
    confirm_closures: Annotated[
        bool, typer.Option("--confirm-closures", help="同意关闭文件中没有的区域")
    ] = False,
) -> None:
    """按文件开通或更新一个租户。"""

    async def work() -> onboarding.Report:
        database, _ = await opened(configuration.load())
        try:
            return await onboarding.onboard(
                database,
                file,
                apply=not plan,
                confirm_closures=confirm_closures,
                hooks=HOOKS,
            )
        finally:
            await database.close()

    for line in run(work()).lines():
        console.print(line)


@tenant_app.command("list")
def tenant_list() -> None:
    """列出已开通的租户。"""

    async def work() -> list[dict[str, Any]]:
        connections = await resolve(configuration.load())
        reader = await connect(connections.require("app_ro"))
        try:
            return await onboarding.list_tenants(reader)
        finally:
            await reader.close()

    for row in run(work()):
        console.print(
            f"{row['slug']}\t{row['code']}\t{row['name']}\t{row['onboarded_at']:%Y-%m-%d}"
        )


@audit_app.command("verify")
def audit_verify(
    tenant: Annotated[str | None, typer.Option("--tenant", help="只核验一个租户")] = None,
    anchor: Annotated[
        str | None, typer.Option("--anchor", help="以前核验得到的链头,用于发现截断")
    ] = None,
) -> None:
    """重新计算审计链,指出第一条被改动的记录。"""
    if anchor and not tenant:
        raise SettingsError("--anchor 属于一个租户,请同时给出 --tenant。")

    async def work() -> list[tuple[str, chain.Verification]]:
        connections = await resolve(configuration.load())
        auditor = await connect(connections.require("auditor"))
        try:
            slugs = [row["slug"] for row in await onboarding.list_tenants(auditor)]
            slugs.append(OPERATOR)
            return [
                (slug, await chain.verify(auditor, tenant_id(slug), anchor))
                for slug in ([tenant] if tenant else slugs)
            ]
        finally:
            await auditor.close()

    broken = False
    for slug, found in run(work()):
        broken = broken or found.fault is not None
        said = found.fault or f"完整,共 {found.count} 条,链头 {found.anchor}"
        console.print(f"{slug}:{said}", style="red" if found.fault else None)
    if broken:
        raise typer.Exit(1)


@database_app.command("stop")
def database_stop() -> None:
    """停止内置数据库。"""
    stopped = run(embedded.stop(configuration.load().state_dir))
    console.print("内置数据库已停止。" if stopped else "内置数据库没有在运行。")


if __name__ == "__main__":
    main()
