"""Routing: which organisation leads and which assist, for a category in a region, from a day to a
day. A row is never rewritten: it ends, and another begins."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.cases.reasons import AssignmentRole, Level
from guanjia.cases.routing import Basis, PartyKind
from guanjia.db.tables import Reference, TenantTable, one_of

# Of two leads only one can be meant; assistants are as many as there are organisations.
SLOT = "case when role = 'LEAD' then '' else coalesce(organisation_id::text, party_kind) end"


class Migration(BaseMigration):
    dependencies = [("cases", "0008_outcomes"), ("compounds", "0001_estates")]
    operations = [
        TenantTable(
            "case_routings",
            [
                "category_id uuid not null",
                "region_id uuid not null",
                'region_path text collate "C" not null',
                "basis text not null",
                "role text not null",
                "level text",
                "organisation_id uuid",
                "party_kind text",
                "valid_from date",
                "valid_until date",
                "source text not null",
                "reason text",
                "created_at timestamptz not null",
                "version integer not null default 1",
                f"slot text generated always as ({SLOT}) stored",
                "any_level text generated always as (coalesce(level, '')) stored",
            ],
            references=[
                Reference("category_id", "case_categories"),
                Reference("region_id", "regions"),
                Reference("organisation_id", "organisations"),
            ],
            indexes=["category_id, region_path", "organisation_id", "created_at, id"],
            checks=[
                one_of("basis", tuple(Basis)),
                one_of("role", tuple(AssignmentRole)),
                one_of("level", tuple(Level), nullable=True),
                one_of("party_kind", tuple(PartyKind), nullable=True),
                "(organisation_id is null) <> (party_kind is null)",
                # Equal: taken back before it began.
                "valid_until >= valid_from",
            ],
            exclusions=[
                "category_id with =, region_id with =, basis with =, role with =,"
                " any_level with =, slot with =, daterange(valid_from, valid_until) with &&"
            ],
        ),
    ]
