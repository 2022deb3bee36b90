"""Counted login failures for every name alike; sessions that know their limits and their device."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Sql, TenantTable


class Migration(BaseMigration):
    dependencies = [("access", "0001_initial")]
    operations = [
        TenantTable(
            "login_failures",
            [
                "subject_id uuid not null",
                "failures integer not null",
                "last_at timestamptz not null",
                "locked_until timestamptz",
            ],
            primary_key=("subject_id",),
            indexes=["last_at"],
        ),
        # Counts start anew: the migrating role sees no rows that it could carry over.
        Sql(
            "alter table users drop column failed_logins, drop column locked_until",
            "alter table users add column failed_logins integer not null default 0,"
            " add column locked_until timestamptz",
        ),
        Sql(
            "alter table sessions"
            " add column idle_ends_at timestamptz not null default now() + interval '15 minutes',"
            " add column password_due_at timestamptz,"
            " add column device text not null default ''",
            "alter table sessions drop column idle_ends_at, drop column password_due_at,"
            " drop column device",
        ),
    ]
