"""吃茶话事: 马坑社区's 民生驿站 every Wednesday, and 珑樾台's eighteen 议事会议 of the year, each
held, decided, minuted, signed and published by those whose work it is. What was talked about is
invented; the numbers are the article's. What a run did before is not done again."""

from __future__ import annotations

import datetime as dt
from typing import Any

from guanjia.demo.estates import LONGYUETAI, found_compound
from guanjia.demo.people import GRID_XIMENQIAO, MAKENG, Places
from guanjia.demo.sittings import WANTED, Rows, Sitting, seats_of, sit
from guanjia.demo.stage import Stage
from guanjia.tenancy.models import LOCAL

SECRETARY, CLERK, OF_MAKENG = "li.na", "wang.fang", "zhao.min"
FIRST = dt.date(2026, 3, 5)
FORTNIGHT = dt.timedelta(days=14)
THEMES = (
    "路灯", "电动车停车棚", "消力池噪音", "楼道堆物", "垃圾分类投放点", "屋顶渗漏", "儿童游乐设施",
    "消防通道", "电梯检修", "绿化补种", "高空抛物", "宠物管理", "门禁", "快递柜", "健身器材",
    "雨污管道", "地下车库照明", "装修时间",
)  # fmt: skip
ASPECTS = ("排查", "整改", "长效管理")
PUT_OFF, TO_CASE = (0, 2), (16, 1)
"""What the first meeting puts off is settled by the second; one matter becomes a case."""
REPRESENTATIVES = (("许梅(演示)", "1幢201"), ("郑松(演示)", "2幢101"), ("何柳(演示)", "3幢101"))


async def meet(stage: Stage, places: Places) -> str:
    """The meetings are held; a line for the person at the terminal, with N06, N07 and N12."""
    compound = await found_compound(stage, LONGYUETAI["name"])
    assert compound is not None
    types = await meeting_types(stage)
    held = await _wednesdays(stage, places, types["LIVELIHOOD_STATION"])
    known = await numbers(stage, compound["id"])
    if known["published"]["totalCount"] < len(THEMES):
        attendees = await attendees_of(stage, places, compound["id"])
        kind = types["DELIBERATION"]
        for number in range(len(THEMES)):
            await _meeting(stage, compound["id"], kind, number, attendees)
        known = await numbers(stage, compound["id"])
    return (
        f"演示议事:{LONGYUETAI['name']}本年召开议事会议 {known['held']['totalCount']} 次、"
        f"解决难题 {known['solved']['totalCount']} 项;马坑社区民生驿站 {held['rule']},"
        f"召开率 {held['heldPercent']}%({held['heldCount']}/{held['dueCount']})"
    )


async def meeting_types(stage: Stage) -> dict[str, str]:
    """The ids of the types of meetings by their codes."""
    found = await stage.ask(SECRETARY, "{ meetingTypes { nodes { id code } } }")
    return {row["code"]: row["id"] for row in found["meetingTypes"]["nodes"]}


async def category(stage: Stage, who: str, code: str) -> str:
    """The id of a category of cases."""
    found = await stage.ask(
        who,
        "query ($codes: [String!]) { caseCategories(filter: { code: { in: $codes } })"
        " { nodes { id } } }",
        {"codes": [code]},
    )
    identifier: str = found["caseCategories"]["nodes"][0]["id"]
    return identifier


async def wednesdays(stage: Stage, places: Places, kind: str) -> str:
    """The id of the 民生驿站 of 马坑社区, every Wednesday of the year."""
    stage.move_to("2026-01-05 09:00")
    made = await stage.do(
        OF_MAKENG,
        "createMeetingSeries",
        {
            "typeId": kind, "regionId": places.regions[MAKENG], "title": "民生驿站",
            "place": "马坑社区党群服务中心", "rule": "FREQ=WEEKLY;BYDAY=WE;UNTIL=20261231",
            "startsOn": "2026-01-07", "startsAt": "15:00", "minutes": 120,
            "idempotencyKey": "demo-wednesdays",
        },
        "series { id }",
    )  # fmt: skip
    identifier: str = made["series"]["id"]
    return identifier


async def numbers(stage: Stage, compound: str) -> dict[str, Any]:
    """N06 and N07 of the reconciliation table, of the time that the story tells: whoever tries the
    demo may hold more meetings."""
    return await stage.ask(
        SECRETARY,
        "query ($c: ID!, $from: DateTime!, $until: DateTime!) {"
        " held: meetings(filter: { compound: { in: [$c] }, held: true, decides: true,"
        " startsAt: { gte: $from, lt: $until } }) { totalCount }"
        " published: meetings(filter: { compound: { in: [$c] }, state: { in: [PUBLISHED] } })"
        " { totalCount } solved: agendaItems(filter: { compound: $c, resolved: true,"
        " metFrom: $from, metUntil: $until }) { totalCount } }",
        {
            "c": compound, "from": "2026-01-01T00:00:00+08:00",
            "until": f"{FIRST + len(THEMES) * FORTNIGHT}T00:00:00+08:00",
        },
    )  # fmt: skip


