"""Whatever happened to what figures count of a case, its next event finds it: rows that are missing
are made anew from the timeline, which nothing takes away and whose first event says all they need.
Else such a case would refuse every step, also those that are due by themselves.
"""

from importlib import import_module

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Sql

_before = import_module("guanjia.cases.migrations.0008_outcomes")
RESTORED = """
create function restored_case_outcome(t uuid, c uuid, before integer) returns case_outcomes
language plpgsql set search_path = public as $$
declare o case_outcomes;
begin
  select * into o from case_outcomes
    where tenant_id = t and case_id = c and until = 'infinity';
  if o.case_id is null and before > 1 then
    perform case_outcome_follows(e), case_outcome_handled(e) from (select * from case_events
      where tenant_id = t and case_id = c and seq < before order by seq) e;
    select * into o from case_outcomes
      where tenant_id = t and case_id = c and until = 'infinity';
  end if;
  return o;
end $$
"""
FOLLOWS = """
  select * into o from case_outcomes
    where tenant_id = e.tenant_id and case_id = e.case_id and until = 'infinity';
"""
MOVED = """
  select * into strict o from case_outcomes
    where tenant_id = c.tenant_id and case_id = c.id and until = 'infinity';
"""


def _again(function: str, old: str = "", new: str = "") -> str:
    assert old in function
    return function.replace("create function", "create or replace function").replace(old, new)


class Migration(BaseMigration):
    dependencies = [("cases", "0014_tallies")]
    operations = [
        Sql(
            [
                RESTORED,
                _again(
                    _before.FOLLOWS,
                    FOLLOWS,
                    "\n  o := restored_case_outcome(e.tenant_id, e.case_id, e.seq);\n",
                ),
                _again(
                    _before.MOVED,
                    MOVED,
                    "\n  o := restored_case_outcome(c.tenant_id, c.id, 2147483647);\n",
                ),
            ],
            [
                _again(_before.FOLLOWS),
                _again(_before.MOVED),
                "drop function restored_case_outcome(uuid, uuid, integer)",
            ],
        )
    ]
