"""The article's numbers beside what the demo's rows answer, and the traces of its three cases."""

from __future__ import annotations

from typing import Any

from guanjia.demo.estates import LONGYUETAI, found_compound
from guanjia.demo.meetings import OF_MAKENG, SECRETARY, meeting_types, numbers, wednesdays
from guanjia.demo.people import Places
from guanjia.demo.stage import Failed, Stage
from guanjia.demo.tales import NOISE
from guanjia.demo.traces import DISPATCHER, Row, case_of, traced

READ = {
    "N02": (DISPATCHER, "cases.survey.satisfaction.answered"),
    "N03": (DISPATCHER, "cases.survey.satisfaction.rate"),
    "N04": (DISPATCHER, "cases.componentCount"),
    "N06": (SECRETARY, "meetings(held, decides).totalCount"),
    "N07": (SECRETARY, "agendaItems(resolved).totalCount"),
    "N12": (OF_MAKENG, "meetingSeries.heldPercent"),
    "场景": (DISPATCHER, "case.timeline、whistles、agendaItems(openedCase)"),
}
"""By whose account and where in the API each line is read."""


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
        *await traced(stage),
    ]
    wrong = [row for row in rows if not row[-1]]
    if wrong:
        raise Failed(f"与文章不符:{wrong}")
    return ["核对表(编号 文章所述:系统所答 ✔ 〔以谁的账号从何处读出〕):", *map(_line, rows)]


def _line(row: Row) -> str:
    code, said, value, _ = row
    who, where = READ[code]
    return f"  {code} {said}:{value} ✔ 〔{who} {where}〕"


async def _noise(stage: Stage) -> list[Row]:
    """N02 to N04: how many homes were asked and answered, all of them content, and about what."""
    case = await case_of(stage, NOISE)
    found = case["survey"]["satisfaction"]
    asked, answered = found["asked"], found["answered"]
    content = f"{found['rate']:g}%(满意 {found['satisfied']}/{answered} 户)"
    return [
        ("N02", "对300多户业主开展调查", f"问 {asked} 户、答 {answered} 户", answered >= 301),
        ("N03", "整改满意度为100%", content, found["satisfied"] == answered > 0),
        _pools(case),
    ]


def _pools(case: dict[str, Any]) -> Row:
    """N04. A case that a demo of an older version reported says it in its title alone."""
    kind, count = case["component"], case["componentCount"]
    if count is None:
        return "N04", "2个消力池", f"案件“{case['title']}”", "2个消力池" in case["title"]
    return "N04", "2个消力池", f"{kind} {count} 个", (kind, count) == ("消力池", 2)


async def _wednesdays(stage: Stage, places: Places) -> Row:
    """N12: weekly, on Wednesdays; most were held."""
    types = await meeting_types(stage)
    series_id = await wednesdays(stage, places, types["LIVELIHOOD_STATION"])
    stage.at = None
    found = await stage.ask(
        OF_MAKENG,
        "query ($s: ID!) { meetingSeries(filter: { id: { in: [$s] } })"
        " { nodes { rule heldPercent dueCount } } }",
        {"s": series_id},
    )
    series = found["meetingSeries"]["nodes"][0]
    weekly = "FREQ=WEEKLY" in series["rule"] and "BYDAY=WE" in series["rule"]
    percent = series["heldPercent"]
    return (
        "N12", "每周三…议事活动", f"{series['rule']},召开率 {percent}%",
        weekly and (series["dueCount"] == 0 or percent > 50),
    )  # fmt: skip
