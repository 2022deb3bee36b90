"""The article's three cases through all six stages, step by step, by those whose step it is.

Told once: a step that happened before, even in a run that was cut off, is not done again.
"""

from __future__ import annotations

import sys
from typing import Any

from guanjia.app import world
from guanjia.db.connections import Connections
from guanjia.demo import (
    board,
    census,
    estates,
    gatherings,
    links,
    lists,
    makeng,
    meetings,
    notices,
    parties,
    people,
    reconciliation,
    residents,
    seats,
    surveys,
    whistles,
)
from guanjia.demo.people import Places
from guanjia.demo.stage import Failed, Stage
from guanjia.demo.tales import NOISE, TALES, Joined, Linked, Resolved, Step, Tale
from guanjia.settings import Settings
from guanjia.whistles.states import WHISTLE_MACHINE

BESIDE = {*(row.action for row in WHISTLE_MACHINE.rows), "issue_task_link"}
"""What stands in a case's timeline beside its own steps."""
STAGES = "采集上报 → 指挥派遣 → 处置反馈 → 核查结案 → 综合评价 → 事件归档"


async def tell(settings: Settings, connections: Connections) -> list[str]:
    """The demo's people and cases are there; lines for the person at the terminal."""
    said = []
    async with world(settings, connections) as (opened, schema):
        for slug in people.PEOPLE:
            stage = Stage(opened, schema, slug)
            places = await people.arrange(stage)
            if slug == "yanping":
                await notices.offer(stage)
                parts = (
                    residents.register,
                    estates.settle,
                    parties.organise,
                    seats.fill,
                    makeng.settle,
                    census.take,
                )
                for part in parts:
                    said.append(await part(stage, places))
                said.append(f"演示案件({STAGES}):")
                for tale in TALES:
                    said.append(await _tell(stage, places, tale))
                said.append(await whistles.show(stage))
                said.append(await links.show(stage))
                said.append(await notices.count(stage))
                said += await lists.publish(stage)
                said.append(await meetings.meet(stage, places))
                said.append(await board.show(stage, places))
                said += await reconciliation.reconcile(stage, places)
    return said


async def _tell(stage: Stage, places: Places, tale: Tale) -> str:
    case = await _play(stage, places, tale)
    said = f"  {case['number']} {case['title']}"
    if tale is NOISE:
        said += "\n    " + await surveys.judged(stage, case["id"])
    return said


async def _play(stage: Stage, places: Places, tale: Tale) -> dict[str, str]:
    """The case, all of whose steps are taken."""
    reports = [(await _play(stage, places, report))["id"] for report in tale.reports]
    if isinstance(tale.opened, Resolved):
        case = await gatherings.opened_by(stage, places, tale, reports)
    else:
        case = await _opened(stage, places, tale, tale.opened)
    done = await _taken(stage, case["id"])
    for step in tale.steps[done - 1 :]:
        if isinstance(step, Step) and step.action == "finishEvaluation":
            await surveys.answer(stage, tale, case["id"])
        if isinstance(step, Joined):
            await _join(stage, places, step, case["id"])
        elif isinstance(step, Linked):
            await links.take(stage, places, step, case["id"])
        else:
            if step.before is not None:
                await whistles.whistle(stage, step.before, case["id"], places.organisations)
            await _take(
                stage, step.when, step.who, step.action, case["id"], _named(step.given, places)
            )
    return case


async def _opened(stage: Stage, places: Places, tale: Tale, step: Step) -> dict[str, str]:
    stage.move_to(step.when)
    opened = await stage.do(
        step.who,
        "openCase",
        {
            **step.given,
            "categoryId": await meetings.category(stage, step.who, tale.category),
            "regionId": places.regions[tale.region],
            "idempotencyKey": tale.key,
        },
        "case { id number title }",
    )
    case: dict[str, str] = opened["case"]
    return case


async def _join(stage: Stage, places: Places, joined: Joined, original: str) -> None:
    """The other report is found where the case is, and becomes part of it."""
    again = await _play(stage, places, joined.report)
    found = await stage.ask(
        joined.who,
        "query ($id: ID!) { duplicateCandidates(id: $id) { id } }",
        {"id": original},
    )
    if again["id"] not in {near["id"] for near in found["duplicateCandidates"]}:
        raise Failed(f"{joined.who}:附近没有找到 {again['number']}")
    await _take(
        stage, joined.when, joined.who, "linkDuplicate", again["id"], {"originalId": original}
    )


async def _take(
    stage: Stage, when: str, who: str, action: str, case_id: str, given: dict[str, Any]
) -> None:
    stage.move_to(when)
    version = await _version(stage, case_id)
    await stage.do(who, action, {"id": case_id, "version": version, **given})


async def _taken(stage: Stage, case_id: str) -> int:
    """How many steps people have taken on a case; the system's own are not counted, nor are links
    that were given out on the way. A case that
    is archived has taken them all, whatever the story was then."""
    found = await stage.ask(
        "zheng.ke",
        "query ($id: ID!) { case(id: $id) { state timeline(first: 100)"
        " { nodes { actorRole action } } } }",
        {"id": case_id},
    )
    if found["case"]["state"] == "ARCHIVED":
        return sys.maxsize
    told = found["case"]["timeline"]["nodes"]
    return sum(e["actorRole"] != "SYSTEM" and e["action"] not in BESIDE for e in told)


async def _version(stage: Stage, case_id: str) -> int:
    found = await stage.ask(
        "zheng.ke", "query ($id: ID!) { case(id: $id) { version } }", {"id": case_id}
    )
    version: int = found["case"]["version"]
    return version


def _named(given: dict[str, Any], places: Places) -> dict[str, Any]:
    """Names of organisations and buildings in a step, as their ids."""

    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return [plain(item) for item in value]
        if isinstance(value, str) and value.startswith("@"):
            return places.organisations[value[1:]]
        if isinstance(value, str) and value.startswith("#"):
            return places.buildings[value[1:]]
        return value

    return {name: plain(value) for name, value in given.items()}
