"""Databases of their own with many cases; made once and kept for the next run.

Rows are written by the server's superuser, one statement per table. They are rows the application
could have made: ids are UUIDv7 of the moment a case was reported, and the tenants' cases lie mixed
in order of time, as they arrive. Everything after the loading connects as the application does,
with row-level security on.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from bench import compounds
from guanjia import settings
from guanjia.db import cluster, embedded
from guanjia.db.connections import Connections, connect, with_database
from guanjia.db.ids import new_id
from guanjia.db.migrate import migrate
from guanjia.tenancy.models import tenant_id

START = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
STREETS, COMMUNITIES, GRIDS = 2, 10, 10
DISTRICT_PATH = "0001/"
GRID_PATH = "0001/0001/0003/0004/"
TWO_GRIDS = (GRID_PATH, "0001/0002/0007/0001/")

_TENANTS = """
insert into tenants (tenant_id, slug, code, name)
select id, slug, '990101', slug from unnest($1::uuid[], $2::text[]) t(id, slug)
"""
_EPOCHS = "insert into access_epochs (tenant_id) select unnest($1::uuid[])"
_MEMBERS = """
insert into memberships (tenant_id, id, home_tenant_id, user_id, display_name, kind)
select t, md5(t || 'member')::uuid, t, md5(t || 'user')::uuid, '上报人', 'STAFF'
from unnest($1::uuid[]) t
"""
_REGIONS = """
with tree(path, code, name) as (
  select '0001/', '990101', '区'
  union all select format('0001/%s/', lpad(s::text, 4, '0')),
    format('990101%s', lpad(s::text, 3, '0')), '街道' || s from generate_series(1, $2::int) s
  union all select format('0001/%s/%s/', lpad(s::text, 4, '0'), lpad(c::text, 4, '0')),
    format('990101%s%s', lpad(s::text, 3, '0'), lpad(c::text, 3, '0')), '社区' || c
    from generate_series(1, $2) s, generate_series(1, $3::int) c
  union all select format('0001/%s/%s/%s/', lpad(s::text, 4, '0'), lpad(c::text, 4, '0'),
      lpad(g::text, 4, '0')),
    format('990101%s%s%s', lpad(s::text, 3, '0'), lpad(c::text, 3, '0'), lpad(g::text, 3, '0')),
    '网格' || g
    from generate_series(1, $2) s, generate_series(1, $3) c, generate_series(1, $4::int) g
)
insert into regions (tenant_id, id, level, code, name, parent_id, path, grid_kind, valid_from)
select t, md5(t || path)::uuid,
  (array['DISTRICT', 'STREET', 'COMMUNITY', 'GRID'])[length(path) / 5], code, name,
  case when length(path) > 5 then md5(t || left(path, -5))::uuid end, path,
  case when length(path) = 20 then 'BASIC' end, '2020-01-01'
from unnest($1::uuid[]) t, tree
"""
_OFFICES = """
insert into organisations (tenant_id, id, kind, name, region_id, region_path)
select t, md5(t || 'office')::uuid, 'DEPARTMENT', '住建局', md5(t || '0001/')::uuid, '0001/'
from unnest($1::uuid[]) t
"""
_CATEGORIES = """
insert into case_categories (tenant_id, id, code, name, group_name, kind, limit_value, limit_unit,
  lead_kind, lead_name, source)
select t, md5(t || 'category')::uuid, 'P-01', '噪音', '物业服务', 'EVENT', 10, 'WORK_DAY',
  'DEPARTMENT', '住建', '测试' from unnest($1::uuid[]) t
"""
_CASES = """
insert into cases (tenant_id, id, number, title, description, category_id, level, state, stage,
  state_since, urgent, source, region_id, region_path, location, search_text, reporter_id,
  created_at, reported_at, handler_id)
select t, uuidv7(at - clock_timestamp()), format('990101-2025-%s', lpad(n::text, 6, '0')),
  '小区公共设施问题 ' || n, '描述', md5(t || 'category')::uuid, 'COMMUNITY', 'REPORTED',
  'REPORTING', at, false, 'COMMUNITY', md5(t || path)::uuid, path, '某处',
  '小区公共设施问题 ' || n, md5(t || 'member')::uuid, at, at, md5(t || 'office')::uuid
from generate_series(1, $3::int) n
cross join lateral (select $2::timestamptz + n * interval '300 seconds' as at,
  format('0001/%s/%s/%s/', lpad((n % $4::int + 1)::text, 4, '0'),
    lpad((n / $4 % $5::int + 1)::text, 4, '0'),
    lpad((n / ($4 * $5) % $6::int + 1)::text, 4, '0')) as path) row
cross join unnest($1::uuid[]) t
order by n, t
"""
_EVENTS = """
insert into case_events (tenant_id, id, case_id, seq, code, action, title, from_state, to_state, at,
  actor_name, actor_role, category_id, region_path, current_path, reporter_id, prev_hash, hash)
select c.tenant_id, uuidv7(c.created_at - clock_timestamp()), c.id, e, 'T1', 'report_case', '上报',
  case when e > 1 then 'REPORTED' end, 'REPORTED', c.created_at, '上报人', 'COMM', c.category_id,
  c.region_path, c.region_path, c.reporter_id, decode(repeat('00', 32), 'hex'),
  decode(repeat('00', 32), 'hex')
