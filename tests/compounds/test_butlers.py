"""The butler of a compound through the API: its seats on any day, and whoever reads them."""

from __future__ import annotations

from tests.compounds.housing import APPOINTED, TODAY, House, house
from tests.compounds.test_partyorganisations import founded

__all__ = ["house"]


async def test_a_butler_is_active_when_the_first_and_the_fourth_seat_are_filled(
    house: House,
) -> None:
    before = await house.butler()
    assert not before["active"]
    assert before["inactiveReasons"] == ["COMMUNITY_PARTY_VACANT"]
    assert [seat["label"] for seat in before["seats"]] == [
        "社区党组织", "业委会", "物业党支部", "楼栋网格员",
    ]  # fmt: skip
    assert [seat["vacant"] for seat in before["seats"]] == [True, True, True, False]
    holder = await house.appointed(
        "COMMUNITY_PARTY", house.secretary, partyOrganisationId=house.committee_party
    )
    assert (holder["name"], holder["organisation"]) == ("李娜", "社区党委")
    assert not holder["acting"]
    after = await house.butler()
    assert after["active"]
    assert after["inactiveReasons"] == []
    (steward,) = (await house.seat("BUILDING_GRID"))["holders"]
    assert (steward["name"], steward["role"]) == ("测试BLD", "BLD")
    assert steward["version"] is None


async def test_as_of_any_day(house: House) -> None:
    holder = await house.appointed(
        "COMMUNITY_PARTY", house.secretary, partyOrganisationId=house.committee_party
    )
    await house.place.do(
        "endSeatTenure", APPOINTED, id=holder["id"], version=holder["version"], on="2026-05-01"
    )
    days = {
        "2026-01-31": (False, []),
        "2026-02-01": (True, ["李娜"]),
        "2026-04-30": (True, ["李娜"]),
        "2026-05-01": (False, []),
    }
    for day, (active, names) in days.items():
        assert (await house.butler(day))["active"] is active, day
        assert await house.names("COMMUNITY_PARTY", day) == names
    # Before the grid covered its building nobody stewarded it.
    assert (await house.butler("2025-12-31"))["inactiveReasons"] == [
        "COMMUNITY_PARTY_VACANT", "BUILDING_GRID_VACANT",
    ]  # fmt: skip
    listed = "query ($f: ButlerFilter) { butlers(filter: $f) { totalCount nodes { active } } }"
    for given, count in (
        ({"asOf": "2026-03-01", "active": True}, 1),
        ({"active": True}, 0),
        ({"asOf": "2026-03-01", "vacantSeat": "COMMUNITY_PARTY"}, 0),
        ({"vacantSeat": "COMMUNITY_PARTY"}, 1),
        ({"vacantSeat": "BUILDING_GRID"}, 0),
    ):
        found = (await house.place.secretary.data(listed, {"f": given}))["butlers"]
        assert found["totalCount"] == count, given
        assert found["nodes"] == [{"active": "asOf" in given}] * count


async def test_a_seat_lapses_with_what_it_rests_on(house: House) -> None:
    committee, chair = await house.elected()
    await house.appointed("OWNERS_COMMITTEE", chair)
    await house.appointed(
        "COMMUNITY_PARTY", house.secretary, partyOrganisationId=house.committee_party
    )
    await house.place.do("endCommittee", "committee { id }", **committee, termTo="2026-06-30")
    assert await house.names("OWNERS_COMMITTEE", "2026-06-30") == ["林菊"]
    assert await house.names("OWNERS_COMMITTEE", "2026-07-01") == []
    found = await house.place.secretary.data(
        "{ partyOrganisations { nodes { kind posts { id version } } } }"
    )
    post = next(
        o["posts"][0] for o in found["partyOrganisations"]["nodes"]
        if o["kind"] == "COMMUNITY_COMMITTEE"
    )  # fmt: skip
    await house.place.do("endPartyPost", "post { id }", **post, on="2026-03-01")
    assert await house.names("COMMUNITY_PARTY", "2026-02-28") == ["李娜"]
    assert await house.names("COMMUNITY_PARTY") == []
    # Whose tenure lapsed may come again, for the organisation that they are of now.
    await house.place.do(
        "dissolvePartyOrganisation", "partyOrganisation { id }", id=house.committee_party,
        version=1, on="2026-04-01",
    )  # fmt: skip
    party = (await founded(house.place, kind="COMMUNITY_COMMITTEE", name="新党委"))["id"]
    await house.place.do(
        "appointPartyPost", "post { id }", partyOrganisationId=party, personId=house.secretary,
        post="SECRETARY", on="2026-04-01",
    )  # fmt: skip
    given = {"partyOrganisationId": party, "on": "2026-05-01"}
    await house.appointed("COMMUNITY_PARTY", house.secretary, **given)
    assert await house.names("COMMUNITY_PARTY") == ["李娜"]


