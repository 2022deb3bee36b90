"""When a vote was counted: those whom it concerns are told then. Of votes that were counted before
it is not known."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Sql

TABLES = ("owners_votes", "household_polls")


class Migration(BaseMigration):
    dependencies = [("meetings", "0004_against")]
    operations = [
        Sql(
            [
                f"alter table {table} add column closed_at timestamptz,"
                " add check (closed_at is null or state = 'CLOSED')"
                for table in TABLES
            ],
            [f"alter table {table} drop column closed_at" for table in TABLES],
        ),
    ]
