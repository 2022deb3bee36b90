"""Changing, linking and erasing through the API."""

from __future__ import annotations

from typing import Any

ID = {"kind": "CITIZEN_ID", "number": "350702198811029972"}
SHOWN = (
    "person { id name sex ageBand address warnings version erasedAt region { code }"
    " documents { id kind number } phones { number } } userErrors { code message field }"
)


async def do(person: Any, name: str, given: dict[str, Any]) -> dict[str, Any]:
    kind = name[0].upper() + name[1:] + "Input"
    answer = await person.data(
        f"mutation ($i: {kind}!) {{ {name}(input: $i) {{ {SHOWN} }} }}", {"i": given}
    )
    payload: dict[str, Any] = answer[name]
    return payload


def step(person: dict[str, Any], **given: Any) -> dict[str, Any]:
    return {"id": person["id"], "version": person["version"], **given}


async def test_only_what_is_given_changes(town: Any) -> None:
    clerk = await town.person("COMM", "north1")
    before = (await town.registered(clerk, "north1", documents=[ID]))["person"]
    same = (await do(clerk, "changePerson", step(before)))["person"]
    assert {**same, "version": 1, "erasedAt": None} == {
        **before, "erasedAt": None, "phones": [{"number": "139****0001"}],
    }  # fmt: skip
    after = (
        await do(
            clerk,
            "changePerson",
            step(
                same,
                name="李四",
                address=None,
                phones=["13900000002", "13900000003"],
                regionId=str(town.tenant.regions["north1grid"].id),
            ),
        )
    )["person"]
    assert (after["name"], after["address"], after["version"]) == ("李四", None, 3)
    assert [p["number"] for p in after["phones"]] == ["139****0002", "139****0003"]
    assert after["region"]["code"] == town.tenant.regions["north1grid"].code
    assert after["documents"] == before["documents"]
    search = "query ($s: String) { persons(filter: { search: $s }) { totalCount } }"
    assert (await clerk.data(search, {"s": "李四"}))["persons"]["totalCount"] == 1
    assert (await clerk.data(search, {"s": "张小三"}))["persons"]["totalCount"] == 0


async def test_documents_are_added_and_removed_by_the_same_rules(town: Any) -> None:
    clerk = await town.person("COMM", "north1")
    person = (await town.registered(clerk, "north1"))["person"]
    assert (person["sex"], person["ageBand"]) == ("UNKNOWN", None)
    person = (await do(clerk, "changePerson", step(person, addDocuments=[ID])))["person"]
    assert (person["sex"], person["ageBand"]) == ("MALE", "30–39")
    again = await do(clerk, "changePerson", step(person, addDocuments=[ID]))
    assert len(again["person"]["documents"]) == 1
    person = again["person"]
    second = {"kind": "CITIZEN_ID", "number": "35070219560315998X"}
    refused = await do(clerk, "changePerson", step(person, addDocuments=[second]))
    assert refused["userErrors"][0]["message"] == "一人只能有一个公民身份号码。"
    person = (await do(clerk, "changePerson", step(person, sex="FEMALE")))["person"]
    assert person["warnings"] == ["SEX_MISMATCH"]
    number = person["documents"][0]["id"]
    corrected = step(person, addDocuments=[second], removeDocumentIds=[number])
    person = (await do(clerk, "changePerson", corrected))["person"]
    assert [d["number"] for d in person["documents"]] == ["350702********998X"]
    assert person["warnings"] == ["BIRTH_DATE_MISMATCH"]
    refused = await do(clerk, "changePerson", step(person, removeDocumentIds=[number]))
    assert refused["userErrors"][0]["code"] == "NOT_FOUND"


async def test_somebody_elses_document_cannot_be_added(town: Any) -> None:
    clerk = await town.person("COMM", "north1")
    await town.registered(clerk, "north1", documents=[ID])
    other = (await town.registered(clerk, "north1", name="李四"))["person"]
    refused = await do(clerk, "changePerson", step(other, addDocuments=[ID]))
    assert refused["userErrors"][0]["code"] == "CONFLICT"


async def test_an_old_version_conflicts(town: Any) -> None:
    clerk = await town.person("COMM", "north1")
    person = (await town.registered(clerk, "north1"))["person"]
    await do(clerk, "changePerson", step(person, name="李四"))
    late = await do(clerk, "changePerson", step(person, name="王五"))
    assert (late["userErrors"][0]["code"], late["userErrors"][0]["field"]) == (
        "CONFLICT",
        ["version"],
    )


async def test_nobody_moves_out_of_or_from_outside_the_scope(town: Any) -> None:
    north, south = await town.person("COMM", "north1"), await town.person("COMM", "south1")
    person = (await town.registered(north, "north1"))["person"]
    away = step(person, regionId=str(town.tenant.regions["south1"].id))
    assert (await do(north, "changePerson", away))["userErrors"][0]["code"] == "NOT_FOUND"
    assert (await do(south, "changePerson", away))["userErrors"][0]["code"] == "NOT_FOUND"


async def test_a_linked_member_reads_their_own_record_and_no_other(town: Any) -> None:
    clerk, resident = await town.person("COMM", "north1"), await town.person("RES", "north1")
    person = (await town.registered(clerk, "north1"))["person"]
    await town.registered(clerk, "north1", name="李四")
    assert (await resident.data("{ persons { totalCount } }"))["persons"]["totalCount"] == 0
    link = step(person, memberId=str(resident.membership))
    linked = (await do(clerk, "linkPersonMember", link))["person"]
    seen = await resident.data("{ persons { nodes { name } } }")
    assert seen["persons"]["nodes"] == [{"name": "张小三"}]
    other = (await town.registered(clerk, "north1", name="王五"))["person"]
    twice = await do(clerk, "linkPersonMember", step(other, memberId=str(resident.membership)))
    assert twice["userErrors"][0]["code"] == "CONFLICT"
    own = await do(clerk, "linkPersonMember", step(other, memberId=str(clerk.membership)))
    assert own["userErrors"][0]["code"] == "BAD_USER_INPUT"
    stranger = await town.person("RES", "south1")
    far = await do(clerk, "linkPersonMember", step(other, memberId=str(stranger.membership)))
    assert far["userErrors"][0]["code"] == "NOT_FOUND"
    await do(clerk, "linkPersonMember", step(linked, memberId=None))
    assert (await resident.data("{ persons { totalCount } }"))["persons"]["totalCount"] == 0


async def test_of_an_erased_person_nothing_stays(town: Any, admin: Any) -> None:
    clerk, chief = await town.person("COMM", "north1"), await town.person("SLEAD", "north")
    person = (await town.registered(clerk, "north1", documents=[ID]))["person"]
    erase = step(person, reason="CONSENT_WITHDRAWN")
    erased = (await do(chief, "erasePerson", erase))["person"]
    assert (erased["name"], erased["address"], erased["ageBand"]) == ("已删除", None, None)
    assert (erased["documents"], erased["phones"]) == ([], [])
    assert erased["erasedAt"]
    row = await admin.fetchrow("select * from persons where id = $1::uuid", person["id"])
    assert {row[name] for name in ("sealed_key", "birth_cipher", "address_cipher")} == {None}
    for table in ("person_documents", "person_phones", "person_grams"):
        assert not await admin.fetchval(
            f"select count(*) from {table} where person_id = $1::uuid", person["id"]
        )
    again = await do(chief, "erasePerson", step(erased, reason="CONSENT_WITHDRAWN"))
    assert again["userErrors"][0]["code"] == "CONFLICT"
    assert (await town.registered(clerk, "north1", documents=[ID]))["userErrors"] == []
