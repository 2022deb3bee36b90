"""Why the routing table gives a matter to whom it does, in words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.cases.reasons import LEVEL_TITLES, CategoryKind, Level
from guanjia.cases.routing import Answer
from guanjia.cases.service.casefile import case_in_reach
from guanjia.cases.service.routing import Matter, answer_for, matter_of
from guanjia.db.scope import Scope
from guanjia.graph.times import local_date


@dataclass(frozen=True, slots=True)
class Explained:
    level: Level
    day: dt.date
    answer: Answer


async def explain_dispatch(
    connection: Any,
    tenant_id: UUID,
    scope: Scope,
    readable: Scope,
    *,
    case_id: UUID | None,
    category_id: UUID | None,
    region_id: UUID | None,
    compound_id: UUID | None,
    level: Level | None,
    day: dt.date | None,
    now: dt.datetime,
) -> Explained | None:
    """The answer for a case that `readable` reaches, as of its dispatch; or for a category in a
    region of `scope`. None when there is no such case, category or region in reach."""
    if case_id is not None:
        case = await case_in_reach(connection, tenant_id, readable, case_id)
        if case is None:
            return None
        matter = await matter_of(
            connection, tenant_id, case, level or Level(case["dispatched_level"] or case["level"])
        )
        day = day or local_date(case["dispatched_at"] or now)
    else:
        found = await _asked_matter(
            connection, tenant_id, scope, category_id, region_id, compound_id, level
        )
        if found is None:
            return None
        matter, day = found, day or local_date(now)
    return Explained(matter.level, day, await answer_for(connection, tenant_id, matter, day))


async def _asked_matter(
    connection: Any,
    tenant_id: UUID,
    scope: Scope,
    category_id: UUID | None,
    region_id: UUID | None,
    compound_id: UUID | None,
    level: Level | None,
) -> Matter | None:
    kind = await connection.fetchval(
        "select kind from case_categories where tenant_id = $1 and id = $2", tenant_id, category_id
    )
    path = await connection.fetchval(
        "select path from regions where tenant_id = $1 and id = $2", tenant_id, region_id
    )
    if kind is None or path is None or not scope.covering(path):
        return None
    assert category_id is not None
    return Matter(
        category_id, CategoryKind(kind), level or Level.COMMUNITY, path, compound_id=compound_id
    )


def sentences(explained: Explained) -> Iterator[str]:
    """The explanation, a sentence a line."""
    answer = explained.answer
    yield f"{explained.day},由{LEVEL_TITLES[explained.level]}派遣;规则:{answer.rule}。"
    for number, step in enumerate(answer.steps, 1):
        yield f"{number}. {step.route.title}——{'采用' if step.won else '不采用'}:{step.sentence}。"
    if not answer.steps:
        yield "该类别在此地点没有登记路由。"
    helping = "、".join(party.name for party in answer.assistants)
    lead = f"主办:{answer.lead.name}" if answer.lead else "没有可派的主办单位"
    yield f"结论:{lead}{';协办:' if helping else ''}{helping}。"
