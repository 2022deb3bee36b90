"""The meetings whose resolutions open two of the article's cases: 吃茶话事 and 管家座谈会 about
the bicycle shed, and the 民生驿站 of a Wednesday about the lights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from guanjia.demo import makeng
from guanjia.demo.estates import YANFU, found_compound
from guanjia.demo.meetings import (
    CLERK,
    OF_MAKENG,
    SECRETARY,
    category,
    meeting_types,
    wednesdays,
)
from guanjia.demo.people import GRID_YANFU, XIMENQIAO, Places
from guanjia.demo.sittings import MEETING, WANTED, Rows, Sitting, seats_of, sit
from guanjia.demo.stage import Failed, Stage
from guanjia.demo.tales import HILLSIDE, Resolved, Tale

WEDNESDAY = makeng.HELD
OF_YANFU = ("阮青(演示)", "方竹(演示)", "江月(演示)")
"""Who speaks for the homes opposite the shed."""


async def opened_by(
    stage: Stage, places: Places, tale: Tale, reports: Sequence[str]
) -> dict[str, str]:
    """The case that the last of the meetings opened; `reports` are the cases it is about."""
    told = tale.opened
    assert isinstance(told, Resolved)
    if tale is HILLSIDE:
        meeting = await _wednesday(stage, places, tale, told)
    else:
        meeting = await _talk_and_forum(stage, places, tale, told, reports)
    for item in meeting["items"]:
        for resolution in item["resolutions"]:
            if item["title"] == told.title and resolution["case"]:
                case: dict[str, str] = resolution["case"]
                return case
    raise Failed(f"会议没有开出案件:{told.title}")


async def _talk_and_forum(
    stage: Stage, places: Places, tale: Tale, told: Resolved, reports: Sequence[str]
) -> dict[str, Any]:
    """The talk over tea puts the matter off, and the forum of the butler decides it."""
    attendees = await _of_yanfu(stage, places)
    types = await meeting_types(stage)

    async def planned(code: str, title: str, begins: str) -> dict[str, Any]:
        stage.move_to("2026-05-11 09:30")
        given = {
            "typeId": types[code], "regionId": places.regions[XIMENQIAO], "title": title,
            "place": "西门桥社区党群服务中心", "startsAt": f"{begins}:00+08:00", "minutes": 60,
            "idempotencyKey": f"{tale.key}-{code}",
        }  # fmt: skip
        made: dict[str, Any] = (await stage.do(SECRETARY, "planMeeting", given, WANTED))["meeting"]
        return made

    async def reported() -> Rows:
        return [
            {"title": f"{told.title}({number})", "source": "CASE", "caseId": case}
            for number, case in enumerate(reports, 1)
        ]

    async def put_off() -> Rows:
        return [
            {"outcome": "DEFERRED", "text": "先行警戒,提请管家座谈会商定处置办法"} for _ in reports
        ]

    talk = await planned("TEA_TALK", "吃茶话事:路边停车棚", "2026-05-11T15:00")
    talk = await sit(
        stage,
        talk,
        Sitting(
            SECRETARY, CLERK, SECRETARY, "2026-05-11 14:00", "2026-05-11 16:00",
            "居民反映延府豪庭斜对面停车棚有倒塌危险,提请管家座谈会。",
            attendees, reported, put_off,
        ),
    )  # fmt: skip

    async def carried() -> Rows:
        first, *others = talk["items"]
        return [
            {
                "title": told.title, "detail": told.detail, "source": "CARRIED",
                "carriedFromId": first["id"],
            },
            *(
                {"title": f"{item['title']}(并入前项)", "source": "CARRIED",
                 "carriedFromId": item["id"]}
                for item in others
            ),
        ]  # fmt: skip

    async def decided() -> Rows:
        merged: Rows = [
            {"outcome": "REJECTED", "reason": "与前项为同一车棚,一并处置"} for _ in reports[1:]
        ]
        return [await _to_case(stage, places, SECRETARY, tale, told), *merged]

    forum = await planned("BUTLER_FORUM", "管家座谈会:路边停车棚", "2026-05-12T09:00")
    return await sit(
        stage,
        forum,
        Sitting(
            SECRETARY, CLERK, SECRETARY, "2026-05-12 08:30", "2026-05-12 10:00",
            "小区管家各方同意尽快拆除,转案件交街道处置。",
            attendees, carried, decided,
        ),
    )  # fmt: skip


async def _of_yanfu(stage: Stage, places: Places) -> Rows:
    """The seats of 延府豪庭, and three who live there."""
    compound = await found_compound(stage, YANFU["name"])
    assert compound is not None
    stage.move_to("2026-05-11 09:00")
    attendees = await seats_of(stage, CLERK, compound["id"], "2026-05-11")
    for number, name in enumerate(OF_YANFU):
        made = await stage.do(
            CLERK,
            "registerPerson",
            {
                "name": name, "regionId": places.regions[GRID_YANFU],
                "phones": [f"1390000003{number}"], "idempotencyKey": f"demo-yanfu-{number}",
            },
            "person { id }",
        )  # fmt: skip
        attendees.append({"kind": "RESIDENT", "personId": made["person"]["id"]})
    return attendees


async def _wednesday(stage: Stage, places: Places, tale: Tale, told: Resolved) -> dict[str, Any]:
    """The 民生驿站 of the first Wednesday in June takes the matter up."""
    types = await meeting_types(stage)
    series = await wednesdays(stage, places, types["LIVELIHOOD_STATION"])
    found = await stage.ask(
        OF_MAKENG,
        "query ($s: ID!, $from: DateTime!, $until: DateTime!) { meetings(filter: { series:"
        " { in: [$s] }, startsAt: { gte: $from, lt: $until } })"
        f" {{ nodes {{ {MEETING} }} }} }}",
        {
            "s": series, "from": f"{WEDNESDAY}T00:00:00+08:00",
            "until": f"{WEDNESDAY}T23:59:59+08:00",
        },
    )  # fmt: skip
    [meeting] = found["meetings"]["nodes"]

    async def items() -> Rows:
        return [{"title": told.title, "detail": told.detail, "source": "RESIDENT"}]

    async def decided() -> Rows:
        return [await _to_case(stage, places, OF_MAKENG, tale, told)]

    stage.move_to(f"{WEDNESDAY} 14:00")
    return await sit(
        stage,
        meeting,
        Sitting(
            OF_MAKENG, OF_MAKENG, makeng.SECRETARY, f"{WEDNESDAY} 14:00", f"{WEDNESDAY} 16:30",
            "居民代表提出后山道路无灯,议定先行现场踏勘,转案件报城管部门。",
            await makeng.attendees(stage, places), items, decided,
        ),
    )  # fmt: skip


async def _to_case(
    stage: Stage, places: Places, who: str, tale: Tale, told: Resolved
) -> dict[str, Any]:
    longitude, latitude = told.place
    return {
        "outcome": "TO_CASE", "categoryId": await category(stage, who, tale.category),
        "regionId": places.regions[tale.region], "location": told.location,
        "longitude": longitude, "latitude": latitude,
    }  # fmt: skip
