"""Property companies and contracts through the API."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.compounds.conftest import CODE

MODE = "query ($id: ID!) { compound(id: $id) { managementMode } }"


async def mode(place: Any) -> str:
    found = await place.secretary.data(MODE, {"id": place.compound})
    text: str = found["compound"]["managementMode"]
    return text


async def test_a_company_is_registered_once_by_its_code(place: Any) -> None:
    await place.company(partyMembers=4, servicePhone="0599-0000000")
    region = str(place.town.tenant.regions["north1"].id)
    said = await place.refused(
        "registerCompany", "company", name="乙物业", regionId=region, creditCode=f" {CODE.lower()}"
    )
    assert said == "CONFLICT 该统一社会信用代码已登记为「甲物业」。"
    found = await place.secretary.data("{ propertyCompanies { nodes { name partyMembers } } }")
    assert found["propertyCompanies"]["nodes"] == [{"name": "甲物业", "partyMembers": 4}]
    names = await place.secretary.data("{ organisations { nodes { name } } }")
    assert {"name": "乙物业"} not in names["organisations"]["nodes"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"creditCode": "91350702MA99999966"}, "校验码不符"),
        ({"creditCode": "91350702MA9999996"}, "应为 18 位"),
        ({"creditCode": "9135070IMA99999965"}, "不使用 I"),
        ({"partyMembers": -1}, "不能为负"),
        ({"servicePhone": "请打给老王"}, "服务电话只含"),
        ({"name": None}, "请选择已有机构"),
    ],
)
async def test_a_wrong_company_is_refused(place: Any, given: Any, said: str) -> None:
    region = str(place.town.tenant.regions["north1"].id)
    whole = {"name": "甲物业", "regionId": region, "creditCode": CODE, **given}
    message = await place.refused("registerCompany", "company", **whole)
    assert message.startswith("BAD_USER_INPUT")
    assert said in message


async def test_a_compound_has_one_company_at_a_time(place: Any) -> None:
    company = await place.company()
    given = {"compoundId": place.compound, "companyId": company}
    signed = await place.do(
        "signContract", "contract { id version inForce }", **given,
        startsOn="2025-01-01", endsOn="2125-12-31",
    )  # fmt: skip
    assert signed["contract"]["inForce"]
    assert await mode(place) == "PROPERTY_COMPANY"
    said = await place.refused("signContract", "contract", **given, startsOn="2125-12-31")
    assert said.startswith("CONFLICT 该小区自 2025-01-01 至 2125-12-31已由「甲物业」服务")
    late = await place.do("signContract", "contract { id inForce }", **given, startsOn="2126-01-01")
    assert late["userErrors"] == []
    assert not late["contract"]["inForce"]
    ended = await place.do(
        "endContract", "contract { inForce endsOn }", id=signed["contract"]["id"],
        version=signed["contract"]["version"], endsOn="2026-01-31", reason="合同解除",
    )  # fmt: skip
    assert ended["contract"] == {"inForce": False, "endsOn": "2026-01-31"}
    assert await mode(place) == "COMMUNITY_FALLBACK"


async def test_two_who_sign_at_once_do_not_both(place: Any) -> None:
    company = await place.company()
    answers = await asyncio.gather(
        *(
            place.do(
                "signContract", "contract { id }", compoundId=place.compound, companyId=company,
                startsOn="2025-01-01",
            )
            for _ in range(2)
        )
    )  # fmt: skip
    assert sorted(len(a["userErrors"]) for a in answers) == [0, 1]


async def test_another_community_neither_reads_nor_signs(place: Any) -> None:
    company = await place.company()
    given = {"compoundId": place.compound, "companyId": company, "startsOn": "2025-01-01"}
    await place.do("signContract", "contract { id }", **given)
    stranger = await place.town.person("CSEC", "south1")
    assert (await place.refused("signContract", "contract", stranger, **given)).startswith(
        "NOT_FOUND"
    )
    seen = await stranger.data("{ propertyContracts { totalCount } }")
    assert seen["propertyContracts"]["totalCount"] == 0
    said = await place.refused(
        "changeCompany", "company", stranger, id=company, version=1, partyMembers=9
    )
    assert said.startswith("NOT_FOUND")
    resident = await place.town.person("RES", "north1")
    shown = await resident.data("{ propertyContracts { nodes { company { name } } } }")
    assert shown["propertyContracts"]["nodes"] == [{"company": {"name": "甲物业"}}]
