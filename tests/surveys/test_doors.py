"""Answers at the door, answers that arrive late or often, and answers at the same moment."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from tests.api.test_reading import agreed, both
from tests.surveys.conftest import Street

from guanjia import settings
from guanjia.graph.times import CHINA
from guanjia.jobs.kinds import kind_of, load_kinds
from guanjia.jobs.queue import drain

RESULTS = (
    "survey { satisfaction { answered } } results { clientKey code message"
    " target { label answered channel longitude collector { id } } }"
)
HERE = {"longitude": 118.178, "latitude": 26.641}
TO_VISIT = (
    "query ($s: ID!, $b: ID, $a: String) { surveyTargets(first: 2, after: $a, filter:"
    " { survey: { in: [$s] }, building: $b, answered: false }) { totalCount"
    " nodes { label holder houseUnit { id } } pageInfo { endCursor } } }"
)


async def codes(street: Street, survey: Any, person: Any = None, **given: Any) -> dict[str, str]:
    """The codes that homes are told, by the id of the home."""
    made = await (person or street.clerk).done(
        "issueSurveyCodes", "letters { houseUnitId label code }", surveyId=survey["id"], **given
    )
    return {letter["houseUnitId"]: letter["code"] for letter in made["letters"]}


def visit(home: str, code: str, survey: Any, **given: Any) -> dict[str, Any]:
    return {
        "houseUnitId": home, "choice": "SATISFIED", "confirmationCode": code,
        "clientKey": str(uuid4()), "answeredAt": survey["opensAt"], **HERE, **given,
    }  # fmt: skip


async def sent(person: Any, survey: Any, *visits: dict[str, Any]) -> Any:
    return await person.done(
        "collectSurveyAnswers", RESULTS, surveyId=survey["id"], visits=list(visits)
    )


async def outcome(person: Any, survey: Any, *visits: dict[str, Any]) -> list[str | None]:
    return [result["code"] for result in (await sent(person, survey, *visits))["results"]]


async def test_a_round_of_the_doors(street: Street) -> None:
    case = await street.handled()
    survey = await street.closed(case, affectedBuildingIds=[street.building])
    letters, visitor = await codes(street, survey), street.checker
    assert len(letters) == 4
    assert await codes(street, survey) == {}, "those that have none yet"
    assert await visitor.code(
        "mutation ($i: IssueSurveyCodesInput!) { issueSurveyCodes(input: $i)"
        " { letters { code } } }",
        {"i": {"surveyId": survey["id"]}},
    ) == "FORBIDDEN", "who visits never sees a code"  # fmt: skip
    first = await visitor.data(TO_VISIT, {"s": survey["id"], "b": street.building})
    page = first["surveyTargets"]
    assert page["totalCount"] == 4
    assert {target["holder"] for target in page["nodes"]} == {"林*"}
    rest = await visitor.data(TO_VISIT, {"s": survey["id"], "a": page["pageInfo"]["endCursor"]})
    listed = [*page["nodes"], *rest["surveyTargets"]["nodes"]]
    assert [target["label"] for target in listed] == [
        "1幢101", "1幢102", "1幢1001", "1幢2单元501",
    ], "stairwell by stairwell, floor by floor"  # fmt: skip
    assert sorted(target["houseUnit"]["id"] for target in listed) == sorted(letters)

    one, two, three, _ = (visit(home, letters[home], survey) for home in street.homes)
    wrong = visit(street.homes[3], "22222-22222", survey)
    for _ in range(3):
        done = await sent(visitor, survey, one, two)
        assert [result["code"] for result in done["results"]] == [None, None]
        assert done["survey"]["satisfaction"]["answered"] == 2
    [told, _] = done["results"]
    assert told["target"] == {
        "label": "1幢2单元501", "answered": True, "channel": "DOOR", "longitude": 118.178,
        "collector": None,
    }  # fmt: skip
    assert await street.refused(street.owners[0], survey) == "ALREADY_ANSWERED"
    again = visit(street.homes[0], letters[street.homes[0]], survey)
    changed, foreign = {**one, "choice": "PARTLY"}, {**three, "clientKey": one["clientKey"]}
    assert await outcome(visitor, survey, again, changed, foreign, wrong) == [
        "ALREADY_ANSWERED", "CONFLICT", "CONFLICT", "NOT_FOUND",
    ]  # fmt: skip
    abroad = ({**three, "latitude": 126.6}, {**three, "longitude": 2})
    assert await outcome(visitor, survey, *abroad) == ["BAD_USER_INPUT", "BAD_USER_INPUT"]
    assert await outcome(street.clerk, survey, three) == ["NOT_INDEPENDENT"], "the code is theirs"
    relative = await street.town.person("GRID", "north1grid", "甲物业")
    assert await outcome(relative, survey, three) == ["NOT_INDEPENDENT"]
    far = await street.town.person("GRID", "north2grid")
    assert await far.refused("collectSurveyAnswers", surveyId=survey["id"], visits=[three]) == (
        "NOT_FOUND"
    )
    # Another letter makes the first one void.
    new = await codes(street, survey, houseUnitIds=[street.homes[2]])
    assert await outcome(visitor, survey, three) == ["NOT_FOUND"]
    assert await outcome(visitor, survey, {**three, "confirmationCode": new[street.homes[2]]}) == [
        None
    ]
    for _ in range(5):
        assert await outcome(visitor, survey, wrong) == ["NOT_FOUND"]
    right = visit(street.homes[3], letters[street.homes[3]], survey)
    assert await outcome(visitor, survey, right) == ["LIMIT_EXCEEDED"], "no code is guessed"
    now = await street.fresh(case)
    assert (now["answerCount"], now["survey"]["satisfaction"]["answered"]) == (3, 3)
    query = (
        "query ($id: ID!) { survey(id: $id) { buildings { nodes { asked answered"
        " building { name } } } } }"
    )
    assert agreed(query, await both(visitor, query, {"id": survey["id"]}))
    for person, seen in (
        (visitor, [{"asked": 4, "answered": 3, "building": {"name": "1幢"}}]),
        (street.owners[0], []),
    ):  # fmt: skip
        found = await person.data(query, {"id": survey["id"]})
        assert found["survey"]["buildings"]["nodes"] == seen
    await _points_are_forgotten(street)


async def _points_are_forgotten(street: Street) -> None:
    """After the 90 days of the tenant's rule, once; the answers stay as they were given."""
    load_kinds()
    world, kinds = street.town.api.world, [kind_of("survey.forget_points")]
    kept = (
        "select choice, comment, channel, answered_at, collected_by from survey_answers order by id"
    )
    left = "select count(longitude) + count(latitude) from survey_answers"
    answers = await street.sql(kept)
    assert (await street.sql(left))[0][0] == 2 * len(answers) == 6
    for days, forgotten in ((89, 0), (91, 3), (91, 0)):
        now = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
        tried = await drain(world.database, street.town.tenant.id, kinds, world.settings, now)
        assert sum(tried.values()) == forgotten
    assert (await street.sql(left))[0][0] == 0
    assert await street.sql(kept) == answers
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await street.sql("update survey_answers set choice = 'DISSATISFIED'")