from cases c cross join generate_series(1, 3) e
where c.tenant_id = any($1::uuid[])
order by c.created_at, c.tenant_id, e
"""


@dataclass(frozen=True)
class Databases:
    """`few` holds the big tenants alone; `many` the very same rows and the small tenants too."""

    few: Connections
    many: Connections


@dataclass(frozen=True)
class Amounts:
    """How much is loaded: `tenants` with `cases` each, then `others` with `small` each."""

    tenants: int
    cases: int
    others: int
    small: int

    @property
    def slugs(self) -> list[str]:
        return [f"bench-{number}" for number in range(self.tenants)]

    @property
    def other_slugs(self) -> list[str]:
        return [f"small-{number}" for number in range(self.others)]

    @property
    def database(self) -> str:
        return f"guanjia_bench_{self.tenants}x{self.cases}"

    @property
    def larger_database(self) -> str:
        return f"{self.database}_{self.others}x{self.small}"


async def prepare(amounts: Amounts) -> Databases:
    """Both databases exist, are migrated and hold their rows."""
    running = await embedded.start(settings.load().state_dir)
    server = await connect(running.administrator)
    try:
        few = await prepared(running, amounts.database)
        await load(running, amounts.database, amounts.slugs, amounts.cases)
        await _settled(running, amounts.database, amounts.slugs)
        await _copied(server, amounts.database, amounts.larger_database)
        many = await prepared(running, amounts.larger_database)
        await load(running, amounts.larger_database, amounts.other_slugs, amounts.small)
    finally:
        await server.close()
    return Databases(few, many)


async def fresh(database: str, slugs: list[str], cases: int) -> Connections:
    """A database of this name, made anew, with these tenants and so many cases in each."""
    running = await embedded.start(settings.load().state_dir)
    await cluster.drop_database(running.administrator, database)
    connections = await prepared(running, database)
    await load(running, database, slugs, cases)
    return connections


async def administrator(database: str) -> Any:
    """The superuser in a database, who loads rows."""
    running = await embedded.start(settings.load().state_dir)
    return await connect(with_database(running.administrator, database))


async def prepared(running: embedded.Server, database: str) -> Connections:
    connections = await cluster.prepare(running.administrator, database, running.passwords)
    await migrate(connections.require("owner"), settings.MODULES)
    return connections


async def _copied(server: Any, source: str, target: str) -> None:
    """The target exists; made anew it is the source, page by page."""
    if await server.fetchval("select 1 from pg_database where datname = $1", target):
        return
    await server.execute(
        f"create database {cluster.quoted(target)} template {cluster.quoted(source)}"
        " owner owner strategy file_copy"
    )


async def load(running: embedded.Server, database: str, slugs: list[str], cases: int) -> None:
    """Each tenant has a district of 2 streets, 20 communities and 200 grids, and this many cases
    with three events each. Tenants that have them are left alone."""
    connection = await connect(with_database(running.administrator, database))
    try:
        if await connection.fetchval("select 1 from tenants where slug = any($1)", slugs):
            return
        tenants = [tenant_id(slug) for slug in slugs]
        async with connection.transaction():
            # The rows refer to each other by construction: 6 million look-ups are not needed.
            await connection.execute("set local session_replication_role = replica")
            await connection.execute(_TENANTS, tenants, slugs)
            for statement in (_EPOCHS, _MEMBERS, _OFFICES, _CATEGORIES):
                await connection.execute(statement, tenants)
            await connection.execute(_REGIONS, tenants, STREETS, COMMUNITIES, GRIDS)
            await connection.execute(_CASES, tenants, START, cases, STREETS, COMMUNITIES, GRIDS)
            await connection.execute(_EVENTS, tenants)
        await connection.execute("vacuum (freeze, analyze)")
        await connection.execute("checkpoint")
    finally:
        await connection.close()


async def _settled(running: embedded.Server, database: str, slugs: list[str]) -> None:
    """These tenants have compounds too."""
    connection = await connect(with_database(running.administrator, database))
    try:
        await compounds.loaded(connection, [tenant_id(slug) for slug in slugs])
    finally:
        await connection.close()


async def open_session(
    connections: Connections, slug: str, role: str, paths: tuple[str, ...]
) -> tuple[UUID, UUID]:
    """A member who holds the role at these regions, and an open session."""
    member, session, now = new_id(), new_id(), dt.datetime.now(dt.UTC)
    tenant = tenant_id(slug)
    connection = await connect(connections.require("app_rw"))
    try:
        async with connection.transaction():
            await connection.execute("select set_config('app.tenant_id', $1, true)", str(tenant))
            await connection.execute(
                "insert into memberships (id, home_tenant_id, user_id, display_name, kind)"
                " values ($1, $2, $3, '测试', 'STAFF')", member, tenant, new_id(),
            )  # fmt: skip
            await connection.execute(
                "insert into grants (id, membership_id, role, region_id, region_path, valid_from)"
                " select gen_random_uuid(), $1, $2, id, path, $3 from regions where path = any($4)",
                member, role, now - dt.timedelta(days=1), paths,
            )  # fmt: skip
            await connection.execute(
                "insert into sessions (id, membership_id, created_at, last_used_at, expires_at,"
                " refresh_hash) values ($1, $2, $3, $3, $4, ''::bytea)",
                session, member, now, now + dt.timedelta(hours=2),
            )  # fmt: skip
    finally:
        await connection.close()
    return member, session
