"""Where a collector stood may be forgotten; an answer itself stays as it was given."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Rights, Sql


class Migration(BaseMigration):
    dependencies = [("surveys", "0002_doors")]
    operations = [
        Sql(
            "create index survey_answers_points on survey_answers (tenant_id, answered_at)"
            " where longitude is not null",
            "drop index survey_answers_points",
        ),
        Rights("survey_answers", {"app_rw": "update (longitude, latitude)"}),
    ]
