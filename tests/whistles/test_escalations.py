"""L1–L4 through the API: raised from below, answered from above, a joint meeting and its tasks."""

from __future__ import annotations

import datetime as dt
from typing import Any

from tests.whistles.conftest import Alarm

ESCALATION = (
    "escalation { id version level state answerBy automatic fromLevel toLevel"
    " tasks { id version task doneAt organisation { name } } }"
)
DAY = dt.timedelta(days=1)


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


async def code_of(who: Any, mutation: str, **given: Any) -> str:
    """The code by which a mutation is refused, in its payload or as a whole."""
    answer = await who.payload(mutation, given)
    if "errors" in answer:
        code: str = answer["errors"][0]["extensions"]["code"]
        return code
    found: str = answer["data"][mutation]["userErrors"][0]["code"]
    return found


async def test_each_level_is_raised_from_below_and_answered_above(alarm: Alarm) -> None:
    grid = await alarm.town.person("GRID", "north1grid")
    district = await alarm.town.person("DCMD")
    levels = (
        ("L1", "UNSOLVABLE", grid, alarm.clerk),
        ("L2", "DISAGREEMENT", alarm.clerk, alarm.chief),
        ("L3", "CONDITIONS", alarm.chief, district),
    )
    for level, trigger, below, above in levels:
        given = {"caseId": alarm.case["id"], "level": level, "trigger": trigger, "reason": "须回应"}
        assert await code_of(above, "raiseEscalation", **given) == "FORBIDDEN"
        assert await code_of(below, "raiseEscalation", **{**given, "trigger": "OVERDUE"}) == (
            "TRIGGER_NOT_ALLOWED"
        )
        assert await code_of(below, "raiseEscalation", **{**given, "reason": " "}) == (
            "MISSING_DATA"
        )
        made = (await below.done("raiseEscalation", ESCALATION, **given))["escalation"]
        assert (made["state"], made["automatic"]) == ("OPEN", False)
        assert await code_of(below, "raiseEscalation", **given) == "ALREADY_RAISED"
        reply = {"id": made["id"], "version": made["version"], "answer": "今日到场"}
        assert await code_of(below, "answerEscalation", **reply) == "FORBIDDEN"
        assert await code_of(above, "answerEscalation", **{**reply, "version": 9}) == "CONFLICT"
        meeting = {
            "id": made["id"], "version": 1, "metAt": now().isoformat(), "minutes": "纪要",
            "tasks": [],
        }  # fmt: skip
        refused = await code_of(above, "recordJointMeeting", **meeting)
        assert refused in ("MISSING_DATA", "NO_MEETING_NEEDED")
        done = (await above.done("answerEscalation", ESCALATION, **reply))["escalation"]
        assert done["state"] == "ANSWERED"
        assert await code_of(above, "answerEscalation", **{**reply, "version": 2}) == (
            "ILLEGAL_TRANSITION"
        )
    stranger = await alarm.town.person("COMM", "south1")
    given = {
        "caseId": alarm.case["id"], "level": "L2", "trigger": "DISAGREEMENT", "reason": "须回应",
    }  # fmt: skip
    assert await code_of(stranger, "raiseEscalation", **given) == "NOT_FOUND"
    assert (await stranger.data("{ escalations { totalCount } }"))["escalations"]["totalCount"] == 0


async def test_a_joint_meeting_answers_with_tasks(alarm: Alarm) -> None:
    district = await alarm.town.person("DCMD")
    made = await alarm.chief.done(
        "raiseEscalation", ESCALATION, caseId=alarm.case["id"], level="L4", trigger="DISPUTE",
        reason="部门意见不一",
    )  # fmt: skip
    raised = made["escalation"]
    seen = await district.data(
        "query ($id: ID!) { case(id: $id) { id number supervised supervisionReason"
        " escalations { id level } } }",
        {"id": alarm.case["id"]},
    )
    assert seen["case"]["supervised"] is True
    assert seen["case"]["number"] == alarm.case["number"], "the case stays the same one"
    assert seen["case"]["escalations"] == [{"id": raised["id"], "level": "L4"}]
    reply = {"id": raised["id"], "version": raised["version"]}
    assert await code_of(district, "answerEscalation", **reply, answer="知悉") == "MEETING_NEEDED"

    def task(**given: Any) -> dict[str, Any]:
        unit = alarm.unit("住建局")
        due = (now() + 5 * DAY).isoformat()
        return {"organisationId": unit, "task": "牵头整改", "dueAt": due, **given}

    meeting = {**reply, "metAt": now().isoformat(), "minutes": "由住建局牵头,城管局配合。"}
    for wrong, code in (
        ({"tasks": []}, "MISSING_DATA"),
        ({"minutes": ""}, "MISSING_DATA"),
        ({"metAt": (now() + DAY).isoformat()}, "BAD_USER_INPUT"),
        ({"metAt": (now() - 30 * DAY).isoformat()}, "BAD_USER_INPUT"),
        ({"tasks": [task(dueAt=(now() - DAY).isoformat())]}, "BAD_USER_INPUT"),
        ({"tasks": [task(), task(task=" ")]}, "MISSING_DATA"),
        ({"tasks": [task(organisationId=alarm.case["id"])]}, "NOT_FOUND"),
    ):
        given = {**meeting, "tasks": [task()], **wrong}
        assert await code_of(district, "recordJointMeeting", **given) == code, wrong
    held = await district.done(
        "recordJointMeeting", ESCALATION, **meeting,
        tasks=[
            task(),
            task(organisationId=alarm.unit("城管局"), task="配合施工"),
            task(
                organisationId=str(await alarm.town.organisation("某公司", "EXTERNAL_PARTY")),
                task="出资",
            ),
        ],
    )  # fmt: skip
    assert held["escalation"]["state"] == "ANSWERED"
    assert len(held["escalation"]["tasks"]) == 3, "nothing of the refused meetings stayed"
    mine = await alarm.housing.data(
        "{ jointTasks { nodes { id version task organisation { name } } } }"
    )
    (own,) = mine["jointTasks"]["nodes"]
    assert own["task"] == "牵头整改"
    done = {"id": own["id"], "version": own["version"], "note": "已完成"}
    assert await code_of(alarm.city, "completeJointTask", **done) == "NOT_FOUND"
    assert await code_of(alarm.clerk, "completeJointTask", **done) in ("FORBIDDEN", "NOT_FOUND")
    # The district speaks only for those of whom nobody can.
    assert await code_of(district, "completeJointTask", **done) == "FORBIDDEN"
    theirs = await district.data(
        "query ($c: ID!) { jointTasks(filter: { case: { in: [$c] } })"
        " { nodes { id version organisation { name } } } }",
        {"c": alarm.case["id"]},
    )
    outside = [t for t in theirs["jointTasks"]["nodes"] if t["organisation"]["name"] == "某公司"]
    assert len(outside) == 1
    said = {"id": outside[0]["id"], "version": outside[0]["version"], "note": "已出资"}
    assert (await district.done("completeJointTask", "task { doneAt }", **said))["task"]["doneAt"]
    made = await alarm.housing.done("completeJointTask", "task { doneAt version }", **done)
    assert made["task"]["doneAt"]
    assert await code_of(alarm.housing, "completeJointTask", **done) == "CONFLICT"
