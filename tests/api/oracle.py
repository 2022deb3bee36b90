"""What a person may read, found without the code under test: row by row, from the ALLOW table.

The compiled path and the stock executor turn a scope into one SQL predicate. Here every stored row
is held against the written expectation instead, so that a mistake in the predicate shows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from guanjia.access.policy import LEVELS, Allow, Policy
from guanjia.db.scope import path_end
from guanjia.reading.mapping import Node


@dataclass(frozen=True)
class Standing:
    """One role at one place, and the organisations and the membership that go with it."""

    role: str | None
    path: str
    membership: UUID
    organisations: tuple[UUID, ...] = ()

    @property
    def level(self) -> str:
        return LEVELS[len(self.path) // 5 - 1]


@dataclass
class Oracle:
    """The readable ids per node type of one tenant, on a connection that sees every row."""

    policy: Policy
    connection: Any
    tenant: UUID
    _rows: dict[str, list[Any]] = field(default_factory=dict)
    _true_of: dict[tuple[str, str], set[Any]] = field(default_factory=dict)
    """The keys of a node's rows of which a test is true: one question for all of them."""

    def holds(self, standing: Standing, permission: str, reach: str) -> bool:
        allowed = Allow(standing.role or "", permission, reach, standing.level)
        return allowed in self.policy.allow_table

    def holds_any(self, standing: Standing, permission: str) -> bool:
        return any(
            self.holds(standing, permission, reach)
            and (reach != "organisation" or bool(standing.organisations))
            for reach in ("region", "organisation", "self")
        )

    async def rows(self, node: Node) -> list[Any]:
        if node.table not in self._rows:
            self._rows[node.table] = await self.connection.fetch(
                f"select * from {node.source('$1')} x where tenant_id = $1", self.tenant
            )
        return self._rows[node.table]

    async def readable(self, standing: Standing, node: Node) -> set[str]:
        """The ids of the rows that the person may read on their own account."""
        return {
            str(row[node.key])
            for row in await self.rows(node)
            if await self._may(standing, node.read, node, row)
        }

    async def _may(self, standing: Standing, permission: str, node: Node, row: Any) -> bool:
        table = node.reach
        if table.only and not await self._true(table.only, node, row):
            return False
        if table.tenant_wide:
            return self.holds_any(standing, permission)
        if self.holds(standing, permission, "region"):
            # What lies in no region yet, a member without a role, lies in the whole district.
            if standing.level == "DISTRICT":
                return True
            if table.region and row[table.region].startswith(standing.path):
                return True
            if table.inside and await self._true(
                table.inside, node, row, low=standing.path, high=path_end(standing.path)
            ):
                return True
        if self.holds(standing, permission, "organisation") and table.organisation:
            ids = "{" + ",".join(str(i) for i in standing.organisations) + "}"
            if await self._true(table.organisation, node, row, ids=f"{ids}"):
                return True
        if not self.holds(standing, permission, "self"):
            return False
        if table.mine and row[table.mine] == standing.membership:
            return True
        return bool(table.own) and await self._true(
            table.own, node, row, me=f"{standing.membership}"
        )

    async def _true(self, sql: str, node: Node, row: Any, **values: str) -> bool:
        quoted = {name: f"'{value}'" for name, value in values.items()}
        test = sql.format(row="x", tenant=f"'{self.tenant}'::uuid", **quoted)
        if (node.name, test) not in self._true_of:
            found = await self.connection.fetch(
                f"select x.{node.key} from {node.source('$1')} x"
                f" where x.tenant_id = $1 and ({test})",
                self.tenant,
            )
            self._true_of[node.name, test] = {key for (key,) in found}
        return row[node.key] in self._true_of[node.name, test]


async def rows_of(admin: Any, tenant: UUID) -> dict[str, str | None]:
    """Every tenant table's rows of one tenant, as one hash each."""
    tables = await admin.fetch(
        "select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid"
        " and a.attname = 'tenant_id' where c.relkind = 'r'"
        " and c.relnamespace = 'public'::regnamespace"
    )
    hashed = " union all ".join(
        f"select '{name}', md5(string_agg(x::text, '|' order by x::text)) from {name} x"
        " where tenant_id = $1"
        for (name,) in tables
    )
    return dict(map(tuple, await admin.fetch(hashed, tenant)))
