"""What the figures of department response count: for each called unit the facts as they were known
at any moment, kept by the step that changes them. A row holds from `since` (exclusive) to `until`
(inclusive)."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Reference, TenantTable


class Migration(BaseMigration):
    dependencies = [("whistles", "0002_escalations")]
    operations = [
        TenantTable(
            "whistle_outcomes",
            [
                "call_id uuid not null",
                "seq integer not null",
                "since timestamptz not null",
                "until timestamptz not null default 'infinity'",
                "case_id uuid not null",
                'region_path text collate "C" not null',
                "organisation_id uuid not null",
                "attend_by timestamptz not null",
                "attended_at timestamptz",
                "withdrawn boolean not null",
                "scored_at timestamptz",
                "satisfied boolean",
            ],
            primary_key=("call_id", "seq"),
            references=[
                Reference("call_id", "whistle_calls"),
                Reference("case_id", "cases"),
                Reference("organisation_id", "organisations"),
            ],
            unique=["call_id where until = 'infinity'"],
            indexes=[
                "attend_by, region_path",
                "scored_at, region_path where scored_at is not null",
            ],
            checks=["since <= until", "(scored_at is null) = (satisfied is null)"],
            grants={"app_rw": "select, insert, update", "app_ro": "select", "auditor": "select"},
        ),
    ]
