"""What figures count, summed up by month, community and handler: a board of a year reads hundreds
of rows for half a million.

Every change of `case_outcomes` adds, in its own transaction, what it changes in the sums and the
moment from which on that is known. Nothing is updated in place, so that no two events wait for each
other. Rows of months that are over are folded into one from time to time; the sums stay the same.
A folded row is known from the start of its month: right for any moment at the start of a month.
"""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Reference, Sql, TenantTable

KNOWN = (
    "filed_at", "closed_at", "voided_at", "reworked_at", "returned_at", "extended_at",
    "suspended_at",
)  # fmt: skip
"""The times from which on a row counts otherwise than before."""
MOMENTS = ("reported_at", "due_at", "dispatched_at", "checking_at", "evaluated_at", "handled_at")
SUMS = ("d", "n1", "n2", "n3")


def _said(column: str) -> str:
    return f"coalesce(r.{column} <= a.t, false)"


_DUE = f"({_said('filed_at')} and not r.held and not {_said('voided_at')})::int"
_VALUES = f"""
    ('reported_at', r.reported_at, 1, {_said("filed_at")}::int, 0, 0),
    ('due_at', r.due_at, {_DUE}, {_DUE} * {_said("closed_at")}::int,
      {_DUE} * ({_said("closed_at")} and coalesce(r.closed_at <= r.first_due_at, false))::int, 0),
    ('dispatched_at', r.dispatched_at, 1, {_said("returned_at")}::int, {_said("extended_at")}::int,
      {_said("suspended_at")}::int),
    ('checking_at', r.checking_at, 1, {_said("reworked_at")}::int, 0, 0),
    ('evaluated_at', r.evaluated_at, r.answers, r.satisfied, 0, 0),
    ('handled_at', r.handled_at, 1, r.handling_minutes, 0, 0)
"""
TALLIES_OF = f"""
create function case_tallies_of(r case_outcomes) returns table (moment text, month date,
  known timestamptz, d bigint, n1 bigint, n2 bigint, n3 bigint)
language sql immutable as $$
  select s.moment, date_trunc('month', s.at at time zone 'Asia/Shanghai')::date, s.t,
    {", ".join(f"s.{name} - lag(s.{name}, 1, 0::bigint) over w" for name in SUMS)}
  from (select m.moment, m.at, a.t,
      {
    ", ".join(
        f"case when a.t < r.until then m.{name} else 0 end::bigint as {name}" for name in SUMS
    )
}
    from (select r.since as t
      union select x from unnest(array[{", ".join(f"r.{c}" for c in KNOWN)}]) x
        where x > r.since and x < r.until
      union select r.until where r.until < 'infinity') a
    cross join lateral (values {_VALUES.strip()}) m(moment, at, d, n1, n2, n3)
    where m.at is not null) s
  window w as (partition by s.moment order by s.t)
$$
"""
_KEY = "moment, month, known, region_path, handler_id"
_SUMMED = ", ".join(f"sum({name})" for name in SUMS)
_ANY = " or ".join(f"sum({name}) <> 0" for name in SUMS)
_SIGNED = ", ".join(f"{{sign}} * t.{name} as {name}" for name in SUMS)
_PART = (
    f"select t.moment, t.month, t.known, left({{row}}.region_path, 15) as region_path,"
    f" {{row}}.handler_id, {_SIGNED} from case_tallies_of({{row}}) t where tg_op <> '{{without}}'"
)
FOLLOW = f"""
create function case_tallies_follow() returns trigger
language plpgsql set search_path = public as $$
begin
  insert into case_tallies (tenant_id, id, {_KEY}, {", ".join(SUMS)})
  select coalesce(new.tenant_id, old.tenant_id), gen_random_uuid(), {_KEY}, {_SUMMED}
  from ({_PART.format(sign="1", row="new", without="DELETE")}
    union all {_PART.format(sign="-1", row="old", without="INSERT")}) changed
  group by {_KEY} having {_ANY};
  return null;
end $$
"""
_MONTH = "date_trunc('month', t.known at time zone 'Asia/Shanghai') at time zone 'Asia/Shanghai'"
RECOUNTED = f"""
create function recounted_case_tallies(tenant uuid, before timestamptz)
returns setof case_tallies language sql stable set search_path = public as $$
  select r.tenant_id, gen_random_uuid(), t.moment, t.month,
    case when t.known < before then {_MONTH} else t.known end,
    left(r.region_path, 15), r.handler_id, {", ".join(f"sum(t.{name})" for name in SUMS)},
    t.known < before
  from case_outcomes r cross join lateral case_tallies_of(r) t
  where r.tenant_id = tenant group by 1, 3, 4, 5, 6, 7, t.known < before
  having {_ANY.replace("(", "(t.")}
$$
"""
FOLDED = f"""
create function fold_case_tallies(tenant uuid, before timestamptz) returns bigint
language sql set search_path = public as $$
  with fresh as (
    select distinct t.moment, t.month, {_MONTH} as known, t.region_path, t.handler_id
    from case_tallies t where t.tenant_id = tenant and not t.folded and t.known < before
  ), gone as (
    delete from case_tallies t using fresh f where t.tenant_id = tenant and t.month = f.month
      and t.moment = f.moment and t.region_path = f.region_path and t.known < before
      and {_MONTH} = f.known and t.handler_id is not distinct from f.handler_id
    returning t.moment, t.month, f.known, t.region_path, t.handler_id,
      {", ".join(f"t.{name}" for name in SUMS)}
  ), made as (
    insert into case_tallies (tenant_id, id, {_KEY}, {", ".join(SUMS)}, folded)
    select tenant, gen_random_uuid(), {_KEY}, {_SUMMED}, true from gone
    group by {_KEY} having {_ANY}
  )
  select count(*) from gone
$$
"""


def _walls(word: str) -> list[str]:
    return [
        f"alter table {table} {word} row level security"
        for table in ("case_outcomes", "case_tallies")
    ]


class Migration(BaseMigration):
    dependencies = [("cases", "0013_handling")]
    operations = [
        TenantTable(
            "case_tallies",
            [
                "moment text not null",
                "month date not null",
                "known timestamptz not null",
                'region_path text collate "C" not null',
                "handler_id uuid",
                *(f"{name} bigint not null" for name in SUMS),
                "folded boolean not null default false",
            ],
            references=[Reference("handler_id", "organisations")],
            indexes=["month, region_path", "known where not folded"],
            grants={"app_rw": "select, insert, delete", "app_ro": "select", "auditor": "select"},
        ),
        Sql(
            [
                TALLIES_OF,
                FOLLOW,
                RECOUNTED,
                FOLDED,
                # What happened so far: no policy applies to the owner meanwhile.
                *_walls("no force"),
                "insert into case_tallies select c.* from"
                " (select distinct tenant_id from case_outcomes) t"
                " cross join lateral recounted_case_tallies(t.tenant_id, '-infinity') c",
                *_walls("force"),
                "create trigger case_tallies_follow after insert or update or delete"
                " on case_outcomes for each row execute function case_tallies_follow()",
            ],
            [
                "drop trigger case_tallies_follow on case_outcomes",
                "drop function case_tallies_follow()",
                "drop function fold_case_tallies(uuid, timestamptz)",
                "drop function recounted_case_tallies(uuid, timestamptz)",
                "drop function case_tallies_of(case_outcomes)",
            ],
        ),
    ]
