"""A meeting from its plan to its publication, and what is refused on the way."""

from __future__ import annotations

import datetime as dt
from typing import Any

import asyncpg
import pytest
from tests.meetings.conftest import Parlour

from guanjia.graph.times import CHINA
from guanjia.meetings.service.minutes import content_hash

TODAY = dt.datetime.now(CHINA).date()
ON_DISPLAY = (
    "{ publishedMeetings { nodes { id title typeName items { title proposerName resolutions {"
    " outcome caseState } } } } }"
)


async def test_from_plan_to_publication(parlour: Parlour) -> None:
    meeting = await parlour.held(
        "路灯不亮", "停车棚", houseUnitIds=parlour.homes, proposerId=parlour.owners[0],
        proposerPublic=True,
    )  # fmt: skip
    assert (meeting["state"], meeting["seatQuorum"]) == ("HELD", 3)
    assert [item["householdCount"] for item in meeting["items"]] == [4, 4]
    meeting = await parlour.decided(
        meeting, parlour.decision(meeting, 0, text="当场更换灯泡"),
        parlour.decision(meeting, 1, votesFor=1, votesAgainst=2),
    )  # fmt: skip
    solved, lost = meeting["items"]
    assert solved["resolutions"] == [
        {"outcome": "RESOLVED_ON_SITE", "adopted": True, "votesFor": 3, "caseState": None,
         "case": None}
    ]  # fmt: skip
    assert (solved["open"], solved["resolvedAt"] is not None) == (False, True)
    assert not lost["resolutions"][0]["adopted"]
    assert (lost["open"], lost["resolvedAt"]) == (True, None)
    meeting = await parlour.signed(meeting)
    assert meeting["state"] == "SIGNED"
    assert len(meeting["contentHash"]) == 64
    meeting = await parlour.do("publishMeeting", id=meeting["id"], version=meeting["version"])
    assert meeting["takeDownOn"] == (TODAY + dt.timedelta(days=16)).isoformat()
    seen = await parlour.secretary.data(ON_DISPLAY)
    [shown] = seen["publishedMeetings"]["nodes"]
    assert shown["typeName"] == "议事会议"
    names = {item["proposerName"] for item in shown["items"]}
    assert names == {"业*"}, "who agreed is named, masked"


async def test_minutes_that_were_signed_are_frozen(parlour: Parlour, admin: Any) -> None:
    meeting = await parlour.held("路灯不亮")
    meeting = await parlour.signed(await parlour.decided(meeting, parlour.decision(meeting)))
    for step, given in (
        ("addAgendaItems", {"meetingId": meeting["id"],
                            "items": [{"title": "补一项", "source": "RESIDENT"}]}),
        ("decideItems", {"meetingId": meeting["id"], "decisions": [parlour.decision(meeting)]}),
        ("writeMinutes", {"id": meeting["id"], "minutes": "改过的"}),
        ("reopenMinutes", {"id": meeting["id"], "reason": "改"}),
    ):  # fmt: skip
        said = await parlour.refused(step, version=meeting["version"], **given)
        assert said.startswith("WRONG_STATE 会议已签字"), step
    # Two records of one person are joined all the same.
    await admin.execute(
        "update attendances set person_id = $2 where meeting_id = $1 and person_id = $3",
        meeting["id"], parlour.owners[3], parlour.owners[0],
    )  # fmt: skip
    tenant, database = parlour.town.tenant.id, parlour.town.api.world.database
    attacks = (
        "update meetings set minutes = '改' where tenant_id = $1",
        "update meetings set state = 'HELD' where tenant_id = $1",
        "update resolutions set text = '改' where tenant_id = $1",
        "delete from resolutions where tenant_id = $1",
        "update agenda_items set title = '改' where tenant_id = $1",
        "delete from attendances where tenant_id = $1",
        "update minute_signatures set on_paper = false where tenant_id = $1",
        "delete from minute_signatures where tenant_id = $1",
    )
    for attack in attacks:
        with pytest.raises(asyncpg.CheckViolationError):
            await admin.execute(attack, tenant)
    async with database.tenant_transaction(tenant) as transaction:
        assert await content_hash(transaction, meeting["id"]) == meeting["contentHash"]
    # The twin: without the triggers the same statement goes through, and the hash shows it.
    held_back = admin.transaction()
    await held_back.start()
    try:
        await admin.execute("drop function frozen_record cascade")
        await admin.execute("update resolutions set text = '改' where tenant_id = $1", tenant)

        class Here:
            connection, tenant_id = admin, tenant

        changed: Any = Here()
        assert await content_hash(changed, meeting["id"]) != meeting["contentHash"]
    finally:
        await held_back.rollback()