async def _wednesdays(stage: Stage, places: Places, kind: str) -> dict[str, Any]:
    """Every Wednesday that has passed was held, but for one; N12."""
    series = {"s": await wednesdays(stage, places, kind)}
    now = dt.datetime.now(LOCAL)
    found = await stage.ask(
        OF_MAKENG,
        "query ($s: ID!) { meetings(first: 100, orderBy: OLDEST, filter: { series: { in: [$s] },"
        " state: { in: [PLANNED] } }) { nodes { id version startsAt } } }",
        series,
    )
    for meeting in found["meetings"]["nodes"]:
        begins = dt.datetime.fromisoformat(meeting.pop("startsAt"))
        if begins > now:
            break
        stage.at = begins
        if begins.astimezone(LOCAL).date() == dt.date(2026, 6, 17):
            await stage.do(OF_MAKENG, "cancelMeeting", {**meeting, "reason": "全员参加防汛值守"})
        else:
            await stage.do(OF_MAKENG, "holdMeeting", meeting)
    found = await stage.ask(
        OF_MAKENG,
        "query ($s: ID!) { meetingSeries(filter: { id: { in: [$s] } })"
        " { nodes { rule heldPercent heldCount dueCount } } }",
        series,
    )
    shown: dict[str, Any] = found["meetingSeries"]["nodes"][0]
    return shown


async def attendees_of(stage: Stage, places: Places, compound: str) -> Rows:
    """The four seats, with the secretary in the chair, each by whoever holds it longest, and three
    representatives of homes."""
    stage.move_to("2026-03-04 09:00")
    homes = await stage.ask(
        CLERK,
        "query ($l: [String!]) { houseUnits(filter: { label: { in: $l }, inForce: true })"
        " { nodes { id label bindings { person { id name } } } } }",
        {"l": [home for _, home in REPRESENTATIVES]},
    )
    by_label = {home["label"]: home for home in homes["houseUnits"]["nodes"]}
    attendees = await seats_of(stage, CLERK, compound, FIRST.isoformat())
    for number, (name, label) in enumerate(REPRESENTATIVES):
        made = await stage.do(
            CLERK,
            "registerPerson",
            {
                "name": name, "regionId": places.regions[GRID_XIMENQIAO],
                "phones": [f"1390000001{number}"],
                "idempotencyKey": f"demo-representative-{number}",
            },
            "person { id }",
        )  # fmt: skip
        person, home = made["person"]["id"], by_label[label]
        if person not in [bound["person"]["id"] for bound in home["bindings"] if bound["person"]]:
            await stage.do(
                CLERK,
                "bindPerson",
                {
                    "houseUnitId": home["id"], "personId": person, "relation": "OWNER",
                    "proof": "ESTATE_REGISTRY",
                },
            )  # fmt: skip
        attendees.append({"kind": "RESIDENT", "personId": person, "houseUnitId": home["id"]})
    return attendees


async def _meeting(stage: Stage, compound: str, kind: str, number: int, attendees: Rows) -> None:
    """One meeting, from wherever a run before left it."""
    day, theme = FIRST + number * FORTNIGHT, THEMES[number]
    stage.move_to(f"{day} 09:00")
    given = {
        "typeId": kind, "compoundId": compound, "title": f"第{number + 1}次议事会议:{theme}",
        "place": "珑樾台党群服务站", "startsAt": f"{day}T19:30:00+08:00", "minutes": 90,
        "idempotencyKey": f"demo-meeting-{number}",
    }  # fmt: skip
    meeting = (await stage.do(SECRETARY, "planMeeting", given, WANTED))["meeting"]

    sitting = Sitting(
        convener=SECRETARY, clerk=CLERK, secretary=SECRETARY,
        prepared=f"{day} 09:00", over=f"{day} 21:00",
        minutes=f"围绕“{theme}”逐项协商并表决,结果见各项决议。",
        attendees=attendees, items=lambda: _items(stage, number),
        decisions=lambda: _decisions(stage, number),
    )  # fmt: skip
    await sit(stage, meeting, sitting)


async def _items(stage: Stage, number: int) -> Rows:
    items: Rows = [
        {"title": f"{THEMES[number]}:{aspect}", "source": source}
        for aspect, source in zip(ASPECTS, ("RESIDENT", "GRID_PATROL", "BUTLER"), strict=True)
    ]
    put_off, position = PUT_OFF
    if number == put_off + 1:
        title = f"{THEMES[put_off]}:{ASPECTS[position]}"
        found = await stage.ask(
            SECRETARY, "{ agendaItems(first: 100, filter: { open: true }) { nodes { id title } } }"
        )
        before = next(i["id"] for i in found["agendaItems"]["nodes"] if i["title"] == title)
        items.append({"title": f"{title}(续议)", "source": "CARRIED", "carriedFromId": before})
    return items


async def _decisions(stage: Stage, number: int) -> Rows:
    decisions: Rows = [{"outcome": "RESOLVED_ON_SITE"} for _ in ASPECTS]
    if number == PUT_OFF[0] + 1:
        decisions.append({"outcome": "RESOLVED_ON_SITE"})
    for (meeting, position), outcome in ((PUT_OFF, "DEFERRED"), (TO_CASE, "TO_CASE")):
        if number == meeting:
            decisions[position]["outcome"] = outcome
    if number == TO_CASE[0]:
        decisions[TO_CASE[1]] |= {
            "categoryId": await category(stage, SECRETARY, "C01-02"),
            "location": "碧桂园·珑樾台地下车库",
        }
    return decisions
