"""Which open cases may be the same matter as another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from guanjia.cases.models import CASE_REACH
from guanjia.cases.places import metres_between
from guanjia.cases.states import FINISHED, State
from guanjia.cases.transitions import NEAR_METRES
from guanjia.compounds.points import Point
from guanjia.db.scope import Scope

MOST_CANDIDATES = 20
_SETTLED = ", ".join(f"'{state}'" for state in sorted(FINISHED))
_SELECT = (
    "select x.id, x.number from cases x where x.tenant_id = $1 and x.category_id = $2"
    f" and x.id <> $3 and x.state not in ({_SETTLED}) and x.state <> '{State.DRAFT}'"
)


async def duplicate_candidates(
    connection: Any,
    scope: Scope,
    case: Mapping[str, Any],
    category_id: UUID,
) -> Sequence[Mapping[str, Any]]:
    """The id and number of each open case of the category in the scope that lies at most 30 metres
    away; where one of the two has no coordinates, that is in the same community at the same place
    in words. The oldest first, at most twenty."""
    arguments: list[Any] = [case["tenant_id"], category_id, case["id"]]

    def bind(value: Any, kind: str) -> str:
        arguments.append(value)
        return f"${len(arguments)}::{kind}"

    reached = scope.predicate(CASE_REACH, "x", "$1", bind)
    where = Point(case["longitude"], case["latitude"]) if case["latitude"] is not None else None
    parts = [f"{_SELECT} and {_in_words(case, where, bind)} and {reached}"]
    if where is not None:
        parts.append(f"{_SELECT} and {_near(where, bind)} and {reached}")
    found: Sequence[Mapping[str, Any]] = await connection.fetch(
        f"{' union '.join(parts)} order by 2 limit {MOST_CANDIDATES}", *arguments
    )
    return found


def _in_words(case: Mapping[str, Any], where: Point | None, bind: Any) -> str:
    same = (
        f"x.place_key = {bind(case['place_key'], 'text')} and x.place_key <> ''"
        f" and x.community_path = {bind(case['community_path'], 'text')}"
    )
    return same if where is None else f"{same} and x.latitude is null"


def _near(where: Point, bind: Any) -> str:
    west, east, south, north = (
        bind(edge, "double precision") for edge in where.around(NEAR_METRES)
    )
    longitude = bind(where.longitude, "double precision")
    latitude = bind(where.latitude, "double precision")
    # The box first: it is what the index answers under row-level security.
    return (
        f"x.latitude >= {south} and x.latitude <= {north}"
        f" and x.longitude >= {west} and x.longitude <= {east}"
        f" and {metres_between('x', longitude, latitude)} <= {NEAR_METRES}"
    )