async def test_without_quorum_nothing_is_decided(parlour: Parlour) -> None:
    cases = (
        ([*parlour.seats("COMMUNITY_PARTY", "BUILDING_GRID"), *parlour.residents()], "席位 2 个"),
        ([*parlour.seats(), *parlour.residents(2)], "居民代表 2 户"),
    )
    for attendees, lacking in cases:
        meeting = await parlour.held("路灯不亮", attendees=attendees, days=1)
        refusal = await parlour.attempt(
            "decideItems", meetingId=meeting["id"], version=meeting["version"],
            decisions=[parlour.decision(meeting, votesFor=2)],
        )  # fmt: skip
        [error] = refusal["userErrors"]
        assert (error["code"], error["field"]) == ("NO_QUORUM", ["meetingId"])
        assert lacking in error["message"]
        await parlour.secretary.data("{ meetings { totalCount } }")
        meeting = await parlour.do("writeMinutes", id=meeting["id"], version=meeting["version"],
                                   minutes="未达到会人数,仅作交流。")  # fmt: skip
        assert meeting["items"][0]["open"]


async def test_two_of_one_home_are_one_representative(parlour: Parlour) -> None:
    clerk = await parlour.town.person("COMM", "north1")
    spouse = await parlour.house.place.person("业主一之妻")
    await clerk.done(
        "bindPerson", houseUnitId=parlour.homes[0], personId=spouse, relation="SPOUSE",
        proof="ESTATE_REGISTRY",
    )  # fmt: skip
    second = {"kind": "RESIDENT", "personId": spouse, "houseUnitId": parlour.homes[0]}
    meeting = await parlour.held(
        "路灯不亮", attendees=[*parlour.seats(), *parlour.residents(2), second]
    )
    said = await parlour.refused(
        "decideItems", meetingId=meeting["id"], version=meeting["version"],
        decisions=[parlour.decision(meeting)],
    )  # fmt: skip
    assert "居民代表 2 户,须 3 户" in said


async def test_the_quorum_is_the_tenants(parlour: Parlour) -> None:
    district = await parlour.town.person("DCMD", "district")
    kind = {"id": parlour.types["DELIBERATION"], "version": 1}
    await district.done("changeMeetingType", "meetingType { id }", **kind, residentQuorum=1)
    assert await district.refused("changeMeetingType", kind, residentQuorum=1) == "CONFLICT"
    meeting = await parlour.held("路灯不亮", attendees=[*parlour.seats(), *parlour.residents(1)])
    assert (await parlour.decided(meeting, parlour.decision(meeting)))["state"] == "HELD"
    lesson = {"id": parlour.types["COURTYARD_LESSON"], "version": 1}
    assert await district.refused("changeMeetingType", lesson, seatQuorum=1) == "BAD_USER_INPUT"
    assert await district.refused("changeMeetingType", {**kind, "version": 2}, seatQuorum=5) == (
        "BAD_USER_INPUT"
    )


@pytest.mark.parametrize(
    ("matter", "outcome", "said"),
    [
        ("FUND_USE", "RESOLVED_ON_SITE", "RESERVED_MATTER “使用建筑物及其附属设施的维修资金”"),
        ("COMMITTEE_ELECTION", "TO_CASE", "RESERVED_MATTER"),
        ("FUND_RAISING", "TO_RESIDENTS_MEETING", "民法典 第 278 条第一款第六项"),
        ("RESIDENTS_AFFAIR", "RESOLVED_ON_SITE", "只能“提请居民会议”"),
        (None, "TO_OWNERS_VOTE", "BAD_USER_INPUT 该议题没有注明"),
    ],
)
async def test_what_a_meeting_may_not_decide_is_sent_to_who_may(
    parlour: Parlour, matter: str | None, outcome: str, said: str
) -> None:
    meeting = await parlour.held("屋面防水", matter=matter)
    refusal = await parlour.refused(
        "decideItems", meetingId=meeting["id"], version=meeting["version"],
        decisions=[parlour.decision(meeting, outcome=outcome)],
    )  # fmt: skip
    assert said in refusal
    right = {"FUND_USE": "TO_OWNERS_VOTE", "RESIDENTS_AFFAIR": "TO_RESIDENTS_MEETING"}.get(
        matter or "", "DEFERRED"
    )
    meeting = await parlour.decided(meeting, parlour.decision(meeting, outcome=right))
    assert meeting["items"][0]["open"]


