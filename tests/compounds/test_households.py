"""Who lives in a home: resident households, which are not the home."""

from __future__ import annotations

from typing import Any

from tests.compounds.conftest import Estate

LIVING = (
    "{ houseUnits { nodes { households { id version occupancy validTo members { relation validTo"
    " person { name } } } } } }"
)
WANTED = "household { id version occupancy validTo members { relation validTo } }"


async def living(estate: Estate) -> list[dict[str, Any]]:
    found = await estate.clerk.data(LIVING)
    households: list[dict[str, Any]] = found["houseUnits"]["nodes"][0]["households"]
    return households


async def test_two_households_in_one_home(estate: Estate) -> None:
    people = [(await estate.person(name))["id"] for name in ("房客甲", "房客乙", "房客丙")]
    member = estate.clerk
    here = {"houseUnitId": estate.home["id"], "occupancy": "TENANT"}
    made = [
        (
            await member.done(
                "createHousehold", WANTED, **here,
                members=[{"personId": person, "relation": "HEAD"}],
            )
        )["household"]
        for person in people[:2]
    ]  # fmt: skip
    step = {"id": made[0]["id"], "version": 1, "personId": people[2]}
    added = await member.done("addHouseholdMember", WANTED, **step, relation="SPOUSE")
    assert [m["relation"] for m in added["household"]["members"]] == ["HEAD", "SPOUSE"]
    step["version"] = 2
    assert await member.refused("addHouseholdMember", **step, relation="CHILD") == "CONFLICT"
    assert len(await living(estate)) == 2
    gone = await member.done("closeHousehold", WANTED, id=made[0]["id"], version=2)
    assert all(m["validTo"] for m in gone["household"]["members"])
    assert [household["id"] for household in await living(estate)] == [made[1]["id"]]
    assert await member.refused("closeHousehold", id=made[0]["id"], version=3) == "CONFLICT"


async def test_a_wrong_household_is_refused(estate: Estate) -> None:
    person = (await estate.person("房客甲"))["id"]
    here = {"houseUnitId": estate.home["id"], "occupancy": "LENT"}
    for members in (
        [],
        [{"personId": person, "relation": "CHILD"}],
        [{"personId": person, "relation": "HEAD"}, {"personId": person, "relation": "CHILD"}],
    ):
        refused = await estate.clerk.refused("createHousehold", **here, members=members)
        assert refused == "BAD_USER_INPUT"
    stranger = await estate.town.registered(
        await estate.town.person("COMM", "south1"), "south1", name="外人"
    )
    hidden = [{"personId": stranger["person"]["id"], "relation": "HEAD"}]
    assert await estate.clerk.refused("createHousehold", **here, members=hidden) == "NOT_FOUND"
    assert await living(estate) == []
