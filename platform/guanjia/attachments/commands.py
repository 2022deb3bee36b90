"""The operator's command on attachments."""

from __future__ import annotations

import asyncio
import datetime as dt

import typer
from rich.console import Console

from guanjia import settings as configuration
from guanjia.attachments.service import sweep as swept
from guanjia.attachments.store import store_of
from guanjia.db.connections import resolve
from guanjia.db.pools import Database
from guanjia.tenancy.models import OPERATOR, tenant_id
from guanjia.tenancy.onboarding import list_tenants

attachment_app = typer.Typer(help="附件", no_args_is_help=True)
console = Console(highlight=False, soft_wrap=True)


@attachment_app.callback()
def attachments() -> None:
    """附件。"""


@attachment_app.command("sweep")
def sweep() -> None:
    """清理各租户上传后超过一天仍未使用的附件,以及没有记录的文件。可重复执行。"""
    asyncio.run(_sweep())


async def _sweep() -> None:
    settings = configuration.load()
    store = store_of(settings)
    database = await Database.open(await resolve(settings), configuration.MODULES)
    try:
        async with database.snapshot(tenant_id(OPERATOR)) as connection:
            slugs = [row["slug"] for row in await list_tenants(connection)]
        for slug in slugs:
            async with database.tenant_transaction(tenant_id(slug)) as transaction:
                rows, files = await swept(transaction, store, dt.datetime.now(dt.UTC))
            console.print(f"{slug}:清理附件 {rows} 个,文件 {files} 个")
    finally:
        await database.close()
