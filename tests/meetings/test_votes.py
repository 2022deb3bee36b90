"""Owners' votes by area and count, household polls by home: never one for the other."""

from __future__ import annotations

import datetime as dt
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.meetings.conftest import Parlour

from guanjia.graph.times import CHINA
from guanjia.meetings.rules import Majority
from guanjia.meetings.tally import Tally, Weight, is_adopted, is_valid

VOTE = (
    "vote { id version state totalAreaM2 totalOwners participatingAreaM2 participatingOwners"
    " forAreaM2 forOwners againstAreaM2 againstOwners abstainedAreaM2 abstainedOwners"
    " valid adopted castCount }"
)
POLL = "poll { id version state homes castCount answered inFavour against }"


@pytest.mark.parametrize(
    ("participating", "agreed", "majority", "valid", "adopted"),
    [
        ((200, 20), (101, 11), Majority.HALF, True, True),
        ((200, 20), (100, 11), Majority.HALF, True, False),
        ((200, 20), (101, 10), Majority.HALF, True, False),
        ((200, 20), (150, 15), Majority.THREE_QUARTERS, True, True),
        ((200, 20), (149, 15), Majority.THREE_QUARTERS, True, False),
        ((200, 20), (150, 14), Majority.THREE_QUARTERS, True, False),
        ((199, 20), (199, 20), Majority.HALF, False, False),
        ((200, 19), (200, 19), Majority.HALF, False, False),
        ((0, 0), (0, 0), Majority.HALF, False, False),
    ],
)
def test_the_thresholds_of_the_civil_code(
    participating: Any, agreed: Any, majority: Majority, valid: bool, adopted: bool
) -> None:
    tally = Tally(Weight(300, 30), Weight(*participating), Weight(*agreed))
    assert (is_valid(tally), is_adopted(tally, majority)) == (valid, adopted)


@given(
    st.integers(1, 10**9), st.integers(0, 10**9), st.integers(0, 10**9), st.sampled_from(Majority)
)
def test_three_quarters_are_more_than_half(
    total: int, part: int, agreed: int, majority: Majority
) -> None:
    part, agreed = min(part, total), min(agreed, part, total)
    tally = Tally(Weight(total, total), Weight(part, part), Weight(agreed, agreed))
    if is_adopted(tally, Majority.THREE_QUARTERS):
        assert is_adopted(tally, Majority.HALF)
    if is_adopted(tally, majority):
        assert 3 * agreed > total, "whatever is adopted has more than a third of all"


def ahead(days: float) -> str:
    return (dt.datetime.now(CHINA) + dt.timedelta(days=days)).isoformat()


async def asked(parlour: Parlour, **more: Any) -> dict[str, Any]:
    return {
        "compoundId": parlour.house.place.compound, "matter": "FUND_USE", "title": "屋面防水",
        "question": "是否同意使用维修资金?", "opensAt": ahead(16), "closesAt": ahead(30), **more,
    }  # fmt: skip


async def moved(parlour: Parlour, admin: Any, vote: str, table: str, days: int) -> None:
    """The clock is so many days on, as far as the vote knows."""
    await admin.execute(
        f"update {table} set announced_at = announced_at - $2 * interval '1 day', opens_at ="
        " opens_at - $2 * interval '1 day', closes_at = closes_at - $2 * interval '1 day'"
        " where id = $1",
        vote, days,
    )  # fmt: skip


async def test_owners_vote_by_area_and_count(parlour: Parlour, admin: Any) -> None:
    secretary = parlour.secretary
    vote = (await secretary.done("openOwnersVote", VOTE, **await asked(parlour)))["vote"]
    assert (vote["totalAreaM2"], vote["totalOwners"]) == (400, 4)
    paper = {"voteId": vote["id"], "choice": "FOR", "onPaper": True}
    ballots = [{**paper, "houseUnitId": home} for home in parlour.homes]
    assert await secretary.refused("castOwnersBallot", ballots[0]) == "VOTE_NOT_OPEN"
    await moved(parlour, admin, vote["id"], "owners_votes", 20)
    for ballot in ballots[:3]:
        await secretary.done("castOwnersBallot", VOTE, **ballot)
    assert await secretary.refused("castOwnersBallot", ballots[0]) == "ALREADY_VOTED"
    poll_id = {**ballots[3], "voteId": vote["id"]}
    assert await secretary.refused("castHouseholdBallot", poll_id) == "NOT_FOUND"
    close = {"id": vote["id"], "version": vote["version"]}
    assert await secretary.refused("closeOwnersVote", close) == "VOTE_NOT_OPEN"
    await moved(parlour, admin, vote["id"], "owners_votes", 20)
    assert await secretary.refused("castOwnersBallot", ballots[3]) == "VOTE_NOT_OPEN"
    counted = (await secretary.done("closeOwnersVote", VOTE, **close))["vote"]
    assert counted == {
        "id": vote["id"], "version": 2, "state": "CLOSED", "totalAreaM2": 400, "totalOwners": 4,
        "participatingAreaM2": 300, "participatingOwners": 3, "forAreaM2": 300, "forOwners": 3,
        "againstAreaM2": 0, "againstOwners": 0, "abstainedAreaM2": 0, "abstainedOwners": 0,
        "valid": True, "adopted": True, "castCount": 3,
    }  # fmt: skip
    for attack in (
        "update owners_ballots set choice = 'AGAINST' where vote_id = $1 and choice = 'FOR'",
        "update owners_ballots set choice = 'FOR', person_id = house_unit_id, on_paper = true,"
        " recorded_by = house_unit_id, cast_at = now() where vote_id = $1 and choice is null",
    ):
        with pytest.raises(asyncpg.CheckViolationError, match="cast or its vote is closed"):
            await admin.execute(attack, vote["id"])


