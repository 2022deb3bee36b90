"""Migration operations: the one way a table comes into being, behind the wall.

`TenantTable` makes all of it together: a composite key that starts with the tenant, row-level
security that holds for the owner too, the one policy, composite foreign keys (PostgreSQL's own
checks bypass the policies) and exactly the grants that are named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tortoise.migrations.operations import RunSQL

POLICY = "tenant_wall"
WALL = "tenant_id = current_setting('app.tenant_id')::uuid"
APPLICATION_ROLES = ("app_rw", "app_ro", "auditor")
READ_AND_WRITE: Mapping[str, str] = {
    "app_rw": "select, insert, update, delete",
    "app_ro": "select",
    "auditor": "select",
}


@dataclass(frozen=True)
class Reference:
    """A foreign key within the tenant: `column` holds the id of a row of `table`."""

    column: str
    table: str


MEASURED_FROM = 10_000
"""Rows."""
_MEASURES = ("analyze", "vacuum", "vacuum_insert")


class Sql(RunSQL):
    """Statements with their way back."""

    def __init__(self, forward: str | Sequence[str], backward: str | Sequence[str]) -> None:
        super().__init__(_statements(forward), reverse_sql=_statements(backward))


class UnmeasuredWhileSmall(Sql):
    """Tables that long lists fill are not measured by the server until many rows are committed.

    What it counts of a table while a list is written into it counts none of the list: the planner
    then takes a tenant for one row, any index that begins with it serves, and each row of the list
    reads all rows before it. Of a table that was never counted it goes by the pages, and is right.
    """

    def __init__(self, *tables: str) -> None:
        settings = {f"autovacuum_{name}_threshold": MEASURED_FROM for name in _MEASURES}
        given = ", ".join(f"{name} = {rows}" for name, rows in settings.items())
        super().__init__(
            [f"alter table {table} set ({given})" for table in tables],
            [f"alter table {table} reset ({', '.join(settings)})" for table in tables],
        )


class TenantTable(Sql):
    """A table whose every row belongs to one tenant.

    columns: SQL column definitions without the key columns. primary_key: its columns after the
    tenant; `id uuid` is added when it is the key. unique and indexes: column lists, which are put
    behind the tenant; an index may end in a `where` clause. exclusions: what no two rows may
    share, for example `"building_id with =, daterange(valid_from, valid_to) with &&"`; it may end
    in a `where` clause too.
    """

    def __init__(
        self,
        name: str,
        columns: Sequence[str],
        *,
        primary_key: Sequence[str] = ("id",),
        references: Sequence[Reference] = (),
        unique: Sequence[str] = (),
        indexes: Sequence[str] = (),
        checks: Sequence[str] = (),
        exclusions: Sequence[str] = (),
        grants: Mapping[str, str] = READ_AND_WRITE,
    ) -> None:
        self.name = name
        self.grants = dict(grants)
        body = ["tenant_id uuid not null default current_setting('app.tenant_id')::uuid"]
        if tuple(primary_key) == ("id",):
            body.append("id uuid not null")
        body += columns
        body.append(f"primary key ({', '.join(('tenant_id', *primary_key))})")
        body += [f"check ({check})" for check in checks]
        body += [_exclusion(rule) for rule in exclusions]
        body += [
            f"foreign key (tenant_id, {r.column}) references {r.table} (tenant_id, id)"
            for r in references
        ]
        statements = [
            f"create table {name} (\n  " + ",\n  ".join(body) + "\n)",
            *(_index(name, columns, unique=True) for columns in unique),
            *(_index(name, columns, unique=False) for columns in indexes),
            *wall(name),
            *(f"grant {rights} on {name} to {role}" for role, rights in grants.items()),
        ]
        super().__init__(statements, f"drop table {name}")

    def describe(self) -> str:
        return f"Create tenant table {self.name}"


class Dropped(Sql):
    """A tenant table is no more; on the way back it is there again, empty."""

    def __init__(self, table: TenantTable) -> None:
        self.name = table.name
        super().__init__(table.reverse_sql, table.sql)


class Rights(Sql):
    """Rights on a tenant table beyond those it was made with, by role."""

    def __init__(self, name: str, grants: Mapping[str, str]) -> None:
        self.name = name
        self.grants = dict(grants)
        super().__init__(
            [f"grant {rights} on {name} to {role}" for role, rights in grants.items()],
            [f"revoke {rights} on {name} from {role}" for role, rights in grants.items()],
        )


def wall(table: str) -> list[str]:
    """Row-level security with the one policy, for the owner too."""
    roles = ", ".join(APPLICATION_ROLES)
    return [
        f"alter table {table} enable row level security",
        f"alter table {table} force row level security",
        f"create policy {POLICY} on {table} to {roles} using ({WALL}) with check ({WALL})",
    ]


def one_of(column: str, values: Sequence[str], *, nullable: bool = False) -> str:
    """A check that a text column holds one of the names of an enum."""
    listed = ", ".join(f"'{value}'" for value in values)
    test = f"{column} in ({listed})"
    return f"{column} is null or {test}" if nullable else test


def _index(table: str, columns: str, *, unique: bool) -> str:
    inside, _, condition = columns.partition(" where ")
    return f"create {'unique ' if unique else ''}index on {table} (tenant_id, {inside})" + (
        f" where {condition}" if condition else ""
    )


def _exclusion(rule: str) -> str:
    inside, _, condition = rule.partition(" where ")
    return f"exclude using gist (tenant_id with =, {inside})" + (
        f" where ({condition})" if condition else ""
    )


def _statements(given: str | Sequence[str]) -> Any:
    return [given] if isinstance(given, str) else list(given)
