"""The inbox of each member."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Reference, TenantTable


class Migration(BaseMigration):
    dependencies = [("access", "0001_initial")]
    operations = [
        TenantTable(
            "notifications",
            [
                "recipient_id uuid not null",
                "kind text not null",
                # What names the occasion: of one occasion a member is told once.
                "key text not null",
                "title text not null",
                "body text not null",
                "subject_type text",
                "subject_id uuid",
                "created_at timestamptz not null",
                "read_at timestamptz",
            ],
            references=[Reference("recipient_id", "memberships")],
            unique=["kind, key, recipient_id"],
            indexes=[
                "recipient_id, created_at, id",
                "recipient_id where read_at is null",
                "created_at",
            ],
            checks=[
                "(subject_type is null) = (subject_id is null)",
                "char_length(body) between 1 and 500",
            ],
        ),
    ]
