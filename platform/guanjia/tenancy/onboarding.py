"""Bringing a tenant on board: plan, apply, verify. A second run changes nothing."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from guanjia.audit.service import record
from guanjia.db.ids import new_id
from guanjia.db.pools import Database, Transaction
from guanjia.tenancy import organisations, regionplan, regiontree, signin
from guanjia.tenancy.models import OPERATOR, Level, tenant_id
from guanjia.tenancy.regions import apply_plan, in_force, lock_tree
from guanjia.tenancy.tenantfile import TenantFile, load

Hook = Callable[[Transaction, TenantFile], Awaitable[list[str]]]
"""What an upper module adds to a new tenant; gives lines for the person at the terminal."""

CONFIRM = "有区域将被关闭:确认无误后加上 --confirm-closures 再执行。"
SET_TENANT = "select set_config('app.tenant_id', $1, true)"
LEVEL_NAMES = {"DISTRICT": "区县", "STREET": "街道(乡镇)", "COMMUNITY": "社区(村)", "GRID": "网格"}


class Refused(Exception):
    """The tenant was not brought on board and nothing was changed."""


@dataclass
class Report:
    """What onboarding found and did. `changed` tells whether anything was written."""

    tenant: TenantFile
    plan: regionplan.Plan
    applied: bool
    changed: bool = False
    settings: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def lines(self) -> list[str]:
        """The report in words."""
        said = [f"{self.tenant.name}({self.tenant.slug},{self.tenant.code})"]
        if self.applied and not self.changed:
            said.append("无变化")
        else:
            said += self.plan.lines() if not self.plan.empty else ["区划无变化"]
            said += self.settings
        if self.applied:
            counted = ",".join(f"{LEVEL_NAMES[k]} {n}" for k, n in self.counts.items())
            said.append(f"已核对:{counted};用时 {self.seconds:.1f} 秒")
        elif self.plan.closed:
            said.append(CONFIRM)
        return said + self.notes


async def onboard(
    database: Database,
    file: Path,
    *,
    apply: bool = True,
    confirm_closures: bool = False,
    hooks: Sequence[Hook] = (),
) -> Report:
    """The tenant exists as its file says; Refused, BadTree or BadTenantFile otherwise.

    Everything of the tenant is one transaction: it is on board whole or not at all. The register
    is the operator's and is written after it; a run that was killed between is completed by the
    next one. With `apply` off only the plan is made.
    """
    described, tree = load(file)
    return await onboard_described(
        database,
        described,
        tree,
        apply=apply,
        confirm_closures=confirm_closures,
        hooks=hooks,
    )


async def onboard_described(
    database: Database,
    described: TenantFile,
    tree: str,
    *,
    apply: bool = True,
    confirm_closures: bool = False,
    hooks: Sequence[Hook] = (),
) -> Report:
    """As `onboard`, with the file and the text of its region tree already read."""
    started = time.monotonic()
    wanted = regiontree.parse(tree)
    if wanted[0].code != described.code:
        raise Refused(f"区划文件是 {wanted[0].code},租户文件写的是 {described.code}。")
    await _refuse_second_slug(database, described)
    today = dt.datetime.now(ZoneInfo(described.timezone)).date()
    async with database.tenant_transaction(tenant_id(described.slug)) as transaction:
        await _lock(transaction, described)
        plan = regionplan.plan(await in_force(transaction), wanted)
        report = Report(described, plan, applied=apply)
        report.settings = await _settings_changes(transaction, described)
        if not apply:
            await _refuse_other_code(transaction, described)
            return report
        if plan.closed and not confirm_closures:
            raise Refused("\n".join([*plan.lines(), CONFIRM]))
        report.changed = await _tenant_row(transaction, described) or not plan.empty
        if report.settings:
            await record(
                transaction,
                action="tenant.settings",
                permission="tenant:manage",
                detail={"changes": report.settings},
            )
        if not plan.empty:
            await apply_plan(transaction, plan, today)
            await record(
                transaction,
                action="tenant.regions",
                permission="tenant:manage",
                detail={"plan": plan.lines()[0]},
            )
        followed = await organisations.follow_regions(transaction, described.departments)
        report.changed = report.changed or followed > 0
        for hook in hooks:
            report.notes += await hook(transaction, described)
        report.changed = report.changed or bool(report.notes)
        report.counts = await _verified(transaction, wanted)
        await _unseen_elsewhere(transaction)
    await _register(database, described)
    report.seconds = time.monotonic() - started
    return report


async def list_tenants(connection: Any) -> list[dict[str, Any]]:
    """Every tenant on board: slug, code, name, onboarded_at. Any role may ask."""
    async with connection.transaction():
        await connection.execute(
            "select set_config('app.tenant_id', $1, true)", str(tenant_id(OPERATOR))
        )
        rows = await connection.fetch(
            "select slug, code, name, onboarded_at from tenant_register order by onboarded_at"
        )
        return [dict(row) for row in rows]


async def _lock(transaction: Transaction, described: TenantFile) -> None:
    """Two onboardings of one tenant wait for each other, and for whoever changes its grids."""
    await transaction.connection.execute(
        "select pg_advisory_xact_lock(hashtextextended($1, 1))", described.slug
    )
    await lock_tree(transaction)


async def _refuse_second_slug(database: Database, described: TenantFile) -> None:
    """A district is one tenant: under a second slug it would have no past."""
    async with database.tenant_transaction(tenant_id(OPERATOR)) as transaction:
        slug = await transaction.connection.fetchval(
            "select slug from tenant_register where code = $1 and slug <> $2",
            described.code,
            described.slug,
        )
    if slug is not None:
        raise Refused(f"{described.code} 已作为租户 {slug} 开通,不能再以 {described.slug} 开通。")


async def _refuse_other_code(transaction: Transaction, described: TenantFile) -> None:
    code = await transaction.connection.fetchval("select code from tenants")
    if code is not None and code != described.code:
        raise Refused(f"租户 {described.slug} 已是 {code},不能改为 {described.code}。")


async def _tenant_row(transaction: Transaction, described: TenantFile) -> bool:
    """The tenant's row says what the file says; whether it had to be written."""
    await _refuse_other_code(transaction, described)
    settings = json.dumps(described.settings(), ensure_ascii=False, sort_keys=True)
    status: str = await transaction.connection.execute(
        "insert into tenants (slug, code, name, timezone, settings)"
        " values ($1, $2, $3, $4, $5::text::jsonb) on conflict (tenant_id) do update"
        " set name = excluded.name, timezone = excluded.timezone,"
        " settings = tenants.settings || excluded.settings"
        " where (tenants.name, tenants.timezone, tenants.settings)"
        " is distinct from (excluded.name, excluded.timezone,"
        " tenants.settings || excluded.settings)",
        described.slug,
        described.code,
        described.name,
        described.timezone,
        settings,
    )
    return not status.endswith(" 0")


