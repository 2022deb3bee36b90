"""The households judge what was done: N02 and N03 of the reconciliation table, answer by answer.

The community prints a letter with a code for each home; the grid member goes from door to door and
uploads the visits of a day in one, once more than needed, as a phone with a bad network does; who
has an account answers for themselves. What a run answered before is not answered again.
"""

from __future__ import annotations

import uuid
from typing import Any

from guanjia.demo.stage import Failed, Stage
from guanjia.demo.tales import NOISE, SHED, SHED_REPORTS, Step, Tale

CLERK, VISITOR, RESIDENT = "wang.fang", "chen.hao", "ju.min"
LETTERS, DAYS = "2026-04-09 15:00", ("2026-04-10", "2026-04-11", "2026-04-12", "2026-04-13")
A_DAY = 90
PLACE = {"longitude": 118.1705, "latitude": 26.6421}
_OPEN = (
    "query ($id: ID!) { case(id: $id) { survey { id satisfaction { asked answered satisfied partly"
    " rate lowerBound } } } }"
)
_MINE = "{ mySurveys { id targets { nodes { answered } } } }"


async def answer(stage: Stage, tale: Tale, case_id: str) -> None:
    """Those who are asked about the case have answered before its survey ends."""
    if tale is NOISE:
        await go_round(stage, case_id)
    elif tale is SHED:
        for report in SHED_REPORTS:
            assert isinstance(report.opened, Step)
            await answer_at_home(stage, report.opened.who, "2026-05-16 12:30", "拆得很快")


async def answer_at_home(stage: Stage, who: str, when: str, comment: str) -> None:
    """The resident answers, online, what they are asked and have not answered."""
    stage.move_to(when)
    for survey in (await stage.ask(who, _MINE))["mySurveys"]:
        if any(not target["answered"] for target in survey["targets"]["nodes"]):
            await stage.do(
                who,
                "answerSurvey",
                {
                    "surveyId": survey["id"], "choice": "SATISFIED", "comment": comment,
                    "clientKey": _key(survey["id"], who),
                },
            )  # fmt: skip


async def go_round(stage: Stage, case_id: str) -> None:
    """Every home that is asked about the case has answered."""
    survey = (await stage.ask("zheng.ke", _OPEN, {"id": case_id}))["case"]["survey"]
    if survey["satisfaction"]["answered"] < survey["satisfaction"]["asked"]:
        await answer_at_home(stage, RESIDENT, "2026-04-10 12:30", "夜里终于安静了")
        stage.move_to(LETTERS)
        homes = await _unanswered(stage, survey["id"])
        asked = {"surveyId": survey["id"], "houseUnitIds": homes}
        issued = await stage.do(CLERK, "issueSurveyCodes", asked, "letters { houseUnitId code }")
        letters = issued["letters"]
        for number, day in enumerate(DAYS):
            stage.move_to(f"{day} 21:30")
            part = letters[number * A_DAY : (number + 1) * A_DAY]
            await _uploaded(stage, survey["id"], [_visit(survey["id"], each, day) for each in part])


async def judged(stage: Stage, case_id: str) -> str:
    """What came of the survey, which is over; a line for the terminal."""
    survey = (await stage.ask("zheng.ke", _OPEN, {"id": case_id}))["case"]["survey"]
    found = survey["satisfaction"]
    return (
        f"满意度调查(N02、N03):问 {found['asked']} 户、答 {found['answered']} 户,"
        f"满意率 {found['rate']:g}%(95% 下限 {found['lowerBound']:g}%)"
    )


async def _unanswered(stage: Stage, survey_id: str) -> list[str]:
    """The homes that the visitor still has to go to."""
    homes: list[str] = []
    after = None
    while True:
        found = await stage.ask(
            VISITOR,
            "query ($s: ID!, $a: String) { surveyTargets(first: 100, after: $a, filter:"
            " { survey: { in: [$s] }, answered: false }) { nodes { houseUnit { id } }"
            " pageInfo { hasNextPage endCursor } } }",
            {"s": survey_id, "a": after},
        )
        page = found["surveyTargets"]
        homes += [target["houseUnit"]["id"] for target in page["nodes"] if target["houseUnit"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return homes


async def _uploaded(stage: Stage, survey_id: str, visits: list[dict[str, Any]]) -> None:
    """The visits are counted; the first of them are sent again, and count no more for it."""
    for sent in (visits, visits[:5]):
        if not sent:
            return
        done = await stage.do(
            VISITOR,
            "collectSurveyAnswers",
            {"surveyId": survey_id, "visits": sent},
            "results { code message }",
        )
        wrong = [result for result in done["results"] if result["code"]]
        if wrong:
            raise Failed(f"{VISITOR} collectSurveyAnswers:{wrong[0]['message']}")


def _visit(survey_id: str, letter: dict[str, str], day: str) -> dict[str, Any]:
    return {
        "houseUnitId": letter["houseUnitId"], "choice": "SATISFIED",
        "confirmationCode": letter["code"], "answeredAt": f"{day}T19:00:00+08:00",
        "clientKey": _key(survey_id, letter["houseUnitId"]), **PLACE,
    }  # fmt: skip


def _key(survey_id: str, who: str) -> str:
    return str(uuid.uuid5(uuid.UUID(survey_id), who))
