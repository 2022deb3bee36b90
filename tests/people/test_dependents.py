"""Residents hang on their grid, and follow it to its successor."""

from __future__ import annotations

from typing import Any

CREATE = (
    "mutation ($i: CreateGridInput!) { createGrid(input: $i)"
    " { region { id } userErrors { code message } } }"
)
CLOSE = "mutation ($i: CloseGridInput!) { closeGrid(input: $i) { userErrors { code message } } }"
RESIDENTS = "{ persons { nodes { id version region { id } } } }"


async def test_a_grid_is_closed_only_when_its_residents_have_a_successor(town: Any) -> None:
    clerk, system = await town.person("COMM", "north1"), await town.person("SYS")
    person = (await town.registered(clerk, "north1grid"))["person"]
    place = {
        "communityId": str(town.tenant.regions["north1"].id), "name": "第二网格", "sequence": 2,
    }  # fmt: skip
    made = (await system.data(CREATE, {"i": place}))["createGrid"]
    assert made["userErrors"] == []
    old = {"id": str(town.tenant.regions["north1grid"].id), "version": 1}
    refused = (await system.data(CLOSE, {"i": old}))["closeGrid"]["userErrors"]
    assert "登记居民 1 人" in refused[0]["message"]
    assert (await clerk.data(RESIDENTS))["persons"]["nodes"][0]["region"]["id"] == old["id"]
    successor = {**old, "successorId": made["region"]["id"]}
    assert (await system.data(CLOSE, {"i": successor}))["closeGrid"]["userErrors"] == []
    assert (await clerk.data(RESIDENTS))["persons"]["nodes"] == [
        {"id": person["id"], "version": 2, "region": {"id": made["region"]["id"]}}
    ]
