"""Whom a case affects is named from the report on: buildings, and homes one by one."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.cases.states import FINISHED
from guanjia.db.tables import Reference, Sql, TenantTable

TABLES = {
    "case_buildings": ("building_id", "buildings"),
    "case_homes": ("house_unit_id", "house_units"),
}
_FINISHED = ", ".join(f"'{state}'" for state in sorted(FINISHED))
# Whom the survey of a closed case asked was taken from here: it stays to be read as it was.
FROZEN = f"""
create function frozen_affected() returns trigger
language plpgsql set search_path = public as $$
declare said uuid := coalesce(new.case_id, old.case_id);
declare of_tenant uuid := coalesce(new.tenant_id, old.tenant_id);
begin
  if exists (select 1 from cases c where c.tenant_id = of_tenant and c.id = said
      and c.state in ({_FINISHED})) then
    raise exception 'whom case % affects was frozen when it was closed', said
      using errcode = '23514';
  end if;
  return null;
end $$
"""


class Migration(BaseMigration):
    dependencies = [("cases", "0017_components")]
    operations = [
        *(
            TenantTable(
                table,
                ["case_id uuid not null", f"{column} uuid not null"],
                references=[Reference("case_id", "cases"), Reference(column, of)],
                unique=[f"case_id, {column}"],
                indexes=[column],
                grants={
                    "app_rw": "select, insert, delete", "app_ro": "select", "auditor": "select",
                },
            )
            for table, (column, of) in TABLES.items()
        ),
        Sql(
            [
                FROZEN,
                *(
                    f"create trigger frozen_affected after insert or delete on {table}"
                    " for each row execute function frozen_affected()"
                    for table in TABLES
                ),
            ],
            "drop function frozen_affected cascade",
        ),
    ]  # fmt: skip
