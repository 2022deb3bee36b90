"""What a list shows of the steps of its cases is read from one index alone. The cases of one grid
lie scattered in the table, and so do their steps: without this each costs a page more."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Sql

INDEX = "case_events_tenant_id_case_id_seq_idx"
KEY = "(tenant_id, case_id, seq)"
# An entry of an index holds at most 2,700 bytes.
BOUND = "case_events_shown_bytes"


class Migration(BaseMigration):
    dependencies = [("cases", "0005_archive")]
    operations = [
        Sql(
            [
                f"alter table case_events add constraint {BOUND}"
                " check (octet_length(title) <= 800 and octet_length(actor_name) <= 800)",
                f"drop index {INDEX}",
                f"create unique index {INDEX} on case_events {KEY} include (at, title, actor_name)",
                # Pages are read past only once they are known to be seen by all.
                "alter table case_events set (autovacuum_vacuum_insert_scale_factor = 0.02)",
            ],
            [
                "alter table case_events reset (autovacuum_vacuum_insert_scale_factor)",
                f"drop index {INDEX}",
                f"create unique index {INDEX} on case_events {KEY}",
                f"alter table case_events drop constraint {BOUND}",
            ],
        )
    ]
