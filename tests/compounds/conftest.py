"""The clients and towns of the API tests, and a compound in the north."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from tests.api.conftest import api, make_town, town

from guanjia.db.ids import new_id

__all__ = ["api", "make_town", "town"]
CODE = "91350702MA99999965"
INPUTS = {
    "endCommitteeMember": "EndTenureInput",
    "endPartyPost": "EndTenureInput",
    "endCrossAppointment": "EndTenureInput",
    "dissolvePartyOrganisation": "EndTenureInput",
}
BUILDING = "id code name version region { code }"


@dataclass
class Estate:
    """A compound in north1 with two buildings, none covered by a grid; a home in the first."""

    town: Any
    clerk: Any
    compound: dict[str, Any]
    buildings: list[dict[str, Any]]
    home: dict[str, Any]

    def region(self, name: str) -> str:
        return str(self.town.tenant.regions[name].id)

    async def assign(self, building: int = 0, grid: str = "north1grid", **given: Any) -> None:
        await self.clerk.done(
            "assignGrid",
            buildingIds=[self.buildings[building]["id"]],
            gridId=self.region(grid),
            **given,
        )

    async def person(self, name: str, region: str = "north1") -> dict[str, Any]:
        found: dict[str, Any] = (await self.town.registered(self.clerk, region, name=name))[
            "person"
        ]
        return found

    async def bound(self, person: str, relation: str = "OWNER", **given: Any) -> dict[str, Any]:
        made = await self.clerk.done(
            "bindPerson",
            "binding { id version voteHolder relation proof }",
            **{
                "houseUnitId": self.home["id"], "personId": person, "relation": relation,
                "proof": "ESTATE_REGISTRY", **given,
            },
        )  # fmt: skip
        binding: dict[str, Any] = made["binding"]
        return binding


@pytest.fixture
async def estate(town: Any) -> Estate:
    clerk = await town.person("COMM", "north1")
    compound = (
        await clerk.done(
            "createCompound",
            "compound { id version name }",
            regionId=str(town.tenant.regions["north1"].id),
            name="阳光小区",
            address="北门路1号",
            managementMode="COMMUNITY_FALLBACK",
        )
    )["compound"]
    buildings = (
        await clerk.done(
            "createBuildings",
            f"buildings {{ {BUILDING} }}",
            compoundId=compound["id"],
            names=["1–2幢"],
        )
    )["buildings"]
    home = (
        await clerk.done(
            "createHouseUnit",
            "houseUnit { id version label }",
            buildingId=buildings[0]["id"],
            unit="2",
            floor="5",
            room="501室",
            validFrom="2020-01-01",
        )
    )["houseUnit"]
    return Estate(town, clerk, compound, buildings, home)


@dataclass
class Place:
    """A community secretary at work: a compound, and mutations with their answers."""

    town: Any
    secretary: Any
    compound: str

    async def do(self, step: str, wanted: str, who: Any = None, /, **given: Any) -> Any:
        """The payload of a mutation."""
        kind = INPUTS.get(step, step[0].upper() + step[1:] + "Input")
        answer = await (who or self.secretary).data(
            f"mutation ($i: {kind}!) {{ {step}(input: $i)"
            f" {{ {wanted} userErrors {{ code message field }} }} }}",
            {"i": given},
        )
        return answer[step]

    async def refused(self, step: str, wanted: str, who: Any = None, /, **given: Any) -> str:
        """`CODE message` of a mutation that was refused."""
        payload = await self.do(step, f"{wanted} {{ id }}", who, **given)
        assert payload[wanted] is None
        (error,) = payload["userErrors"]
        return f"{error['code']} {error['message']}"

    async def company(self, **given: Any) -> str:
        region = str(self.town.tenant.regions["north1"].id)
        payload = await self.do(
            "registerCompany", "company { id }",
            **{"name": "甲物业", "regionId": region, "creditCode": CODE, **given},
        )  # fmt: skip
        assert payload["userErrors"] == []
        found: str = payload["company"]["id"]
        return found

    async def person(self, name: str = "林晓") -> str:
        payload = await self.town.registered(self.secretary, "north1grid", name=name)
        found: str = payload["person"]["id"]
        return found


@pytest.fixture
async def place(town: Any) -> Place:
    region, compound = town.tenant.regions["north1"], new_id()
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        await transaction.connection.execute(
            "insert into compounds (id, name, region_id, region_path, management_mode,"
            " search_text) values ($1, '珑樾台', $2, $3, 'COMMUNITY_FALLBACK', '珑樾台')",
            compound,
            region.id,
            region.path,
        )
    return Place(town, await town.person("CSEC", "north1"), str(compound))
