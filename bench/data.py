"""A database of its own with many cases; made once and kept for the next run."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from guanjia import settings
from guanjia.db import cluster, embedded
from guanjia.db.connections import Connections
from guanjia.db.ids import new_id
from guanjia.db.migrate import migrate
from guanjia.db.pools import Database
from guanjia.tenancy.models import tenant_id

DATABASE = "guanjia_bench"
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
COMMUNITIES, GRIDS = 20, 10


async def prepare() -> Connections:
    running = await embedded.start(settings.load().state_dir)
    connections = await cluster.prepare(running.administrator, DATABASE, running.passwords)
    await migrate(connections.require("owner"), settings.MODULES)
    return connections


async def fill(database: Database, slug: str, cases: int) -> None:
    """The tenant has a district of 2 streets, 20 communities, 200 grids and this many cases with
    three events each; a tenant that has them is left alone."""
    async with database.tenant_transaction(tenant_id(slug)) as transaction:
        connection = transaction.connection
        if await connection.fetchval("select exists (select 1 from tenants)"):
            return
        await connection.execute("set local statement_timeout = 0")
        await connection.execute(
            "insert into tenants (slug, code, name) values ($1, '990101', $1)", slug
        )
        await connection.execute("insert into access_epochs default values")
        member, category, office = new_id(), new_id(), new_id()
        await connection.execute(
            "insert into memberships (id, home_tenant_id, user_id, display_name, kind)"
            " values ($1, $2, $3, '上报人', 'STAFF')", member, transaction.tenant_id, new_id(),
        )  # fmt: skip
        district = await _regions(connection)
        await connection.execute(
            "insert into organisations (id, kind, name, region_id, region_path)"
            " values ($1, 'DEPARTMENT', '住建局', $2, '0001/')", office, district,
        )  # fmt: skip
        await connection.execute(
            "insert into case_categories (id, code, name, group_name, kind, limit_value,"
            " limit_unit, lead_kind, lead_name, assisting, filing_condition, closing_condition,"
            " source) values ($1, 'P-01', '噪音', '物业服务', 'EVENT', 10, 'WORK_DAY',"
            " 'DEPARTMENT', '住建', '', '', '', '测试')", category,
        )  # fmt: skip
        await connection.execute(
            "insert into cases (id, number, title, description, category_id, level, state, stage,"
            " state_since, urgent, source, region_id, region_path, location, search_text,"
            " reporter_id, created_at, reported_at, due_provisional, handler_id)"
            " select gen_random_uuid(), '990101-2026-' || lpad(n::text, 6, '0'),"
            " '小区公共设施问题 ' || n, '描述', $2, 'COMMUNITY', 'REPORTED', 'REPORTING',"
            " t, false, 'COMMUNITY', r.id, r.path, '某处', '小区公共设施问题', $3, t, t, false, $4"
            " from (select n, $1::timestamptz + n * interval '7 seconds' as t from"
            " generate_series(1, $5::int) n) s join (select id, path, row_number() over"
            " (order by path) - 1 as k from regions where level = 'GRID') r on r.k = s.n % $6",
            START, category, member, office, cases, COMMUNITIES * GRIDS,
        )  # fmt: skip
        await connection.execute(
            "insert into case_events (id, case_id, seq, code, action, title, from_state, to_state,"
            " at, actor_name, actor_role, due_provisional, region_path, current_path, reporter_id,"
            " prev_hash, hash)"
            " select gen_random_uuid(), c.id, e, 'T1', 'report_case', '上报',"
            " case when e > 1 then 'REPORTED' end, 'REPORTED',"
            " c.created_at, '上报人', 'COMM', false, c.region_path, c.region_path, c.reporter_id,"
            " decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex')"
            " from cases c cross join generate_series(1, 3) e"
        )


async def _regions(connection: Any) -> UUID:
    """The tree; returns the district's id."""
    insert = (
        "insert into regions (id, level, code, name, parent_id, path, grid_kind, valid_from)"
        " values ($1, $2, $3, $4, $5, $6, $7, '2020-01-01')"
    )
    rows = []
    district = new_id()
    rows.append((district, "DISTRICT", "990101", "区", None, "0001/", None))
    for s in (1, 2):
        street = new_id()
        rows.append((street, "STREET", f"990101{s:03}", f"街{s}", district, f"0001/{s:04}/", None))
        for c in range(COMMUNITIES // 2):
            community, path = new_id(), f"0001/{s:04}/{c:04}/"
            code = f"990101{s:03}{c + 1:03}"
            rows.append((community, "COMMUNITY", code, f"社区{c}", street, path, None))
            for g in range(GRIDS):
                grid = (f"{code}{g + 1:03}", f"网格{g}", community, f"{path}{g:04}/", "BASIC")
                rows.append((new_id(), "GRID", *grid))
    await connection.executemany(insert, rows)
    return district


async def open_session(database: Database, slug: str, role: str, path: str) -> tuple[UUID, UUID]:
    """A member who holds the role at the path, and an open session."""
    member, session, now = new_id(), new_id(), dt.datetime.now(dt.UTC)
    async with database.tenant_transaction(tenant_id(slug)) as transaction:
        connection = transaction.connection
        await connection.execute(
            "insert into memberships (id, home_tenant_id, user_id, display_name, kind)"
            " values ($1, $2, $3, '测试', 'STAFF')", member, transaction.tenant_id, new_id(),
        )  # fmt: skip
        await connection.execute(
            "insert into grants (id, membership_id, role, region_id, region_path, valid_from)"
            " select $1, $2, $3, id, path, $4 from regions where path = $5",
            new_id(), member, role, now - dt.timedelta(days=1), path,
        )  # fmt: skip
        await connection.execute(
            "insert into sessions (id, membership_id, created_at, last_used_at, expires_at,"
            " refresh_hash) values ($1, $2, $3, $3, $4, ''::bytea)",
            session, member, now, now + dt.timedelta(hours=2),
        )  # fmt: skip
    return member, session
