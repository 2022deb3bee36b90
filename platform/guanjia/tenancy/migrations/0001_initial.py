"""Tenants, the operator's register, regions and organisations."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Reference, TenantTable, one_of

LEVELS = ("DISTRICT", "STREET", "COMMUNITY", "GRID")
# A region's level, code, parent and path and a tenant's slug never change, and nothing of the past
# is removed: the database holds the application to that. (A tenant's code may have to change, when
# a county becomes a district.)
LASTING = {"app_ro": "select", "auditor": "select"}
KINDS = ("DEPARTMENT", "STREET_OFFICE", "COMMUNITY", "PROPERTY_COMPANY", "EXTERNAL_PARTY")


class Migration(BaseMigration):
    dependencies = [("audit", "0001_initial")]
    operations = [
        TenantTable(
            "tenants",
            [
                "slug text not null",
                "code text not null",
                "name text not null",
                "timezone text not null default 'Asia/Shanghai'",
                "settings jsonb not null default '{}'",
                "next_region integer not null default 1",
                "created_at timestamptz not null default now()",
            ],
            primary_key=(),
            checks=["code ~ '^[0-9]{6}$'"],
            grants={
                "app_rw": "select, insert, update (code, name, timezone, settings, next_region)",
                **LASTING,
            },
        ),
        TenantTable(
            "tenant_register",
            [
                "slug text not null",
                "code text not null",
                "name text not null",
                "onboarded_at timestamptz not null default now()",
            ],
            unique=["slug"],
            grants={"app_rw": "select, insert, update (name)", **LASTING},
        ),
        TenantTable(
            "regions",
            [
                "level text not null",
                "code text not null",
                "name text not null",
                "parent_id uuid",
                'path text collate "C" not null',
                "grid_kind text",
                "valid_from date not null",
                "valid_to date",
                "version integer not null default 1",
            ],
            references=[Reference("parent_id", "regions")],
            unique=["path", "code where valid_to is null"],
            indexes=["parent_id"],
            checks=[
                one_of("level", LEVELS),
                one_of("grid_kind", ("BASIC", "DEDICATED"), nullable=True),
                "(level = 'GRID') = (grid_kind is not null)",
                "(level = 'DISTRICT') = (parent_id is null)",
                "valid_to is null or valid_to >= valid_from",
                "length(path) = 5 * array_position("
                "array['DISTRICT', 'STREET', 'COMMUNITY', 'GRID'], level)",
            ],
            grants={"app_rw": "select, insert, update (name, valid_to, version)", **LASTING},
        ),
        TenantTable(
            "region_predecessors",
            ["region_id uuid not null", "predecessor_id uuid not null"],
            references=[Reference("region_id", "regions"), Reference("predecessor_id", "regions")],
            unique=["region_id, predecessor_id"],
            grants={"app_rw": "select, insert", **LASTING},
        ),
        TenantTable(
            "organisations",
            [
                "kind text not null",
                "name text not null",
                "region_id uuid not null",
                'region_path text collate "C" not null',
                "credit_code text",
                "active boolean not null default true",
                "version integer not null default 1",
            ],
            references=[Reference("region_id", "regions")],
            unique=["kind, name, region_id"],
            indexes=["region_path"],
            checks=[one_of("kind", KINDS)],
        ),
    ]
