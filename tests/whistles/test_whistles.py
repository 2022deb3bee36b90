"""吹哨报到 through the API: who may whistle, who comes, what is held, answered and scored."""

from __future__ import annotations

import datetime as dt
from typing import Any

from tests.whistles.conftest import CALL, FAR, NEAR, WHISTLE, Alarm

from guanjia.graph.times import CHINA

INDICATOR = (
    "query ($id: ID!, $r: ID!, $p: String!) { indicator(id: $id, regionId: $r, period: $p) {"
    " cells(by: DEPARTMENT) { cells { name figure { numerator denominator } } }"
    " rows { totalCount nodes { id } } } }"
)
EARLIER = """
update whistle_outcomes set since = since - interval '1 hour', until = until - interval '1 hour',
  attend_by = attend_by - interval '1 hour', attended_at = attended_at - interval '1 hour',
  scored_at = scored_at - interval '1 hour' where tenant_id = $1
"""
TIMELINE = (
    "query ($id: ID!) { case(id: $id) { timeline { nodes { action title actorRole note } } } }"
)


async def inbox(who: Any) -> list[tuple[str, str]]:
    found = await who.data("{ notifications(orderBy: OLDEST) { nodes { kind body } } }")
    return [(each["kind"], each["body"]) for each in found["notifications"]["nodes"]]


async def told(alarm: Alarm) -> list[str]:
    found = await alarm.clerk.data(TIMELINE, {"id": alarm.case["id"]})
    return [each["action"] for each in found["case"]["timeline"]["nodes"]]


