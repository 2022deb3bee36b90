"""吹哨报到 in the demo: whoever is called comes to the place, answers, and is scored.

Told again after a run that was cut off, what was done is not done again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from guanjia.demo.stage import Failed, Stage

WATCHER = "lin.tao"
_CALLS = "calls { id version organisation { id name } attendedAt attendedInTime answeredAt score }"
_SEEN = (
    "query ($level: WhistleLevel!) { whistles(first: 1, orderBy: OLDEST,"
    f" filter: {{ level: {{ in: [$level] }} }}) {{ nodes {{ number reason {_CALLS} }} }} }}"
)
_ONE = f"query ($id: ID!) {{ whistle(id: $id) {{ {_CALLS} }} }}"


@dataclass(frozen=True, slots=True)
class Called:
    """A unit that comes: who of it signs in when, and when they say what came of it."""

    organisation: str
    who: str
    came: str
    measures: str
    answered: str
    result: str


@dataclass(frozen=True, slots=True)
class Whistled:
    """One whistle from sounding to its score."""

    key: str
    when: str
    who: str
    level: str
    condition: str
    reason: str
    place: tuple[float, float]
    called: Sequence[Called]
    scored: str


async def whistle(
    stage: Stage, told: Whistled, case_id: str, organisations: dict[str, str]
) -> None:
    """The whistle has been sounded for the case, attended, answered and scored."""
    stage.move_to(told.when)
    made = await stage.do(
        told.who,
        "soundWhistle",
        {
            "caseId": case_id,
            "level": told.level,
            "condition": told.condition,
            "reason": told.reason,
            "organisationIds": [organisations[called.organisation] for called in told.called],
            "idempotencyKey": told.key,
        },
        "whistle { id }",
    )
    identifier = made["whistle"]["id"]
    longitude, latitude = told.place
    for called in told.called:
        call = await _call(stage, told, identifier, organisations[called.organisation])
        if call["attendedAt"] is None:
            stage.move_to(called.came)
            given = {"longitude": longitude, "latitude": latitude, "measures": called.measures}
            await stage.do(called.who, "signInOnSite", {"callId": call["id"], **given})
    for called in told.called:
        call = await _call(stage, told, identifier, organisations[called.organisation])
        if call["answeredAt"] is None:
            stage.move_to(called.answered)
            given = {"id": call["id"], "version": call["version"], "result": called.result}
            await stage.do(called.who, "answerWhistle", given)
    stage.move_to(told.scored)
    for called in told.called:
        call = await _call(stage, told, identifier, organisations[called.organisation])
        if call["score"] is None:
            given = {"id": call["id"], "version": call["version"], "choice": "SATISFIED"}
            await stage.do(told.who, "scoreResponse", given)


async def show(stage: Stage) -> str:
    """Who was called to the first whistle of each level, whether in time, and how it was scored."""
    lines = []
    for level in ("L2", "L3"):
        found = await stage.ask(WATCHER, _SEEN, {"level": level})
        if not found["whistles"]["nodes"]:
            raise Failed(f"街道看不到 {level} 哨")
        (seen,) = found["whistles"]["nodes"]
        lines.append(f"{level} {seen['number']} {'、'.join(map(_said, seen['calls']))}")
    return "吹哨报到:" + ";".join(lines)


def _said(call: Any) -> str:
    came = "按时报到" if call["attendedInTime"] else "未按时报到"
    score = {"SATISFIED": "满意", "DISSATISFIED": "不满意"}.get(call["score"], "未评价")
    return f"{call['organisation']['name']}{came}·{score}"


async def _call(stage: Stage, told: Whistled, whistle_id: str, organisation: str) -> Any:
    found = await stage.ask(told.who, _ONE, {"id": whistle_id})
    return next(
        call for call in found["whistle"]["calls"] if call["organisation"]["id"] == organisation
    )