async def moved(street: Street, survey: Any, opened: int, closes: int, until: int) -> dt.datetime:
    """The survey opened, closes and takes uploads so many minutes from now."""
    now = dt.datetime.now(dt.UTC)
    times = [now + dt.timedelta(minutes=minutes) for minutes in (opened, closes, until)]
    await street.sql(
        "update surveys set opened_at = $2::timestamptz, closes_at = $3::timestamptz,"
        " uploads_until = $4::timestamptz where id::text = $1",
        survey["id"], *times,
    )  # fmt: skip
    return now


async def test_what_was_answered_in_time_may_arrive_later(street: Street) -> None:
    case = await street.handled()
    survey = await street.closed(case, affectedBuildingIds=[street.building])
    district = await street.town.person("DCMD", "district")
    now = await moved(street, survey, -180, -60, 60)

    def at(minutes: int) -> str:
        return (now + dt.timedelta(minutes=minutes)).isoformat()

    first, second, third = street.owners
    key, ago = str(uuid4()), at(-90)
    await street.answered(first, survey, "SATISFIED", answeredAt=ago, clientKey=key)
    assert await street.refused(second, survey) == "TOO_LATE"
    assert await street.refused(second, survey, answeredAt=at(-60)) == "TOO_LATE"
    assert await street.refused(second, survey, answeredAt=at(-181)) == "TOO_EARLY"
    assert await street.refused(second, survey, answeredAt=at(30)) == "BAD_USER_INPUT"
    await street.answered(second, survey, "PARTLY", answeredAt=at(-61))
    await moved(street, survey, -180, -60, -1)
    assert await street.refused(third, survey, answeredAt=at(-90)) == "TOO_LATE"
    again = await street.answered(first, survey, "SATISFIED", answeredAt=ago, clientKey=key)
    assert again["satisfaction"]["answered"] == 2
    # The job ends the survey as of the moment its uploads ended; the board counts what it counted.
    kinds = [kind for kind in load_kinds() if kind.code == "case.finish_evaluation"]
    world, tenant = street.town.api.world, street.town.tenant.id
    await street.sql("update cases set step_due_at = now() - interval '1 hour'")
    await drain(world.database, tenant, kinds, settings.load(), dt.datetime.now(dt.UTC))
    found = await street.fresh(case)
    assert (found["state"], found["survey"]["state"]) == ("EVALUATED", "CLOSED")
    rate = found["survey"]["satisfaction"]
    board = await district.data(
        "query ($r: ID!, $p: String!) { indicator(id: \"case.satisfaction_rate\", regionId: $r,"
        " period: $p) { figure { value numerator denominator lowerBound } } }",
        {
            "r": str(street.town.tenant.regions["north1"].id),
            "p": f"{dt.datetime.now(CHINA):%Y-%m}",
        },
    )  # fmt: skip
    assert board["indicator"]["figure"] == {
        "value": rate["rate"], "numerator": rate["satisfied"] + rate["partly"],
        "denominator": rate["answered"], "lowerBound": rate["lowerBound"],
    }  # fmt: skip
    assert (rate["answered"], rate["satisfied"], rate["partly"]) == (2, 1, 1)
    assert await street.refused(third, survey, answeredAt=at(-90)) == "TOO_LATE"
    # How long uploads are waited for is the tenant's.
    kinds_ = await district.data("{ surveyKinds { nodes { id version uploadHours } } }")
    [kind] = kinds_["surveyKinds"]["nodes"]
    assert kind.pop("uploadHours") == 48
    step = kind
    assert await district.refused("changeSurveyKind", **step, uploadHours=721) == "BAD_USER_INPUT"
    await district.done("changeSurveyKind", **step, uploadHours=0)
    later = await street.closed(await street.handled(), affectedHouseUnitIds=street.homes[:1])
    assert later["closesAt"] == later["uploadsUntil"]


async def test_two_of_one_home_at_the_same_moment_are_one_answer(street: Street) -> None:
    case = await street.handled()
    survey = await street.closed(case, affectedHouseUnitIds=street.homes[:1])
    family = [street.owners[0]]
    family += [await street.resident(street.homes[0], relation="FAMILY") for _ in range(2)]
    said = await asyncio.gather(
        *(street.answer(person, survey, "DISSATISFIED") for person in family)
    )
    codes_ = sorted(error["code"] for each in said for error in each["userErrors"])
    assert codes_ == ["ALREADY_ANSWERED", "ALREADY_ANSWERED"]
    assert (await street.fresh(case))["answerCount"] == 1
    # What is stored cannot be changed either, by anybody of ours.
    for statement in (
        "update survey_answers set choice = 'SATISFIED'",
        "delete from survey_answers",
        "update survey_targets set label = '别处'",
        "update surveys set answered = answered + 1",
        "delete from surveys",
    ):
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.CheckViolationError)):
            await street.sql(statement)
