"""`guanjia key`: changing keys from the command line, while the server runs."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from guanjia import settings as configuration
from guanjia.db.connections import connect, resolve
from guanjia.db.pools import Database
from guanjia.people import rotation
from guanjia.people.vault import vault_of
from guanjia.settings import MODULES
from guanjia.tenancy import onboarding
from guanjia.tenancy.models import tenant_id

app = typer.Typer(help="加密密钥", no_args_is_help=True)
console = Console(highlight=False, soft_wrap=True)


@app.command()
def rotate(tenant: Annotated[str, typer.Option("--tenant", help="租户,例如 yanping")]) -> None:
    """为一个租户更换数据密钥;服务照常,新旧密钥在此期间都可读。"""

    async def work() -> tuple[int, int]:
        settings = configuration.load()
        database = await Database.open(await resolve(settings), MODULES)
        try:
            return await rotation.rotate(database, vault_of(settings), tenant_id(tenant))
        finally:
            await database.close()

    version, sealed = asyncio.run(work())
    console.print(f"{tenant}:数据密钥第 {version} 版已启用,重新加密 {sealed} 人,旧密钥已删除。")


@app.command()
def rewrap() -> None:
    """以 GUANJIA_MASTER_KEY 中的第一个主密钥重新保护各租户的密钥;之后可去掉旧主密钥。"""

    async def work() -> list[tuple[str, int]]:
        settings = configuration.load()
        connections = await resolve(settings)
        reader = await connect(connections.require("app_ro"))
        try:
            slugs = [row["slug"] for row in await onboarding.list_tenants(reader)]
        finally:
            await reader.close()
        database, vault = await Database.open(connections, MODULES), vault_of(settings)
        try:
            return [
                (slug, await rotation.rewrap(database, vault, tenant_id(slug))) for slug in slugs
            ]
        finally:
            await database.close()

    for slug, changed in asyncio.run(work()):
        console.print(f"{slug}:{changed} 个密钥已由新的主密钥保护。")
