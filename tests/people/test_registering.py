"""Registering and finding a person through the API."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

NUMBER = "350702198811029972"
ID = {"kind": "CITIZEN_ID", "number": NUMBER}
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
    assert (person["name"], person["sex"], person["ageBand"]) == ("张小三", "MALE", "30–39")
    assert person["address"] == "西门桥路12号珑樾台***"
    assert person["warnings"] == []
    assert [d["number"] for d in person["documents"]] == ["350702********9972"]
    assert [p["number"] for p in person["phones"]] == ["139****0001", "0599-*****00"]


async def test_a_person_is_found_by_document_within_scope_only(town: Any) -> None:
    clerk, other = await town.person("COMM", "north1"), await town.person("COMM", "south1")
    person = (await town.registered(clerk, "north1", documents=[ID]))["person"]
    full_width = "".join(chr(ord(c) + 0xFEE0) for c in NUMBER)
    for typed in (NUMBER, f" {NUMBER} ", full_width):
        assert (await clerk.data(FIND, {"n": typed}))["findPerson"]["id"] == person["id"]
    assert (await other.data(FIND, {"n": NUMBER}))["findPerson"] is None
    assert (await clerk.data(FIND, {"n": "35070219560315998X"}))["findPerson"] is None
    assert await clerk.code(FIND, {"n": NUMBER[:-1] + "3"}) == "BAD_USER_INPUT"


async def test_a_legacy_number_finds_the_same_person(town: Any) -> None:
    clerk = await town.person("COMM", "north1")
    given = {"kind": "CITIZEN_ID", "number": "35070219560315998X"}
    person = (await town.registered(clerk, "north1", documents=[given]))["person"]
    found = await clerk.data(FIND, {"n": "350702560315998"})
    assert found["findPerson"]["id"] == person["id"]


async def test_names_are_masked_without_the_right_to_read_them(town: Any) -> None:
    clerk, chief = await town.person("COMM", "north1"), await town.person("DCMD")
    await town.registered(clerk, "north1", name="欧阳修")
    shown = await chief.data("{ persons { nodes { name } } }")
    assert shown["persons"]["nodes"] == [{"name": "欧阳*"}]
    search = "query ($s: String) { persons(filter: { search: $s }) { nodes { name } } }"
    found = await clerk.data(search, {"s": "欧阳"})
    assert found["persons"]["nodes"] == [{"name": "欧阳修"}]
    assert await chief.code(search, {"s": "欧阳"}) == "FORBIDDEN"


async def test_a_second_with_one_document_is_pointed_to_within_scope_only(town: Any) -> None:
    clerk, other = await town.person("COMM", "north1"), await town.person("COMM", "south1")
    auditor = await town.person("AUD")
    first = (await town.registered(clerk, "north1", documents=[ID]))["person"]
    near = await town.registered(clerk, "north1grid", name="张三", documents=[ID])
    far = await town.registered(other, "south1", name="张三", documents=[ID])
    assert near["person"] is None
    assert near["existing"]["id"] == first["id"]
    assert far["existing"] is None
    assert near["userErrors"] == far["userErrors"]
    assert far["userErrors"][0]["code"] == "CONFLICT"
    assert (await other.data("{ persons { totalCount } }"))["persons"]["totalCount"] == 0
    records = await auditor.data("{ auditRecords(first: 2) { nodes { action result } } }")
    assert {"action": "person.already_registered", "result": "DENIED"} in records["auditRecords"][
        "nodes"
    ]


async def test_one_number_is_two_people_in_two_tenants(town: Any, make_town: Any) -> None:
    for each in (town, await make_town()):
        clerk = await each.person("COMM", "north1")
        assert (await each.registered(clerk, "north1", documents=[ID]))["userErrors"] == []


async def test_of_two_who_register_the_same_at_once_one_is_refused(town: Any) -> None:
    clerks = [await town.person("COMM", "north1") for _ in range(4)]
    payloads = await asyncio.gather(
        *(town.registered(clerk, "north1", documents=[ID]) for clerk in clerks)
    )
    made = [p["person"]["id"] for p in payloads if p["person"]]
    assert len(made) == 1
    assert {p["existing"]["id"] for p in payloads if p["existing"]} == set(made)


async def test_a_retry_with_the_same_key_gives_the_same_person(town: Any) -> None:
    clerk = await town.person("COMM", "north1")
    given = {"documents": [ID], "idempotencyKey": "k-1"}
    first = await town.registered(clerk, "north1", **given)
    again = await town.registered(clerk, "north1", **given)
    assert first["person"]["id"] == again["person"]["id"]
    other = await town.registered(clerk, "north1", **{**given, "address": "别处"})
    assert other["userErrors"][0]["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_what_differs_from_the_document_is_listed_and_stays_as_declared(town: Any) -> None:
    clerk = await town.person("COMM", "north1")
    strange = {"kind": "CITIZEN_ID", "number": "99999919881102997X"}
    payload = await town.registered(
        clerk, "north1", documents=[strange], sex="FEMALE", birthDate="1950-01-02"
    )
    assert payload["person"]["sex"] == "FEMALE"
    assert payload["person"]["ageBand"] == "70–79"
    assert set(payload["person"]["warnings"]) == {
        "UNKNOWN_REGION_PREFIX", "SEX_MISMATCH", "BIRTH_DATE_MISMATCH",
    }  # fmt: skip
    listed = await clerk.data("{ persons(filter: { hasWarnings: true }) { totalCount } }")
    assert listed["persons"]["totalCount"] == 1


@pytest.mark.parametrize(
    ("given", "field", "sentence"),
    [
        ({"name": " "}, ["name"], "请填写姓名"),
        ({"name": "张" * 51}, ["name"], "最长50个字"),
        ({"name": "张\x00三"}, ["name"], "控制字符"),
        ({"phones": ["12345"]}, ["phones", "0"], "11 位手机号"),
        ({"phones": ["13900000001"] * 6}, ["phones"], "最多登记 5 个电话"),
        ({"documents": [{"kind": "CITIZEN_ID", "number": "350702198811029973"}]},
         ["documents", "0", "number"], "校验码"),
        ({"documents": [{"kind": "CITIZEN_ID", "number": "350702560315998"}]},
         ["documents", "0", "number"], "只在导入时"),
        ({"documents": [ID, ID]}, ["documents"], "两次"),
        ({"documents": [ID, {"kind": "CITIZEN_ID", "number": "35070219560315998X"}]},
         ["documents"], "只能有一个公民身份号码"),
        ({"documents": [{"kind": "DISABILITY_CARD", "number": "35070219560315998X42"}, ID]},
         ["documents", "0", "number"], "不一致"),
        ({"birthDate": "1879-12-31"}, ["birthDate"], "1880 年以后"),
        ({"address": "路" * 201}, ["address"], "最长200个字"),
        ({"regionId": "x"}, ["regionId"], "标识无效"),
    ],
)  # fmt: skip
async def test_bad_input_is_refused_with_its_place(
    town: Any, given: dict[str, Any], field: list[str], sentence: str
) -> None:
    clerk = await town.person("COMM", "north1")
    payload = await town.registered(clerk, "north1", **given)
    (error,) = payload["userErrors"]
    assert (error["code"], error["field"]) == ("BAD_USER_INPUT", field)
    assert sentence in error["message"]
    assert (await clerk.data("{ persons { totalCount } }"))["persons"]["totalCount"] == 0


@pytest.mark.parametrize(("place", "code"), [("south1", "NOT_FOUND"), ("north", "NOT_FOUND")])
async def test_nobody_is_registered_outside_the_scope(town: Any, place: str, code: str) -> None:
    clerk = await town.person("COMM", "north1")
    assert (await town.registered(clerk, place))["userErrors"][0]["code"] == code


async def test_the_disability_card_is_not_shown_at_all(town: Any) -> None:
    clerk = await town.person("COMM", "north1")
    card = {"kind": "DISABILITY_CARD", "number": NUMBER + "42"}
    person = (await town.registered(clerk, "north1", documents=[ID, card]))["person"]
    assert [d["kind"] for d in person["documents"]] == ["CITIZEN_ID"]
