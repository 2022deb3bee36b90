"""The queue: one row for each thing that is due in a tenant."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import TenantTable, one_of
from guanjia.jobs.models import JobState


class Migration(BaseMigration):
    operations = [
        TenantTable(
            "jobs",
            [
                "kind text not null",
                # As the kind called it then: the row outlives the kind.
                "title text not null",
                "subject_id uuid not null",
                "due_at timestamptz not null",
                "run_at timestamptz not null",
                "state text not null default 'WAITING'",
                "attempts integer not null default 0",
                "listed_at timestamptz not null",
                "started_at timestamptz",
                "finished_at timestamptz",
                "error_code text",
                "error_message text",
            ],
            unique=["kind, subject_id, due_at"],
            indexes=[
                "run_at, id where state in ('WAITING', 'RUNNING')",
                "state, finished_at where state in ('DONE', 'DEAD')",
                "due_at, id",
            ],
            checks=[
                one_of("state", tuple(JobState)),
                "attempts >= 0",
                "(state in ('DONE', 'DEAD')) = (finished_at is not null)",
            ],
        ),
    ]
