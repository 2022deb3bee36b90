"""The part of each organisation: what it is asked to do, who finished it, and who let it go."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Sql

_MEMBERS = ("done_by", "released_by")


class Migration(BaseMigration):
    dependencies = [("cases", "0009_routing")]
    operations = [
        Sql(
            "alter table case_assignments"
            " add column task text,"
            " add column accepted_at timestamptz,"
            " add column done_by uuid,"
            " add column released_at timestamptz,"
            " add column released_by uuid,"
            " add column release_reason text,"
            + ",".join(
                f" add foreign key (tenant_id, {column}) references memberships (tenant_id, id)"
                for column in _MEMBERS
            )
            + ", add check (released_at is null or not active and done_at is null)",
            "alter table case_assignments drop column task, drop column accepted_at,"
            " drop column done_by, drop column released_at, drop column released_by,"
            " drop column release_reason",
        ),
    ]