async def test_closing_the_compound_ends_its_seats(house: House) -> None:
    place = house.place
    clerk = await place.town.person("COMM", "north1")
    await house.appointed(
        "COMMUNITY_PARTY", house.secretary, partyOrganisationId=house.committee_party
    )
    found = await clerk.data(
        "{ compounds { nodes { id version buildings { nodes { id version } } } } }"
    )
    compound = found["compounds"]["nodes"][0]
    building = compound["buildings"]["nodes"][0]
    await clerk.done("closeBuilding", id=building["id"], version=building["version"])
    await clerk.done("closeCompound", id=compound["id"], version=compound["version"])
    butler = await house.butler()
    assert not butler["active"]
    assert butler["inactiveReasons"] == [
        "COMMUNITY_PARTY_VACANT", "BUILDING_GRID_VACANT", "COMPOUND_CLOSED",
    ]  # fmt: skip
    assert (await house.butler("2026-03-01"))["active"]
    said = await house.refused(
        "COMMUNITY_PARTY", house.secretary, partyOrganisationId=house.committee_party
    )
    assert said == "NOT_FOUND 找不到该小区,或不在您的管辖范围内。"


async def test_two_rows_of_one_person_hold_one_seat(house: House) -> None:
    twin = await house.posted(house.committee_party, "李娜", post="COMMITTEE_MEMBER")
    given = {"partyOrganisationId": house.committee_party}
    for person in (house.secretary, twin):
        await house.appointed("COMMUNITY_PARTY", person, **given)
    clerk = await house.place.town.person("COMM", "north1")
    merged = await clerk.done(
        "mergePersons", "person { id }", keptId=house.secretary, keptVersion=1, mergedId=twin,
        mergedVersion=1, reason="同一人",
    )  # fmt: skip
    assert merged["person"]["id"] == house.secretary
    assert await house.names("COMMUNITY_PARTY") == ["李娜"]


async def test_my_butlers(house: House) -> None:
    town, place = house.place.town, house.place
    clerk = await town.person("COMM", "north1")
    await house.appointed(
        "COMMUNITY_PARTY", house.secretary, partyOrganisationId=house.committee_party
    )
    branch, secretary, _ = await house.company_branch()
    await house.appointed("PROPERTY_PARTY", secretary, partyOrganisationId=branch)
    made = await clerk.done(
        "createHouseUnit", "houseUnit { id }", buildingId=house.building, floor="5", room="501"
    )
    # Somebody who lives elsewhere and reads this compound only because the home is theirs.
    resident = await town.person("RES", "south1")
    mine = (
        "{ myButlers { home { label } stewards { displayName role } butler { name seats"
        " { label duty holders { name organisation contact person { phones { number } } } } } } }"
    )
    assert (await resident.data(mine))["myButlers"] == []
    steward = await town.person("BLD", "north1grid")
    issued = await steward.done(
        "issueVisitCode", "code", houseUnitId=made["houseUnit"]["id"], relation="OWNER"
    )
    person = await place.person("居敏")
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        await transaction.connection.execute(
            "update persons set membership_id = $2 where id = $1", person, resident.membership
        )
    await resident.done("confirmVisitCode", code=issued["code"])
    (found,) = (await resident.data(mine))["myButlers"]
    assert found["home"] == {"label": "1幢501"}
    assert found["stewards"] == [{"displayName": "测试BLD", "role": "BLD"}] * 2
    seats = found["butler"]["seats"]
    assert all(seat["duty"] for seat in seats)
    assert seats[0]["holders"] == [
        {"name": "李娜", "organisation": "社区党委", "contact": None, "person": None}
    ]
    assert seats[2]["holders"] == [
        {"name": "吴晔", "organisation": "物业党支部", "contact": "0599-1234567", "person": None}
    ]


async def test_what_hangs_on_a_compound(house: House) -> None:
    branch, _, _ = await house.company_branch()
    committee, _ = await house.elected()
    assert branch
    found = await house.place.secretary.data(
        "query ($c: ID!) { compound(id: $c) { contract { startsOn } company { name } committee"
        " { id } partyOrganisations { name } butler { active } } }",
        {"c": house.place.compound},
    )
    assert found["compound"] == {
        "contract": {"startsOn": "2026-01-01"},
        "company": {"name": "甲物业"},
        "committee": {"id": committee["id"]},
        "partyOrganisations": [
            {"name": name} for name in sorted(["物业党支部", "社区党委", "网格党支部"])
        ],
        "butler": {"active": False},
    }


async def test_the_grants_of_a_day_are_counted(house: House) -> None:
    """aggGridStaff: how many building stewards a community had on a day."""
    region = str(house.place.town.tenant.regions["north1"].id)
    asked = (
        'query ($r: ID!, $d: Date) { grants(filter: { role: { in: ["BLD"] }, asOf: $d,'
        " region: { within: $r } }) { totalCount } }"
    )
    count = {}
    for day in (str(TODAY), "1999-01-01"):
        found = await house.place.secretary.data(asked, {"r": region, "d": day})
        count[day] = found["grants"]["totalCount"]
    assert count == {str(TODAY): 1, "1999-01-01": 0}
