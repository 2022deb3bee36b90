"""A building of four homes, a case that its property company handled, and those who judge it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from tests.api.conftest import api, make_town, town
from tests.compounds.conftest import Estate, estate

__all__ = ["api", "estate", "make_town", "town"]
RATE = "asked answered satisfied partly dissatisfied rate lowerBound"
SURVEY = (
    f"id title state round opensAt: openedAt closesAt uploadsUntil satisfaction {{ {RATE} }}"
    " targets { totalCount nodes { label answered channel } }"
)
CLOSED = f"case {{ id version state answerCount dissatisfiedCount survey {{ {SURVEY} }} }}"


@dataclass
class Street:
    """`homes` are in the first building, which the grid covers; `owners` are accounts, each bound
    to the home of the same place in the list."""

    estate: Estate
    company: Any
    checker: Any
    chief: Any
    homes: list[str] = field(default_factory=list)
    owners: list[Any] = field(default_factory=list)

    @property
    def town(self) -> Any:
        return self.estate.town

    @property
    def clerk(self) -> Any:
        return self.estate.clerk

    @property
    def building(self) -> str:
        return str(self.estate.buildings[0]["id"])

    async def resident(
        self, home: str, born: str | None = "1980-03-02", relation: str = "OWNER"
    ) -> Any:
        """An account of somebody bound to the home."""
        given = {"birthDate": born} if born else {}
        made = await self.town.registered(self.clerk, "north1", name="林晓", **given)
        account = await self.town.person("RES", "north1")
        await self.clerk.done(
            "linkPersonMember", id=made["person"]["id"], version=made["person"]["version"],
            memberId=str(account.membership),
        )  # fmt: skip
        await self.estate.bound(made["person"]["id"], relation, houseUnitId=home)
        return account

    async def handled(
        self, reporter: Any = None, case: dict[str, Any] | None = None, *joined: dict[str, Any]
    ) -> dict[str, Any]:
        """A case of the grid that the company has dealt with and somebody else has checked."""
        if case is None:
            case = await self.town.opened(reporter or self.clerk, "north1grid", "王阿姨家门口")
        for report in joined:
            await self.step(self.clerk, "linkDuplicate", report, originalId=case["id"])
        await self.fresh(case)
        if reporter is not None:
            await self.step(self.checker, "verifyCase", case)
        await self.step(self.clerk, "fileCase", case, notDuplicate=True)
        await self.step(
            self.clerk, "dispatchCase", case,
            organisationId=str(self.town.organisations["甲物业"]),
        )  # fmt: skip
        await self.step(self.company, "acceptCase", case)
        await self.step(self.company, "startCase", case, plan="更换井盖")
        await self.step(
            self.company, "giveFeedback", case, result="已更换", noPhotoReason="夜间施工"
        )
        await self.step(self.checker, "checkCase", case, passed=True)
        return case

    async def step(self, person: Any, name: str, case: dict[str, Any], **given: Any) -> Any:
        made = await person.done(name, CLOSED, id=case["id"], version=case["version"], **given)
        case["version"] = made["case"]["version"]
        return made["case"]

    async def closed(self, case: dict[str, Any], **given: Any) -> dict[str, Any]:
        """The survey of the case, which is closed now."""
        found = await self.step(self.clerk, "closeCase", case, callback="电话告知", **given)
        survey: dict[str, Any] = found["survey"]
        return survey

    async def answer(self, person: Any, survey: Any, choice: str, **given: Any) -> dict[str, Any]:
        payload: dict[str, Any] = await person.do(
            "answerSurvey",
            {"surveyId": survey["id"], "choice": choice, "clientKey": str(uuid4()), **given},
            f"survey {{ {SURVEY} }} target {{ id label answered }}",
        )
        return payload

    async def answered(self, person: Any, survey: Any, choice: str, **given: Any) -> Any:
        payload = await self.answer(person, survey, choice, **given)
        assert payload["userErrors"] == [], payload
        return payload["survey"]

    async def refused(self, person: Any, survey: Any, choice: str = "PARTLY", **given: Any) -> str:
        payload = await self.answer(person, survey, choice, **given)
        code: str = payload["userErrors"][0]["code"]
        return code

    async def fresh(self, case: dict[str, Any], who: Any = None) -> Any:
        """The case as it is now."""
        found = await (who or self.clerk).data(
            f"query ($id: ID!) {{ case(id: $id) {{ {CLOSED[7:-2]} }} }}", {"id": case["id"]}
        )
        case["version"] = found["case"]["version"]
        return found["case"]

    async def sql(self, statement: str, *arguments: Any) -> Any:
        async with self.town.api.world.database.tenant_transaction(
            self.town.tenant.id
        ) as transaction:
            return await transaction.connection.fetch(statement, *arguments)


@pytest.fixture
async def street(estate: Estate) -> Street:
    town = estate.town
    await town.organisation("甲物业", "PROPERTY_COMPANY", "north1")
    await estate.assign(0)
    made = Street(
        estate,
        await town.person("PROP", "north1", "甲物业"),
        await town.person("GRID", "north1grid"),
        await town.person("SCMD", "north"),
        [estate.home["id"]],
    )
    for floor, room in (("1", "101"), ("1", "102"), ("10", "1001")):
        home = await made.clerk.done(
            "createHouseUnit", "houseUnit { id }", buildingId=made.building, floor=floor, room=room,
            validFrom="2020-01-01",
        )  # fmt: skip
        made.homes.append(home["houseUnit"]["id"])
    made.owners = [await made.resident(home) for home in made.homes[:3]]
    return made
