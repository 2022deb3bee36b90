"""What a case is about can be counted: a kind of thing, and how many of it."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Sql


class Migration(BaseMigration):
    dependencies = [("cases", "0016_compounds")]
    operations = [
        Sql(
            "alter table cases add column component text, add column component_count integer,"
            " add check ((component is null) = (component_count is null)),"
            " add check (component_count > 0)",
            "alter table cases drop column component, drop column component_count",
        )
    ]
