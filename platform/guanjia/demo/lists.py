"""The lists of a compound: written by the community, published by its secretary, revised once.

They hang on a compound, which is made by others; without one there are none. Told once: an edition
that was published in an earlier run, even one that was cut off, is not written again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from guanjia.demo.stage import Stage

COMPOUND = "碧桂园·珑樾台"
CLERK, SECRETARY = "wang.fang", "li.na"


@dataclass(frozen=True, slots=True)
class Edition:
    """An edition at the moment it is written: what it starts from, and what is changed of it, by
    the codes of its items."""

    key: str
    kind: str
    start: str
    written: str
    published: str
    valid_from: str
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


EDITIONS = (
    Edition(
        "demo-service-list-1", "SERVICE_LIST", "TEMPLATE",
        "2026-03-02 14:00", "2026-03-05 10:00", "2026-03-10",
    ),
    Edition(
        "demo-butler-list-1", "BUTLER_DUTY_LIST", "TEMPLATE",
        "2026-03-02 15:00", "2026-03-05 10:10", "2026-03-10",
    ),
    Edition(
        "demo-committee-list-1", "COMMITTEE_DUTY_LIST", "TEMPLATE",
        "2026-03-02 16:00", "2026-03-05 10:20", "2026-03-10",
    ),
    Edition(
        "demo-service-list-2", "SERVICE_LIST", "IN_FORCE",
        "2026-09-01 09:00", "2026-09-03 10:00", "2026-10-01",
        {
            "S-01": {"weight": 10},
            "S-04": {"weight": 25, "frequency": "每半月", "standard":
                     "每半月巡检,含消力池;报修30分钟内响应,3个工作日内修复"},
        },
    ),
)  # fmt: skip


async def publish(stage: Stage) -> list[str]:
    """Every edition is published; lines for the person at the terminal, with what the last one
    changed."""
    compound = await _compound(stage)
    if compound is None:
        return []
    published: dict[str, list[dict[str, Any]]] = {}
    for edition in EDITIONS:
        done = await _published(stage, compound, edition)
        published.setdefault(edition.kind, []).append(done)
    first, last = published["SERVICE_LIST"]
    found = await stage.ask(
        SECRETARY,
        "query ($from: ID!, $to: ID!) { listDifference(fromId: $from, toId: $to) { words } }",
        {"from": first["id"], "to": last["id"]},
    )
    return [
        f"{COMPOUND}:{len(published)}份清单已公布;物业服务清单第{last['edition']}版的变化:",
        *(f"  {change['words']}" for change in found["listDifference"]),
    ]


async def _compound(stage: Stage) -> str | None:
    found = await stage.ask(
        CLERK,
        "query ($name: String!) { compounds(filter: { search: $name }) { nodes { id name } } }",
        {"name": COMPOUND},
    )
    return next((c["id"] for c in found["compounds"]["nodes"] if c["name"] == COMPOUND), None)


async def _published(stage: Stage, compound: str, edition: Edition) -> dict[str, Any]:
    stage.move_to(edition.written)
    given = {"compoundId": compound, "kind": edition.kind, "start": edition.start}
    made = await _step(stage, CLERK, "createList", {**given, "idempotencyKey": edition.key})
    if made["state"] != "DRAFT":
        return made
    for item in made["items"]["nodes"]:
        if item["code"] in edition.changes:
            change = {"id": item["id"], "version": made["version"]}
            made = await _step(
                stage, CLERK, "changeListItem", {**change, **edition.changes[item["code"]]}
            )
    stage.move_to(edition.published)
    step = {"id": made["id"], "version": made["version"], "validFrom": edition.valid_from}
    return await _step(stage, SECRETARY, "publishList", step)


async def _step(stage: Stage, who: str, name: str, given: dict[str, Any]) -> dict[str, Any]:
    wanted = "list { id edition state version items(first: 100) { nodes { id code } } }"
    done: dict[str, Any] = (await stage.do(who, name, given, wanted))["list"]
    return done
