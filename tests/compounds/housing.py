"""A compound whose butler is at work: who may hold its seats, and how they are appointed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pytest
from tests.compounds.test_partyorganisations import founded

from guanjia.tenancy.models import LOCAL

HOLDER = "id seat name organisation contact since until acting actingFor reason role version"
BUTLER = (
    f"active inactiveReasons communityFallback seats {{ seat label vacant holders {{ {HOLDER} }} }}"
)
ONE = f"query ($c: ID!, $d: Date) {{ butler(compound: $c, asOf: $d) {{ {BUTLER} }} }}"
TODAY = dt.datetime.now(LOCAL).date()
APPOINTED = f"holder {{ {HOLDER} }}"


@dataclass
class House:
    """A compound in north1 with a building in north1grid, its steward, its community's party
    committee with a secretary, and the grid's party branch with one."""

    place: Any
    building: str
    committee_party: str
    secretary: str
    grid_branch: str
    grid_secretary: str

    async def butler(self, day: str | None = None, who: Any = None) -> Any:
        found = await (who or self.place.secretary).data(ONE, {"c": self.place.compound, "d": day})
        return found["butler"]

    async def seat(self, seat: str, day: str | None = None) -> Any:
        butler = await self.butler(day)
        return next(each for each in butler["seats"] if each["seat"] == seat)

    async def names(self, seat: str, day: str | None = None) -> list[str]:
        return [holder["name"] for holder in (await self.seat(seat, day))["holders"]]

    async def appoint(self, seat: str, person: str, who: Any = None, /, **given: Any) -> Any:
        return await self.place.do(
            "appointToSeat", APPOINTED, who, compoundId=self.place.compound, seat=seat,
            personId=person, **{"on": "2026-02-01", **given},
        )  # fmt: skip

    async def appointed(self, seat: str, person: str, /, **given: Any) -> Any:
        payload = await self.appoint(seat, person, **given)
        assert payload["userErrors"] == [], payload
        return payload["holder"]

    async def refused(self, seat: str, person: str, who: Any = None, /, **given: Any) -> str:
        payload = await self.appoint(seat, person, who, **given)
        assert payload["holder"] is None
        (error,) = payload["userErrors"]
        return f"{error['code']} {error['message']}"

    async def posted(self, organisation: str, name: str, **given: Any) -> str:
        """Somebody with a post in the party organisation."""
        person: str = await self.place.person(name)
        made = await self.place.do(
            "appointPartyPost", "post { id version }",
            **{
                "partyOrganisationId": organisation, "personId": person, "post": "SECRETARY",
                "on": "2025-06-01", **given,
            },
        )  # fmt: skip
        assert made["userErrors"] == [], made
        return person

    async def company_branch(self, **given: Any) -> tuple[str, str, str]:
        """A company under contract, its branch, its secretary."""
        company = await self.place.company(servicePhone="0599-1234567")
        made = await self.place.do(
            "signContract", "contract { id version }", compoundId=self.place.compound,
            companyId=company, **{"startsOn": "2026-01-01", **given},
        )  # fmt: skip
        assert made["userErrors"] == []
        branch = await founded(
            self.place, kind="COMPANY_BRANCH", name="物业党支部", companyId=company
        )
        return branch["id"], await self.posted(branch["id"], "吴晔"), made["contract"]["id"]

    async def elected(self, name: str = "林菊", **given: Any) -> tuple[dict[str, Any], str]:
        """A committee in office and its chair."""
        made = await self.place.do(
            "electCommittee", "committee { id version }", compoundId=self.place.compound,
            **{"electedOn": "2026-01-01", "termTo": "2125-12-31", **given},
        )  # fmt: skip
        assert made["userErrors"] == []
        person = await self.place.person(name)
        added = await self.place.do(
            "addCommitteeMember", "member { id version }", committeeId=made["committee"]["id"],
            personId=person, post="CHAIR",
        )  # fmt: skip
        assert added["userErrors"] == []
        return made["committee"], person


@pytest.fixture
async def house(place: Any) -> House:
    clerk = await place.town.person("COMM", "north1")
    made = await clerk.done(
        "createBuildings", "buildings { id }", compoundId=place.compound, names=["1幢"]
    )
    building = made["buildings"][0]["id"]
    await clerk.done(
        "assignGrid", buildingIds=[building],
        gridId=str(place.town.tenant.regions["north1grid"].id),
        **{"from": "2026-01-01"},
    )  # fmt: skip
    await place.town.person("BLD", "north1grid")
    party = await founded(place, kind="COMMUNITY_COMMITTEE", name="社区党委")
    branch = await founded(place, kind="GRID_BRANCH", name="网格党支部", at="north1grid")
    found = House(place, building, party["id"], "", branch["id"], "")
    found.secretary = await found.posted(party["id"], "李娜")
    found.grid_secretary = await found.posted(branch["id"], "陈浩")
    return found
