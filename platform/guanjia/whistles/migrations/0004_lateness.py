"""When it was told that somebody did not come in time: once for each whistle."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Sql


class Migration(BaseMigration):
    dependencies = [("whistles", "0003_outcomes")]
    operations = [
        Sql(
            [
                "alter table whistles add column late_at timestamptz",
                "create index whistles_attend_due on whistles (tenant_id, attend_by)"
                " where state = 'SOUNDED' and late_at is null",
            ],
            ["drop index whistles_attend_due", "alter table whistles drop column late_at"],
        ),
    ]
