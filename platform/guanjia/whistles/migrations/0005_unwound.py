"""Cases that were dispatched before there were clocks have one of another start than theirs: it is
set as it should be at the first look. To search for cases without one would take every look."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Sql

TABLES = ("cases", "case_clocks")
HANDLED = "'DISPATCHED', 'RETURNED', 'ACCEPTED', 'IN_PROGRESS', 'REWORK'"


def _walls(word: str) -> list[str]:
    return [f"alter table {table} {word} row level security" for table in TABLES]


class Migration(BaseMigration):
    dependencies = [("whistles", "0004_lateness")]
    operations = [
        Sql(
            [
                # No policy applies to the owner meanwhile.
                *_walls("no force"),
                "insert into case_clocks (tenant_id, case_id, started_at, first_at, second_at,"
                " due_at, twice_at, accept_by, next_at)"
                " select tenant_id, id, 'epoch', due_at, due_at, due_at, due_at, due_at, now()"
                f" from cases where due_at is not null and state in ({HANDLED})"
                " on conflict do nothing",
                *_walls("force"),
            ],
            ["select 1"],
        ),
    ]
