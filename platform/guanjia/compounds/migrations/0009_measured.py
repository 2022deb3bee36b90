"""The tables that a list of homes and residents fills are left unmeasured while they are small."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import UnmeasuredWhileSmall

TABLES = ("house_units", "house_bindings", "vote_holdings")


class Migration(BaseMigration):
    dependencies = [("compounds", "0008_states")]
    operations = [UnmeasuredWhileSmall(*TABLES)]
