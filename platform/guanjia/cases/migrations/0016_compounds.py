"""A case may lie in a compound: what leads from the case to who looks after the place."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Sql


class Migration(BaseMigration):
    dependencies = [("cases", "0015_outcomes_restored"), ("compounds", "0001_estates")]
    operations = [
        Sql(
            [
                "alter table cases add column compound_id uuid,"
                " add foreign key (tenant_id, compound_id) references compounds (tenant_id, id)",
                "create index cases_compound on cases (tenant_id, compound_id, created_at, id)"
                " where compound_id is not null",
            ],
            "alter table cases drop column compound_id",
        )
    ]
