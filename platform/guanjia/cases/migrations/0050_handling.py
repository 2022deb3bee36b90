"""How long work took: each feedback says it in minutes of working time, because only the program
knows the tenant's calendar, and the facts that figures count carry the latest one. Feedback of
before said nothing of it and is not counted."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Sql

HANDLED = """
create function case_outcome_handled(e case_events) returns void
language plpgsql set search_path = public as $$
declare o case_outcomes; n case_outcomes;
begin
  if e.handling_minutes is null then return; end if;
  select * into strict o from case_outcomes
    where tenant_id = e.tenant_id and case_id = e.case_id and until = 'infinity';
  n := o;
  n.handled_at := e.at; n.handling_minutes := e.handling_minutes;
  if o.handled_at is null then
    update case_outcomes set handled_at = n.handled_at, handling_minutes = n.handling_minutes
      where tenant_id = n.tenant_id and case_id = n.case_id and until = 'infinity';
  else
    perform open_case_outcome(o, n, e.at);
  end if;
end $$
"""
TRIGGER = """
create or replace function case_outcome_of_event() returns trigger
language plpgsql set search_path = public as $$
begin
  perform case_outcome_follows(new);
  perform case_outcome_handled(new);
  return null;
end $$
"""
BEFORE = """
create or replace function case_outcome_of_event() returns trigger
language plpgsql set search_path = public as $$
begin perform case_outcome_follows(new); return null; end $$
"""
MINUTES = "check (handling_minutes >= 0)"


class Migration(BaseMigration):
    dependencies = [("cases", "0010_parts")]
    operations = [
        Sql(
            [
                f"alter table case_events add column handling_minutes integer {MINUTES}",
                "alter table case_outcomes add column handled_at timestamptz,"
                f" add column handling_minutes integer {MINUTES},"
                " add check ((handled_at is null) = (handling_minutes is null))",
                # Of this index alone the times of a year are read: the table would be too wide.
                "create index on case_outcomes (tenant_id, handled_at, region_path)"
                " include (since, until, handler_id, handling_minutes)"
                " where handled_at is not null",
                HANDLED,
                TRIGGER,
            ],
            [
                BEFORE,
                "drop function case_outcome_handled(case_events)",
                "alter table case_outcomes drop column handled_at, drop column handling_minutes",
                "alter table case_events drop column handling_minutes",
            ],
        ),
    ]
