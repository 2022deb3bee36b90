"""A resident's own events in order of time: without this index every event is looked at."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Sql

INDEX = "case_events_tenant_id_reporter_id_at_id_idx"


class Migration(BaseMigration):
    dependencies = [("cases", "0002_places")]
    operations = [
        Sql(
            f"create index {INDEX} on case_events (tenant_id, reporter_id, at, id)",
            f"drop index {INDEX}",
        )
    ]
