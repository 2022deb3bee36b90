"""What a tenant gets, and what follows when its regions change."""

from __future__ import annotations

import csv
import datetime as dt
import re
from typing import Any

from guanjia.people.retention import _RETENTION, seed_retention
from guanjia.settings import PROJECT_ROOT
from guanjia.tenancy.dependents import follow


async def test_retention_is_dated_data_that_everyone_may_read(town: Any) -> None:
    resident = await town.person("RES", "north1")
    query = "{ retentionRules(first: 50) { nodes { code months days validFrom validTo source } } }"
    rules = (await resident.data(query))["retentionRules"]["nodes"]
    with _RETENTION.open(encoding="utf-8", newline="") as file:
        seeded = {row["code"]: row for row in csv.DictReader(file)}
    assert {rule["code"] for rule in rules} == set(seeded)
    by_code = {rule["code"]: rule for rule in rules}
    assert by_code["LOCATION"]["days"] == 90
    assert by_code["CASE"]["months"] == 120
    assert by_code["PERSON"]["months"] is by_code["PERSON"]["days"] is None
    assert all(rule["source"] for rule in rules)
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        await transaction.connection.execute("update retention_rules set months = 240, days = null")
        await seed_retention(transaction.connection)
    assert {rule["months"] for rule in (await resident.data(query))["retentionRules"]["nodes"]} == {
        240
    }


async def test_every_class_in_the_contract_names_a_retention_rule(town: Any) -> None:

    text = (PROJECT_ROOT / "schema.graphql").read_text(encoding="utf-8")
    named = set(re.findall(r'@dataClass\(class: \w+, retention: "(\w+)"\)', text))
    resident = await town.person("RES", "north1")
    rules = (await resident.data("{ retentionRules(first: 50) { nodes { code } } }"))[
        "retentionRules"
    ]["nodes"]
    assert named
    assert named <= {rule["code"] for rule in rules}


async def test_residents_follow_their_region_to_its_successor(town: Any) -> None:
    clerk = await town.person("COMM", "north1")
    person = (await town.registered(clerk, "north1"))["person"]
    regions = town.tenant.regions
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        await transaction.connection.execute(
            "update regions set valid_to = $2 where id = $1",
            regions["north1"].id,
            dt.date(2026, 1, 1),
        )
        pairs = [(regions["north1"].id, regions[name].id) for name in ("south2", "south1")]
        await follow(transaction, pairs)
    new = await town.person("COMM", "south2")
    found = await new.data("{ persons { nodes { id region { code } version } } }")
    assert found["persons"]["nodes"] == [
        {"id": person["id"], "region": {"code": regions["south2"].code}, "version": 2}
    ]
