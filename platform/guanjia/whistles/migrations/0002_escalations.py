"""Escalations, tasks of joint meetings, and for each case with a clock its moments: a worker finds
what is due by `next_at` alone, without looking at cases that are over."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Reference, TenantTable, one_of
from guanjia.whistles.levels import EscalationLevel, EscalationState, Trigger

NO_DELETE = {"app_rw": "select, insert, update", "app_ro": "select", "auditor": "select"}


class Migration(BaseMigration):
    dependencies = [("whistles", "0001_whistles")]
    operations = [
        TenantTable(
            "escalations",
            [
                "case_id uuid not null",
                'region_path text collate "C" not null',
                "level text not null",
                "trigger_code text not null",
                "from_level text",
                "to_level text not null",
                "state text not null",
                "reason text",
                "raised_at timestamptz not null",
                "raised_by uuid",
                "answer_by timestamptz not null",
                "limit_provisional boolean not null default false",
                "answered_at timestamptz",
                "answered_by uuid",
                "answer text",
                "met_at timestamptz",
                "whistle_id uuid",
                "version integer not null default 1",
            ],
            references=[
                Reference("case_id", "cases"),
                Reference("raised_by", "memberships"),
                Reference("answered_by", "memberships"),
                Reference("whistle_id", "whistles"),
            ],
            unique=["case_id, level, trigger_code where state = 'OPEN'"],
            indexes=[
                "raised_at, id",
                "region_path, raised_at, id",
                "case_id, raised_at",
                "answer_by, id where state = 'OPEN'",
                "whistle_id where whistle_id is not null",
            ],
            checks=[
                one_of("level", tuple(EscalationLevel)),
                one_of("trigger_code", tuple(Trigger)),
                one_of("state", tuple(EscalationState)),
                "(state = 'OPEN') = (answered_at is null)",
                "met_at is null or level = 'L4'",
            ],
            grants=NO_DELETE,
        ),
        TenantTable(
            "joint_tasks",
            [
                "escalation_id uuid not null",
                "case_id uuid not null",
                'region_path text collate "C" not null',
                "organisation_id uuid not null",
                "task text not null",
                "due_at timestamptz not null",
                "done_at timestamptz",
                "done_by uuid",
                "done_note text",
                "version integer not null default 1",
            ],
            references=[
                Reference("escalation_id", "escalations"),
                Reference("case_id", "cases"),
                Reference("organisation_id", "organisations"),
                Reference("done_by", "memberships"),
            ],
            indexes=[
                "escalation_id, id",
                "case_id, id",
                "organisation_id, due_at where done_at is null",
                "due_at, id",
                "region_path, due_at, id",
            ],
            checks=[
                "char_length(task) between 1 and 500",
                "(done_at is null) = (done_by is null)",
            ],
            grants=NO_DELETE,
        ),
        TenantTable(
            "case_clocks",
            [
                "case_id uuid not null",
                "started_at timestamptz not null",
                "first_at timestamptz not null",
                "second_at timestamptz not null",
                "due_at timestamptz not null",
                "twice_at timestamptz not null",
                "accept_by timestamptz not null",
                "reminded smallint not null default 0",
                "raised text[] not null default '{}'",
                "next_at timestamptz",
            ],
            primary_key=("case_id",),
            references=[Reference("case_id", "cases")],
            indexes=["next_at where next_at is not null"],
            checks=[
                "first_at <= second_at and second_at <= due_at and due_at <= twice_at",
                "reminded between 0 and 3",
            ],
            grants=NO_DELETE,
        ),
    ]
