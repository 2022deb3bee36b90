"""The keys of a tenant: made once, changed while serving, of no use to anybody else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.people.test_revealing import look, seen

from guanjia.graph.errors import Refusal
from guanjia.people import rotation
from guanjia.people.ciphers import Key, Suite
from guanjia.people.vault import MissingMasterKey, Vault, vault_of
from guanjia.tenancy.models import tenant_id

NUMBER = "350702198811029972"
ID = {"kind": "CITIZEN_ID", "number": NUMBER}


def vault(town: Any) -> Vault:
    return vault_of(town.api.world.settings)


async def versions(admin: Any, town: Any) -> tuple[list[int], list[int]]:
    """The versions of the tenant's data keys, and those its persons are sealed with."""
    keys = await admin.fetch(
        "select version from data_keys where tenant_id = $1 and purpose = 'DATA' order by 1",
        town.tenant.id,
    )
    used = await admin.fetch(
        "select distinct key_version from persons where tenant_id = $1 order by 1", town.tenant.id
    )
    return [row[0] for row in keys], [row[0] for row in used]


async def test_keys_change_while_people_are_registered_and_read(town: Any, admin: Any) -> None:
    clerk = await town.person("COMM", "north1")
    database, stop = town.api.world.database, asyncio.Event()
    first = (await town.registered(clerk, "north1", documents=[ID]))["person"]
    for _ in range(5):
        await town.registered(clerk, "north1")

    async def serve() -> int:
        served = 0
        while not stop.is_set():
            assert (await town.registered(clerk, "north1"))["userErrors"] == []
            (number,) = (await seen(await town.person("COMM", "north1"), look(first)))["values"]
            assert number["value"] == NUMBER
            served += 1
        return served

    serving = asyncio.create_task(serve())
    for expected in (2, 3, 4):
        version, sealed = await rotation.rotate(database, vault(town), town.tenant.id)
        assert version == expected
        assert sealed >= 6
    stop.set()
    assert await serving > 0
    # Who sealed with an older version while it was current waits for nobody: the next run sees it.
    await rotation.rotate(database, vault(town), town.tenant.id)
    assert await versions(admin, town) == ([5], [5])
    (number,) = (await seen(await town.person("COMM", "north1"), look(first)))["values"]
    assert number["value"] == NUMBER
    again = await town.registered(clerk, "north1", documents=[ID])
    assert again["existing"]["id"] == first["id"]


