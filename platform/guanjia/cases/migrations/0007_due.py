"""What is due is found without looking at cases that are over: they are most of the table."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Sql


class Migration(BaseMigration):
    dependencies = [("cases", "0006_timeline")]
    operations = [
        Sql(
            [
                "create index cases_review_due on cases (tenant_id, review_at)"
                " where state = 'SUSPENDED'",
                "create index cases_survey_due on cases (tenant_id, step_due_at)"
                " where state = 'EVALUATING'",
                "create index cases_archive_due on cases (tenant_id, step_due_at)"
                " where state = 'EVALUATED'",
            ],
            [
                "drop index cases_review_due",
                "drop index cases_survey_due",
                "drop index cases_archive_due",
            ],
        )
    ]
