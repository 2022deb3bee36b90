"""A case in the north with the people of its community and street, and two departments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from tests.api.conftest import Person, Town, api, make_town, town

__all__ = ["api", "make_town", "town"]
CALL = (
    "call { id version attendedAt attendedInTime answeredAt score organisation { name }"
    " signIns { id version state distanceMetres ruling } }"
)
WHISTLE = (
    "whistle { id number version state level attendBy answerBy limitsProvisional case { id }"
    " caseTitle calls { id version organisation { name } attendedAt score } }"
)
HERE = {"longitude": 118.1705, "latitude": 26.6352}
NEAR = {"longitude": 118.1706, "latitude": 26.6353}
FAR = {"longitude": 118.2705, "latitude": 26.6352}


@dataclass
class Alarm:
    """`case` lies in the north, in grid north1grid, and is filed."""

    town: Town
    case: dict[str, Any]
    clerk: Person
    chief: Person
    housing: Person
    city: Person

    def unit(self, name: str) -> str:
        return str(self.town.organisations[name])

    def sounding(self, *units: str, **given: Any) -> dict[str, Any]:
        return {
            "caseId": self.case["id"], "level": "L3", "condition": "ENFORCEMENT",
            "reason": "须住建牵头", "organisationIds": [self.unit(name) for name in units], **given,
        }  # fmt: skip

    async def sounded(self, *units: str, who: Person | None = None, **given: Any) -> Any:
        made = await (who or self.chief).done(
            "soundWhistle", WHISTLE, **self.sounding(*units, **given)
        )
        return made["whistle"]

    async def seen(self, whistle: Any, who: Person | None = None) -> Any:
        """The whistle as it is now."""
        found = await (who or self.chief).data(
            f"query ($id: ID!) {{ whistle(id: $id) {WHISTLE.removeprefix('whistle')} }}",
            {"id": whistle["id"]},
        )
        return found["whistle"]

    async def call_of(self, whistle: Any, name: str) -> Any:
        now = await self.seen(whistle)
        return next(call for call in now["calls"] if call["organisation"]["name"] == name)

    async def signed_in(self, who: Person, call: Any, **place: float) -> Any:
        made = await who.done(
            "signInOnSite", CALL, callId=call["id"], measures="现场勘查", **(place or NEAR)
        )
        return made["call"]


@pytest.fixture
async def alarm(town: Town) -> Alarm:
    for name in ("住建局", "城管局"):
        await town.organisation(name)
    await town.organisation("北街道办", "STREET_OFFICE", "north")
    clerk, chief = await town.person("COMM", "north1"), await town.person("SCMD", "north")
    housing, city = [await town.person("DEPT", "district", name) for name in ("住建局", "城管局")]
    case = await town.opened(clerk, "north1grid", "消力池噪音", **HERE)
    made = await clerk.done(
        "fileCase", "case { id number version }", id=case["id"], version=case["version"]
    )
    return Alarm(town, made["case"], clerk, chief, housing, city)