async def test_an_owner_of_two_homes_is_one_owner(parlour: Parlour, admin: Any) -> None:
    clerk = await parlour.town.person("COMM", "north1")
    home = await clerk.done(
        "createHouseUnit", "houseUnit { id }", buildingId=parlour.house.building, floor="2",
        room="201", areaDm2=30000, validFrom="2020-01-01",
    )  # fmt: skip
    second = home["houseUnit"]["id"]
    await clerk.done(
        "bindPerson", houseUnitId=second, personId=parlour.owners[0], relation="OWNER",
        proof="ESTATE_REGISTRY",
    )  # fmt: skip
    vote = (await clerk.done("openOwnersVote", VOTE, **await asked(parlour)))["vote"]
    assert (vote["totalAreaM2"], vote["totalOwners"]) == (700, 4)
    await moved(parlour, admin, vote["id"], "owners_votes", 20)
    for home_id, choice in ((parlour.homes[0], "FOR"), (second, "AGAINST"),
                            (parlour.homes[1], "FOR"), (parlour.homes[2], "FOR")):  # fmt: skip
        await clerk.done("castOwnersBallot", voteId=vote["id"], houseUnitId=home_id,
                         choice=choice, onPaper=True)  # fmt: skip
    await moved(parlour, admin, vote["id"], "owners_votes", 20)
    counted = (await clerk.done("closeOwnersVote", VOTE, id=vote["id"], version=vote["version"]))[
        "vote"
    ]
    assert (counted["participatingAreaM2"], counted["participatingOwners"]) == (600, 3)
    # Whoever votes otherwise for each of two homes abstains as an owner; the area counts by home.
    assert [counted[f"{side}{of}"] for of in ("AreaM2", "Owners")
            for side in ("for", "against", "abstained")] == [300, 300, 0, 2, 0, 1]  # fmt: skip
    assert (counted["valid"], counted["adopted"]) == (True, False), "half of the area is not more"


async def test_what_the_developer_has_not_handed_over_has_one_owner(parlour: Parlour) -> None:
    clerk = await parlour.town.person("COMM", "north1")
    unsold = []
    for number in range(3):
        made = await clerk.done(
            "createHouseUnit", "houseUnit { id }", buildingId=parlour.house.building, floor="4",
            room=f"40{number}", areaDm2=10000, validFrom="2020-01-01",
        )  # fmt: skip
        unsold.append(made["houseUnit"]["id"])
    # One home was sold and is not handed over: it counts with the others, not for its buyer.
    given = await asked(parlour, developerHouseUnitIds=[*unsold, parlour.homes[3]])
    vote = (await clerk.done("openOwnersVote", VOTE, **given))["vote"]
    assert (vote["totalAreaM2"], vote["totalOwners"]) == (700, 3 + 1)
    given = await asked(parlour, title="没有注明")
    assert (await clerk.done("openOwnersVote", VOTE, **given))["vote"]["totalOwners"] == 4 + 3
    given["developerHouseUnitIds"] = [parlour.owners[0]]
    assert await clerk.refused("openOwnersVote", given) == "NOT_FOUND"


async def test_what_is_no_owners_vote_is_refused(parlour: Parlour) -> None:
    secretary = parlour.secretary
    for given_values, code in (
        ({"matter": "RESIDENTS_AFFAIR"}, "BAD_USER_INPUT"),
        ({"matter": "路灯"}, "BAD_USER_INPUT"),
        ({"opensAt": ahead(10)}, "BAD_USER_INPUT"),
        ({"closesAt": ahead(15)}, "BAD_USER_INPUT"),
        ({"closesAt": ahead(200)}, "BAD_USER_INPUT"),
        ({"question": " "}, "BAD_USER_INPUT"),
    ):
        given_input = await asked(parlour, **given_values)
        assert await secretary.refused("openOwnersVote", given_input) == code, given_values
    clerk = await parlour.town.person("COMM", "north1")
    await clerk.done(
        "createHouseUnit", buildingId=parlour.house.building, floor="3", room="301",
        validFrom="2020-01-01",
    )  # fmt: skip
    assert await secretary.refused("openOwnersVote", await asked(parlour)) == "AREA_UNKNOWN"


