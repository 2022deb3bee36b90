"""Bringing a tenant on board: plan, apply, verify. A second run changes nothing."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from guanjia.audit.service import record
from guanjia.db.ids import new_id
from guanjia.db.pools import Database, Transaction
from guanjia.tenancy import organisations, regiontree
from guanjia.tenancy.models import OPERATOR, Level, tenant_id
from guanjia.tenancy.regions import Carry, apply_plan, in_force
from guanjia.tenancy.tenantfile import TenantFile, load

Hook = Callable[[Transaction, TenantFile], Awaitable[list[str]]]
"""What an upper module adds to a new tenant; gives lines for the person at the terminal."""

LEVEL_NAMES = {"DISTRICT": "区县", "STREET": "街道(乡镇)", "COMMUNITY": "社区(村)", "GRID": "网格"}


class Refused(Exception):
    """The tenant was not brought on board and nothing was changed."""


@dataclass
class Report:
    """What onboarding found and did."""

    tenant: TenantFile
    plan: regiontree.Plan
    applied: bool
    counts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        said = [f"{self.tenant.name}({self.tenant.slug},{self.tenant.code})"]
        said += self.plan.lines() if not self.plan.empty else ["区划无变化"]
        if self.applied:
            said.append(
                "已核对:" + ",".join(f"{LEVEL_NAMES[k]} {n}" for k, n in self.counts.items())
            )
        return said + self.notes


async def onboard(
    database: Database,
    file: Path,
    *,
    apply: bool = True,
    confirm_closures: bool = False,
    hooks: Sequence[Hook] = (),
    carry: Carry | None = None,
) -> Report:
    """The tenant exists as its file says, in one transaction; Refused, BadTree or BadTenantFile
    otherwise. With `apply` off only the plan is made."""
    described, tree = load(file)
    wanted = regiontree.parse(tree)
    if wanted[0].code != described.code:
        raise Refused(f"区划文件是 {wanted[0].code},租户文件写的是 {described.code}。")
    today = dt.datetime.now(ZoneInfo(described.timezone)).date()
    async with database.tenant_transaction(tenant_id(described.slug)) as transaction:
        await _lock(transaction, described)
        plan = regiontree.plan(await in_force(transaction), wanted)
        report = Report(described, plan, applied=apply)
        if not apply:
            return report
        if plan.closed and not confirm_closures:
            raise Refused(
                "\n".join([*plan.lines(), "有区域将被关闭:确认无误后加上 --confirm-closures 再执行。"])
            )
        await _tenant_row(transaction, described)
        if not plan.empty:
            await apply_plan(transaction, plan, today, carry)
            await record(
                transaction,
                action="tenant.regions",
                permission="tenant:manage",
                detail={"plan": plan.lines()[0]},
            )
        await organisations.follow_regions(transaction, described.departments)
        for hook in hooks:
            report.notes += await hook(transaction, described)
        report.counts = await _verified(transaction, wanted)
    await _register(database, described)
    await _unseen_elsewhere(database, described)
    return report


async def list_tenants(database: Database) -> list[dict[str, Any]]:
    """Every tenant on board: slug, code, name, onboarded_at."""
    async with database.tenant_transaction(tenant_id(OPERATOR)) as transaction:
        rows = await transaction.connection.fetch(
            "select slug, code, name, onboarded_at from tenant_register order by onboarded_at"
        )
        return [dict(row) for row in rows]


async def _lock(transaction: Transaction, described: TenantFile) -> None:
    """Two onboardings of one tenant wait for each other."""
    await transaction.connection.execute(
        "select pg_advisory_xact_lock(hashtextextended($1, 1))", described.slug
    )


async def _tenant_row(transaction: Transaction, described: TenantFile) -> None:
    code = await transaction.connection.fetchval("select code from tenants")
    if code is not None and code != described.code:
        raise Refused(f"租户 {described.slug} 已是 {code},不能改为 {described.code}。")
    settings = json.dumps(described.settings(), ensure_ascii=False, sort_keys=True)
    await transaction.connection.execute(
        "insert into tenants (slug, code, name, timezone, settings)"
        " values ($1, $2, $3, $4, $5::text::jsonb) on conflict (tenant_id) do update"
        " set name = excluded.name, timezone = excluded.timezone, settings = excluded.settings"
        " where (tenants.name, tenants.timezone, tenants.settings)"
        " is distinct from (excluded.name, excluded.timezone, excluded.settings)",
        described.slug, described.code, described.name, described.timezone, settings,
    )


async def _verified(
    transaction: Transaction, wanted: Sequence[regiontree.Entry]
) -> Counter[str]:
    """The tree in the database equals the file's, and every path hangs on its parent's."""
    regions = await in_force(transaction)
    have = {r.code: (r.level, r.name) for r in regions if r.level is not Level.GRID}
    want = {e.code: (e.level, e.name) for e in wanted if e.level is not Level.GRID}
    if have != want:
        raise Refused("核对失败:数据库中的区划与文件不一致,未作任何更改。")
    paths = {r.id: r.path for r in regions}
    if any(r.parent_id and r.path[:-5] != paths[r.parent_id] for r in regions):
        raise Refused("核对失败:区域路径与上级不一致,未作任何更改。")
    return Counter(r.level.value for r in regions)


async def _register(database: Database, described: TenantFile) -> None:
    async with database.tenant_transaction(tenant_id(OPERATOR)) as transaction:
        await transaction.connection.execute(
            "insert into tenant_register (id, slug, code, name) values ($1, $2, $3, $4)"
            " on conflict (tenant_id, slug) do update set name = excluded.name"
            " where tenant_register.name is distinct from excluded.name",
            new_id(), described.slug, described.code, described.name,
        )


async def _unseen_elsewhere(database: Database, described: TenantFile) -> None:
    """The canary: under another tenant's context none of this tenant's rows exists."""
    async with database.tenant_transaction(new_id()) as transaction:
        for table in ("tenants", "regions", "organisations"):
            seen = await transaction.connection.fetchval(
                f"select count(*) from {table} where tenant_id = $1", tenant_id(described.slug)
            )
            if seen:
                raise Refused(f"租户隔离失效:表 {table} 在其他租户下可见 {seen} 行。")
