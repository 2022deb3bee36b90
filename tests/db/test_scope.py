"""What a scope's predicate does to the statement it stands in."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from tests.conftest import TestTenant

from guanjia.db.connections import Connections
from guanjia.db.scope import Reach, Reachable, Scope, predicate_of

REGIONS = Reachable("path")
LINE = Reachable(
    inside="{row}.path >= {low} and {row}.path < {high}"
    " or left({low}, length({row}.path)) = {row}.path"
)
"""Regions below those of a scope, and above them."""


async def plan(connection: asyncpg.Connection, tenant: TestTenant, predicate: str) -> str:
    rows = await connection.fetch(
        f"explain select * from regions r where r.tenant_id = '{tenant.id}' and {predicate}"
    )
    return "\n".join(row[0] for row in rows)


async def test_no_scope_reads_nothing_and_keeps_the_tenant_predicate(
    connections: Connections, tenant: TestTenant
) -> None:
    """Where the tenant predicate is folded away, a server before 17 evaluates the policy while it
    plans, and a connection without a tenant fails."""
    nothing = predicate_of((), REGIONS, "r", "$1", lambda name, kind: name)
    connection = await asyncpg.connect(connections.require("app_ro"))
    try:
        await connection.execute("select set_config('app.tenant_id', '', false)")
        assert str(tenant.id) in await plan(connection, tenant, nothing)
        await connection.execute("select set_config('app.tenant_id', $1, false)", str(tenant.id))
        assert await connection.fetch(f"select from regions r where {nothing}") == []
    finally:
        await connection.close()


async def test_a_constant_would_lose_it(connections: Connections, tenant: TestTenant) -> None:
    connection = await asyncpg.connect(connections.require("app_ro"))
    try:
        await connection.execute("select set_config('app.tenant_id', '', false)")
        if connection.get_server_version() >= (17,):
            assert str(tenant.id) not in await plan(connection, tenant, "false")
        else:
            with pytest.raises(asyncpg.InvalidTextRepresentationError):
                await plan(connection, tenant, "false")
    finally:
        await connection.close()


@pytest.mark.parametrize("codes", [("north1",), ("north1", "south")])
async def test_what_lies_inside_is_the_same_for_one_region_and_for_several(
    admin: asyncpg.Connection, tenant: TestTenant, codes: tuple[str, ...]
) -> None:
    """Whatever the SQL of a table says, it is one condition beside the tenant's."""
    ours = {region.path for region in tenant.regions.values()}
    held = [tenant.regions[code].path for code in codes]
    scope = Scope("case:read", tuple(Reach("region", path=path) for path in held))
    values: list[Any] = [tenant.id]

    def bind(value: Any, kind: str) -> str:
        values.append(value)
        return f"${len(values)}::{kind}"

    inside = scope.predicate(LINE, "r", "$1", bind)
    rows = await admin.fetch(
        f"select r.tenant_id, r.path from regions r where r.tenant_id = $1 and {inside}", *values
    )
    assert {row["tenant_id"] for row in rows} == {tenant.id}
    assert {row["path"] for row in rows} == {
        path for path in ours if any(path.startswith(h) or h.startswith(path) for h in held)
    }
