"""What leaves the inbox: the tenant's words and settings, members' choices, deliveries."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Reference, TenantTable, one_of
from guanjia.notifications.models import Dropped, NoticeChannel

EVERY = "'" + "', '".join(NoticeChannel) + "'"
ONLY_ADDED = {"app_rw": "select, insert", "app_ro": "select", "auditor": "select"}


class Migration(BaseMigration):
    dependencies = [("notifications", "0001_initial")]
    operations = [
        TenantTable(
            "notice_templates",
            [
                "kind text not null",
                "version integer not null",
                # Null: the words of the kind itself are in force again.
                "template text",
                "created_at timestamptz not null",
                "created_by uuid not null",
            ],
            references=[Reference("created_by", "memberships")],
            unique=["kind, version"],
            checks=["version > 0"],
            grants=ONLY_ADDED,
        ),
        TenantTable(
            "notice_settings",
            [
                "version integer not null",
                f"channels text[] not null check (channels <@ array[{EVERY}])",
                "quiet_from time not null",
                "quiet_until time not null",
                "keep_days integer not null",
                "created_at timestamptz not null",
                "created_by uuid not null",
            ],
            references=[Reference("created_by", "memberships")],
            unique=["version"],
            checks=["version > 0", "keep_days between 30 and 3650"],
            grants=ONLY_ADDED,
        ),
        TenantTable(
            "notice_preferences",
            [
                "membership_id uuid not null",
                "kind text not null",
                f"channels text[] not null check (channels <@ array[{EVERY}])",
                "changed_at timestamptz not null",
            ],
            references=[Reference("membership_id", "memberships")],
            unique=["membership_id, kind"],
        ),
        TenantTable(
            "notification_deliveries",
            [
                "notification_id uuid not null",
                "recipient_id uuid not null",
                "channel text not null",
                "due_at timestamptz not null",
                "sent_at timestamptz",
                "dropped text",
            ],
            references=[
                Reference("notification_id", "notifications"),
                Reference("recipient_id", "memberships"),
            ],
            unique=["notification_id, channel"],
            indexes=["due_at where sent_at is null and dropped is null", "recipient_id"],
            checks=[
                one_of("channel", tuple(NoticeChannel)),
                one_of("dropped", tuple(Dropped), nullable=True),
                "sent_at is null or dropped is null",
            ],
        ),
    ]
