"""The weights of a score come in schemes that are in force as a whole: what a district changes is
always all of them. Whether a figure is better the lower it is, its definition says."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Sql, TenantTable

TABLES = ("score_schemes", "score_weights")
KEPT = """
insert into score_schemes (tenant_id, id, valid_from, valid_to, source, created_at)
select tenant_id, gen_random_uuid(), valid_from, valid_to,
  string_agg(distinct source, ';'), now()
from score_weights group by tenant_id, valid_from, valid_to
"""
JOINED = """
update score_weights w set scheme_id = s.id from score_schemes s where s.tenant_id = w.tenant_id
and (s.valid_from, s.valid_to) is not distinct from (w.valid_from, w.valid_to)
"""
PARTED = """
update score_weights w set valid_from = s.valid_from, valid_to = s.valid_to, source = s.source,
complement = w.metric = 'case.rework_rate'
from score_schemes s where s.tenant_id = w.tenant_id and s.id = w.scheme_id
"""


def _walls(word: str) -> list[str]:
    return [f"alter table {table} {word} row level security" for table in TABLES]


class Migration(BaseMigration):
    dependencies = [("indicators", "0001_score")]
    operations = [
        TenantTable(
            "score_schemes",
            [
                "valid_from date",
                # The same as valid_from: it was taken back before it began.
                "valid_to date",
                "source text not null",
                "reason text",
                "version integer not null default 1",
                "created_at timestamptz not null",
            ],
            exclusions=["daterange(valid_from, valid_to) with &&"],
        ),
        Sql(
            [
                "alter table score_weights add column scheme_id uuid",
                *_walls("no force"),
                KEPT,
                JOINED,
                *_walls("force"),
                # With the exclusion of two weights of a metric on one day.
                "alter table score_weights alter column scheme_id set not null,"
                " drop column complement, drop column valid_from cascade, drop column valid_to,"
                " drop column source, add unique (tenant_id, scheme_id, metric),"
                " add foreign key (tenant_id, scheme_id)"
                " references score_schemes (tenant_id, id)",
            ],
            [
                "alter table score_weights add column complement boolean,"
                " add column valid_from date, add column valid_to date, add column source text",
                *_walls("no force"),
                PARTED,
                *_walls("force"),
                "alter table score_weights alter column complement set not null,"
                " alter column source set not null, drop column scheme_id,"
                " add exclude using gist (tenant_id with =, metric with =,"
                " daterange(valid_from, valid_to) with &&)",
            ],
        ),
    ]
