"""How the article's three cases came and went, each read back from the rows: which meetings, which
resolution, which case, through which states, and who was called and asked on the way."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from guanjia.compounds.boundaries import encloses
from guanjia.demo.estates import YANFU
from guanjia.demo.people import BUILDER, GRID_MAKENG, GRID_YANFU
from guanjia.demo.stage import Stage
from guanjia.demo.tales import HILLSIDE, NOISE, SHED, SURVEYED_ON_SITE, Tale
from guanjia.tenancy.models import LOCAL

DISPATCHER = "zheng.ke"
NAMED = (
    "query ($s: String) { cases(first: 1, filter: { search: $s }) { nodes { id title number source"
    " component componentCount joinedCount longitude latitude compound { name } region { code }"
    " category { code }"
    " handler { name } assignments { organisation { name } }"
    " survey { satisfaction { asked answered satisfied rate } } } } }"
)
TIMELINE = (
    "query ($id: ID!, $a: String) { case(id: $id) { timeline(first: 100, after: $a)"
    " { nodes { action actorRole toState note } pageInfo { hasNextPage endCursor } } } }"
)
"""Every answer of a home is an event of its case: there are more than a page holds."""
_MET = "meeting { type { code name } startsAt }"
CALLED = (
    "query ($id: ID!) { whistles(filter: { case: { in: [$id] } }) { nodes { level calls"
    " { attendedAt answeredAt score organisation { name } } } }"
    f" agendaItems(filter: {{ openedCase: $id }}) {{ nodes {{ {_MET} resolutions"
    f" {{ outcome adopted }} carriedFrom {{ {_MET} case {{ number original {{ id }} }} }} }} }} }}"
)
BOUNDARY = (
    "query ($n: String) { compounds(filter: { search: $n, active: true }) { nodes { boundary } } }"
)
EVALUATED = "CLOSED EVALUATING EVALUATED ARCHIVED"
COURSES = {
    NOISE.key: "REPORTED FILED DISPATCHED ACCEPTED IN_PROGRESS SUSPENDED IN_PROGRESS FEEDBACK"
    f" CHECKING {EVALUATED}",
    SHED.key: f"REPORTED FILED DISPATCHED ACCEPTED IN_PROGRESS FEEDBACK CHECKING {EVALUATED}",
    HILLSIDE.key: "REPORTED VERIFYING FILED DISPATCHED ACCEPTED IN_PROGRESS SUSPENDED IN_PROGRESS"
    f" FEEDBACK CHECKING REWORK IN_PROGRESS FEEDBACK CHECKING {EVALUATED}",
}
"""The states each goes through: the acceptance scenarios of the field."""

Row = tuple[str, str, str, bool]


async def traced(stage: Stage) -> list[Row]:
    """A row for each case: what its trace is, and whether it is the field's."""
    return [await _noise(stage), await _shed(stage), await _hillside(stage)]


async def case_of(stage: Stage, tale: Tale) -> dict[str, Any]:
    """The case of the tale, as the district sees it."""
    found = await stage.ask(DISPATCHER, NAMED, {"s": tale.title})
    case: dict[str, Any] = found["cases"]["nodes"][0]
    return case


async def _noise(stage: Stage) -> Row:
    case, events, found = await _followed(stage, NOISE)
    called = {
        (whistle["level"], call["organisation"]["name"]): call
        for whistle in found["whistles"]["nodes"]
        for call in whistle["calls"]
    }
    parties = {each["organisation"]["name"] for each in case["assignments"]}
    escalated = [event["action"] for event in events].count("escalate_case")
    units = "、".join(name for level, name in called if level == "L3")
    homes = case["survey"]["satisfaction"]
    right = (
        (case["source"], case["category"]["code"]) == ("BUILDING_STEWARD", "P-01")
        and escalated == 2
        and {level for level, _ in called} == {"L2", "L3"}
        and {"延平区住房和城乡建设局", "延平区城市管理局"} <= {name for _, name in called}
        and all(call["attendedAt"] and call["answeredAt"] for call in called.values())
        and BUILDER in parties
        and homes["answered"] >= 301
        and homes["rate"] == 100
        and _went(events) == COURSES[NOISE.key]
    )
    said = (
        f"楼栋网格员上报 → 社区立案 P-01 → 升级 {escalated} 次、吹哨 L2/L3({units}到场)、"
        f"{BUILDER}协办 → 挂账 → 反馈核查 → 问 {homes['asked']} 户满意 {homes['rate']:g}% → 归档"
    )
    return "场景", "消力池噪音", said, right


