"""When whoever leads is reminded to accept a case; clocks from before have no such moment."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Sql


class Migration(BaseMigration):
    dependencies = [("whistles", "0005_unwound")]
    operations = [
        Sql(
            ["alter table case_clocks add column unaccepted_at timestamptz"],
            ["alter table case_clocks drop column unaccepted_at"],
        ),
    ]
