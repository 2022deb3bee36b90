"""Compounds, buildings and which grid covers them, homes."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.compounds.models.estates import ManagementMode
from guanjia.db.tables import Reference, Sql, TenantTable, one_of

PLACE = 'region_path text collate "C" not null'
LEVELS = (
    'street_path text collate "C" generated always as (left(region_path, 10)) stored',
    'community_path text collate "C" generated always as (left(region_path, 15)) stored',
)


class Migration(BaseMigration):
    dependencies = [("access", "0001_initial")]
    operations = [
        # Trusted: the owner of the database may create it. For "at most one at a time".
        Sql("create extension if not exists btree_gist", "drop extension btree_gist"),
        TenantTable(
            "compounds",
            [
                "name text not null",
                "region_id uuid not null",
                PLACE,
                *LEVELS,
                "address text not null default ''",
                "management_mode text not null",
                "household_count integer",
                "area_m2 integer",
                "boundary json",
                "west double precision",
                "south double precision",
                "east double precision",
                "north double precision",
                "search_text text not null",
                "active boolean not null default true",
                "created_at timestamptz not null default now()",
                "version integer not null default 1",
            ],
            references=[Reference("region_id", "regions")],
            unique=["region_id, name where active"],
            indexes=["region_path, name, id", "name, id"],
            checks=[
                one_of("management_mode", tuple(ManagementMode)),
                "household_count >= 0",
                "area_m2 > 0",
            ],
        ),
        TenantTable(
            "compound_grams",
            ["gram text not null", "compound_id uuid not null"],
            primary_key=("gram", "compound_id"),
            references=[Reference("compound_id", "compounds")],
            indexes=["compound_id"],
            checks=["char_length(gram) = 2"],
        ),
        TenantTable(
            "buildings",
            [
                "compound_id uuid not null",
                "code text not null",
                "name text not null",
                "position integer not null",
                "region_id uuid not null",
                PLACE,
                *LEVELS,
                "floors integer",
                "active boolean not null default true",
                "version integer not null default 1",
            ],
            references=[Reference("compound_id", "compounds"), Reference("region_id", "regions")],
            unique=["code", "compound_id, name where active"],
            indexes=["compound_id, region_path", "compound_id, position, id", "region_path, id"],
            checks=["code ~ '^[0-9]{17}$'", "floors > 0"],
        ),
        TenantTable(
            "grid_buildings",
            [
                "building_id uuid not null",
                "grid_id uuid not null",
                "valid_from date not null",
                "valid_to date",
            ],
            references=[Reference("building_id", "buildings"), Reference("grid_id", "regions")],
            indexes=["grid_id, building_id"],
            checks=["valid_to is null or valid_to > valid_from"],
            exclusions=["building_id with =, daterange(valid_from, valid_to) with &&"],
        ),
        TenantTable(
            "house_units",
            [
                "building_id uuid not null",
                "compound_id uuid not null",
                PLACE,
                *LEVELS,
                "unit text not null",
                "floor integer not null",
                "room text not null",
                "label text not null",
                "estate_code text",
                "area_dm2 integer",
                "valid_from date not null",
                "valid_to date",
                "version integer not null default 1",
            ],
            references=[
                Reference("building_id", "buildings"),
                Reference("compound_id", "compounds"),
            ],
            indexes=[
                "building_id, unit, floor, room, id",
                "compound_id, label, id",
                "region_path, id",
            ],
            checks=[
                "unit ~ '^[0-9]{2}$'",
                "estate_code ~ '^[0-9A-Z]{28}$'",
                "area_dm2 > 0",
                "valid_to is null or valid_to > valid_from",
            ],
            # The natural key of a home is unique on every day, not for ever: homes are merged,
            # split and numbered anew.
            exclusions=[
                "building_id with =, unit with =, floor with =, room with =,"
                " daterange(valid_from, valid_to) with &&"
            ],
        ),
    ]
