"""The clients and towns of the API tests, and a compound in the north."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from tests.api.conftest import api, make_town, town

__all__ = ["api", "make_town", "town"]
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
