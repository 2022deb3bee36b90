"""Resident households, the binding of persons to homes, who votes for a home, visit codes."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.compounds.models.bindings import BindingProof, BindingRelation, VoteCause
from guanjia.compounds.models.households import HouseholdRelation, Occupancy
from guanjia.db.tables import Reference, TenantTable, one_of

PLACE = (
    'region_path text collate "C" not null',
    'street_path text collate "C" generated always as (left(region_path, 10)) stored',
    'community_path text collate "C" generated always as (left(region_path, 15)) stored',
)
VALIDITY = (
    "valid_from date not null",
    "valid_to date",
    # A value where there is none, so that rows in force are compared like any others.
    "until date not null generated always as (coalesce(valid_to, 'infinity'::date)) stored",
)
ENDS_AFTER = "valid_to is null or valid_to >= valid_from"
HOME = Reference("house_unit_id", "house_units")
BUILDING = Reference("building_id", "buildings")
PERSON = Reference("person_id", "persons")


class Migration(BaseMigration):
    dependencies = [("compounds", "0001_estates"), ("people", "0001_initial")]
    operations = [
        TenantTable(
            "resident_households",
            [
                "house_unit_id uuid not null",
                "building_id uuid not null",
                *PLACE,
                "occupancy text not null",
                *VALIDITY,
                "version integer not null default 1",
            ],
            references=[HOME, BUILDING],
            indexes=["house_unit_id, valid_from, id", "building_id", "region_path, id"],
            checks=[one_of("occupancy", tuple(Occupancy)), ENDS_AFTER],
        ),
        TenantTable(
            "household_members",
            [
                "household_id uuid not null",
                "person_id uuid not null",
                "relation text not null",
                *VALIDITY,
            ],
            references=[Reference("household_id", "resident_households"), PERSON],
            unique=["household_id, person_id, until"],
            indexes=["person_id"],
            checks=[one_of("relation", tuple(HouseholdRelation)), ENDS_AFTER],
        ),
        TenantTable(
            "house_bindings",
            [
                "house_unit_id uuid not null",
                "building_id uuid not null",
                "compound_id uuid not null",
                "person_id uuid not null",
                *PLACE,
                "relation text not null",
                "proof text not null",
                "proven_by uuid not null",
                "proven_at timestamptz not null",
                *VALIDITY,
                "version integer not null default 1",
            ],
            references=[
                HOME,
                BUILDING,
                Reference("compound_id", "compounds"),
                PERSON,
                Reference("proven_by", "memberships"),
            ],
            unique=["house_unit_id, person_id, until"],
            indexes=[
                "person_id, valid_to",
                "building_id",
                "compound_id",
                "region_path, id",
                "house_unit_id, valid_from, id",
            ],
            checks=[
                one_of("relation", tuple(BindingRelation)),
                one_of("proof", tuple(BindingProof)),
                ENDS_AFTER,
            ],
        ),
        TenantTable(
            "vote_holdings",
            [
                "house_unit_id uuid not null",
                "person_id uuid not null",
                "cause text not null",
                "began_at timestamptz not null",
                "ended_at timestamptz",
                "recorded_by uuid not null",
            ],
            references=[HOME, PERSON, Reference("recorded_by", "memberships")],
            unique=["house_unit_id where ended_at is null"],
            indexes=["house_unit_id, began_at, id", "person_id"],
            checks=[one_of("cause", tuple(VoteCause)), "ended_at is null or ended_at >= began_at"],
        ),
        TenantTable(
            "visit_codes",
            [
                "house_unit_id uuid not null",
                "relation text not null",
                "code_hash bytea not null",
                "issued_by uuid not null",
                "issued_at timestamptz not null",
                "expires_at timestamptz not null",
                "ended_at timestamptz",
            ],
            references=[HOME, Reference("issued_by", "memberships")],
            unique=["code_hash", "house_unit_id, relation where ended_at is null"],
            checks=[one_of("relation", tuple(BindingRelation)), "expires_at > issued_at"],
        ),
        TenantTable(
            "visit_code_tries",
            [
                "membership_id uuid not null",
                "tries integer not null",
                "since timestamptz not null",
            ],
            primary_key=("membership_id",),
            references=[Reference("membership_id", "memberships")],
            checks=["tries > 0"],
        ),
    ]
