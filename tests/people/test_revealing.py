"""Looking at protected values in full: permitted, explained, counted, recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest

NUMBER = "350702198811029972"
ID = {"kind": "CITIZEN_ID", "number": NUMBER}
CARD = {"kind": "DISABILITY_CARD", "number": NUMBER + "42"}
REVEAL = (
    "mutation ($i: RevealPersonFieldInput!) { revealPersonField(input: $i)"
    " { values { id kind value } userErrors { code message field } } }"
)


def look(person: dict[str, Any], field: str = "DOCUMENTS", **given: Any) -> dict[str, Any]:
    return {
        "i": {
            "personId": person["id"], "field": field, "purpose": "SERVICE",
            "note": "办理高龄津贴", **given,
        }
    }  # fmt: skip


async def seen(actor: Any, given: dict[str, Any]) -> dict[str, Any]:
    payload: dict[str, Any] = (await actor.data(REVEAL, given))["revealPersonField"]
    return payload


async def test_each_field_is_revealed_to_who_may(town: Any) -> None:
    clerk = await town.person("COMM", "north1")
    person = (await town.registered(clerk, "north1", documents=[ID, CARD]))["person"]
    (shown,) = (await seen(clerk, look(person)))["values"]
    assert (shown["value"], shown["kind"]) == (NUMBER, "CITIZEN_ID")
    assert shown["id"] == person["documents"][0]["id"]
    values = {
        field: [v["value"] for v in (await seen(clerk, look(person, field)))["values"]]
        for field in ("PHONES", "ADDRESS", "BIRTH_DATE")
    }
    assert values == {
        "PHONES": ["13900000001"],
        "ADDRESS": ["北门路1号阳光小区3幢501室"],
        "BIRTH_DATE": ["1988-11-02"],
    }
    assert await clerk.code(REVEAL, look(person, "DISABILITY_CARD")) == "FORBIDDEN"
    chief = await town.person("SLEAD", "north")
    (shown,) = (await seen(chief, look(person, "DISABILITY_CARD")))["values"]
    assert shown["value"] == NUMBER + "42"


async def test_a_resident_sees_their_own_in_full(town: Any) -> None:
    clerk, resident = await town.person("COMM", "north1"), await town.person("RES", "north1")
    own = (await town.registered(clerk, "north1", documents=[ID]))["person"]
    other = (await town.registered(clerk, "north1", name="李四"))["person"]
    await clerk.data(
        "mutation ($i: LinkPersonMemberInput!) { linkPersonMember(input: $i)"
        " { userErrors { code } } }",
        {"i": {"id": own["id"], "version": 1, "memberId": str(resident.membership)}},
    )
    given = {"purpose": "OWN_DATA", "note": "查阅本人信息"}
    assert (await seen(resident, look(own, **given)))["values"][0]["value"] == NUMBER
    refused = await seen(resident, look(other, **given))
    assert (refused["values"], refused["userErrors"][0]["code"]) == (None, "NOT_FOUND")


@pytest.mark.parametrize(
    ("role", "place", "code"),
    [
        ("GRID", "north1grid", "FORBIDDEN"),
        ("DCMD", "district", "FORBIDDEN"),
        ("AUD", "district", "FORBIDDEN"),
    ],
)
async def test_who_may_not_is_refused_and_recorded(
    town: Any, role: str, place: str, code: str
) -> None:
    clerk, actor = await town.person("COMM", "north1"), await town.person(role, place)
    person = (await town.registered(clerk, "north1grid", documents=[ID]))["person"]
    assert await actor.code(REVEAL, look(person)) == code
    auditor = await town.person("AUD")
    records = await auditor.data("{ auditRecords(first: 1) { nodes { action permission } } }")
    assert records["auditRecords"]["nodes"] == [
        {"action": "access.denied", "permission": "person:reveal"}
    ]


async def test_out_of_scope_is_not_found(town: Any) -> None:
    north, south = await town.person("COMM", "north1"), await town.person("COMM", "south1")
    person = (await town.registered(north, "north1", documents=[ID]))["person"]
    refused = await seen(south, look(person))
    assert (refused["values"], refused["userErrors"][0]["code"]) == (None, "NOT_FOUND")


@pytest.mark.parametrize(
    "note", ["", "办", "核对 350702198811029972", "打 13900000001", "看" * 201]
)
async def test_a_purpose_is_said_and_holds_no_number(town: Any, note: str) -> None:
    clerk = await town.person("COMM", "north1")
    person = (await town.registered(clerk, "north1"))["person"]
    refused = await seen(clerk, look(person, note=note))
    assert refused["userErrors"][0]["field"] == ["note"]


async def test_every_look_is_recorded_without_what_was_seen(town: Any) -> None:
    clerk, auditor = await town.person("COMM", "north1"), await town.person("AUD")
    person = (await town.registered(clerk, "north1", documents=[ID]))["person"]
    for _ in range(2):
        await seen(clerk, look(person))
    found = await auditor.data(
        "{ auditRecords(filter: { result: { in: [READ] } })"
        " { nodes { action objectId detail actorId } } }"
    )
    records = found["auditRecords"]["nodes"]
    assert [r["action"] for r in records] == ["person.reveal"] * 2
    assert {r["objectId"] for r in records} == {person["id"]}
    assert {r["actorId"] for r in records} == {str(clerk.membership)}
    assert json.loads(records[0]["detail"]) == {
        "field": "DOCUMENTS", "purpose": "SERVICE", "note": "办理高龄津贴",
    }  # fmt: skip


async def test_the_hour_has_its_limit_for_each_actor(town: Any, admin: Any) -> None:
    clerk, other = await town.person("COMM", "north1"), await town.person("COMM", "north1")
    auditor = await town.person("AUD")
    person = (await town.registered(clerk, "north1", documents=[ID]))["person"]
    limit = town.api.world.settings.reveals_per_hour
    many = "mutation ($i: RevealPersonFieldInput!) {" + "".join(
        f" a{n}: revealPersonField(input: $i) {{ values {{ value }} userErrors {{ code }} }}"
        for n in range(25)
    )
    answers = [*(await clerk.data(many + "}", look(person))).values()]
    answers += (await clerk.data(many + "}", look(person))).values()
    assert len([a for a in answers if a["values"]]) == limit
    assert {a["userErrors"][0]["code"] for a in answers if not a["values"]} == {"LIMIT_EXCEEDED"}
    assert (await seen(other, look(person)))["values"]
    denied = await auditor.data(
        "{ auditRecords(first: 1, filter: { result: { in: [DENIED] } }) { nodes { action } } }"
    )
    assert denied["auditRecords"]["nodes"] == [{"action": "person.reveal"}]
    await admin.execute(
        "update person_looks set minute = minute - interval '61 minutes' where membership_id = $1",
        clerk.membership,
    )
    assert (await seen(clerk, look(person)))["values"]


async def test_asking_whether_a_document_is_registered_counts_too(town: Any) -> None:
    clerk = await town.person("COMM", "north1")
    await town.registered(clerk, "north1", documents=[ID])
    limit = town.api.world.settings.reveals_per_hour
    codes = [
        (await town.registered(clerk, "north1", documents=[ID]))["userErrors"][0]["code"]
        for _ in range(limit + 1)
    ]
    assert codes == ["CONFLICT"] * limit + ["LIMIT_EXCEEDED"]
