"""What the census counts of a past day: each row as it was registered until a change, kept by the
change in its own transaction.

A row without states is as it always was. Its first change writes what stood before, since for ever,
and what stands from the day of the change on (Asia/Shanghai); a second one of that day replaces it.
"""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Reference, Sql, TenantTable

KEPT = {
    "compounds": (
        "compound_states",
        "compound_id",
        {
            "management_mode": "text not null",
            "household_count": "integer",
            "area_m2": "integer",
            "active": "boolean not null",
        },
    ),
    "property_companies": (
        "company_states",
        "company_id",
        {"qualification": "text", "party_members": "integer not null"},
    ),
    "party_organisations": (
        "party_states",
        "party_organisation_id",
        {"full_members": "integer not null", "probationary_members": "integer not null"},
    ),
}


def _function(states: str, key: str, columns: list[str]) -> str:
    names = ", ".join(columns)
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("old", "new"))
    replaced = ", ".join(f"{column} = excluded.{column}" for column in columns)
    return f"""
create function keep_{states}() returns trigger language plpgsql set search_path = public as $$
begin
  insert into {states} (tenant_id, {key}, since, {names})
    values (old.tenant_id, old.id, '-infinity', {old}) on conflict do nothing;
  insert into {states} (tenant_id, {key}, since, {names})
    values (new.tenant_id, new.id, (now() at time zone 'Asia/Shanghai')::date, {new})
    on conflict (tenant_id, {key}, since) do update set {replaced};
  return null;
end $$
"""


def _trigger(table: str, states: str, columns: list[str]) -> str:
    changed = " or ".join(f"old.{column} is distinct from new.{column}" for column in columns)
    return (
        f"create trigger keep_{states} after update on {table} for each row"
        f" when ({changed}) execute function keep_{states}()"
    )


class Migration(BaseMigration):
    dependencies = [("compounds", "0007_places")]
    operations = [
        *(
            TenantTable(
                states,
                [
                    f"{key} uuid not null",
                    "since date not null",
                    *(f"{column} {kind}" for column, kind in columns.items()),
                ],
                primary_key=(key, "since"),
                references=[Reference(key, table)],
                grants={
                    "app_rw": "select, insert, update", "app_ro": "select", "auditor": "select",
                },
            )
            for table, (states, key, columns) in KEPT.items()
        ),
        Sql(
            [
                statement
                for table, (states, key, columns) in KEPT.items()
                for statement in (
                    _function(states, key, list(columns)),
                    _trigger(table, states, list(columns)),
                )
            ],
            [
                statement
                for table, (states, _, _) in KEPT.items()
                for statement in (
                    f"drop trigger keep_{states} on {table}",
                    f"drop function keep_{states}()",
                )
            ],
        ),
    ]  # fmt: skip
