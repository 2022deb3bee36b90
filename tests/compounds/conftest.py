"""The clients and towns of the API tests; a compound in the north, and those who write, publish and
read its lists."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from tests.api.conftest import Person, Town, api, make_town, town

from guanjia.db.ids import new_id
from guanjia.graph.times import local_date

__all__ = ["api", "make_town", "town"]
CODE = "91350702MA99999965"
INPUTS = {
    "endCommitteeMember": "EndTenureInput",
    "endPartyPost": "EndTenureInput",
    "endCrossAppointment": "EndTenureInput",
    "dissolvePartyOrganisation": "EndTenureInput",
}
BUILDING = "id code name version region { code }"
LIST = (
    "list { id version state edition validFrom validTo contentHash"
    " items(first: 100) { nodes { id position code title standard weight } } }"
)


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
class Lists:
    """One compound's lists, as the API gives them."""

    town: Town
    compound: UUID
    clerk: Person
    secretary: Person

    @property
    def today(self) -> dt.date:
        return local_date(dt.datetime.now(dt.UTC))

    async def do(self, person: Person, name: str, **given: Any) -> dict[str, Any]:
        """The list after the step; AssertionError when it was refused."""
        payload = await self.attempt(person, name, **given)
        assert payload["userErrors"] == [], payload
        found: dict[str, Any] = payload["list"]
        return found

    async def refused(self, person: Person, name: str, **given: Any) -> tuple[str, str]:
        """The code and the sentence of the refusal."""
        payload = await self.attempt(person, name, **given)
        assert payload["list"] is None, payload
        [error] = payload["userErrors"]
        return error["code"], error["message"]

    async def attempt(self, person: Person, name: str, **given: Any) -> dict[str, Any]:
        kind = name[0].upper() + name[1:] + "Input"
        data = await person.data(
            f"mutation ($i: {kind}!) {{ {name}(input: $i)"
            f" {{ {LIST} userErrors {{ code message field }} }} }}",
            {"i": given},
        )
        found: dict[str, Any] = data[name]
        return found

    async def draft(self, kind: str = "SERVICE_LIST", start: str = "TEMPLATE") -> dict[str, Any]:
        return await self.do(
            self.clerk, "createList", compoundId=str(self.compound), kind=kind, start=start
        )

    async def published(
        self, made: dict[str, Any] | None = None, day: dt.date | None = None
    ) -> dict[str, Any]:
        """The draft, or one from the template, published from the day on (today)."""
        made = made or await self.draft()
        return await self.do(
            self.secretary,
            "publishList",
            id=made["id"],
            version=made["version"],
            validFrom=(day or self.today).isoformat(),
        )

    async def in_force(self, person: Person) -> list[Any]:
        data = await person.data(
            "{ listsInForce { nodes { id edition kind compound { name }"
            " items(first: 100) { nodes { code } } } } }"
        )
        found: list[Any] = data["listsInForce"]["nodes"]
        return found


async def make_compound(
    town: Town, region: str, name: str = "碧桂园·珑樾台", mode: str = "PROPERTY_COMPANY"
) -> UUID:
    """A compound of the region's community."""
    place, made = town.tenant.regions[region], new_id()
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        await transaction.connection.execute(
            "insert into compounds (id, name, region_id, region_path, management_mode,"
            " search_text) values ($1, $2, $3, $4, $5, $2)",
            made, name, place.id, place.path, mode,
        )  # fmt: skip
    return made


@pytest.fixture
async def lists(town: Town) -> Lists:
    return Lists(
        town,
        await make_compound(town, "north1"),
        await town.person("COMM", "north1"),
        await town.person("CSEC", "north1"),
    )


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
    compound = await make_compound(town, "north1", "珑樾台", "COMMUNITY_FALLBACK")
    return Place(town, await town.person("CSEC", "north1"), str(compound))
