"""The operator's commands on cases."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

import asyncpg
import typer
from rich.console import Console

from guanjia import settings as configuration
from guanjia.attachments.store import store_of
from guanjia.cases.service import archive_fault, seal_plain_contacts
from guanjia.db.connections import resolve
from guanjia.db.pools import Database
from guanjia.graph.errors import Refusal
from guanjia.people.vault import vault_of
from guanjia.settings import SettingsError
from guanjia.tenancy.models import OPERATOR, tenant_id
from guanjia.tenancy.onboarding import list_tenants

case_app = typer.Typer(help="案件", no_args_is_help=True)
console = Console(highlight=False, soft_wrap=True)


Work = Callable[[Database, UUID], Awaitable[str]]
"""What is done for one tenant, and the sentence that says what it did."""


@case_app.command("seal-contacts")
def seal_contacts(
    tenant: Annotated[str | None, typer.Option("--tenant", help="只处理一个租户")] = None,
) -> None:
    """加密升级前以明文保存的联系人和电话;每次升级后执行一次,可重复执行。"""
    if asyncio.run(_for_each(_seal, tenant)):
        raise typer.Exit(1)


@case_app.command("verify")
def verify(
    tenant: Annotated[str | None, typer.Option("--tenant", help="只核验一个租户")] = None,
) -> None:
    """核验已归档的案件:经过、附件与文件是否仍与归档时相同。"""
    if asyncio.run(_for_each(_verify, tenant)):
        raise typer.Exit(1)


async def _for_each(work: Work, chosen: str | None) -> int:
    """The work is done for every tenant, or the chosen one; for how many it could not be."""
    database = await Database.open(await resolve(configuration.load()), configuration.MODULES)
    failed = 0
    try:
        async with database.snapshot(tenant_id(OPERATOR)) as connection:
            slugs = [row["slug"] for row in await list_tenants(connection)]
        if chosen is not None and chosen not in slugs:
            raise Refusal("NOT_FOUND", f"没有租户 {chosen}。")
        for slug in [chosen] if chosen else slugs:
            try:
                console.print(f"{slug}:{await work(database, tenant_id(slug))}")
            except (Refusal, SettingsError, asyncpg.PostgresError) as error:
                # The other districts do not wait for this one's fault.
                console.print(f"{slug}:{error}", style="red")
                failed += 1
    finally:
        await database.close()
    return failed


async def _verify(database: Database, tenant: UUID) -> str:
    """Refusal with the first archived case that is not what it was."""
    async with database.tenant_transaction(tenant) as transaction:
        checked, fault = await archive_fault(transaction, store_of(configuration.load()))
    if fault is not None:
        raise Refusal("ARCHIVE_ALTERED", fault)
    return f"{checked} 个已归档案件与归档时一致"


async def _seal(database: Database, tenant: UUID) -> str:
    sealed = await seal_plain_contacts(database, vault_of(configuration.load()), tenant)
    return f"加密 {sealed} 个案件的联系方式"
