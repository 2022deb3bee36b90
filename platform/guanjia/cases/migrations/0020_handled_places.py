"""The times of a year are read place by place too: a street reads its own, not the district's."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Sql

INDEX = "case_outcomes_handled_places"


class Migration(BaseMigration):
    dependencies = [("cases", "0019_salt")]
    operations = [
        Sql(
            f"create index {INDEX} on case_outcomes (tenant_id, region_path, handled_at)"
            " include (since, until, handler_id, handling_minutes) where handled_at is not null",
            f"drop index {INDEX}",
        ),
    ]
