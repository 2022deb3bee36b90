"""Task links: by which an external party works on its part of a case, without an account."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Reference, TenantTable


class Migration(BaseMigration):
    dependencies = [("cases", "0010_parts"), ("access", "0004_links")]
    operations = [
        TenantTable(
            "task_links",
            [
                "assignment_id uuid not null",
                "case_id uuid not null",
                'region_path text collate "C" not null',
                "link_id uuid not null",
                "membership_id uuid not null",
                "issued_at timestamptz not null",
                "issued_by uuid not null",
                "expires_at timestamptz not null",
                "revoked_at timestamptz",
                "revoked_by uuid",
            ],
            references=[
                Reference("assignment_id", "case_assignments"),
                Reference("case_id", "cases"),
                Reference("link_id", "access_links"),
                Reference("membership_id", "memberships"),
                Reference("issued_by", "memberships"),
                Reference("revoked_by", "memberships"),
            ],
            unique=["assignment_id where revoked_at is null", "membership_id"],
            indexes=["case_id, issued_at", "region_path, issued_at, id"],
        ),
    ]
