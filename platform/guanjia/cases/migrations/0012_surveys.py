"""What households said of cases is kept by surveys alone: the answers there were move to them.

The homes of old answers are known by what the collector wrote, so their targets have no home.
"""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Dropped, Reference, Sql, TenantTable, one_of
from guanjia.surveys.models import Satisfaction

EVALUATIONS = TenantTable(
    "case_evaluations",
    [
        "case_id uuid not null",
        'region_path text collate "C" not null',
        "reporter_id uuid not null",
        "round integer not null",
        "respondent_id uuid",
        "household text",
        "collected_by uuid",
        "choice text not null",
        "comment text",
        "answered_at timestamptz not null",
    ],
    references=[Reference("case_id", "cases"), Reference("respondent_id", "memberships")],
    unique=[
        "case_id, round, respondent_id where respondent_id is not null",
        "case_id, round, household where household is not null",
    ],
    checks=[
        one_of("choice", tuple(Satisfaction)),
        "(respondent_id is null) <> (household is null)",
    ],
)
TABLES = (
    "cases", "case_events", "case_assignments", "case_categories", "surveys", "survey_targets",
    "survey_answers",
)  # fmt: skip
OPENED = """
insert into surveys (tenant_id, id, kind, subject_id, round, title, region_id, region_path, state,
  opened_at, closes_at, uploads_until, closed_at, asked, answered, satisfied, partly, dissatisfied,
  excluded_organisation_ids)
select o.tenant_id, gen_random_uuid(), 'CASE', o.case_id, o.round,
  k.name || '处置满意度(' || c.number || ')', c.region_id, c.region_path,
  case when o.ended_at is null then 'OPEN' else 'CLOSED' end, o.at, o.until, o.until, o.ended_at,
  greatest(o.households, a.answered)
    + case when o.ended_at is null and o.households is null and not a.own then 1 else 0 end,
  a.answered, a.satisfied, a.partly, a.dissatisfied,
  (select coalesce(array_agg(distinct p.organisation_id), '{}') from case_assignments p
    where p.tenant_id = o.tenant_id and p.case_id = o.case_id)
from (
  select e.tenant_id, e.case_id, e.at, greatest(e.step_due_at, e.at) as until,
    row_number() over (partition by e.tenant_id, e.case_id order by e.seq) as round,
    (select min(f.at) from case_events f where f.tenant_id = e.tenant_id
      and f.case_id = e.case_id and f.seq > e.seq and f.action = 'finish_evaluation') as ended_at,
    (select b.households from case_events b where b.tenant_id = e.tenant_id
      and b.case_id = e.case_id and b.seq = e.seq - 1) as households
  from case_events e where e.action = 'open_survey'
) o
join cases c on c.tenant_id = o.tenant_id and c.id = o.case_id
join case_categories k on k.tenant_id = c.tenant_id and k.id = c.category_id
cross join lateral (
  select count(*)::int as answered,
    (count(*) filter (where choice = 'SATISFIED'))::int as satisfied,
    (count(*) filter (where choice = 'PARTLY'))::int as partly,
    (count(*) filter (where choice = 'DISSATISFIED'))::int as dissatisfied,
    coalesce(bool_or(v.respondent_id = c.reporter_id), false) as own
  from case_evaluations v
  where v.tenant_id = o.tenant_id and v.case_id = o.case_id and v.round = o.round
) a
"""
ASKED = """
insert into survey_targets (tenant_id, id, survey_id, membership_id, label)
select v.tenant_id, v.id, s.id, v.respondent_id, coalesce(v.household, '上报人')
from case_evaluations v join surveys s on s.tenant_id = v.tenant_id and s.kind = 'CASE'
  and s.subject_id = v.case_id and s.round = v.round
"""
# Whoever reported a case may still say what they think of it.
REPORTERS = """
insert into survey_targets (tenant_id, id, survey_id, membership_id, label)
select s.tenant_id, gen_random_uuid(), s.id, c.reporter_id, '上报人'
from surveys s join cases c on c.tenant_id = s.tenant_id and c.id = s.subject_id
where s.closed_at is null and s.asked > s.answered and not exists (select 1 from survey_targets t
  where t.tenant_id = s.tenant_id and t.survey_id = s.id and t.membership_id = c.reporter_id)
"""
ANSWERED = """
insert into survey_answers (tenant_id, id, survey_id, target_id, choice, comment, channel,
  client_key, answered_at, received_at, respondent_id, collected_by)
select v.tenant_id, gen_random_uuid(), t.survey_id, v.id, v.choice, v.comment,
  case when v.household is null then 'ONLINE' else 'DOOR' end, gen_random_uuid(), v.answered_at,
  v.answered_at, v.respondent_id, v.collected_by
from case_evaluations v join survey_targets t on t.tenant_id = v.tenant_id and t.id = v.id
"""
BACK = """
insert into case_evaluations (tenant_id, id, case_id, region_path, reporter_id, round,
  respondent_id, household, collected_by, choice, comment, answered_at)
select a.tenant_id, t.id, s.subject_id, s.region_path, c.reporter_id, s.round, t.membership_id,
  case when t.membership_id is null then t.label end, a.collected_by, a.choice, a.comment,
  a.answered_at
from survey_answers a
join survey_targets t on t.tenant_id = a.tenant_id and t.id = a.target_id
join surveys s on s.tenant_id = a.tenant_id and s.id = a.survey_id and s.kind = 'CASE'
join cases c on c.tenant_id = s.tenant_id and c.id = s.subject_id
"""


def _walls(word: str, *more: str) -> list[str]:
    """No policy applies to the owner meanwhile."""
    return [f"alter table {table} {word} row level security" for table in (*TABLES, *more)]


class Migration(BaseMigration):
    dependencies = [("cases", "0011_tasks"), ("surveys", "0001_surveys")]
    operations = [
        Sql(
            [
                *_walls("no force", "case_evaluations"),
                OPENED,
                ASKED,
                REPORTERS,
                ANSWERED,
                *_walls("force", "case_evaluations"),
            ],
            [
                *_walls("no force", "case_evaluations"),
                BACK,
                *_walls("force", "case_evaluations"),
            ],
        ),
        Dropped(EVALUATIONS),
    ]
