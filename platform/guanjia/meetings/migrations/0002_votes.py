"""Owners' votes and household polls; a ballot that was cast cannot be changed, nor late."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Reference, Sql, TenantTable, one_of
from guanjia.meetings.models.votes import Choice, VoteState
from guanjia.meetings.rules import Majority

BALLOTS = (("owners_ballots", "owners_votes"), ("household_ballots", "household_polls"))
FROZEN_BALLOT = """
create function frozen_ballot() returns trigger language plpgsql set search_path = public as $$
declare
  open boolean;
begin
  if to_jsonb(new) - '{person_id,owner_key}'::text[]
       is not distinct from to_jsonb(old) - '{person_id,owner_key}'::text[] then
    return new;
  end if;
  execute format('select state = ''OPEN'' from %I where tenant_id = $1 and id = $2 for share',
    tg_argv[0]) into open using old.tenant_id, old.vote_id;
  if old.choice is not null or not open
     or (new.vote_id, new.house_unit_id) <> (old.vote_id, old.house_unit_id) then
    raise exception 'the ballot of home % is cast or its vote is closed', old.house_unit_id
      using errcode = '23514';
  end if;
  return new;
end $$
"""
KEPT = {"app_rw": "select, insert, update", "app_ro": "select", "auditor": "select"}
BODY = [Reference("compound_id", "compounds"), Reference("region_id", "regions")]
ASKED = [
    "compound_id uuid not null",
    "region_id uuid not null",
    'region_path text collate "C" not null',
    "title text not null",
    "question text not null",
    "announced_at timestamptz not null",
    "opens_at timestamptz not null",
    "closes_at timestamptz not null",
    "state text not null",
    "version integer not null default 1",
]
CAST = [
    "vote_id uuid not null",
    "house_unit_id uuid not null",
    "choice text",
    "person_id uuid",
    "on_paper boolean",
    "recorded_by uuid",
    "cast_at timestamptz",
]
IN_TIME = ["opens_at >= announced_at", "closes_at > opens_at", "title <> ''", "question <> ''"]


def _roll(table: str, vote: str, columns: list[str]) -> TenantTable:
    return TenantTable(
        table,
        [*CAST, *columns],
        primary_key=("vote_id", "house_unit_id"),
        references=[
            Reference("vote_id", vote),
            Reference("house_unit_id", "house_units"),
            Reference("person_id", "persons"),
            Reference("recorded_by", "memberships"),
        ],
        checks=[
            one_of("choice", tuple(Choice), nullable=True),
            "num_nonnulls(choice, person_id, on_paper, recorded_by, cast_at) in (0, 5)",
        ],
        grants=KEPT,
    )


class Migration(BaseMigration):
    dependencies = [("meetings", "0001_meetings")]
    operations = [
        TenantTable(
            "owners_votes",
            [
                *ASKED,
                "resolution_id uuid",
                "matter text not null",
                "majority text not null",
                "total_area_dm2 bigint not null",
                "total_owners integer not null",
                "participating_area_dm2 bigint",
                "participating_owners integer",
                "for_area_dm2 bigint",
                "for_owners integer",
                "valid boolean",
                "adopted boolean",
            ],
            references=[*BODY, Reference("resolution_id", "resolutions")],
            unique=["resolution_id where resolution_id is not null"],
            indexes=["opens_at, id", "compound_id", "region_id"],
            checks=[
                one_of("state", tuple(VoteState)),
                one_of("majority", tuple(Majority)),
                *IN_TIME,
                "num_nonnulls(participating_area_dm2, participating_owners, for_area_dm2,"
                " for_owners, valid, adopted) = case state when 'CLOSED' then 6 else 0 end",
                "not adopted or valid",
            ],
            grants=KEPT,
        ),
        _roll("owners_ballots", "owners_votes",
              ["owner_key uuid not null", "area_dm2 integer not null"]),
        TenantTable(
            "household_polls",
            [
                *ASKED,
                "homes integer not null",
                "answered integer",
                "in_favour integer",
                "against integer",
            ],
            references=BODY,
            indexes=["opens_at, id", "compound_id", "region_id"],
            checks=[
                one_of("state", tuple(VoteState)),
                *IN_TIME,
                "num_nonnulls(answered, in_favour, against)"
                " = case state when 'CLOSED' then 3 else 0 end",
            ],
            grants=KEPT,
        ),
        _roll("household_ballots", "household_polls", []),
        Sql(
            [
                FROZEN_BALLOT,
                *(
                    f"create trigger frozen_ballot before update on {table}"
                    f" for each row execute function frozen_ballot('{vote}')"
                    for table, vote in BALLOTS
                ),
            ],
            "drop function frozen_ballot cascade",
        ),
    ]  # fmt: skip
