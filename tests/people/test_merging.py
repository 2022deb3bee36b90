"""Two rows that are one person become one, with both histories."""

from __future__ import annotations

from typing import Any

import pytest
from tests.people.test_changing import do, step
from tests.people.test_revealing import look, seen

from guanjia.people import references as registry
from guanjia.people.references import PersonReference, references

NUMBER = "350702198811029972"
ID = {"kind": "CITIZEN_ID", "number": NUMBER}
PASSPORT = {"kind": "PASSPORT", "number": "E12345678"}
MERGE = (
    "mutation ($i: MergePersonsInput!) { mergePersons(input: $i) { person { id version sex ageBand"
    " address documents { kind number } phones { number } } userErrors { code message field } } }"
)
DUPLICATES = "{ personDuplicates { first { id } second { id } reasons } }"


def both(kept: dict[str, Any], merged: dict[str, Any], **given: Any) -> dict[str, Any]:
    return {
        "i": {
            "keptId": kept["id"], "keptVersion": kept["version"], "mergedId": merged["id"],
            "mergedVersion": merged["version"], "reason": "电话核实为同一人", **given,
        }
    }  # fmt: skip


async def merged_by(actor: Any, given: dict[str, Any]) -> dict[str, Any]:
    payload: dict[str, Any] = (await actor.data(MERGE, given))["mergePersons"]
    return payload


async def test_duplicates_are_found_and_merged_by_a_person(town: Any, admin: Any) -> None:
    clerk = await town.person("COMM", "north1")
    kept = (await town.registered(clerk, "north1", documents=[ID], address=None))["person"]
    merged = (
        await town.registered(
            clerk, "north1grid", documents=[PASSPORT], phones=["13900000001", "13900000002"]
        )
    )["person"]
    await town.registered(clerk, "north1", name="李四")
    assert (await clerk.data(DUPLICATES))["personDuplicates"] == [
        {
            "first": {"id": kept["id"]}, "second": {"id": merged["id"]},
            "reasons": ["SAME_NAME_AND_PHONE"],
        }
    ]  # fmt: skip
    one = (await merged_by(clerk, both(kept, merged)))["person"]
    assert one["id"] == kept["id"]
    assert {d["kind"] for d in one["documents"]} == {"CITIZEN_ID", "PASSPORT"}
    assert sorted(p["number"] for p in one["phones"]) == ["139****0001", "139****0002"]
    assert one["address"] == "北门路1号阳光小区***"
    # What was sealed for the merged row opens for the kept one.
    assert {v["value"] for v in (await seen(clerk, look(one)))["values"]} == {NUMBER, "E12345678"}
    assert [v["value"] for v in (await seen(clerk, look(one, "ADDRESS")))["values"]] == [
        "北门路1号阳光小区3幢501室"
    ]
    found = await clerk.data(
        "query ($id: ID!) { person(id: $id) { name mergedInto { id } } findPerson(kind: PASSPORT,"
        ' number: "E12345678") { id } personDuplicates { reasons } }',
        {"id": merged["id"]},
    )
    assert found["person"] == {"name": "张小三", "mergedInto": {"id": kept["id"]}}
    assert found["findPerson"] == {"id": kept["id"]}
    assert found["personDuplicates"] == []
    history = await admin.fetchrow(
        "select * from person_merges where merged_id = $1::uuid", merged["id"]
    )
    assert (str(history["kept_id"]), history["reason"]) == (kept["id"], "电话核实为同一人")
    stale = await do(clerk, "changePerson", step({**merged, "version": 2}, name="王五"))
    assert stale["userErrors"][0]["code"] == "CONFLICT"


async def test_an_erased_person_takes_the_merged_rows_along(town: Any, admin: Any) -> None:
    clerk, chief = await town.person("COMM", "north1"), await town.person("SLEAD", "north")
    kept = (await town.registered(clerk, "north1", documents=[ID]))["person"]
    merged = (await town.registered(clerk, "north1"))["person"]
    one = (await merged_by(clerk, both(kept, merged)))["person"]
    await do(chief, "erasePerson", step(one, reason="REQUIRED_BY_LAW"))
    rows = await admin.fetch(
        "select name, sealed_key from persons where id = any($1::uuid[])",
        [kept["id"], merged["id"]],
    )
    assert {tuple(row) for row in rows} == {("已删除", None)}


