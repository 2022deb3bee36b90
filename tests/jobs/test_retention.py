"""What the nightly jobs and the end of an import's window take away, and what they leave."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from guanjia import settings
from guanjia.db.connections import Connections
from guanjia.db.ids import new_id
from guanjia.db.pools import Database
from guanjia.jobs.kinds import load_kinds
from guanjia.jobs.queue import Outcome, drain

NOW = dt.datetime(2026, 3, 2, 4, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


@pytest.fixture
async def member(database: Database, tenant: Any) -> UUID:
    made = new_id()
    async with database.tenant_transaction(tenant.id) as transaction:
        await transaction.connection.execute(
            "insert into memberships (id, home_tenant_id, display_name, kind, external_issuer,"
            " external_subject) values ($1, $1, '某', 'STAFF', 'test', 'x')", made,
        )  # fmt: skip
    return made


async def recorded(connections: Connections, tenant: Any) -> list[tuple[str, Any]]:
    """What the audit record says was taken away, in order."""
    auditor = await asyncpg.connect(connections.require("auditor"))
    try:
        await auditor.execute("select set_config('app.tenant_id', $1, false)", str(tenant.id))
        rows = await auditor.fetch(
            "select action, object_id, actor_id, detail from audit_records order by seq"
        )
    finally:
        await auditor.close()
    assert {row["actor_id"] for row in rows} <= {None}
    return [(row["action"], row["object_id"] or json.loads(row["detail"])) for row in rows]


async def worked(database: Database, tenant: Any, now: dt.datetime = NOW) -> dict[str, int]:
    """What was done in the tenant at this time, by kind."""
    tried = await drain(database, tenant.id, load_kinds(), settings.load(), now)
    assert {how for _, how in tried} <= {Outcome.DONE}
    return {kind: count for (kind, _), count in tried.items()}


async def test_the_staged_rows_of_an_import_end_with_its_window(
    database: Database, connections: Connections, tenant: Any, member: UUID
) -> None:
    over, open_, waiting = new_id(), new_id(), new_id()
    async with database.tenant_transaction(tenant.id) as transaction:
        for batch, state, until in (
            (over, "APPLIED", NOW - DAY), (open_, "APPLIED", NOW + DAY), (waiting, "READY", None),
        ):  # fmt: skip
            await transaction.connection.execute(
                "insert into import_batches (id, kind, state, file_name, sha256, size, uploader_id,"
                " region_path, uploaded_at, heard_at, run_id, undo_until)"
                " values ($1, 'grids', $2, 'a.xlsx', $3, 1, $4, '0001/', $5, $5, $1, $6)",
                batch, state, batch.bytes, member, NOW - 8 * DAY, until,
            )  # fmt: skip
            await transaction.connection.execute(
                "insert into import_chunks (batch_id, position, effects) values ($1, 0, '')", batch
            )
    assert (await worked(database, tenant))["import.close_undo"] == 1
    assert "import.close_undo" not in await worked(database, tenant)
    async with database.snapshot(tenant.id) as connection:
        kept = await connection.fetch("select batch_id from import_chunks")
        batches = await connection.fetchval("select count(*) from import_batches")
    assert {row["batch_id"] for row in kept} == {open_, waiting}
    assert batches == 3, "that it was imported stays"
    assert await recorded(connections, tenant) == [("import.close_undo", over)]


async def test_sessions_and_looks_of_long_ago_go(
    database: Database, connections: Connections, tenant: Any, member: UUID
) -> None:
    ended = [(40, 40, False), (40, 35, True), (20, 20, False), (1, -1, False)]
    made = [new_id() for _ in ended]
    async with database.tenant_transaction(tenant.id) as transaction:
        for each, (began, ends, revoked) in zip(made, ended, strict=True):
            await transaction.connection.execute(
                "insert into sessions (id, membership_id, created_at, last_used_at, expires_at,"
                " revoked_at, refresh_hash) values ($1, $2, $3, $3, $4, $5, '')",
                each, member, NOW - began * DAY, NOW - (-9 if revoked else ends) * DAY,
                NOW - ends * DAY if revoked else None,
            )  # fmt: skip
        for hours in (1, 30):
            await transaction.connection.execute(
                "insert into person_looks (membership_id, minute, looks) values ($1, $2, 1)",
                member, NOW - dt.timedelta(hours=hours),
            )  # fmt: skip
    await worked(database, tenant)
    async with database.tenant_transaction(tenant.id) as transaction:
        sessions = await transaction.connection.fetch("select id from sessions")
        looks = await transaction.connection.fetch("select minute from person_looks")
    assert {row["id"] for row in sessions} == set(made[2:])
    assert [row["minute"] for row in looks] == [NOW - dt.timedelta(hours=1)]
    assert await recorded(connections, tenant) == [("session.sweep", {"sessions": 2})]


async def test_the_queue_keeps_what_stopped_and_forgets_what_was_done_long_ago(
    database: Database, tenant: Any
) -> None:
    async with database.tenant_transaction(tenant.id) as transaction:
        for state, days in (("DONE", 31), ("DONE", 29), ("DEAD", 90)):
            await transaction.connection.execute(
                "insert into jobs (id, kind, title, subject_id, due_at, run_at, state, attempts,"
                " listed_at, finished_at) values ($1, 'gone', '旧', $1, $2, $2, $3, 1, $2, $2)",
                new_id(), NOW - days * DAY, state,
            )  # fmt: skip
    await worked(database, tenant)
    async with database.snapshot(tenant.id) as connection:
        rows = await connection.fetch("select state from jobs where kind = 'gone' order by 1")
    assert [row["state"] for row in rows] == ["DEAD", "DONE"]


async def test_a_night_comes_once_and_the_next_one_again(database: Database, tenant: Any) -> None:
    swept = ("attachment", "job", "look", "notice", "session")
    nightly = {f"{noun}.sweep": 1 for noun in swept}
    nightly |= {"indicator.reconcile": 1, "tally.fold": 1}
    assert [await worked(database, tenant, NOW + n * DAY) for n in (0, 0, 1, 5)] == [
        nightly, {}, nightly, nightly,
    ]  # fmt: skip
