"""How much each figure weighs in the score: dated, the tenant's own."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import TenantTable

IN_FORCE = "daterange(valid_from, valid_to) with &&"


class Migration(BaseMigration):
    dependencies = [("compounds", "0001_estates")]
    operations = [
        TenantTable(
            "score_weights",
            [
                "metric text not null",
                "percent integer not null",
                # What is better the lower it is.
                "complement boolean not null",
                # So many rows of the district's rate are added where there are few (domain 6.4).
                "prior integer not null",
                "valid_from date",
                "valid_to date",
                "source text not null",
            ],
            checks=["percent between 1 and 100", "prior between 0 and 1000"],
            exclusions=[f"metric with =, {IN_FORCE}"],
        ),
    ]
