"""Series of meetings through the API: holidays, years without a calendar, ends; and who reads."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

import pytest
from tests.meetings.conftest import Parlour

from guanjia.cases.calendar import statutory_days
from guanjia.graph.times import CHINA
from guanjia.meetings.dependents import _follow
from guanjia.tenancy.dependents import hanging_on_region

TODAY = dt.datetime.now(CHINA).date()
SERIES = (
    "series { id version rule heldBack heldBackReason plannedUntil dueCount heldCount heldPercent"
    " endedOn compound { id } region { code } }"
)
OCCURRENCES = (
    "query ($s: ID!) { meetings(first: 100, orderBy: OLDEST, filter: { series: { in: [$s] } })"
    " { nodes { id version state plannedOn startsAt shifted } } }"
)


async def asked(parlour: Parlour, **more: Any) -> dict[str, Any]:
    return {
        "typeId": parlour.types["LIVELIHOOD_STATION"], "title": "民生驿站", "place": "服务中心",
        "regionId": str(parlour.town.tenant.regions["north1"].id), "startsAt": "15:00",
        "minutes": 120, **more,
    }  # fmt: skip


async def occurrences(parlour: Parlour, series: str) -> list[Any]:
    found = await parlour.secretary.data(OCCURRENCES, {"s": series})
    nodes: list[Any] = found["meetings"]["nodes"]
    return nodes


async def load_year(parlour: Parlour, year: int) -> None:
    district = await parlour.town.person("SYS", "district")
    await district.done(
        "loadCalendarYear", "calendarYear { year }", year=year, source="测试",
        daysOff=[day.isoformat() for day in sorted(statutory_days(year))],
    )  # fmt: skip


async def test_what_waits_for_a_calendar_is_held_back_and_planned_later(
    parlour: Parlour, admin: Any
) -> None:
    await admin.execute("delete from workdays where tenant_id = $1", parlour.town.tenant.id)
    year = TODAY.year
    await load_year(parlour, year)
    rule = f"FREQ=DAILY;UNTIL={year + 1}0103"
    given = await asked(parlour, startsOn=f"{year}-12-28", rule=rule, idempotencyKey="k")
    made = (await parlour.secretary.done("createMeetingSeries", SERIES, **given))["series"]
    assert (made["heldBack"], made["plannedUntil"]) == (3, f"{year + 1}-01-01")
    assert made["heldBackReason"] == f"自 {year + 1}-01-01 起的会期所需的工作日历尚未导入"
    assert (made["compound"], made["heldPercent"]) == (None, None)
    again = (await parlour.secretary.done("createMeetingSeries", SERIES, **given))["series"]
    assert again == made
    assert [o["plannedOn"][-2:] for o in await occurrences(parlour, made["id"])] == [
        "28", "29", "30", "31",
    ]  # fmt: skip
    step = {"id": made["id"], "version": made["version"]}
    still = (await parlour.secretary.done("planMeetingSeries", SERIES, **step))["series"]
    assert (still["heldBack"], len(await occurrences(parlour, made["id"]))) == (3, 4)
    await load_year(parlour, year + 1)
    step["version"] = still["version"]
    done = (await parlour.secretary.done("planMeetingSeries", SERIES, **step))["series"]
    assert (done["heldBack"], done["heldBackReason"]) == (0, None)
    planned = await occurrences(parlour, made["id"])
    assert len({o["plannedOn"] for o in planned}) == len(planned)
    assert all(o["startsAt"][11:16] == "07:00" for o in planned), "15:00 in China"
    assert not any(o["startsAt"].startswith(f"{year + 1}-01-01") for o in planned)
    assert await parlour.secretary.refused("planMeetingSeries", step) == "CONFLICT"


async def test_a_series_that_cannot_be_kept_is_refused(parlour: Parlour) -> None:
    day = TODAY.isoformat()
    for given, code in (
        ({"rule": "FREQ=WEEKLY;BYDAY=WE"}, "UNBOUNDED_RULE"),
        ({"rule": "每周三"}, "BAD_USER_INPUT"),
        ({"rule": "FREQ=WEEKLY;COUNT=3", "minutes": 5}, "BAD_USER_INPUT"),
        ({"rule": "FREQ=WEEKLY;COUNT=3", "title": " "}, "BAD_USER_INPUT"),
        ({"rule": "FREQ=WEEKLY;COUNT=3", "startsOn": "1999-01-01"}, "BAD_USER_INPUT"),
        ({"rule": "FREQ=WEEKLY;COUNT=3", "regionId": None}, "BAD_USER_INPUT"),
        ({"rule": "FREQ=WEEKLY;COUNT=3", "compoundId": parlour.house.place.compound},
         "BAD_USER_INPUT"),
        ({"rule": "FREQ=WEEKLY;COUNT=3",
          "regionId": str(parlour.town.tenant.regions["north1grid"].id)}, "BAD_USER_INPUT"),
        ({"rule": "FREQ=WEEKLY;COUNT=3",
          "regionId": str(parlour.town.tenant.regions["south1"].id)}, "NOT_FOUND"),
        ({"rule": "FREQ=WEEKLY;COUNT=3", "typeId": parlour.owners[0]}, "NOT_FOUND"),
    ):  # fmt: skip
        wanted = await asked(parlour, **{"startsOn": day, **given})
        assert await parlour.secretary.refused("createMeetingSeries", wanted) == code, given
    assert (await parlour.secretary.data("{ meetings { totalCount } }"))["meetings"] == {
        "totalCount": 0
    }


async def test_a_rate_of_what_was_due_and_an_end(parlour: Parlour, admin: Any) -> None:
    given = await asked(
        parlour, startsOn=(TODAY - dt.timedelta(days=30)).isoformat(), rule="FREQ=DAILY;COUNT=60",
        onHoliday="SKIP",
    )  # fmt: skip
    await admin.execute(
        "insert into workdays (tenant_id, day, is_workday, source) select $1, d::date, true, '测试'"
        " from generate_series(make_date($2, 1, 1), make_date($3, 12, 31), interval '1 day') d"
        " on conflict (tenant_id, day) do update set is_workday = true",
        parlour.town.tenant.id, TODAY.year - 1, TODAY.year + 1,
    )  # fmt: skip
    made = (await parlour.secretary.done("createMeetingSeries", SERIES, **given))["series"]
    past = [o for o in await occurrences(parlour, made["id"]) if o["plannedOn"] < str(TODAY)]
    assert len(past) == 30
    for meeting in past[:3]:
        await parlour.do("holdMeeting", id=meeting["id"], version=meeting["version"])
    await parlour.do(
        "cancelMeeting", id=past[3]["id"], version=past[3]["version"], reason="防汛值守"
    )
    step = {"id": made["id"], "version": made["version"], "reason": "改为月度"}
    assert await parlour.secretary.refused(
        "endMeetingSeries", step, on=(TODAY - dt.timedelta(days=1)).isoformat()
    ) == "BAD_USER_INPUT"  # fmt: skip
    on = (TODAY + dt.timedelta(days=2)).isoformat()
    ended = (await parlour.secretary.done("endMeetingSeries", SERIES, on=on, **step))["series"]
    assert (ended["endedOn"], ended["heldCount"]) == (on, 3)
    assert ended["dueCount"] in (30, 31)
    assert ended["heldPercent"] == 100 * 3 // ended["dueCount"]
    after = [o for o in await occurrences(parlour, made["id"]) if o["plannedOn"] >= on]
    assert {o["state"] for o in after} == {"CANCELLED"}
    step["version"] = ended["version"]
    assert await parlour.secretary.refused("endMeetingSeries", step, on=on) == "CONFLICT"


async def test_a_meeting_is_planned_once_moved_and_cancelled(parlour: Parlour) -> None:
    starts = (dt.datetime.now(CHINA) + dt.timedelta(days=5)).isoformat()
    given = {
        "typeId": parlour.types["TEA_TALK"], "title": "吃茶话事", "place": "凉亭", "minutes": 60,
        "startsAt": starts, "compoundId": parlour.house.place.compound,
    }  # fmt: skip
    first = await parlour.do("planMeeting", **given, idempotencyKey="a")
    assert await parlour.do("planMeeting", **given, idempotencyKey="a") == first
    said = await parlour.refused("planMeeting", **{**given, "title": "别的"}, idempotencyKey="a")
    assert said.startswith("IDEMPOTENCY_KEY_REUSED")
    assert await parlour.refused("planMeeting", **given) == "CONFLICT 同一时间已有会议“吃茶话事”。"
    step = {"id": first["id"], "version": first["version"]}
    assert await parlour.refused("holdMeeting", **step) == "BAD_USER_INPUT 还没有到会议日期。"
    later = (dt.datetime.now(CHINA) + dt.timedelta(days=6)).isoformat()
    moved = await parlour.do("moveMeeting", startsAt=later, place="活动室", **step)
    between = await parlour.do("planMeeting", **{**given, "title": "两行\n标题"})
    assert between["items"] == []
    said = await parlour.refused(
        "moveMeeting", id=between["id"], version=between["version"], startsAt=later
    )
    assert said == "CONFLICT 同一时间已有会议“吃茶话事”。"
    titles = (await parlour.secretary.data("{ meetings { nodes { title } } }"))["meetings"]["nodes"]
    assert {"title": "两行 标题"} in titles
    await parlour.do("cancelMeeting", id=between["id"], version=between["version"], reason="重复")
    made = await parlour.secretary.done(
        "createCompound", "compound { id version }", name="新小区", managementMode="SELF_MANAGED",
        regionId=str(parlour.town.tenant.regions["north1"].id),
    )  # fmt: skip
    compound = made["compound"]
    other = await parlour.do("planMeeting", **{**given, "compoundId": compound["id"]})
    refused = await parlour.secretary.do("closeCompound", compound, "compound { id }")
    assert [(error["code"], error["message"]) for error in refused["userErrors"]] == [
        ("CONFLICT", "该小区还有未召开会议 1 次,请先了结。")
    ]
    assert (await parlour.refused("cancelMeeting", reason="雨", **step)).startswith("CONFLICT")
    step["version"] = moved["version"]
    assert await parlour.refused("cancelMeeting", reason=" ", **step) == (
        "BAD_USER_INPUT 请填写取消的理由。"
    )
    gone = await parlour.do("cancelMeeting", reason="雨", **step)
    assert gone["state"] == "CANCELLED"
    await parlour.do("cancelMeeting", reason="合并", id=other["id"], version=other["version"])
    await parlour.secretary.done("closeCompound", **compound)
    step["version"] = gone["version"]
    said = await parlour.refused("moveMeeting", startsAt=starts, **step)
    assert said == "WRONG_STATE 会议已取消,此操作须在“已计划”时进行。"


async def test_residents_read_what_is_on_display_and_nothing_else(
    parlour: Parlour, admin: Any
) -> None:
    meeting = await parlour.held("路灯不亮", proposerId=parlour.owners[1])
    meeting = await parlour.signed(await parlour.decided(meeting, parlour.decision(meeting)))
    resident, stranger = [await parlour.town.person("RES", "north1") for _ in range(2)]
    await admin.execute(
        "update persons set membership_id = $2 where id = $1",
        parlour.owners[3], resident.membership,
    )  # fmt: skip
    shown = "{ publishedMeetings { nodes { id items { title } } } }"
    assert (await resident.data(shown))["publishedMeetings"]["nodes"] == []
    step = {"id": meeting["id"], "version": meeting["version"]}
    said = await parlour.refused("publishMeeting", days=14, **step)
    assert said == "BAD_USER_INPUT 公布期限须为 15 到 366 天。"
    clerk = await parlour.town.person("COMM", "north1")
    refused = await clerk.payload("publishMeeting", step)
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    meeting = await parlour.do("publishMeeting", days=15, **step)
    seen = (await resident.data(shown))["publishedMeetings"]["nodes"]
    assert seen == [{"id": meeting["id"], "items": [{"title": "路灯不亮"}]}]
    assert (await stranger.data(shown))["publishedMeetings"]["nodes"] == []
    assert (await resident.data("{ meetings { totalCount } }"))["meetings"]["totalCount"] == 0
    attended = await parlour.town.person("RES", "north1")
    await admin.execute(
        "update persons set membership_id = $2 where id = $1",
        parlour.owners[0], attended.membership,
    )  # fmt: skip
    assert (await attended.data("{ meetings { totalCount } }"))["meetings"]["totalCount"] == 1
    step["version"] = meeting["version"]
    await parlour.do("takeDownMeeting", reason="含个人信息", **step)
    assert (await resident.data(shown))["publishedMeetings"]["nodes"] == []


@pytest.mark.parametrize("days", [15, 16])
async def test_a_display_ends_of_itself(parlour: Parlour, admin: Any, days: int) -> None:
    meeting = await parlour.held("路灯不亮")
    meeting = await parlour.signed(await parlour.decided(meeting, parlour.decision(meeting)))
    await parlour.do("publishMeeting", id=meeting["id"], version=meeting["version"])
    await admin.execute(
        "update meetings set published_at = published_at - $2 * interval '1 day',"
        " take_down_on = take_down_on - $2::int where id = $1",
        meeting["id"], days,
    )  # fmt: skip
    seen = await parlour.secretary.data("{ publishedMeetings { totalCount } }")
    assert seen["publishedMeetings"]["totalCount"] == (1 if days == 15 else 0)


async def test_meetings_follow_their_community(parlour: Parlour) -> None:
    await parlour.planned(regionId=str(parlour.town.tenant.regions["north1"].id))
    north, south = (parlour.town.tenant.regions[name] for name in ("north1", "south1"))
    database = parlour.town.api.world.database
    async with database.tenant_transaction(parlour.town.tenant.id) as transaction:
        assert "未召开会议 1 次" in await hanging_on_region(transaction, north.path, stays=False)
        became: list[tuple[UUID, UUID]] = [(north.id, south.id)]
        await _follow(transaction, became)
    there = await parlour.town.person("COMM", "south1")
    assert (await there.data("{ meetings { totalCount } }"))["meetings"]["totalCount"] == 1
    assert (await parlour.secretary.data("{ meetings { totalCount } }"))["meetings"] == {
        "totalCount": 0
    }
