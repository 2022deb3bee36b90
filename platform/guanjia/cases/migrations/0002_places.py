"""Where a case lies: coordinates, the place as text, and events that follow their case. And what
supervision and the check for duplicates leave behind."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Rights, Sql

SETTLED = "'NOT_FILED', 'VOIDED', 'CLOSED', 'EVALUATING', 'EVALUATED', 'ARCHIVED'"
PLACE_KEY = "regexp_replace(lower(normalize(location, NFKC)), '\\s', '', 'g')"


def filled(table: str, assignment: str) -> list[str]:
    """Every tenant's rows get a value: done by the owner, to whom no policy applies meanwhile."""
    return [
        f"alter table {table} no force row level security",
        f"update {table} set {assignment}",
        f"alter table {table} force row level security",
    ]


class Migration(BaseMigration):
    dependencies = [("cases", "0001_initial")]
    operations = [
        Sql(
            [
                "alter table cases"
                " add column longitude double precision,"
                " add column latitude double precision,"
                " add column place_key text not null default '',"
                " add column verify_first boolean not null default false,"
                " add column supervised_at timestamptz,"
                " add column supervision_reason text,"
                " add column supervision_due_at timestamptz,"
                " add check ((longitude is null) = (latitude is null)),"
                " add check (longitude between -180 and 180 and latitude between -90 and 90),"
                " add check (supervised = (supervised_at is not null))",
                *filled("cases", f"place_key = {PLACE_KEY}"),
                "create index cases_near on cases (tenant_id, category_id, latitude, id)"
                f" where latitude is not null and state not in ({SETTLED})",
                "create index cases_same_place on cases (tenant_id, category_id, place_key)"
                f" where state not in ({SETTLED})",
                "create index cases_supervised on cases (tenant_id, created_at, id)"
                " where supervised",
                "create index cases_to_resume on cases (tenant_id, review_at)"
                " where state = 'SUSPENDED'",
                "create index cases_to_finish on cases (tenant_id, step_due_at)"
                " where state in ('EVALUATING', 'EVALUATED')",
            ],
            [
                "drop index cases_near, cases_same_place, cases_supervised, cases_to_resume,"
                " cases_to_finish",
                "alter table cases drop column longitude, drop column latitude,"
                " drop column place_key, drop column verify_first, drop column supervised_at,"
                " drop column supervision_reason, drop column supervision_due_at",
            ],
        ),
        Sql(
            [
                "alter table case_events"
                ' add column current_path text collate "C",'
                " add column not_duplicate_of uuid[],"
                " add column answer_by timestamptz",
                *filled("case_events", "current_path = region_path"),
                "alter table case_events alter column current_path set not null",
                "create index case_events_current on case_events (tenant_id, current_path, at, id)",
            ],
            [
                "drop index case_events_current",
                "alter table case_events drop column current_path,"
                " drop column not_duplicate_of, drop column answer_by",
            ],
        ),
        # An event stays as it was written; only where its case lies today may follow the case.
        Rights("case_events", {"app_rw": "update (current_path)"}),
    ]
