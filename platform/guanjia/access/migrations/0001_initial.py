"""Users, memberships, grants, sessions and the access epoch."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Reference, TenantTable, one_of


class Migration(BaseMigration):
    dependencies = [("tenancy", "0001_initial")]
    operations = [
        TenantTable(
            "users",
            [
                "login_name text not null",
                "display_name text not null",
                "password_hash text",
                "password_changed_at timestamptz",
                "must_change_password boolean not null default false",
                "previous_hashes text[] not null default '{}'",
                "failed_logins integer not null default 0",
                "locked_until timestamptz",
                "disabled_at timestamptz",
            ],
            unique=["login_name"],
        ),
        TenantTable(
            "memberships",
            [
                "home_tenant_id uuid not null",
                "user_id uuid",
                "display_name text not null",
                "kind text not null",
                "external_issuer text",
                "external_subject text",
                "active boolean not null default true",
            ],
            unique=[
                "home_tenant_id, user_id where user_id is not null",
                "external_issuer, external_subject where external_subject is not null",
            ],
            checks=[
                one_of("kind", ("STAFF", "RESIDENT")),
                "user_id is not null or external_subject is not null",
            ],
        ),
        TenantTable(
            "organisation_members",
            [
                "organisation_id uuid not null",
                "membership_id uuid not null",
                "valid_from timestamptz not null",
                "valid_to timestamptz",
            ],
            references=[
                Reference("organisation_id", "organisations"),
                Reference("membership_id", "memberships"),
            ],
            indexes=["membership_id", "organisation_id"],
        ),
        TenantTable(
            "grants",
            [
                "membership_id uuid not null",
                "role text not null",
                "region_id uuid not null",
                'region_path text collate "C" not null',
                "valid_from timestamptz not null",
                "valid_to timestamptz",
                "granted_by uuid",
                "reason text",
                "revoked_at timestamptz",
                "revoked_by uuid",
            ],
            references=[
                Reference("membership_id", "memberships"),
                Reference("region_id", "regions"),
                Reference("granted_by", "memberships"),
                Reference("revoked_by", "memberships"),
            ],
            indexes=["membership_id", "region_path, id"],
            checks=["valid_to is null or valid_to > valid_from"],
        ),
        TenantTable(
            "sessions",
            [
                "membership_id uuid not null",
                "created_at timestamptz not null",
                "last_used_at timestamptz not null",
                "expires_at timestamptz not null",
                "revoked_at timestamptz",
                "revoked_reason text",
                "refresh_hash bytea not null",
                "previous_hashes bytea[] not null default '{}'",
            ],
            references=[Reference("membership_id", "memberships")],
            indexes=["membership_id"],
        ),
        TenantTable("access_epochs", ["epoch bigint not null default 1"], primary_key=()),
    ]