async def test_a_whistle_is_attended_answered_and_scored(alarm: Alarm, admin: Any) -> None:
    whistle = await alarm.sounded("住建局", "城管局", urgent=True)
    assert whistle["state"] == "SOUNDED"
    assert whistle["number"].split("-")[:2] == ["990101", "哨"]
    # The department reads what it was called to, and of the case no more than that.
    (seen,) = (await alarm.housing.data("{ whistles { nodes { id caseTitle case { id } } } }"))[
        "whistles"
    ]["nodes"]
    assert seen == {"id": whistle["id"], "caseTitle": "消力池噪音", "case": None}
    housing, city = [await alarm.call_of(whistle, name) for name in ("住建局", "城管局")]
    early = {"id": housing["id"], "version": housing["version"], "result": "已商定方案"}
    assert await alarm.housing.refused("answerWhistle", early) == "NOT_ATTENDED"
    other = {"callId": city["id"], "measures": "代为报到", **NEAR}
    answer = await alarm.housing.payload("signInOnSite", other)
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN", "each unit for itself"
    call = await alarm.signed_in(alarm.housing, housing)
    assert call["attendedInTime"] is True
    assert call["signIns"][0]["state"] == "ACCEPTED"
    assert 10 < call["signIns"][0]["distanceMetres"] < 20
    # Where somebody stood is for whoever rules on it, not for the other units, nor the district.
    where = "query ($id: ID!) { whistle(id: $id) { calls { signIns { longitude latitude } } } }"
    overseer = await alarm.town.person("DCMD")
    for who, seen_at in ((alarm.chief, NEAR), (alarm.city, None), (overseer, None)):
        calls = (await who.data(where, {"id": whistle["id"]}))["whistle"]["calls"]
        (stood,) = [sign_in for one in calls for sign_in in one["signIns"]]
        assert stood == (seen_at or {"longitude": None, "latitude": None})
    again = {"callId": call["id"], "measures": "又来", **NEAR}
    assert await alarm.housing.refused("signInOnSite", again) == "ALREADY_ATTENDED"
    # Far away, or nowhere, is held until whoever whistled has said so.
    for place, ruled in ((FAR, False), ({"longitude": None, "latitude": None}, True)):
        call = await alarm.signed_in(alarm.city, city, **place)
        assert call["attendedAt"] is None
        assert (
            await alarm.city.refused(
                "signInOnSite", {"callId": city["id"], "measures": "再来", **FAR}
            )
            == "CONFLICT"
        )
        held = call["signIns"][-1]
        assert held["state"] == "HELD"
        ruling = {"id": held["id"], "version": held["version"], "accepted": ruled}
        if not ruled:
            assert await alarm.chief.refused("ruleSignIn", ruling) == "MISSING_DATA"
        call = (await alarm.chief.done("ruleSignIn", CALL, **ruling, reason="以照片为证"))["call"]
    assert (await alarm.seen(whistle))["state"] == "ATTENDED"
    waiting = "query ($o: ID!) { whistles(filter: { awaiting: $o }) { totalCount } }"

    async def awaited(who: Any, *names: str) -> list[int]:
        found = [await who.data(waiting, {"o": alarm.unit(name)}) for name in names]
        return [each["whistles"]["totalCount"] for each in found]

    assert await awaited(alarm.housing, "住建局") == [1]
    for who, name in ((alarm.housing, "住建局"), (alarm.city, "城管局")):
        assert await awaited(alarm.chief, name) == [1]
        call = await alarm.call_of(whistle, name)
        given = {"id": call["id"], "version": call["version"]}
        score = {**given, "choice": "SATISFIED"}
        assert await alarm.chief.refused("scoreResponse", score) == "NOT_ANSWERED"
        await who.done("answerWhistle", CALL, **given, result="已办理")
    assert await awaited(alarm.chief, "住建局", "城管局") == [0, 0]
    assert (await alarm.seen(whistle))["state"] == "ANSWERED"
    call = await alarm.call_of(whistle, "城管局")
    given = {"id": call["id"], "version": call["version"]}
    assert await alarm.chief.refused("scoreResponse", given, choice="DISSATISFIED") == (
        "MISSING_DATA"
    )
    await alarm.chief.done("scoreResponse", CALL, **given, choice="DISSATISFIED", reason="来迟")
    assert await alarm.chief.refused("scoreResponse", given, choice="SATISFIED") == "CONFLICT"
    call = await alarm.call_of(whistle, "住建局")
    given = {"id": call["id"], "version": call["version"]}
    await alarm.chief.done("scoreResponse", CALL, **given, choice="SATISFIED")
    assert (await alarm.seen(whistle))["state"] == "SCORED"
    assert [kind for kind, _ in await inbox(alarm.chief)] == [
        "whistle.sign_in_held", "whistle.sign_in_held", "whistle.answered",
    ]  # fmt: skip
    [(kind, body)] = await inbox(alarm.city)
    assert kind == "whistle.sounded"
    assert whistle["number"] in body
    assert alarm.case["number"] in body
    assert await inbox(alarm.clerk) == []
    actions = (await told(alarm))[2:]
    assert actions[:3] == ["sound_whistle", "sign_in_on_site", "sign_in_on_site"]
    assert actions.count("rule_sign_in") == 2
    assert actions[-4:] == ["answer_whistle"] * 2 + ["score_response"] * 2
    found = await alarm.chief.data(
        "query ($id: ID!) { case(id: $id) { version whistles { id state } } }",
        {"id": alarm.case["id"]},
    )
    assert found["case"]["whistles"] == [{"id": whistle["id"], "state": "SCORED"}]
    assert found["case"]["version"] == alarm.case["version"], "the case itself stays as it is"
    # How the departments responded is a figure of the district, and opens to the case.
    await admin.execute(EARLIER, alarm.town.tenant.id)
    figures = {
        "whistle.attendance_rate": {"住建局": (1, 1), "城管局": (1, 1)},
        "whistle.satisfaction_rate": {"住建局": (1, 1), "城管局": (0, 1)},
    }
    district = await alarm.town.person("DCMD")
    for metric, parts in figures.items():
        asked = {
            "id": metric, "r": str(alarm.town.tenant.regions["district"].id),
            "p": str(dt.datetime.now(CHINA).year),
        }  # fmt: skip
        figure = (await district.data(INDICATOR, asked))["indicator"]
        cells = {
            cell["name"]: (cell["figure"]["numerator"], cell["figure"]["denominator"])
            for cell in figure["cells"]["cells"]
        }
        assert cells == parts, metric
        assert figure["rows"] == {"totalCount": 1, "nodes": [{"id": alarm.case["id"]}]}


