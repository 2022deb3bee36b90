"""Registering and finding a person through the API."""

from __future__ import annotations

from typing import Any

ID = {"kind": "CITIZEN_ID", "number": "350702198811029972"}
FIND = "query ($n: String!) { findPerson(kind: CITIZEN_ID, number: $n) { id name } }"


async def test_a_person_is_registered_and_shown_masked(town: Any) -> None:
    clerk = await town.person("COMM", "north1")
    payload = await town.registered(
        clerk,
        "north1grid",
        documents=[ID],
        phones=["139 0000 0001", "0599-0000000"],
        address="西门桥路12号珑樾台3幢2单元501室",
    )
    assert payload["userErrors"] == []
    person = payload["person"]
    assert person["name"] == "张小三"
    assert person["sex"] == "MALE"
    assert person["ageBand"] == "30–39"
    assert person["address"] == "西门桥路12号珑樾台***"
    assert person["warnings"] == []
    assert [d["number"] for d in person["documents"]] == ["350702********9972"]
    assert [p["number"] for p in person["phones"]] == ["139****0001", "0599-*****00"]
    found = await clerk.data(FIND, {"n": "350702198811029972"})
    assert found["findPerson"]["id"] == person["id"]
