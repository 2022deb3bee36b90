"""Roles of a tenant's own, and the version by which they are known."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Reference, Sql, TenantTable, one_of


class Migration(BaseMigration):
    dependencies = [("access", "0002_sign_in")]
    operations = [
        TenantTable(
            "tenant_roles",
            [
                "code text not null",
                "title text not null",
                "level text not null",
                "based_on text",
                "incompatible text[] not null default '{}'",
                "retired_at timestamptz",
                "version integer not null default 1",
            ],
            unique=["code"],
            checks=[
                one_of("level", ("DISTRICT", "STREET", "COMMUNITY", "GRID")),
                # The names of the built-in roles are the files' own.
                "code ~ '^X_[A-Z0-9_]+$'",
            ],
        ),
        TenantTable(
            "tenant_role_rights",
            ["role_id uuid not null", "permission text not null", "reach text not null"],
            primary_key=("role_id", "permission", "reach"),
            references=[Reference("role_id", "tenant_roles")],
            checks=[one_of("reach", ("region", "organisation", "self"))],
            grants={
                "app_rw": "select, insert, delete",
                "app_ro": "select",
                "auditor": "select",
            },
        ),
        Sql(
            "alter table access_epochs add column role_version bigint not null default 0",
            "alter table access_epochs drop column role_version",
        ),
    ]