async def test_only_those_who_may_whistle(alarm: Alarm) -> None:
    """A community its L2, a street its L3, each where the case lies; one at a time."""
    town = alarm.town
    south = await town.person("SCMD", "south")
    assert await south.refused("soundWhistle", alarm.sounding("住建局")) == "NOT_FOUND"

    async def denied(who: Any, **given: Any) -> str:
        answer = await who.payload("soundWhistle", alarm.sounding("住建局", **given))
        code: str = answer["errors"][0]["extensions"]["code"]
        return code

    assert await denied(alarm.clerk) == "FORBIDDEN", "a community sounds no L3"
    assert await denied(alarm.chief, level="L2") == "FORBIDDEN"
    assert await denied(await town.person("GRID", "north1grid")) == "FORBIDDEN"
    assert await denied(await town.person("DCMD")) == "FORBIDDEN"
    assert await denied(alarm.housing) == "FORBIDDEN"
    for given, code in (
        ({"organisationIds": []}, "MISSING_DATA"),
        ({"reason": " "}, "MISSING_DATA"),
        ({"condition": "STREET_FORCE"}, "CONDITION_NOT_ALLOWED"),
        ({"organisationIds": [alarm.unit("北街道办")]}, "UNIT_NOT_ALLOWED"),
        ({"caseId": alarm.unit("住建局")}, "NOT_FOUND"),
    ):
        assert await alarm.chief.refused("soundWhistle", {**alarm.sounding("住建局"), **given}) == (
            code
        )
    key = {"idempotencyKey": "whistle-1"}
    whistle = await alarm.sounded("住建局", **key)
    assert (await alarm.sounded("住建局", **key))["id"] == whistle["id"]
    assert await alarm.chief.refused("soundWhistle", alarm.sounding("城管局")) == "ALREADY_SOUNDED"
    # The community's own whistle to the street is another one.
    office = await town.person("SCMD", "north", "北街道办")
    lower = await alarm.sounded("北街道办", who=alarm.clerk, level="L2", condition="STREET_FORCE")
    (call,) = lower["calls"]
    assert (await alarm.signed_in(office, call))["attendedAt"]


async def test_only_the_whistler_withdraws_and_only_the_called_come(alarm: Alarm) -> None:
    whistle = await alarm.sounded("住建局")
    (call,) = whistle["calls"]
    coming = {"callId": call["id"], "measures": "来了", **NEAR}
    assert await alarm.city.refused("signInOnSite", coming) == "NOT_FOUND"
    both = await alarm.town.person("DEPT", "district", "住建局")
    assert (await alarm.signed_in(both, call, **FAR))["attendedAt"] is None
    # Who has come meanwhile does not wait for the whistler.
    came = await alarm.signed_in(both, call)
    assert came["attendedAt"]
    assert [each["state"] for each in came["signIns"]] == ["REJECTED", "ACCEPTED"]
    leaving = {"id": whistle["id"], "version": 2, "reason": "已解决"}
    answer = await alarm.clerk.payload("withdrawWhistle", leaving)
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    leader = await alarm.town.person("SLEAD", "north")
    answer = await leader.payload("withdrawWhistle", leaving)
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN", "another role"
    stale = {**leaving, "version": 1}
    assert await alarm.chief.refused("withdrawWhistle", stale) == "CONFLICT", "it has moved"
    colleague = await alarm.town.person("SCMD", "north")
    assert await colleague.refused("withdrawWhistle", {**leaving, "reason": ""}) == "MISSING_DATA"
    made = await colleague.done("withdrawWhistle", WHISTLE, **leaving)
    assert made["whistle"]["state"] == "WITHDRAWN"
    assert (await told(alarm))[-1] == "withdraw_whistle"
    given = {"id": call["id"], "version": 2, "result": "已办理"}
    assert await alarm.housing.refused("answerWhistle", given) == "ILLEGAL_TRANSITION"
    assert await alarm.sounded("住建局"), "a new one may be sounded"
