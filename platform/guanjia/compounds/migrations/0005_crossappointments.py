"""Who of one organisation works in another, and who is whose near relative."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.compounds.models.crossappointments import CrossKind, CrossPost, KinshipKind
from guanjia.db.tables import Reference, TenantTable, one_of

VERSION = "version integer not null default 1"
IN_ORDER = "valid_to is null or valid_to >= valid_from"


class Migration(BaseMigration):
    dependencies = [("compounds", "0004_lists")]
    operations = [
        TenantTable(
            "cross_appointments",
            [
                "person_id uuid not null",
                "kind text not null",
                "post text not null",
                "from_party_id uuid",
                "from_organisation_id uuid",
                "to_party_id uuid",
                "to_organisation_id uuid",
                "compound_id uuid",
                "region_id uuid not null",
                'region_path text collate "C" not null',
                'street_path text collate "C" generated always as (left(region_path, 10)) stored',
                'community_path text collate "C"'
                " generated always as (left(region_path, 15)) stored",
                "valid_from date not null",
                "valid_to date",
                VERSION,
            ],
            references=[
                Reference("person_id", "persons"),
                Reference("from_party_id", "party_organisations"),
                Reference("from_organisation_id", "organisations"),
                Reference("to_party_id", "party_organisations"),
                Reference("to_organisation_id", "organisations"),
                Reference("compound_id", "compounds"),
                Reference("region_id", "regions"),
            ],
            indexes=[
                "person_id",
                "region_path, valid_from, id",
                "valid_from, id",
                "compound_id",
                "from_party_id",
                "from_organisation_id",
                "to_party_id",
                "to_organisation_id",
            ],
            checks=[
                one_of("kind", tuple(CrossKind)),
                one_of("post", tuple(CrossPost)),
                "num_nonnulls(from_party_id, from_organisation_id) = 1",
                "num_nonnulls(to_party_id, to_organisation_id) = 1",
                IN_ORDER,
            ],
        ),
        TenantTable(
            "kinships",
            [
                "person_id uuid not null",
                "relative_id uuid not null",
                "kind text not null",
                "valid_from date",
                "valid_to date",
                "until date not null"
                " generated always as (coalesce(valid_to, 'infinity'::date)) stored",
                "withdrawal_reason text",
                VERSION,
            ],
            references=[Reference("person_id", "persons"), Reference("relative_id", "persons")],
            unique=["person_id, relative_id, until"],
            indexes=["relative_id"],
            checks=[
                one_of("kind", tuple(KinshipKind)),
                "person_id <> relative_id",
                IN_ORDER,
                "(valid_to is null) = (withdrawal_reason is null)",
            ],
        ),
    ]
