"""The policies are proven, and the prover sees a policy that leaks."""

from __future__ import annotations

import asyncio
import re
import secrets

import asyncpg
import pytest
from tests.conftest import Server

from guanjia import settings
from guanjia.db import cluster, proof
from guanjia.db.connections import Connections
from guanjia.db.migrate import declared_grants


@pytest.mark.parametrize("mode", proof.MODES)
async def test_tenants_are_proven_apart(connections: Connections, mode: str) -> None:
    proven, said = await asyncio.to_thread(proof.prove, connections.require("owner"), mode)
    assert proven, said
    assert "0 leaking, 0 unverified" in said
    named = set(re.findall(r"^public\.(\w+)\s+PROVEN", said, re.MULTILINE))
    assert named == set(declared_grants(settings.MODULES))  # not one tenant table left out


@pytest.mark.parametrize("mode", proof.MODES)
async def test_a_leak_is_not_proven(server: Server, mode: str) -> None:
    name = f"test_{secrets.token_hex(6)}"
    leaky = await cluster.prepare(server.administrator, name, server.passwords)
    try:
        connection = await asyncpg.connect(leaky.require("owner"))
        await connection.execute(
            "create table rows (tenant_id uuid not null, id uuid not null,"
            " primary key (tenant_id, id));"
            "alter table rows enable row level security;"
            "alter table rows force row level security;"
            "create policy wall on rows using"
            " (tenant_id = current_setting('app.tenant_id')::uuid or true)"
        )
        await connection.close()
        proven, said = await asyncio.to_thread(proof.prove, leaky.require("owner"), mode)
        assert not proven, said
    finally:
        await cluster.drop_database(server.administrator, name)
