"""Meetings, what is said and decided there; what was minuted can no longer be changed."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.compounds.models.seats import Seat
from guanjia.db.tables import Reference, Sql, TenantTable, one_of
from guanjia.meetings.models.kinds import HolidayRule, MeetingState
from guanjia.meetings.models.records import AttendanceKind, ItemSource, Outcome

# What may still happen to signed minutes: they are published and taken down, and their region
# follows when regions move.
FATE = (
    "state", "published_at", "take_down_on", "taken_down_at", "taken_down_reason", "region_id",
    "region_path", "version",
)  # fmt: skip
STEPS = (
    ("PLANNED", "HELD"), ("PLANNED", "CANCELLED"), ("HELD", "MINUTED"), ("MINUTED", "HELD"),
    ("MINUTED", "SIGNED"), ("SIGNED", "PUBLISHED"),
)  # fmt: skip
FROZEN_MEETING = f"""
create function frozen_meeting() returns trigger language plpgsql set search_path = public as $$
begin
  if new.state <> old.state and (old.state, new.state) not in
    ({", ".join(f"('{a}', '{b}')" for a, b in STEPS)}) then
    raise exception 'meeting % does not go from % to %', old.id, old.state, new.state
      using errcode = '23514';
  end if;
  if old.state in ('SIGNED', 'PUBLISHED', 'CANCELLED')
     and to_jsonb(new) - '{{{",".join(FATE)}}}'::text[]
       is distinct from to_jsonb(old) - '{{{",".join(FATE)}}}'::text[] then
    raise exception 'the minutes of meeting % were signed and are frozen', old.id
      using errcode = '23514';
  end if;
  return new;
end $$
"""
# A person may become another one when two records of them are joined; nothing else changes.
FROZEN_RECORD = """
create function frozen_record() returns trigger language plpgsql set search_path = public as $$
declare
  here uuid;
begin
  if tg_op = 'UPDATE' and to_jsonb(new) - '{person_id,proposer_id}'::text[]
       is not distinct from to_jsonb(old) - '{person_id,proposer_id}'::text[] then
    return new;
  end if;
  here := case when tg_op = 'INSERT' then new.meeting_id else old.meeting_id end;
  perform 1 from meetings m where m.tenant_id = case when tg_op = 'INSERT' then new.tenant_id
    else old.tenant_id end and m.id = here and m.state in ('PLANNED', 'HELD') for share;
  if not found or (tg_op = 'UPDATE' and new.meeting_id <> old.meeting_id) then
    raise exception 'the record of meeting % is frozen', here using errcode = '23514';
  end if;
  return case when tg_op = 'DELETE' then old else new end;
end $$
"""
FROZEN_SIGNATURE = """
create function frozen_signature() returns trigger language plpgsql set search_path = public as $$
declare
  signature minute_signatures := old;
begin
  if tg_op = 'INSERT' then signature := new; end if;
  perform 1 from meetings m where m.tenant_id = signature.tenant_id
    and m.id = signature.meeting_id and m.state = 'MINUTED' for share;
  if not found or tg_op = 'UPDATE' then
    raise exception 'signatures of meeting % are frozen', signature.meeting_id
      using errcode = '23514';
  end if;
  return case when tg_op = 'DELETE' then old else new end;
