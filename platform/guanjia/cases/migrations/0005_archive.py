"""An archived case stays as it is, whoever writes: what is wrong in it is corrected by a note. The
event that archives it names the hash of its attachments."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Sql

# Contacts that were kept in clear are still moved to where they are sealed.
FUNCTION = """
create function archived_case_stays() returns trigger
language plpgsql set search_path = public as $$
begin
  if tg_op = 'DELETE' or to_jsonb(new) - '{contact_name,contact_phone}'::text[]
      <> to_jsonb(old) - '{contact_name,contact_phone}'::text[] then
    raise exception 'an archived case does not change' using errcode = 'restrict_violation';
  end if;
  return null;
end $$
"""


class Migration(BaseMigration):
    dependencies = [("cases", "0004_contacts")]
    operations = [
        Sql(
            "alter table case_events add column attachments_sha256 text",
            "alter table case_events drop column attachments_sha256",
        ),
        Sql(
            [
                FUNCTION,
                "create trigger archived_case_stays after update or delete on cases"
                " for each row when (old.state = 'ARCHIVED')"
                " execute function archived_case_stays()",
            ],
            ["drop trigger archived_case_stays on cases", "drop function archived_case_stays()"],
        ),
    ]