async def test_a_resolution_opens_a_case_and_shows_its_state(parlour: Parlour) -> None:
    meeting = await parlour.held("小区门口井盖破损")
    step = {"meetingId": meeting["id"], "version": meeting["version"]}
    to_case = parlour.decision(meeting, outcome="TO_CASE")
    said = await parlour.refused("decideItems", decisions=[to_case], **step)
    assert said == "BAD_USER_INPUT 转案件须选择案件类别。"
    to_case |= {"categoryId": await parlour.category(), "longitude": 118.1743}
    said = await parlour.refused("decideItems", decisions=[to_case], **step)
    assert said == "BAD_USER_INPUT 经度和纬度须一起填写。"
    to_case["latitude"] = 26.6381
    meeting = await parlour.decided(meeting, to_case)
    [resolution] = meeting["items"][0]["resolutions"]
    case = resolution["case"]
    assert (resolution["caseState"], case["source"]) == ("REPORTED", "MEETING")
    clerk = await parlour.town.person("COMM", "north1")
    found = await clerk.data("{ cases { nodes { id version longitude latitude } } }")
    [row] = found["cases"]["nodes"]
    assert (row["longitude"], row["latitude"]) == (118.1743, 26.6381)
    await clerk.done("declineCase", id=row["id"], version=row["version"], reason="CIVIL_MATTER",
                     answer="属民事纠纷")  # fmt: skip
    seen = await parlour.secretary.data(
        "query ($c: ID!) { agendaItems(filter: { openedCase: $c }) { nodes { open resolvedAt"
        " meeting { id } resolutions { caseState } } } }",
        {"c": case["id"]},
    )
    assert seen["agendaItems"]["nodes"] == [
        {"open": False, "resolvedAt": None, "meeting": {"id": meeting["id"]},
         "resolutions": [{"caseState": "NOT_FILED"}]}
    ]  # fmt: skip
    again = await parlour.refused(
        "decideItems", meetingId=meeting["id"], version=meeting["version"], decisions=[to_case]
    )
    assert again == "CONFLICT 该议题已转为案件,不能再次表决。"


async def test_who_signs(parlour: Parlour) -> None:
    before = (await parlour.house.seat("BUILDING_GRID"))["holders"]
    steward = await parlour.town.person("BLD", "north1grid")
    after = (await parlour.house.seat("BUILDING_GRID"))["holders"]
    (mine,) = {each["id"] for each in after} - {each["id"] for each in before}
    attendees = [*parlour.seats("COMMUNITY_PARTY", "PROPERTY_PARTY"), *parlour.residents(),
                 {"kind": "SEAT", "holderId": mine}]  # fmt: skip
    meeting = await parlour.held("路灯不亮", attendees=attendees)
    meeting = await parlour.do(
        "writeMinutes", id=meeting["id"], version=meeting["version"], minutes="记录。"
    )
    there = meeting["attendance"]["nodes"]
    chair = next(each for each in there if each["chair"])
    own = next(each for each in there if each["seat"] == "BUILDING_GRID")
    step = {"id": meeting["id"], "version": meeting["version"]}
    said = await parlour.refused("signMinutes", steward, attendanceId=chair["id"], **step)
    assert said.startswith("BAD_USER_INPUT 只能以本人身份签字")
    said = await parlour.refused(
        "signMinutes", steward, attendanceId=own["id"], onPaper=True, **step
    )
    assert said == "BAD_USER_INPUT 纸质签字由会议召集人登记。"
    meeting = await parlour.do("signMinutes", steward, attendanceId=own["id"], **step)
    step["version"] = meeting["version"]
    assert (await parlour.refused("signMinutes", steward, attendanceId=own["id"], **step)) == (
        "CONFLICT 此人已签字。"
    )
    others = [each for each in there if not each["chair"] and each["id"] != own["id"]]
    for signer in others[:2]:
        meeting = await parlour.do("signMinutes", attendanceId=signer["id"], onPaper=True, **step)
        step["version"] = meeting["version"]
    assert meeting["state"] == "MINUTED", "three attendees without the chair are not enough"
    meeting = await parlour.do("reopenMinutes", reason="笔误", **step)
    assert meeting["state"] == "HELD"
    meeting = await parlour.signed(meeting)
    assert meeting["state"] == "SIGNED"


