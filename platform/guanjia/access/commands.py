"""The operator's commands on accounts and on role policies."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import typer
from rich.console import Console

from guanjia import settings as configuration
from guanjia.access import credentials, grants, policy, rulebook
from guanjia.access.tenantpolicy import read_policy
from guanjia.db.connections import resolve
from guanjia.db.pools import Database
from guanjia.graph.errors import Refusal
from guanjia.settings import MODULES, Settings
from guanjia.tenancy.models import tenant_id

user_app = typer.Typer(help="账号", no_args_is_help=True)
policy_app = typer.Typer(help="角色策略", no_args_is_help=True)
console = Console(highlight=False, soft_wrap=True)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Database]:
    database = await Database.open(await resolve(settings), MODULES)
    try:
        yield database
    finally:
        await database.close()


@user_app.command("reset")
def user_reset(
    user: Annotated[str, typer.Argument(help="登录名")],
    tenant: Annotated[str, typer.Option("--tenant", help="租户,例如 yanping")],
) -> None:
    """重置一个账号的密码并解除锁定(记入审计);显示一次性密码。"""

    async def work() -> str:
        async with (
            _opened(configuration.load()) as database,
            database.tenant_transaction(tenant_id(tenant)) as transaction,
        ):
            return await credentials.reset_locally(transaction, user, dt.datetime.now(dt.UTC))

    console.print(f"账号 {user} 的一次性密码:{asyncio.run(work())}")


@policy_app.command("test")
def policy_test() -> None:
    """逐一核对 ALLOW 表:角色 × 权限 × 范围 × 层级,表外一律须被拒绝。"""
    loaded = policy.load(configuration.load().policies_dir)
    wrong = loaded.mismatches()
    for line in wrong:
        console.print(line, style="red")
    if wrong:
        raise typer.Exit(1)
    cells = (
        len(loaded.roles) * len(loaded.permissions) * len(rulebook.REACHES) * len(rulebook.LEVELS)
    )
    console.print(f"策略与 ALLOW 表一致:{cells} 个组合,其中允许 {len(loaded.allow_table)} 个。")


@policy_app.command("why")
def policy_why(
    user: Annotated[str, typer.Argument(help="登录名")],
    permission: Annotated[str, typer.Argument(help="权限,例如 case:read")],
    region: Annotated[str, typer.Argument(help="区域代码")],
    tenant: Annotated[str, typer.Option("--tenant", help="租户,例如 yanping")],
) -> None:
    """某账号在某区域是否有某权限,由哪条授权和规则决定。"""

    async def work() -> grants.Why:
        settings = configuration.load()
        async with (
            _opened(settings) as database,
            database.snapshot(tenant_id(tenant)) as connection,
        ):
            path = await connection.fetchval(
                "select path from regions where tenant_id = $1 and code = $2 and valid_to is null",
                tenant_id(tenant),
                region,
            )
            member = await connection.fetchval(
                "select m.id from memberships m join users u on u.tenant_id = m.tenant_id"
                " and u.id = m.user_id where m.tenant_id = $1 and u.login_name = $2",
                tenant_id(tenant),
                user,
            )
            if path is None or member is None:
                raise Refusal("NOT_FOUND", "找不到该账号或区域。")
            loaded = policy.load(settings.policies_dir)
            return await grants.why_allowed(
                connection,
                await read_policy(connection, loaded, tenant_id(tenant)),
                membership_id=member,
                permission=permission,
                region_path=path,
                now=dt.datetime.now(dt.UTC),
            )

    why = asyncio.run(work())
    console.print(("允许" if why.allowed else "不允许") + ":" + why.explanation)
    if why.allowed:
        console.print(f"授权 {why.grant_id},规则 {why.rule}")
