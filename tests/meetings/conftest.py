"""A compound whose butler can meet: three of its four seats held, and four owners with homes."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.api.conftest import api, make_town, town
from tests.compounds.conftest import place
from tests.compounds.housing import House, house

from guanjia.graph.times import CHINA

__all__ = ["api", "house", "make_town", "place", "town"]
MEETING = (
    "meeting { id version state seatQuorum contentHash takeDownOn"
    " items { id position title open resolvedAt householdCount resolutions { outcome adopted"
    " votesFor caseState case { id number source region { code } } } }"
    " readBacks { totalCount nodes { outcome caseState item { id title } } }"
    " attendance { nodes { id kind seat acting chair name } } }"
)
INPUTS = dict.fromkeys(("holdMeeting", "removeAgendaItem", "removeAttendance"), "MeetingStepInput")
INPUTS |= dict.fromkeys(
    ("cancelMeeting", "reopenMinutes", "takeDownMeeting"), "ReasonedMeetingStepInput"
)


@dataclass
class Parlour:
    """The secretary convenes; `owners` are persons with a home each, `homes` their ids."""

    house: House
    types: dict[str, str]
    holders: dict[str, str]
    owners: list[str] = field(default_factory=list)
    homes: list[str] = field(default_factory=list)

    @property
    def town(self) -> Any:
        return self.house.place.town

    @property
    def secretary(self) -> Any:
        return self.house.place.secretary

    async def attempt(self, step: str, who: Any = None, /, **given: Any) -> Any:
        return await (who or self.secretary).do(step, given, MEETING)

    async def do(self, step: str, who: Any = None, /, **given: Any) -> Any:
        """The meeting after a step that nothing refuses."""
        payload = await self.attempt(step, who, **given)
        assert payload["userErrors"] == [], (step, payload)
        return payload["meeting"]

    async def refused(self, step: str, who: Any = None, /, **given: Any) -> str:
        """`CODE sentence` of a step that was refused."""
        payload = await self.attempt(step, who, **given)
        assert payload["meeting"] is None, payload
        (error,) = payload["userErrors"]
        return f"{error['code']} {error['message']}"

    async def planned(self, kind: str = "DELIBERATION", days: float = 0, **given: Any) -> Any:
        """A meeting that began so many days ago."""
        begins = dt.datetime.now(CHINA) - dt.timedelta(days=days, minutes=5)
        body = {} if "regionId" in given else {"compoundId": self.house.place.compound}
        return await self.do(
            "planMeeting", typeId=self.types[kind], title="议事会议", place="党群服务中心",
            startsAt=begins.isoformat(), minutes=90, **body, **given,
        )  # fmt: skip

    def seats(self, *names: str) -> list[dict[str, Any]]:
        wanted = names or ("COMMUNITY_PARTY", "PROPERTY_PARTY", "BUILDING_GRID")
        return [
            {"kind": "SEAT", "holderId": self.holders[name], "chair": name == "COMMUNITY_PARTY"}
            for name in wanted
        ]

    def residents(self, count: int = 3) -> list[dict[str, Any]]:
        return [
            {"kind": "RESIDENT", "personId": person, "houseUnitId": home}
            for person, home in list(zip(self.owners, self.homes, strict=True))[:count]
        ]

    async def held(self, *titles: str, days: float = 0, attendees: Any = None, **item: Any) -> Any:
        """A meeting that is held with quorum, with an item of each title."""
        meeting = await self.planned(days=days)
        meeting = await self.do(
            "addAgendaItems", meetingId=meeting["id"], version=meeting["version"],
            items=[{"title": title, "source": "RESIDENT", **item} for title in titles],
        )  # fmt: skip
        meeting = await self.do(
            "recordAttendance", meetingId=meeting["id"], version=meeting["version"],
            attendees=attendees or [*self.seats(), *self.residents()],
        )  # fmt: skip
        return await self.do("holdMeeting", id=meeting["id"], version=meeting["version"])

    def decision(self, meeting: Any, number: int = 0, **given: Any) -> dict[str, Any]:
        return {
            "itemId": meeting["items"][number]["id"], "outcome": "RESOLVED_ON_SITE", "votesFor": 3,
            **given,
        }  # fmt: skip

    async def decided(self, meeting: Any, *decisions: dict[str, Any]) -> Any:
        return await self.do(
            "decideItems", meetingId=meeting["id"], version=meeting["version"],
            decisions=list(decisions),
        )  # fmt: skip

    async def signed(self, meeting: Any) -> Any:
        """Minuted, and signed on paper by the chair and two more."""
        meeting = await self.do(
            "writeMinutes", id=meeting["id"], version=meeting["version"], minutes="会议记录如下。"
        )
        signers = sorted(meeting["attendance"]["nodes"], key=lambda each: not each["chair"])
        for signer in signers[:3]:
            meeting = await self.do(
                "signMinutes", id=meeting["id"], version=meeting["version"],
                attendanceId=signer["id"], onPaper=True,
            )  # fmt: skip
        return meeting

    async def category(self) -> str:
        found = await self.secretary.data(
            '{ caseCategories(filter: { code: { in: ["C01-01"] } }) { nodes { id } } }'
        )
        identifier: str = found["caseCategories"]["nodes"][0]["id"]
        return identifier


@pytest.fixture
async def parlour(house: House) -> Parlour:
    await house.appointed(
        "COMMUNITY_PARTY", house.secretary, partyOrganisationId=house.committee_party
    )
    await house.appointed(
        "PROPERTY_PARTY", house.grid_secretary, partyOrganisationId=house.grid_branch,
        substitute="GRID_BRANCH", reason="无物业公司",
    )  # fmt: skip
    found = await house.place.secretary.data("{ meetingTypes { nodes { id code } } }")
    butler = await house.butler()
    holders = {
        seat["seat"]: seat["holders"][0]["id"] for seat in butler["seats"] if seat["holders"]
    }
    types = {row["code"]: row["id"] for row in found["meetingTypes"]["nodes"]}
    made = Parlour(house, types, holders)
    clerk = await made.town.person("COMM", "north1")
    for number in range(1, 5):
        home = await clerk.done(
            "createHouseUnit", "houseUnit { id }", buildingId=house.building, floor="1",
            room=f"10{number}", areaDm2=10000, validFrom="2020-01-01",
        )  # fmt: skip
        person = await house.place.person(f"业主{number}")
        await clerk.done(
            "bindPerson", houseUnitId=home["houseUnit"]["id"], personId=person, relation="OWNER",
            proof="ESTATE_REGISTRY",
        )  # fmt: skip
        made.owners.append(person)
        made.homes.append(home["houseUnit"]["id"])
    return made