async def test_a_resolution_is_settled_by_its_vote(parlour: Parlour, admin: Any) -> None:
    meeting = await parlour.held("屋面防水", matter="FUND_USE")
    meeting = await parlour.decided(meeting, parlour.decision(meeting, outcome="TO_OWNERS_VOTE"))
    found = await parlour.secretary.data("{ agendaItems { nodes { resolutions { id } } } }")
    sent = {"resolutionId": found["agendaItems"]["nodes"][0]["resolutions"][0]["id"]}
    wrong = await asked(parlour, matter="FUND_RAISING", **sent)
    assert await parlour.secretary.refused("openOwnersVote", wrong) == "BAD_USER_INPUT"
    given_input = await asked(parlour, **sent)
    vote = (await parlour.secretary.done("openOwnersVote", VOTE, **given_input))["vote"]
    assert await parlour.secretary.refused("openOwnersVote", given_input) == "BAD_USER_INPUT"
    await moved(parlour, admin, vote["id"], "owners_votes", 40)
    shut = await parlour.secretary.done(
        "closeOwnersVote", VOTE, id=vote["id"], version=vote["version"]
    )
    assert (shut["vote"]["valid"], shut["vote"]["adopted"]) == (False, False)
    found = await parlour.secretary.data("{ agendaItems { nodes { open resolvedAt } } }")
    assert found["agendaItems"]["nodes"] == [{"open": False, "resolvedAt": None}]


async def test_a_home_answers_once_through_its_vote_holder(parlour: Parlour, admin: Any) -> None:
    secretary = parlour.secretary
    poll = (
        await secretary.done(
            "openHouseholdPoll", POLL, compoundId=parlour.house.place.compound, title="停车棚",
            question="是否同意在 1 幢东侧建停车棚?", closesAt=ahead(7),
        )
    )["poll"]  # fmt: skip
    assert (poll["homes"], poll["castCount"]) == (4, 0)
    resident = await parlour.town.person("RES", "north1")
    other = await parlour.town.person("RES", "north1")
    for person, member in ((parlour.owners[0], resident), (parlour.owners[1], other)):
        await admin.execute(
            "update persons set membership_id = $2 where id = $1", person, member.membership
        )
    mine = {"voteId": poll["id"], "houseUnitId": parlour.homes[0], "choice": "FOR"}
    vote = (await secretary.done("openOwnersVote", VOTE, **await asked(parlour)))["vote"]
    ballots = (
        "{ myBallots { houseUnitId houseUnitLabel choice ownersVote { id } householdPoll"
        " { id castCount } } }"
    )
    of_home = {"houseUnitId": parlour.homes[0], "houseUnitLabel": "1幢101", "choice": None}
    assert (await resident.data(ballots))["myBallots"] == [
        {**of_home, "ownersVote": {"id": vote["id"]}, "householdPoll": None},
        {**of_home, "ownersVote": None, "householdPoll": {"id": poll["id"], "castCount": 0}},
    ]
    assert (await secretary.data(ballots))["myBallots"] == [], "nobody sees another's"
    assert await other.refused("castHouseholdBallot", mine) == "NOT_FOUND"
    assert await secretary.refused("castHouseholdBallot", mine) == "NOT_VOTE_HOLDER"
    assert await resident.refused("castHouseholdBallot", mine, onPaper=True) == "BAD_USER_INPUT"
    cast = await resident.done("castHouseholdBallot", POLL, **mine)
    assert cast["poll"]["castCount"] == 1
    assert [b["choice"] for b in (await resident.data(ballots))["myBallots"]] == [None, "FOR"]
    assert await resident.refused("castHouseholdBallot", mine) == "ALREADY_VOTED"
    # Others of the home are told who votes for it, and not that there is no such home.
    await secretary.done(
        "bindPerson", houseUnitId=parlour.homes[0], personId=parlour.owners[1], relation="SPOUSE",
        proof="PROPERTY_DESK",
    )  # fmt: skip
    assert await other.refused("castHouseholdBallot", mine) == "NOT_VOTE_HOLDER"
    assert await other.refused("castHouseholdBallot", mine, onPaper=True) == "BAD_USER_INPUT"
    assert await secretary.refused("castHouseholdBallot", mine, onPaper=True) == "ALREADY_VOTED"
    as_owner = {**mine, "houseUnitId": parlour.homes[0]}
    assert await resident.refused("castOwnersBallot", as_owner) == "NOT_FOUND"
    await moved(parlour, admin, poll["id"], "household_polls", 8)
    late = {**mine, "houseUnitId": parlour.homes[1]}
    assert await other.refused("castHouseholdBallot", late) == "VOTE_NOT_OPEN"
    counted = await secretary.done(
        "closeHouseholdPoll", POLL, id=poll["id"], version=poll["version"]
    )
    shown = counted["poll"]
    assert (shown["homes"], shown["answered"], shown["inFavour"], shown["against"]) == (4, 1, 1, 0)
    far = await parlour.town.person("COMM", "south1")
    assert (await far.data("{ householdPolls { totalCount } }"))["householdPolls"] == {
        "totalCount": 0
    }
