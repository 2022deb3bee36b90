"""Attachments: what hangs on a row of another module, or waits for a day to be hung on one."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.attachments.models import Purpose
from guanjia.db.tables import Reference, TenantTable, one_of


class Migration(BaseMigration):
    dependencies = [("access", "0001_initial")]
    operations = [
        TenantTable(
            "attachments",
            [
                "uploader_id uuid not null",
                "uploaded_at timestamptz not null",
                "file_name text not null",
                "media_type text not null",
                "size integer not null",
                "sha256 bytea not null",
                "width integer",
                "height integer",
                "owner_noun text",
                "owner_id uuid",
                "purpose text",
                "attached_at timestamptz",
            ],
            references=[Reference("uploader_id", "memberships")],
            indexes=[
                "owner_id, attached_at where owner_id is not null",
                "uploaded_at where owner_id is null",
                "sha256",
                "uploader_id",
            ],
            checks=[
                one_of("purpose", tuple(Purpose), nullable=True),
                "(owner_id is null) = (owner_noun is null)",
                "(owner_id is null) = (purpose is null)",
                "(owner_id is null) = (attached_at is null)",
            ],
        ),
    ]
