"""Whistles, the units they call, who came, and how the response was scored."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Reference, TenantTable, one_of
from guanjia.whistles.models.whistles import SignInState
from guanjia.whistles.states import OPEN, Condition, Score, WhistleLevel, WhistleState

_OPEN = ", ".join(f"'{state}'" for state in sorted(OPEN))
NO_DELETE = {"app_rw": "select, insert, update", "app_ro": "select", "auditor": "select"}


class Migration(BaseMigration):
    dependencies = [("cases", "0008_outcomes")]
    operations = [
        TenantTable(
            "whistle_counters",
            ["year integer not null", "last integer not null"],
            primary_key=("year",),
        ),
        TenantTable(
            "whistles",
            [
                "number text not null",
                "case_id uuid not null",
                'region_path text collate "C" not null',
                "level text not null",
                "state text not null",
                "state_since timestamptz not null",
                "condition text not null",
                "urgent boolean not null",
                "reason text not null",
                "from_region_id uuid not null",
                "role text not null",
                "sounded_by uuid not null",
                "sounded_at timestamptz not null",
                "attend_by timestamptz not null",
                "answer_by timestamptz not null",
                "limits_provisional boolean not null default false",
                "ended_reason text",
                "version integer not null default 1",
            ],
            references=[
                Reference("case_id", "cases"),
                Reference("from_region_id", "regions"),
                Reference("sounded_by", "memberships"),
            ],
            unique=["number", f"case_id, level where state in ({_OPEN})"],
            indexes=["sounded_at, id", "region_path, sounded_at, id", "case_id, sounded_at"],
            checks=[
                one_of("level", tuple(WhistleLevel)),
                one_of("state", tuple(WhistleState)),
                one_of("condition", tuple(Condition)),
                "attend_by > sounded_at and answer_by > sounded_at",
                "char_length(reason) between 1 and 2000",
            ],
            grants=NO_DELETE,
        ),
        TenantTable(
            "whistle_calls",
            [
                "whistle_id uuid not null",
                'region_path text collate "C" not null',
                "organisation_id uuid not null",
                "attended_at timestamptz",
                "answered_at timestamptz",
                "answered_by uuid",
                "result text",
                "score text",
                "score_reason text",
                "scored_at timestamptz",
                "scored_by uuid",
                "version integer not null default 1",
            ],
            references=[
                Reference("whistle_id", "whistles"),
                Reference("organisation_id", "organisations"),
                Reference("answered_by", "memberships"),
                Reference("scored_by", "memberships"),
            ],
            unique=["whistle_id, organisation_id"],
            indexes=["organisation_id, whistle_id", "region_path, id"],
            checks=[
                one_of("score", tuple(Score), nullable=True),
                "answered_at is null or attended_at is not null",
                "(score is null) = (scored_at is null)",
                "score <> 'DISSATISFIED' or score_reason <> ''",
            ],
            grants=NO_DELETE,
        ),
        TenantTable(
            "whistle_sign_ins",
            [
                "whistle_id uuid not null",
                "call_id uuid not null",
                'region_path text collate "C" not null',
                "member_id uuid not null",
                "at timestamptz not null",
                "longitude double precision",
                "latitude double precision",
                "distance_metres integer",
                "state text not null",
                "measures text not null",
                "ruled_at timestamptz",
                "ruled_by uuid",
                "ruling text",
                "version integer not null default 1",
            ],
            references=[
                Reference("whistle_id", "whistles"),
                Reference("call_id", "whistle_calls"),
                Reference("member_id", "memberships"),
                Reference("ruled_by", "memberships"),
            ],
            unique=[f"call_id where state <> '{SignInState.REJECTED}'"],
            indexes=["whistle_id, at", "call_id, at", "at where longitude is not null"],
            checks=[
                one_of("state", tuple(SignInState)),
                "(longitude is null) = (latitude is null)",
                "distance_metres >= 0",
            ],
            grants=NO_DELETE,
        ),
    ]