async def test_who_attends(parlour: Parlour) -> None:
    meeting = await parlour.planned()
    step = {"meetingId": meeting["id"], "version": meeting["version"]}
    stranger = await parlour.house.place.person("外人")
    seat, resident = parlour.seats()[0], parlour.residents(1)[0]
    for attendees, said in (
        ([{"kind": "SEAT", "holderId": parlour.owners[0]}], "NOT_A_HOLDER"),
        ([{"kind": "RESIDENT"}], "BAD_USER_INPUT 请选择居民代表"),
        ([{**resident, "personId": stranger}], "BAD_USER_INPUT 此人没有绑定该房屋"),
        ([resident, resident], "CONFLICT 同一人在一次会议中只登记一次"),
        ([{"kind": "INVITED", "name": "来宾"}], "BAD_USER_INPUT 请填写受邀人员的身份"),
        ([{"kind": "INVITED", "capacity": "人大代表"}], "BAD_USER_INPUT 请填写姓名"),
        ([seat, {**resident, "chair": True}], "CONFLICT 会议只有一名主持人"),
        ([{**resident, "chair": True}], "BAD_USER_INPUT 议事由社区党组织席位主持"),
        ([], "LIMIT_EXCEEDED"),
    ):
        refusal = await parlour.refused("recordAttendance", attendees=attendees, **step)
        assert refusal.startswith(said), refusal
    found = await parlour.do("recordAttendance", attendees=[seat, resident], **step)
    assert len(found["attendance"]["nodes"]) == 2
    gone = found["attendance"]["nodes"][1]["id"]
    found = await parlour.do("removeAttendance", id=gone, version=found["version"])
    assert len(found["attendance"]["nodes"]) == 1
    assert (
        await parlour.refused("removeAttendance", id=gone, version=found["version"])
    ).startswith("NOT_FOUND")


async def test_a_learning_meeting_decides_nothing(parlour: Parlour) -> None:
    meeting = await parlour.planned("COURTYARD_LESSON")
    meeting = await parlour.do(
        "addAgendaItems", meetingId=meeting["id"], version=meeting["version"],
        items=[{"title": "学习", "source": "BUTLER"}],
    )  # fmt: skip
    meeting = await parlour.do("holdMeeting", id=meeting["id"], version=meeting["version"])
    said = await parlour.refused(
        "decideItems", meetingId=meeting["id"], version=meeting["version"],
        decisions=[parlour.decision(meeting)],
    )  # fmt: skip
    assert said == "DECIDES_NOTHING 学习活动不形成决议。"
    counted = await parlour.secretary.data(
        "{ meetings(filter: { held: true, decides: true }) { totalCount }"
        " all: meetings(filter: { held: true }) { totalCount } }"
    )
    assert (counted["meetings"]["totalCount"], counted["all"]["totalCount"]) == (0, 1)
    assert not meeting["items"][0]["open"]


@pytest.mark.parametrize(
    ("choices", "resolved"),
    [
        (["SATISFIED"] * 3 + ["PARTLY", "DISSATISFIED"], True),
        (["SATISFIED"] * 2 + ["PARTLY"] * 2, False),
        ([], False),
    ],
)
async def test_a_case_solves_its_item_when_those_asked_are_satisfied(
    parlour: Parlour, admin: Any, choices: list[str], resolved: bool
) -> None:
    meeting = await parlour.held("小区门口井盖破损")
    decision = parlour.decision(meeting, outcome="TO_CASE", categoryId=await parlour.category())
    meeting = await parlour.decided(meeting, decision)
    case = meeting["items"][0]["resolutions"][0]["case"]["id"]
    assert meeting["items"][0]["open"]
    await admin.execute(
        "update cases set state = 'EVALUATED', stage = 'EVALUATING', closed_at = now(),"
        " evaluated_at = now() where id = $1",
        case,
    )
    content = choices.count("SATISFIED")
    await admin.execute(
        "insert into surveys (tenant_id, id, kind, subject_id, round, title, region_id,"
        " region_path, state, opened_at, closes_at, uploads_until, closed_at, asked, answered,"
        " satisfied, dissatisfied) select tenant_id, gen_random_uuid(), 'CASE', id, 1, title,"
        " region_id, region_path, 'OPEN', now(), now(), now(), null, $2::int, $2, $3::int,"
        " $2 - $3 from cases where id = $1",
        case, len(choices), content,
    )  # fmt: skip
    running = await parlour.secretary.data("{ agendaItems { nodes { resolvedAt } } }")
    assert running["agendaItems"]["nodes"] == [{"resolvedAt": None}], "it would tell who said what"
    await admin.execute("update surveys set state = 'CLOSED', closed_at = now()")
    found = await parlour.secretary.data(
        "query ($c: ID!) { agendaItems(filter: { compound: $c, resolved: true }) { totalCount }"
        " all: agendaItems { nodes { open resolvedAt resolutions { caseState case { timeline"
        " { nodes { title } } } } } } }",
        {"c": parlour.house.place.compound},
    )
    assert found["agendaItems"]["totalCount"] == int(resolved)
    [item] = found["all"]["nodes"]
    assert (item["open"], item["resolvedAt"] is not None) == (False, resolved)
    assert item["resolutions"][0]["case"]["timeline"]["nodes"], "meeting, resolution, case, events"
