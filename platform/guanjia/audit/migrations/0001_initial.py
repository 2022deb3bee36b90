"""The record, and the trigger that numbers and chains it."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Sql, TenantTable, one_of

TEXTS = (
    "id", "actor_id", "actor_name", "session_id", "action", "permission", "object_type",
    "object_id", "region_path", "result", "detail",
)  # fmt: skip
PART = "case when {0} is null then '-' else length({0}) || ':' || {0} end"
CANONICAL = " || ".join(
    [
        PART.format("new.seq::text"),
        PART.format("((extract(epoch from new.at) * 1000000)::bigint)::text"),
        *(PART.format(f"new.{name}::text") for name in TEXTS),
    ]
)

# Invoker's rights: the application role may read exactly what the chain needs of the last row.
CHAIN = f"""
create function audit_chain() returns trigger language plpgsql set search_path = public as $$
declare
  last record;
begin
  perform pg_advisory_xact_lock(hashtextextended(new.tenant_id::text, 7));
  select r.seq, r.hash into last from audit_records r
    where r.tenant_id = new.tenant_id order by r.seq desc limit 1;
  new.seq := coalesce(last.seq, 0) + 1;
  new.at := clock_timestamp();
  new.prev_hash := coalesce(last.hash, decode(repeat('00', 32), 'hex'));
  new.hash := sha256(new.prev_hash || convert_to({CANONICAL}, 'UTF8'));
  return new;
end $$
"""


class Migration(BaseMigration):
    operations = [
        TenantTable(
            "audit_records",
            [
                "seq bigint not null",
                "id uuid not null",
                "at timestamptz not null",
                "actor_id uuid",
                "actor_name text",
                "session_id uuid",
                "action text not null",
                "permission text",
                "object_type text",
                "object_id uuid",
                "region_path text",
                "result text not null",
                "detail text not null",
                "prev_hash bytea not null",
                "hash bytea not null",
            ],
            primary_key=("seq",),
            indexes=["at, seq"],
            unique=["id"],
            checks=[one_of("result", ("OK", "DENIED", "READ"))],
            grants={
                "app_rw": "insert, select (tenant_id, seq, hash)",
                "app_ro": "select",
                "auditor": "select",
            },
        ),
        Sql(
            [
                CHAIN,
                "create trigger audit_chain before insert on audit_records"
                " for each row execute function audit_chain()",
            ],
            ["drop function audit_chain cascade"],
        ),
    ]