end $$
"""
RECORDS = ("agenda_items", "agenda_households", "read_backs", "attendances", "resolutions")
BODY = [Reference("type_id", "meeting_types"), Reference("compound_id", "compounds"),
        Reference("region_id", "regions")]  # fmt: skip


class Migration(BaseMigration):
    dependencies = [("compounds", "0007_places"), ("cases", "0007_due")]
    operations = [
        TenantTable(
            "meeting_types",
            [
                "code text not null",
                "name text not null",
                "decides boolean not null",
                "seat_quorum integer not null",
                "resident_quorum integer not null",
                "source text not null",
                "version integer not null default 1",
            ],
            unique=["code"],
            checks=[
                "name <> ''",
                "seat_quorum between 0 and 4",
                "resident_quorum between 0 and 1000",
                "decides or seat_quorum + resident_quorum = 0",
            ],
        ),
        TenantTable(
            "meeting_series",
            [
                "type_id uuid not null",
                "compound_id uuid",
                "region_id uuid not null",
                'region_path text collate "C" not null',
                "title text not null",
                "place text not null",
                "rule text not null",
                "starts_on date not null",
                "starts_at_minute integer not null",
                "minutes integer not null",
                "on_holiday text not null",
                "planned_until date not null",
                "held_back integer not null",
                "ended_on date",
                "created_at timestamptz not null",
                "version integer not null default 1",
            ],
            references=BODY,
            indexes=["created_at, id", "compound_id", "region_id"],
            checks=[
                one_of("on_holiday", tuple(HolidayRule)),
                "title <> ''",
                "starts_at_minute between 0 and 1439",
                "minutes between 10 and 720",
                "held_back >= 0",
            ],
        ),
        TenantTable(
            "meetings",
            [
                "type_id uuid not null",
                "series_id uuid",
                "compound_id uuid",
                "region_id uuid not null",
                'region_path text collate "C" not null',
                "title text not null",
                "place text not null",
                "planned_on date not null",
                "starts_at timestamptz not null",
                "ends_at timestamptz not null",
                "shifted boolean not null default false",
                "state text not null default 'PLANNED'",
                "cancelled_reason text",
                "seat_quorum integer",
                "resident_quorum integer",
                "minutes text",
                "content_hash text",
                "published_at timestamptz",
                "take_down_on date",
                "taken_down_at timestamptz",
                "taken_down_reason text",
                "created_at timestamptz not null",
                "version integer not null default 1",
            ],
            references=[*BODY, Reference("series_id", "meeting_series")],
            unique=["series_id, planned_on where series_id is not null"],
            indexes=["starts_at, id", "compound_id, starts_at", "region_id, starts_at"],
            checks=[
                one_of("state", tuple(MeetingState)),
                "title <> ''",
                "ends_at > starts_at",
                "(state = 'CANCELLED') = (cancelled_reason is not null)",
                "state not in ('MINUTED', 'SIGNED', 'PUBLISHED') or minutes is not null",
                "(state in ('SIGNED', 'PUBLISHED')) = (content_hash is not null)",
                "(state = 'PUBLISHED') = (published_at is not null)",
                "(published_at is null) = (take_down_on is null)",
                "(taken_down_at is null) = (taken_down_reason is null)",
                "taken_down_at is null or published_at is not null",
            ],
            grants={
                "app_rw": "select, insert, update",
                "app_ro": "select",
                "auditor": "select",
            },
        ),
        TenantTable(
            "agenda_items",
            [
                "meeting_id uuid not null",
                "position integer not null",
                "title text not null",
                "detail text not null",
                "source text not null",
                "matter text",
                "proposer_id uuid",
                "proposer_public boolean not null",
                "case_id uuid",
                "carried_from_id uuid",
            ],
            references=[
                Reference("meeting_id", "meetings"),
                Reference("proposer_id", "persons"),
                Reference("case_id", "cases"),
                Reference("carried_from_id", "agenda_items"),
            ],
            unique=["meeting_id, position"],
            indexes=["carried_from_id", "proposer_id"],
            checks=[
                one_of("source", tuple(ItemSource)),
                "position > 0",
                "title <> ''",
                "(source = 'CARRIED') = (carried_from_id is not null)",
                "(source = 'CASE') = (case_id is not null)",
                "proposer_id is not null or not proposer_public",
            ],
        ),
        TenantTable(
            "agenda_households",
            ["meeting_id uuid not null", "item_id uuid not null", "house_unit_id uuid not null"],
            primary_key=("item_id", "house_unit_id"),
            references=[
                Reference("meeting_id", "meetings"),
                Reference("item_id", "agenda_items"),
                Reference("house_unit_id", "house_units"),
            ],
        ),
        TenantTable(
            "read_backs",
            [
                "meeting_id uuid not null",
                "item_id uuid not null",
                "position integer not null",
                "outcome text",
                "case_state text",
            ],
            references=[
                Reference("meeting_id", "meetings"),
                Reference("item_id", "agenda_items"),
            ],
            unique=["meeting_id, item_id"],
        ),
        TenantTable(
            "attendances",
            [
                "meeting_id uuid not null",
                "kind text not null",
                "seat text",
                "acting boolean not null",
                "chair boolean not null",
                "person_id uuid",
                "membership_id uuid",
                "house_unit_id uuid",
                "organisation_id uuid",
                "name text",
                "capacity text not null",
            ],
            references=[
                Reference("meeting_id", "meetings"),
                Reference("person_id", "persons"),
                Reference("membership_id", "memberships"),
                Reference("house_unit_id", "house_units"),
                Reference("organisation_id", "organisations"),
            ],
            unique=["meeting_id where chair"],
            indexes=["meeting_id", "person_id", "membership_id"],
            checks=[
                one_of("kind", tuple(AttendanceKind)),
                one_of("seat", tuple(Seat), nullable=True),
                "(kind = 'SEAT') = (seat is not null)",
                "kind <> 'RESIDENT' or person_id is not null",
                "num_nonnulls(person_id, membership_id, name) = 1",
                "not chair or kind = 'SEAT' or name is null",
            ],
        ),
        TenantTable(
            "resolutions",
            [
                "meeting_id uuid not null",
                "item_id uuid not null",
                "outcome text not null",
                "text text not null",
                "votes_for integer not null",
                "votes_against integer not null",
                "votes_abstained integer not null",
                "seats_present integer not null",
                "residents_present integer not null",
                "adopted boolean not null",
                "reason text",
                "case_id uuid",
                "decided_at timestamptz not null",
            ],
            references=[
                Reference("meeting_id", "meetings"),
                Reference("item_id", "agenda_items"),
                Reference("case_id", "cases"),
            ],
            unique=["item_id", "case_id where case_id is not null"],
            indexes=["meeting_id", "decided_at, id"],
            checks=[
                one_of("outcome", tuple(Outcome)),
                "votes_for >= 0 and votes_against >= 0 and votes_abstained >= 0",
                "votes_for + votes_against + votes_abstained = seats_present",
                "adopted = (votes_for * 2 > seats_present)",
                "(case_id is not null) = (adopted and outcome = 'TO_CASE')",
                "outcome <> 'REJECTED' or reason is not null",
            ],
        ),
        TenantTable(
            "minute_signatures",
            [
                "meeting_id uuid not null",
                "attendance_id uuid not null",
                "on_paper boolean not null",
                "recorded_by uuid not null",
                "signed_at timestamptz not null",
            ],
            references=[
                Reference("meeting_id", "meetings"),
                Reference("attendance_id", "attendances"),
                Reference("recorded_by", "memberships"),
            ],
            unique=["meeting_id, attendance_id"],
        ),
        Sql(
            [
                FROZEN_MEETING,
                FROZEN_RECORD,
                FROZEN_SIGNATURE,
                "create trigger frozen_meeting before update on meetings"
                " for each row execute function frozen_meeting()",
                *(
                    f"create trigger frozen_record before insert or update or delete on {table}"
                    " for each row execute function frozen_record()"
                    for table in RECORDS
                ),
                "create trigger frozen_signature before insert or update or delete"
                " on minute_signatures for each row execute function frozen_signature()",
            ],
            [
                f"drop function {name} cascade"
                for name in ("frozen_meeting", "frozen_record", "frozen_signature")
            ],
        ),
    ]
