"""What regions were called: a reporting day has the names of that day."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Reference, TenantTable

LASTING = {"app_ro": "select", "auditor": "select"}


class Migration(BaseMigration):
    dependencies = [("tenancy", "0002_successors")]
    operations = [
        TenantTable(
            "region_former_names",
            [
                "region_id uuid not null",
                'region_path text collate "C" not null',
                "name text not null",
                "valid_to date not null",
            ],
            references=[Reference("region_id", "regions")],
            unique=["region_id, valid_to"],
            grants={"app_rw": "select, insert", **LASTING},
        ),
    ]
