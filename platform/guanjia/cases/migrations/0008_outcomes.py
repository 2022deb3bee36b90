"""What figures count, kept by each event in its own transaction: for every case the facts as they
were known at any moment. Replaying a district's events for each board would take seconds.

A row holds from `since` (exclusive) to `until` (inclusive). Times that are set once and stay are
written into the row that is open, because whoever asks for an earlier moment sees that they lie
after it; what can change in another way closes the row and opens the next.
"""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Reference, Sql, TenantTable
from guanjia.surveys.models import Satisfaction

NOT_AGAINST = f"'{Satisfaction.SATISFIED}', '{Satisfaction.PARTLY}'"
ONCE = {
    "reported_at": "e.action in ('report_case', 'submit_case')",
    "filed_at": "e.action = 'file_case'",
    "dispatched_at": "e.action = 'dispatch_case'",
    "returned_at": "e.action = 'return_case'",
    "extended_at": "e.action = 'approve_extension'",
    "suspended_at": "e.action = 'approve_suspension'",
    "checking_at": "e.action = 'send_to_check'",
    "reworked_at": "e.action in ('fail_check', 'reopen_case')",
    "voided_at": "e.action = 'void_case'",
}
MOMENTS = ("reported_at", "due_at", "dispatched_at", "checking_at", "evaluated_at")
TURNS = ("region_path", "category_id", "handler_id", "due_at", "first_due_at", "held")
STAYING = (*ONCE, "closed_at", "evaluated_at", "answers", "satisfied")
OPENED = """
create function open_case_outcome(o case_outcomes, n case_outcomes, at timestamptz) returns void
language plpgsql set search_path = public as $$
begin
  n.seq := coalesce(o.seq, 0) + 1; n.since := greatest(o.since, at); n.until := 'infinity';
  update case_outcomes set until = n.since
    where tenant_id = n.tenant_id and case_id = n.case_id and until = 'infinity';
  insert into case_outcomes select n.*;
end $$
"""
MOVED = """
create function move_case_outcome(c cases) returns void
language plpgsql set search_path = public as $$
declare o case_outcomes; n case_outcomes;
begin
  select * into strict o from case_outcomes
    where tenant_id = c.tenant_id and case_id = c.id and until = 'infinity';
  n := o;
  n.region_path := c.region_path;
  perform open_case_outcome(o, n, now());
end $$
"""
FOLLOWS = f"""
create function case_outcome_follows(e case_events) returns void
language plpgsql set search_path = public as $$
declare o case_outcomes; n case_outcomes;
begin
  select * into o from case_outcomes
    where tenant_id = e.tenant_id and case_id = e.case_id and until = 'infinity';
  n := o;
  n.tenant_id := e.tenant_id; n.case_id := e.case_id;
  n.region_path := e.current_path; n.reporter_id := e.reporter_id;
  n.due_at := e.due_at; n.first_due_at := e.first_due_at; n.held := e.to_state = 'SUSPENDED';
  if e.category_id is not null then n.category_id := e.category_id; end if;
  if e.action = 'dispatch_case' or e.action in ('rule_return', 'rule_repeated_return')
      and e.accepted then
    n.handler_id := e.organisation_id;
  end if;
  {
    "".join(
        f'''if {said} then n.{column} := coalesce(n.{column}, e.at); end if;
  '''
        for column, said in ONCE.items()
    ).rstrip()
}
  if e.action = 'close_case' then n.closed_at := e.at; end if;
  if e.action = 'finish_evaluation' then n.evaluated_at := e.at; end if;
  if o.case_id is null or e.action = 'open_survey' then n.answers := 0; n.satisfied := 0; end if;
  if e.action in ('evaluate_case', 'collect_evaluation') then
    n.answers := n.answers + 1;
    if e.choice in ({NOT_AGAINST}) then n.satisfied := n.satisfied + 1; end if;
  end if;
  if e.action = 'reopen_case' then n.closed_at := null; n.evaluated_at := null; end if;
  if n is not distinct from o then return; end if;
  if o.case_id is null or e.action = 'reopen_case' or ({", ".join(f"n.{c}" for c in TURNS)})
      is distinct from ({", ".join(f"o.{c}" for c in TURNS)}) then
    perform open_case_outcome(o, n, e.at);
  else
    update case_outcomes set
        ({", ".join(STAYING)}) = row({", ".join(f"n.{c}" for c in STAYING)})
      where tenant_id = n.tenant_id and case_id = n.case_id and until = 'infinity';
  end if;
end $$
"""
TRIGGER = """
create function case_outcome_of_event() returns trigger
language plpgsql set search_path = public as $$
begin perform case_outcome_follows(new); return null; end $$
"""
TABLES = ("case_events", "case_outcomes", "cases")


def _walls(word: str) -> list[str]:
    return [f"alter table {table} {word} row level security" for table in TABLES]


class Migration(BaseMigration):
    dependencies = [("cases", "0007_due")]
    operations = [
        TenantTable(
            "case_outcomes",
            [
                "case_id uuid not null",
                "seq integer not null",
                "since timestamptz not null",
                "until timestamptz not null default 'infinity'",
                'region_path text collate "C" not null',
                "reporter_id uuid not null",
                "category_id uuid not null",
                "handler_id uuid",
                "due_at timestamptz",
                "first_due_at timestamptz",
                "held boolean not null",
                *(f"{column} timestamptz" for column in ONCE),
                "closed_at timestamptz",
                "evaluated_at timestamptz",
                "answers integer not null default 0",
                "satisfied integer not null default 0",
            ],
            primary_key=("case_id", "seq"),
            references=[
                Reference("case_id", "cases"),
                Reference("handler_id", "organisations"),
                Reference("category_id", "case_categories"),
            ],
            unique=["case_id where until = 'infinity'"],
            indexes=[f"{moment}, region_path where {moment} is not null" for moment in MOMENTS],
            checks=["since <= until", "satisfied between 0 and answers"],
        ),
        Sql(
            [
                OPENED,
                MOVED,
                FOLLOWS,
                TRIGGER,
                # What happened so far: no policy applies to the owner meanwhile.
                *_walls("no force"),
                "select case_outcome_follows(e) from"
                " (select * from case_events order by tenant_id, case_id, seq) e",
                *_walls("force"),
                "create trigger case_outcome_of_event after insert on case_events"
                " for each row execute function case_outcome_of_event()",
            ],
            [
                "drop trigger case_outcome_of_event on case_events",
                "drop function case_outcome_of_event()",
                "drop function case_outcome_follows(case_events)",
                "drop function move_case_outcome(cases)",
                "drop function open_case_outcome(case_outcomes, case_outcomes, timestamptz)",
            ],
        ),
    ]
