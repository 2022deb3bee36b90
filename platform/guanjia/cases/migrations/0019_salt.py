"""What a household said is one of three: the hash of its event, which is shown, must not tell it.
Events of answers carry from now on what nobody knows and nothing shows."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Sql


class Migration(BaseMigration):
    dependencies = [("cases", "0018_affected")]
    operations = [
        Sql(
            "alter table case_events add column salt text",
            "alter table case_events drop column salt",
        )
    ]
