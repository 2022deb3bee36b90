"""The operator's commands on cases."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Annotated
from uuid import UUID

import asyncpg
import typer
from rich.console import Console

from guanjia import settings as configuration
from guanjia.cases.service import advance_due
from guanjia.db.connections import resolve
from guanjia.db.pools import Database
from guanjia.graph.errors import Refusal
from guanjia.tenancy.models import OPERATOR, tenant_id
from guanjia.tenancy.onboarding import list_tenants

case_app = typer.Typer(help="案件", no_args_is_help=True)
console = Console(highlight=False, soft_wrap=True)


@case_app.command("advance")
def advance(
    tenant: Annotated[str | None, typer.Option("--tenant", help="只推进一个租户")] = None,
) -> None:
    """推进到期的案件:挂账复核到期的恢复处置,评价期满的结束评价,满五个工作日的归档。可重复执行。"""
    if asyncio.run(_advance(tenant)):
        raise typer.Exit(1)


async def _advance(chosen: str | None) -> int:
    """Every tenant, or the chosen one, is up to date; how many could not be brought there."""
    connections = await resolve(configuration.load())
    database = await Database.open(connections, configuration.MODULES)
    failed = 0
    try:
        async with database.snapshot(tenant_id(OPERATOR)) as connection:
            slugs = [row["slug"] for row in await list_tenants(connection)]
        if chosen is not None and chosen not in slugs:
            raise Refusal("NOT_FOUND", f"没有租户 {chosen}。")
        for slug in [chosen] if chosen else slugs:
            try:
                console.print(f"{slug}:推进 {await _up_to_date(database, tenant_id(slug))} 步")
            except (Refusal, asyncpg.PostgresError) as error:
                # The other districts' clocks do not wait for this one's fault.
                console.print(f"{slug}:{error}", style="red")
                failed += 1
    finally:
        await database.close()
    return failed


async def _up_to_date(database: Database, tenant: UUID) -> int:
    """How many steps were due in the tenant; none is afterwards."""
    now, steps = dt.datetime.now(dt.UTC), 0
    while True:
        async with database.tenant_transaction(tenant) as transaction:
            taken = await advance_due(transaction, now)
        steps += taken
        if not taken:
            return steps