async def test_who_cannot_be_one_person_is_refused(town: Any) -> None:
    clerk = await town.person("COMM", "north1")
    one = (await town.registered(clerk, "north1", documents=[ID]))["person"]
    number = {"kind": "CITIZEN_ID", "number": "35070219560315998X"}
    other = (await town.registered(clerk, "north1", documents=[number]))["person"]
    refused = await merged_by(clerk, both(one, other))
    assert refused["userErrors"][0]["code"] == "CONFLICT"
    assert "公民身份号码不同" in refused["userErrors"][0]["message"]
    assert (await clerk.data(DUPLICATES))["personDuplicates"] == []
    itself = await merged_by(clerk, both(one, one))
    assert itself["userErrors"][0]["code"] == "BAD_USER_INPUT"
    third = (await town.registered(clerk, "north1"))["person"]
    silent = await merged_by(clerk, both(one, third, reason=" "))
    assert silent["userErrors"][0]["field"] == ["reason"]
    late = await merged_by(clerk, both(one, third, mergedVersion=7))
    assert late["userErrors"][0]["code"] == "CONFLICT"
    residents = [await town.person("RES", "north1") for _ in range(2)]
    for person, resident in zip((one, third), residents, strict=True):
        await do(clerk, "linkPersonMember", step(person, memberId=str(resident.membership)))
    accounts = await merged_by(clerk, both(one, third, keptVersion=2, mergedVersion=2))
    assert "各关联了一个账号" in accounts["userErrors"][0]["message"]


async def test_one_who_sees_only_one_of_them_cannot_merge(town: Any) -> None:
    north, south = await town.person("COMM", "north1"), await town.person("COMM", "south1")
    one = (await town.registered(north, "north1", documents=[ID]))["person"]
    other = (await town.registered(south, "south1"))["person"]
    refused = await merged_by(north, both(one, other))
    assert (refused["userErrors"][0]["code"], refused["userErrors"][0]["field"]) == (
        "NOT_FOUND",
        ["mergedId"],
    )
    assert (await north.data(DUPLICATES))["personDuplicates"] == []
    district = await town.person("DSUP")
    (pair,) = (await district.data(DUPLICATES))["personDuplicates"]
    assert pair["reasons"] == ["SAME_NAME_AND_PHONE"]
    assert (await merged_by(district, both(one, other)))["userErrors"] == []


FOREIGN_KEYS = """
select k.conrelid::regclass::text as table, a.attname as column from pg_constraint k
cross join lateral unnest(k.conkey) u(number)
join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.number
where k.contype = 'f' and k.confrelid = 'persons'::regclass and a.attname <> 'tenant_id'
"""
OF_THE_ROW_ITSELF = {
    ("persons", "merged_into_id"), ("person_merges", "kept_id"), ("person_merges", "merged_id"),
    ("person_grams", "person_id"),
}  # fmt: skip


async def unregistered(admin: Any) -> set[tuple[str, str]]:
    found = {tuple(row) for row in await admin.fetch(FOREIGN_KEYS)}
    return found - {(r.table, r.column) for r in references()} - OF_THE_ROW_ITSELF


async def test_everything_that_refers_to_persons_follows_a_merger(admin: Any) -> None:
    assert await unregistered(admin) == set()


async def test_a_reference_that_was_forgotten_is_found(
    admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [r for r in references() if r.table != "person_phones"]
    monkeypatch.setattr(registry, "_REFERENCES", kept)
    assert await unregistered(admin) == {("person_phones", "person_id")}
    registry.refers(PersonReference("person_phones"), PersonReference("person_phones"))
    assert [r.table for r in references()].count("person_phones") == 1
