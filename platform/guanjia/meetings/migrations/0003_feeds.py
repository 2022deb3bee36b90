"""Secret addresses of calendars; of each only its hash is kept."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Reference, TenantTable


class Migration(BaseMigration):
    dependencies = [("meetings", "0002_votes")]
    operations = [
        TenantTable(
            "calendar_feeds",
            [
                "membership_id uuid not null",
                "secret_hash bytea not null",
                "created_at timestamptz not null",
                "revoked_at timestamptz",
            ],
            references=[Reference("membership_id", "memberships")],
            unique=["secret_hash", "membership_id where revoked_at is null"],
            checks=["octet_length(secret_hash) = 32", "revoked_at >= created_at"],
            grants={
                "app_rw": "select, insert, update",
                "app_ro": "select",
                "auditor": "select",
            },
        ),
    ]
