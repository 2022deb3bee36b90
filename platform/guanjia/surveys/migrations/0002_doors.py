"""The way from door to door: targets are listed as one walks, not as their labels are spelt."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Sql
from guanjia.surveys.models import WAY

TABLES = ("survey_targets", "house_units", "buildings", "compounds")


def _walls(word: str) -> list[str]:
    """No policy applies to the owner meanwhile."""
    return [f"alter table {table} {word} row level security" for table in TABLES]


class Migration(BaseMigration):
    dependencies = [("surveys", "0001_surveys")]
    operations = [
        Sql(
            [
                "alter table survey_targets add column way text collate \"C\" not null default '1'",
                *_walls("no force"),
                f"update survey_targets t set way = {WAY} from house_units h join buildings b"
                " on b.tenant_id = h.tenant_id and b.id = h.building_id join compounds c"
                " on c.tenant_id = h.tenant_id and c.id = h.compound_id"
                " where h.tenant_id = t.tenant_id and h.id = t.house_unit_id",
                *_walls("force"),
                "create index on survey_targets (tenant_id, survey_id, way, id)",
                # What stood in the order of the labels is listed by the way from now on.
                "drop index survey_targets_tenant_id_survey_id_label_id_idx",
            ],
            [
                "create index survey_targets_tenant_id_survey_id_label_id_idx"
                " on survey_targets (tenant_id, survey_id, label, id)",
                "alter table survey_targets drop column way",
            ],
        ),
    ]
