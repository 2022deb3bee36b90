"""Links: a secret that stands for somebody without an account, and for one thing that is theirs."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Reference, Sql, TenantTable, one_of


def _kinds(*names: str) -> str:
    return (
        "alter table memberships drop constraint memberships_kind_check,"
        f" add constraint memberships_kind_check check ({one_of('kind', names)})"
    )


class Migration(BaseMigration):
    dependencies = [("access", "0003_roles")]
    operations = [
        Sql(_kinds("STAFF", "RESIDENT", "LINK"), _kinds("STAFF", "RESIDENT")),
        TenantTable(
            "access_links",
            [
                "membership_id uuid not null",
                "session_id uuid not null",
                "secret_hash bytea not null",
                "created_at timestamptz not null",
                "expires_at timestamptz not null",
                "revoked_at timestamptz",
                "uses integer not null default 0",
                "last_used_at timestamptz",
                "minute_began timestamptz",
                "minute_uses integer not null default 0",
            ],
            references=[
                Reference("membership_id", "memberships"),
                Reference("session_id", "sessions"),
            ],
            unique=["secret_hash"],
            checks=["length(secret_hash) = 32", "expires_at > created_at"],
        ),
    ]
