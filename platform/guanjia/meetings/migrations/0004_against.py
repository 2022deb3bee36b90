"""Of an owners' vote what is against and what abstains are told apart.

An owner of several homes is against when all of their ballots are, and abstains when they differ;
area counts by ballot. Votes that were counted before are counted once more for it.
"""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Sql

TABLES = ("owners_votes", "owners_ballots")
COUNTED = """
update owners_votes v set against_area_dm2 = c.area, against_owners = c.owners from (
  select tenant_id, vote_id, coalesce(sum(area), 0) as area, count(*) filter (where agree) as owners
  from (select tenant_id, vote_id, sum(area_dm2) filter (where choice = 'AGAINST') as area,
      bool_and(choice = 'AGAINST') as agree from owners_ballots where choice is not null
    group by tenant_id, vote_id, owner_key) o group by tenant_id, vote_id) c
where v.tenant_id = c.tenant_id and v.id = c.vote_id and v.state = 'CLOSED'
"""


def _walls(word: str) -> list[str]:
    return [f"alter table {table} {word} row level security" for table in TABLES]


class Migration(BaseMigration):
    dependencies = [("meetings", "0003_feeds")]
    operations = [
        Sql(
            [
                "alter table owners_votes add column against_area_dm2 bigint,"
                " add column against_owners integer",
                *_walls("no force"),
                COUNTED,
                "update owners_votes set against_area_dm2 = 0, against_owners = 0"
                " where state = 'CLOSED' and against_owners is null",
                *_walls("force"),
                "alter table owners_votes"
                " add check (num_nonnulls(against_area_dm2, against_owners)"
                " = case state when 'CLOSED' then 2 else 0 end),"
                " add check (for_area_dm2 + against_area_dm2 <= participating_area_dm2),"
                " add check (for_owners + against_owners <= participating_owners)",
            ],
            "alter table owners_votes drop column against_area_dm2, drop column against_owners",
        ),
    ]