async def _settings_changes(transaction: Transaction, described: TenantFile) -> list[str]:
    """What the file changes of the tenant's settings, a line each. Keys are not spelt out."""
    stored = await transaction.connection.fetchval("select settings::text from tenants")
    before, after = json.loads(stored or "{}"), described.settings()
    lines = []
    for name in signin.NAMES:
        old = before.get(signin.KEPT_AS, {}).get(name)
        new = after[signin.KEPT_AS].get(name)
        if old != new:
            lines.append(f"登录规则 {name}:{_value(old)} → {_value(new)}")
    if stored is not None and before.get("office_hours") != after["office_hours"]:
        lines.append("办公时间:" + json.dumps(after["office_hours"]))
    near, nearer = before.get("on_site_metres"), after["on_site_metres"]
    if near != nearer:
        lines.append(f"报到距离:{_value(near)} → {_value(nearer)}")
    old_issuers = {one["issuer"]: one for one in before.get("oidc", ())}
    new_issuers = {one["issuer"]: one for one in after["oidc"]}
    for issuer in sorted(old_issuers.keys() | new_issuers.keys()):
        if old_issuers.get(issuer) != new_issuers.get(issuer):
            verb = "移除" if issuer not in new_issuers else "更改"
            lines.append(f"签发方{verb if issuer in old_issuers else '新增'}:{issuer}")
    return lines


def _value(own: int | None) -> str:
    return "平台规定" if own is None else str(own)


async def _verified(transaction: Transaction, wanted: Sequence[regiontree.Entry]) -> Counter[str]:
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
    """The operator's tenant exists and its register has this tenant."""
    async with database.tenant_transaction(tenant_id(OPERATOR)) as transaction:
        await transaction.connection.execute(
            "insert into tenants (slug, code, name) values ($1, '000000', '平台运营方')"
            " on conflict (tenant_id) do nothing",
            OPERATOR,
        )
        await transaction.connection.execute(
            "insert into tenant_register (id, slug, code, name) values ($1, $2, $3, $4)"
            " on conflict (tenant_id, slug) do update set name = excluded.name"
            " where tenant_register.name is distinct from excluded.name",
            new_id(),
            described.slug,
            described.code,
            described.name,
        )


async def _unseen_elsewhere(transaction: Transaction) -> None:
    """The canary: under another tenant's context not one row of this tenant exists, in any table.

    It runs before the commit, so that a wall with a hole lets nobody on board. The one place that
    changes the tenant inside a transaction; it is put back before anything else is said.
    """
    connection = transaction.connection
    tables = await connection.fetch(
        "select c.oid::regclass::text as name from pg_class c join pg_attribute a"
        " on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped"
        " where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace"
        " and has_column_privilege(c.oid, a.attnum, 'select') order by 1"
    )
    probe = " union all ".join(
        f"select '{row['name']}' where exists (select 1 from {row['name']} where tenant_id = $1)"
        for row in tables
    )
    await connection.execute(SET_TENANT, str(new_id()))
    try:
        seen = await connection.fetch(probe, transaction.tenant_id)
    finally:
        await connection.execute(SET_TENANT, str(transaction.tenant_id))
    if seen:
        names = "、".join(row[0] for row in seen)
        raise Refused(f"租户隔离失效:表 {names} 的行在其他租户下可见,未作任何更改。")
