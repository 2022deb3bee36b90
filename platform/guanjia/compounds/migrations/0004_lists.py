"""The lists of a compound; what was published cannot be changed, whoever asks."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.compounds.models.lists import ListKind, ListState
from guanjia.compounds.models.seats import Seat
from guanjia.db.tables import Reference, Sql, TenantTable, one_of
from guanjia.graph.times import Unit

# What may still happen to a published edition: another one ends it, or it is withdrawn.
FATE = ("state", "valid_to", "withdrawn_at", "withdrawn_reason", "version")
FROZEN_LIST = f"""
create function frozen_list() returns trigger language plpgsql set search_path = public as $$
begin
  if old.state = 'DRAFT' then
    if new.state = 'SUPERSEDED' then
      raise exception 'a draft is published before it is superseded' using errcode = '23514';
    end if;
    return new;
  end if;
  if to_jsonb(new) - '{{{",".join(FATE)}}}'::text[]
       is distinct from to_jsonb(old) - '{{{",".join(FATE)}}}'::text[]
     or old.state = 'WITHDRAWN' or new.state = 'DRAFT' then
    raise exception 'list % was published and is frozen', old.id using errcode = '23514';
  end if;
  return new;
end $$
"""
# The lock holds off a publication until the writer of an item is done, and the other way round.
FROZEN_ITEM = """
create function frozen_item() returns trigger language plpgsql set search_path = public as $$
declare
  item list_items := old;
begin
  if tg_op = 'INSERT' then item := new; end if;
  perform 1 from compound_lists l where l.tenant_id = item.tenant_id and l.id = item.list_id
    and l.state = 'DRAFT' for share;
  if not found or (tg_op = 'UPDATE' and new.list_id <> old.list_id) then
    raise exception 'list % was published and is frozen', item.list_id using errcode = '23514';
  end if;
  return case when tg_op = 'DELETE' then old else new end;
end $$
"""


class Migration(BaseMigration):
    dependencies = [("compounds", "0003_parties")]
    operations = [
        TenantTable(
            "compound_lists",
            [
                "compound_id uuid not null",
                "kind text not null",
                "edition integer not null",
                "state text not null",
                "based_on_id uuid",
                "valid_from date",
                "valid_to date",
                "content_hash text",
                "created_by uuid not null",
                "editors uuid[] not null",
                "created_at timestamptz not null",
                "published_by uuid",
                "published_at timestamptz",
                "withdrawn_at timestamptz",
                "withdrawn_reason text",
                "version integer not null default 1",
            ],
            references=[
                Reference("compound_id", "compounds"),
                Reference("based_on_id", "compound_lists"),
                Reference("created_by", "memberships"),
                Reference("published_by", "memberships"),
            ],
            unique=[
                "compound_id, kind, edition",
                "compound_id, kind where state = 'DRAFT'",
            ],
            indexes=["created_at, id"],
            checks=[
                one_of("kind", tuple(ListKind)),
                one_of("state", tuple(ListState)),
                "edition > 0",
                "(published_at is null) = (valid_from is null)",
                "(published_at is null) = (content_hash is null)",
                "(published_at is null) = (published_by is null)",
                "state not in ('PUBLISHED', 'SUPERSEDED') or published_at is not null",
                "state <> 'DRAFT' or published_at is null",
                "(state = 'WITHDRAWN') = (withdrawn_at is not null)",
                "(state = 'WITHDRAWN') = (withdrawn_reason is not null)",
                "valid_to >= valid_from",
            ],
            # At most one edition of a kind is in force on a day. Drafts are on no day.
            exclusions=[
                "compound_id with =, kind with =, (case when valid_from is null then"
                " 'empty'::daterange else daterange(valid_from, valid_to) end) with &&"
            ],
            grants={
                "app_rw": "select, insert, update",
                "app_ro": "select",
                "auditor": "select",
            },
        ),
        TenantTable(
            "list_items",
            [
                "list_id uuid not null",
                "compound_id uuid not null",
                "position integer not null",
                "code text not null",
                "title text not null",
                "standard text not null",
                "frequency text not null",
                "evidence text not null",
                "basis text not null",
                "basis_from date",
                "basis_to date",
                "contract_clause text not null",
                "limit_value integer",
                "limit_unit text",
                "weight integer",
                "owner_seat text",
                "co_seats text[] not null",
                "public boolean not null",
            ],
            references=[
                Reference("list_id", "compound_lists"),
                Reference("compound_id", "compounds"),
            ],
            unique=["list_id, code"],
            indexes=["list_id, position, id", "compound_id"],
            checks=[
                "position > 0",
                "title <> ''",
                one_of("limit_unit", tuple(Unit), nullable=True),
                one_of("owner_seat", tuple(Seat), nullable=True),
                f"co_seats <@ array[{', '.join(repr(str(seat)) for seat in Seat)}]",
                "(limit_value is null) = (limit_unit is null)",
                "limit_value > 0",
                "weight between 0 and 100",
                "basis_to > basis_from",
            ],
        ),
        Sql(
            [
                FROZEN_LIST,
                FROZEN_ITEM,
                "create trigger frozen_list before update on compound_lists"
                " for each row execute function frozen_list()",
                "create trigger frozen_item before insert or update or delete on list_items"
                " for each row execute function frozen_item()",
            ],
            ["drop function frozen_list cascade", "drop function frozen_item cascade"],
        ),
    ]
