"""The tables that a list of homes and residents fills are left unmeasured while they are small."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import UnmeasuredWhileSmall

TABLES = ("persons", "person_documents", "person_phones", "person_grams")


class Migration(BaseMigration):
    dependencies = [("people", "0001_initial")]
    operations = [UnmeasuredWhileSmall(*TABLES)]
