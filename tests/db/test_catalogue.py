"""The walls stand in a migrated database, and each of them is seen when it is gone."""

from __future__ import annotations

import asyncpg
import pytest

from guanjia import settings
from guanjia.db import catalogue
from guanjia.db.connections import Connections
from guanjia.db.migrate import declared_grants

DECLARED = declared_grants(settings.MODULES)
WALL = "tenant_id = current_setting('app.tenant_id')::uuid"
ROLES = "app_rw, app_ro, auditor"

# A name for the breach, the statement that makes it, the check that must see it.
BREACHES = [
    ("no row security", "alter table regions disable row level security", "row_security"),
    ("owner exempt", "alter table regions no force row level security", "row_security"),
    ("policy dropped", "drop policy tenant_wall on regions", "policy"),
    ("policy renamed", "alter policy tenant_wall on regions rename to wall", "policy"),
    (
        "policy that forgives an unset tenant",
        "alter policy tenant_wall on regions using"
        " (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)",
        "policy",
    ),
    ("policy without check", "alter policy tenant_wall on regions with check (true)", "policy"),
    ("policy for everyone", "alter policy tenant_wall on regions to public", "policy"),
    ("policy for one role less", "alter policy tenant_wall on regions to app_rw, app_ro", "policy"),
    (
        "policy for reading only",
        "drop policy tenant_wall on regions; create policy tenant_wall on regions for select"
        f" to {ROLES} using ({WALL})",
        "policy",
    ),
    (
        "second policy",
        "create policy also on regions to app_ro using (level = 'DISTRICT')",
        "second_policy",
    ),
    ("tenant may be null", "create table loose (tenant_id uuid, id uuid)", "tenant_column"),
    (
        "no default tenant",
        "alter table regions alter column tenant_id drop default",
        "tenant_column",
    ),
    ("no key", "alter table access_epochs drop constraint access_epochs_pkey", "primary_key"),
    (
        "key without tenant",
        "create table loose (tenant_id uuid not null, id uuid primary key)",
        "primary_key",
    ),
    ("global unique", "create unique index loose on users (id, login_name)", "index"),
    ("index without tenant", "create index loose on regions (path)", "index"),
    (
        "plain foreign key",
        "create unique index loose on regions (id);"
        "alter table organisations add constraint loose foreign key (region_id)"
        " references regions (id)",
        "foreign_key",
    ),
    ("view as its owner", "create view loose as select * from regions", "view"),
    (
        "view that says it is not the invoker's",
        "create view loose with (security_invoker = false) as select * from regions",
        "view",
    ),
    (
        "materialized view",
        "create materialized view loose as select 1 as one",
        "foreign_relation",
    ),
    ("shared sequence", "create sequence loose", "sequence"),
    (
        "function as its owner",
        "create function loose() returns int security definer language sql as 'select 1'",
        "definer_function",
    ),
    (
        "rule",
        "create rule loose as on insert to regions do also select 1",
        "rule",
    ),
    ("foreign owner", "alter table regions owner to app_rw", "owner"),
    ("truncate", "grant truncate on regions to app_rw", "grant"),
    ("references", "grant references on regions to app_rw", "grant"),
    ("everyone", "grant select on regions to public", "grant"),
    ("a reader who writes", "grant update on regions to app_ro", "grant"),
    ("a reader who writes a column", "grant update (name) on regions to app_ro", "grant"),
    ("passing on", "grant select on regions to app_ro with grant option", "grant"),
    ("writing the record", "grant insert on tortoise_migrations to app_rw", "grant"),
    ("changing the audit record", "grant update on audit_records to app_rw", "declared_grant"),
    ("reading the whole audit", "grant select on audit_records to app_rw", "declared_grant"),
    ("a right is missing", "revoke insert on audit_records from app_rw", "declared_grant"),
    ("default rights", "alter default privileges grant select on tables to app_ro", "default"),
    ("creating in the schema", "grant create on schema public to app_rw", "schema"),
    ("everyone in the schema", "grant usage on schema public to public", "schema"),
    ("everyone in the database", "grant connect on database {database} to public", "database"),
    ("unknown table", "create table loose (one int)", "undeclared_table"),
    ("lost table", "drop table region_predecessors", "missing_table"),
]


async def test_the_walls_stand(connections: Connections) -> None:
    """As the role that serves: the guard sees with its eyes."""
    connection = await asyncpg.connect(connections.require("app_rw"))
    try:
        assert await catalogue.faults(connection, DECLARED) == []
        assert set(await catalogue.tenant_tables(connection)) == set(DECLARED)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("statement", "check"), [breach[1:] for breach in BREACHES], ids=[b[0] for b in BREACHES]
)
async def test_a_breach_is_seen(admin: asyncpg.Connection, statement: str, check: str) -> None:
    undo = admin.transaction()
    await undo.start()
    try:
        name = await admin.fetchval("select current_database()")
        await admin.execute(statement.replace("{database}", f'"{name}"'))
        found = {fault.check for fault in await catalogue.faults(admin, DECLARED)}
        assert any(seen.startswith(check) for seen in found), found
    finally:
        await undo.rollback()


async def test_partitions_need_walls_of_their_own(admin: asyncpg.Connection) -> None:
    """A partition that is queried directly obeys its own policies, not its parent's."""
    undo = admin.transaction()
    await undo.start()
    try:
        await admin.execute(
            "create table loose (tenant_id uuid not null, at date not null)"
            " partition by range (at);"
            "create table loose_2026 partition of loose"
            " for values from ('2026-01-01') to ('2027-01-01')"
        )
        subjects = {f.subject for f in await catalogue.faults(admin) if f.check == "row_security"}
        assert subjects == {"loose", "loose_2026"}
    finally:
        await undo.rollback()
