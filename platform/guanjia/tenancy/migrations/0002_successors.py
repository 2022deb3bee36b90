"""What became of a region is found as fast as what it came from."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Sql


class Migration(BaseMigration):
    dependencies = [("tenancy", "0001_initial")]
    operations = [
        Sql(
            "create index region_predecessors_of"
            " on region_predecessors (tenant_id, predecessor_id)",
            "drop index region_predecessors_of",
        ),
    ]
