"""Where a home lies follows from its compound. The planner is told: taken for independent, the few
homes it expects are gathered and sorted, where an index has them in order."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Sql

PLACES = "tenant_id, compound_id, building_id, street_path, community_path, region_path"


class Migration(BaseMigration):
    dependencies = [("compounds", "0006_butlers")]
    operations = [
        Sql(
            f"create statistics house_units_places (dependencies) on {PLACES} from house_units",
            "drop statistics house_units_places",
        )
    ]