async def test_a_rotation_that_was_cut_off_is_completed(
    town: Any, admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk = await town.person("COMM", "north1")
    for _ in range(5):
        await town.registered(clerk, "north1")
    database = town.api.world.database
    monkeypatch.setattr(rotation, "BATCH", 2)
    batch, done = rotation._seal_batch, 0

    async def killed(*arguments: Any) -> int:
        nonlocal done
        done += 1
        if done == 3:
            raise ConnectionError("killed")
        return await batch(*arguments)

    monkeypatch.setattr(rotation, "_seal_batch", killed)
    with pytest.raises(ConnectionError):
        await rotation.rotate(database, vault(town), town.tenant.id)
    assert await versions(admin, town) == ([1, 2], [1, 2])
    monkeypatch.setattr(rotation, "_seal_batch", batch)
    assert await rotation.rotate(database, vault(town), town.tenant.id) == (2, 1)
    assert await versions(admin, town) == ([2], [2])


async def test_a_key_in_use_is_not_dropped(town: Any, admin: Any) -> None:
    clerk = await town.person("COMM", "north1")
    await town.registered(clerk, "north1")
    database = town.api.world.database
    async with database.tenant_transaction(town.tenant.id) as transaction:
        await vault(town).add_key(transaction.connection, town.tenant.id, "DATA", 2)
    assert not await rotation._drop_older(database, town.tenant.id, 2)
    assert (await versions(admin, town))[0] == [1, 2]


async def test_a_new_master_key_takes_over_and_the_old_one_can_go(town: Any, admin: Any) -> None:
    clerk = await town.person("COMM", "north1")
    await town.registered(clerk, "north1", documents=[ID])
    database = town.api.world.database
    old = [Key(secret) for secret in town.api.world.settings.master_keys()]
    new = Key.new()
    async with database.snapshot(town.tenant.id) as connection:
        with pytest.raises(MissingMasterKey, match="GUANJIA_MASTER_KEY"):
            await Vault([new], Suite.INTERNATIONAL).reading(connection, town.tenant.id)
    both = Vault([new, *old], Suite.INTERNATIONAL)
    before = await _index(database, vault(town), town.tenant.id)
    assert await rotation.rewrap(database, both, town.tenant.id) == 2
    assert await rotation.rewrap(database, both, town.tenant.id) == 0
    alone = Vault([new], Suite.INTERNATIONAL)
    assert await _index(database, alone, town.tenant.id) == before
    async with database.snapshot(town.tenant.id) as connection:
        with pytest.raises(MissingMasterKey):
            await Vault(old, Suite.INTERNATIONAL).reading(connection, town.tenant.id)


async def _index(database: Any, vault: Vault, tenant: Any) -> bytes:
    async with database.snapshot(tenant) as connection:
        keyring = await vault.reading(connection, tenant)
    assert keyring is not None
    return keyring.blind_index("document:CITIZEN_ID", NUMBER)


async def test_the_national_suite_seals_what_is_new_and_opens_what_is_old(town: Any) -> None:
    clerk = await town.person("COMM", "north1")
    old = (await town.registered(clerk, "north1", documents=[ID]))["person"]
    database = town.api.world.database
    masters = [Key(secret) for secret in town.api.world.settings.master_keys()]
    national = Vault(masters, Suite.NATIONAL)
    await rotation.rotate(database, national, town.tenant.id)
    async with database.snapshot(town.tenant.id) as connection:
        suites = await connection.fetch(
            "select purpose, suite from data_keys where tenant_id = $1 order by 1", town.tenant.id
        )
        sealed = await connection.fetchval(
            "select sealed_key from persons where tenant_id = $1", town.tenant.id
        )
    assert [tuple(row) for row in suites] == [("DATA", "NATIONAL"), ("INDEX", "INTERNATIONAL")]
    assert sealed[0] == 2
    assert (await seen(clerk, look(old)))["values"][0]["value"] == NUMBER


async def test_tenants_share_nothing(town: Any, make_town: Any) -> None:
    towns = [town, await make_town()]
    for each in towns:
        clerk = await each.person("COMM", "north1")
        await each.registered(clerk, "north1", documents=[ID])
    database = town.api.world.database
    indexes = [await _index(database, vault(town), each.tenant.id) for each in towns]
    assert indexes[0] != indexes[1]


async def test_a_value_moved_to_another_row_does_not_open(town: Any, admin: Any) -> None:
    """Whoever can write the database still cannot show one person's number as another's."""
    clerk = await town.person("COMM", "north1")
    number = {"kind": "CITIZEN_ID", "number": "35070219560315998X"}
    one = (await town.registered(clerk, "north1", documents=[ID]))["person"]
    other = (await town.registered(clerk, "north1", documents=[number]))["person"]
    await admin.execute(
        "update person_documents d set cipher = s.cipher from person_documents s"
        " where d.person_id = $1::uuid and s.person_id = $2::uuid",
        one["id"],
        other["id"],
    )
    answer = await clerk.ask(
        "mutation ($i: RevealPersonFieldInput!) { revealPersonField(input: $i)"
        " { values { value } } }",
        look(one),
    )
    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "35070219560315998X" not in str(answer)


async def test_nobodys_keys_are_not_rotated(town: Any) -> None:
    with pytest.raises(Refusal, match="租户"):
        await rotation.rotate(
            town.api.world.database, vault(town), tenant_id("there-is-no-such-tenant")
        )