async def _shed(stage: Stage) -> Row:
    case, events, found = await _followed(stage, SHED)
    [item] = found["agendaItems"]["nodes"]
    before = item["carriedFrom"]
    met = [each["meeting"]["type"] for each in (before, item)]
    kept = (await stage.ask(DISPATCHER, BOUNDARY, {"n": YANFU["name"]}))["compounds"]["nodes"]
    outside = not any(
        encloses(json.dumps(each["boundary"]), case["longitude"], case["latitude"]) for each in kept
    )
    asked = case["survey"]["satisfaction"]
    right = (
        [kind["code"] for kind in met] == ["TEA_TALK", "BUTLER_FORUM"]
        and _opened(item)
        and before["case"]["original"] == {"id": case["id"]}
        and (case["joinedCount"], asked["asked"], asked["answered"]) == (2, 2, 2)
        and case["category"]["code"] == "P-02"
        and (bool(kept), outside, case["compound"]) == (True, True, None)
        and case["region"]["code"] == GRID_YANFU
        and _went(events) == COURSES[SHED.key]
    )
    said = (
        f"{' + '.join(kind['name'] for kind in met)} → 决议转案件 P-02(小区边界之外,按地点归网格)"
        f" → 并入居民上报 {case['joinedCount']} 件 → 拆除"
        f" → 问上报的 {asked['asked']} 户 → 归档"
    )
    return "场景", "停车棚", said, right


async def _hillside(stage: Stage) -> Row:
    case, events, found = await _followed(stage, HILLSIDE)
    [item] = found["agendaItems"]["nodes"]
    day = dt.datetime.fromisoformat(item["meeting"]["startsAt"]).astimezone(LOCAL)
    surveyed = [
        event["actorRole"]
        for event in events
        if (event["action"], event["note"]) == ("verify_case", SURVEYED_ON_SITE)
    ]
    right = (
        (item["meeting"]["type"]["code"], day.weekday()) == ("LIVELIHOOD_STATION", 2)
        and _opened(item)
        and surveyed == ["GRID"]
        and case["category"]["code"] == "C01-02"
        and case["region"]["code"] == GRID_MAKENG
        and case["handler"]["name"] == "延平区城市管理局"
        and _went(events) == COURSES[HILLSIDE.key]
    )
    said = (
        f"{item['meeting']['type']['name']} {day:%Y-%m-%d}(周三)议题 → 决议转案件"
        f" {case['category']['code']} → 现场踏勘记录 → {case['handler']['name']}施工 → 结案归档"
    )
    return "场景", "后山亮化", said, right


async def _followed(stage: Stage, tale: Tale) -> tuple[dict[str, Any], list[Any], dict[str, Any]]:
    """The case, its events in order, and the whistles and meetings it belongs to."""
    case = await case_of(stage, tale)
    events: list[Any] = []
    after, more = None, True
    while more:
        found = await stage.ask(DISPATCHER, TIMELINE, {"id": case["id"], "a": after})
        page = found["case"]["timeline"]
        events += page["nodes"]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    return case, events, await stage.ask(DISPATCHER, CALLED, {"id": case["id"]})


def _opened(item: dict[str, Any]) -> bool:
    """Whether the item's one resolution was adopted and became the case."""
    return bool(item["resolutions"] == [{"outcome": "TO_CASE", "adopted": True}])


def _went(events: list[Any]) -> str:
    """The states in order, each once where several events stay in it."""
    states: list[str] = []
    for event in events:
        if not states or states[-1] != event["toState"]:
            states.append(event["toState"])
    return " ".join(states)
