"""Surveys, whom they ask, and what was answered: one answer for each target, never changed."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Reference, Sql, TenantTable, one_of
from guanjia.surveys.models import Channel, Satisfaction, SurveyState

FROZEN = """
create function frozen_survey_target() returns trigger
language plpgsql set search_path = public as $$
begin
  if (new.survey_id, new.house_unit_id, new.membership_id, new.label)
      is distinct from (old.survey_id, old.house_unit_id, old.membership_id, old.label) then
    raise exception 'who survey % asks was frozen when it opened', old.survey_id
      using errcode = '23514';
  end if;
  return new;
end $$
"""


class Migration(BaseMigration):
    dependencies = [("compounds", "0001_estates"), ("people", "0001_initial")]
    operations = [
        TenantTable(
            "survey_kinds",
            [
                "code text not null",
                "title text not null",
                "upload_hours integer not null",
                "source text not null",
                "version integer not null default 1",
            ],
            unique=["code"],
            checks=["upload_hours between 0 and 720"],
        ),
        TenantTable(
            "surveys",
            [
                "kind text not null",
                "subject_id uuid not null",
                "round integer not null",
                "title text not null",
                "region_id uuid not null",
                'region_path text collate "C" not null',
                "state text not null",
                "opened_at timestamptz not null",
                "closes_at timestamptz not null",
                "uploads_until timestamptz not null",
                "closed_at timestamptz",
                "asked integer not null",
                "answered integer not null default 0",
                "satisfied integer not null default 0",
                "partly integer not null default 0",
                "dissatisfied integer not null default 0",
                "excluded_organisation_ids uuid[] not null default '{}'",
                "excluded_membership_ids uuid[] not null default '{}'",
                "version integer not null default 1",
            ],
            references=[Reference("region_id", "regions")],
            unique=["kind, subject_id, round"],
            indexes=["region_path, opened_at, id", "opened_at, id"],
            checks=[
                one_of("state", tuple(SurveyState)),
                "(state = 'CLOSED') = (closed_at is not null)",
                "opened_at <= closes_at and closes_at <= uploads_until",
                "answered = satisfied + partly + dissatisfied",
                "answered between 0 and asked",
                "least(satisfied, partly, dissatisfied) >= 0",
            ],
            grants={"app_rw": "select, insert, update", "app_ro": "select", "auditor": "select"},
        ),
        TenantTable(
            "survey_targets",
            [
                "survey_id uuid not null",
                "house_unit_id uuid",
                "membership_id uuid",
                "label text not null",
                "code_hash bytea",
                "code_issued_by uuid",
                "code_issued_at timestamptz",
            ],
            references=[
                Reference("survey_id", "surveys"),
                Reference("house_unit_id", "house_units"),
                Reference("membership_id", "memberships"),
                Reference("code_issued_by", "memberships"),
            ],
            unique=[
                "survey_id, house_unit_id where house_unit_id is not null",
                "survey_id, membership_id where membership_id is not null",
            ],
            indexes=["survey_id, label, id", "house_unit_id", "membership_id"],
            checks=[
                "num_nonnulls(house_unit_id, membership_id) <= 1",
                "num_nonnulls(code_hash, code_issued_by, code_issued_at) in (0, 3)",
            ],
            grants={"app_rw": "select, insert, update", "app_ro": "select", "auditor": "select"},
        ),
        TenantTable(
            "survey_answers",
            [
                "survey_id uuid not null",
                "target_id uuid not null",
                "choice text not null",
                "comment text",
                "channel text not null",
                "client_key uuid not null",
                "answered_at timestamptz not null",
                "received_at timestamptz not null",
                "respondent_id uuid",
                "collected_by uuid",
                "longitude double precision",
                "latitude double precision",
            ],
            references=[
                Reference("survey_id", "surveys"),
                Reference("target_id", "survey_targets"),
                Reference("respondent_id", "memberships"),
                Reference("collected_by", "memberships"),
            ],
            unique=["target_id", "client_key"],
            indexes=["survey_id, choice, id", "respondent_id", "collected_by"],
            checks=[
                one_of("choice", tuple(Satisfaction)),
                one_of("channel", tuple(Channel)),
                "num_nonnulls(longitude, latitude) in (0, 2)",
                "channel <> 'ONLINE' or num_nonnulls(collected_by, longitude) = 0",
            ],
            grants={"app_rw": "select, insert", "app_ro": "select", "auditor": "select"},
        ),
        Sql(
            [
                FROZEN,
                "create trigger frozen_survey_target before update on survey_targets"
                " for each row execute function frozen_survey_target()",
            ],
            "drop function frozen_survey_target cascade",
        ),
    ]
