"""The gateways of a tenant's own. The key that signs what is sent to one lies sealed."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Reference, TenantTable, one_of
from guanjia.notifications.models import GATEWAYS


class Migration(BaseMigration):
    dependencies = [("notifications", "0002_deliveries")]
    operations = [
        TenantTable(
            "notice_gateways",
            [
                "channel text not null",
                "version integer not null",
                "url text not null",
                "body text",
                "accepted text",
                "secret_cipher bytea not null",
                "sealed_key bytea not null",
                "key_version integer not null",
                "changed_at timestamptz not null",
                "changed_by uuid not null",
            ],
            references=[Reference("changed_by", "memberships")],
            unique=["channel"],
            indexes=["key_version"],
            checks=[
                one_of("channel", GATEWAYS),
                "version > 0",
                "url like 'https://%'",
                "num_nonnulls(body, accepted) = case channel when 'SMS' then 2 else 0 end",
            ],
        ),
    ]
