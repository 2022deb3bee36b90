"""The article's numbers beside what the demo's rows answer, and the course of its three cases."""

from __future__ import annotations

from typing import Any

from guanjia.demo.estates import LONGYUETAI, found_compound
from guanjia.demo.meetings import OF_MAKENG, numbers
from guanjia.demo.people import MAKENG, Places
from guanjia.demo.stage import Failed, Stage
from guanjia.demo.tales import HILLSIDE, NOISE, SHED, Tale

DISPATCHER = "zheng.ke"
COURSES = (
    ("消力池噪音", NOISE,
     "FILED DISPATCHED ACCEPTED IN_PROGRESS SUSPENDED IN_PROGRESS FEEDBACK CHECKING CLOSED"
     " EVALUATING EVALUATED ARCHIVED"),
    ("停车棚", SHED,
     "VERIFYING FILED DISPATCHED ACCEPTED IN_PROGRESS FEEDBACK CHECKING CLOSED EVALUATING"
     " EVALUATED ARCHIVED"),
    ("后山亮化", HILLSIDE,
     "FILED DISPATCHED ACCEPTED IN_PROGRESS SUSPENDED IN_PROGRESS FEEDBACK CHECKING REWORK"
     " IN_PROGRESS FEEDBACK CHECKING CLOSED EVALUATING EVALUATED ARCHIVED"),
)  # fmt: skip
"""The states each goes through: the acceptance scenarios of the field."""
NAMED = (
    "query ($s: String) { cases(first: 1, filter: { search: $s }) { nodes { id title"
    " survey { satisfaction { asked answered satisfied rate } } } } }"
)
TIMELINE = (
    "query ($id: ID!, $a: String) { case(id: $id) { timeline(first: 100, after: $a)"
    " { nodes { toState } pageInfo { hasNextPage endCursor } } } }"
)
"""Every answer of a home is an event of its case: there are more than a page holds."""


async def reconcile(stage: Stage, places: Places) -> list[str]:
    """A line for each number and each case; Failed where one is not what
    the article says."""
    compound = await found_compound(stage, LONGYUETAI["name"])
    assert compound is not None
    known = await numbers(stage, compound["id"])
    held, solved = known["held"]["totalCount"], known["solved"]["totalCount"]
    rows = [
        *await _noise(stage),
        ("N06", "共召开议事会议18次", f"{held} 次", held == 18),
        ("N07", "解决小区治理难题50余项", f"{solved} 项", solved >= 51),
        await _wednesdays(stage, places),
    ]
    for name, tale, course in COURSES:
        case = await _case(stage, tale)
        went = " ".join(_course(await _timeline(stage, case["id"])))
        rows.append(("场景", name, f"{went.count(' ') + 1} 个状态", went.endswith(course)))
    wrong = [row for row in rows if not row[-1]]
    if wrong:
        raise Failed(f"与文章不符:{wrong}")
    return ["核对表:", *(f"  {code} {said}:{value} ✔" for code, said, value, _ in rows)]


async def _noise(stage: Stage) -> list[tuple[str, str, str, bool]]:
    """N02 to N04: how many homes were asked and answered, all of them content, and about what."""
    case = await _case(stage, NOISE)
    found = case["survey"]["satisfaction"]
    asked, answered = found["asked"], found["answered"]
    content = f"{found['rate']:g}%(满意 {found['satisfied']}/{answered} 户)"
    return [
        ("N02", "对300多户业主开展调查", f"问 {asked} 户、答 {answered} 户", answered >= 301),
        ("N03", "整改满意度为100%", content, found["satisfied"] == answered > 0),
        ("N04", "2个消力池", f"案件“{case['title']}”", "2个消力池" in case["title"]),
    ]


async def _case(stage: Stage, tale: Tale) -> dict[str, Any]:
    found = await stage.ask(DISPATCHER, NAMED, {"s": tale.opened.given["title"]})
    case: dict[str, Any] = found["cases"]["nodes"][0]
    return case


async def _timeline(stage: Stage, case_id: str) -> list[dict[str, Any]]:
    """All events of the case, in order."""
    events: list[dict[str, Any]] = []
    after, more = None, True
    while more:
        found = await stage.ask(DISPATCHER, TIMELINE, {"id": case_id, "a": after})
        page = found["case"]["timeline"]
        events += page["nodes"]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    return events


async def _wednesdays(stage: Stage, places: Places) -> tuple[str, str, str, bool]:
    """N12: weekly, on Wednesdays; most were held."""
    found = await stage.ask(
        OF_MAKENG,
        "query ($r: ID!) { meetingSeries(filter: { community: { in: [$r] } })"
        " { nodes { rule heldPercent dueCount } } }",
        {"r": places.regions[MAKENG]},
    )
    series = found["meetingSeries"]["nodes"][0]
    weekly = "FREQ=WEEKLY" in series["rule"] and "BYDAY=WE" in series["rule"]
    percent = series["heldPercent"]
    return (
        "N12", "每周三…议事活动", f"{series['rule']},召开率 {percent}%",
        weekly and (series["dueCount"] == 0 or percent > 50),
    )  # fmt: skip


def _course(events: list[dict[str, Any]]) -> list[str]:
    """The states in order, each once where several events stay in it."""
    states: list[str] = []
    for event in events:
        if not states or states[-1] != event["toState"]:
            states.append(event["toState"])
    return states
