"""What a request with an idempotency key brought about, so that a retry gets the same answer."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import TenantTable


class Migration(BaseMigration):
    dependencies = [("audit", "0001_initial")]
    operations = [
        TenantTable(
            "idempotency_keys",
            [
                "membership_id uuid not null",
                "operation text not null",
                "key text not null",
                "request_hash bytea not null",
                "result_id uuid not null",
                "at timestamptz not null default now()",
            ],
            primary_key=("membership_id", "operation", "key"),
            checks=["length(request_hash) = 32"],
            grants={"app_rw": "select, insert", "auditor": "select"},
        ),
    ]
