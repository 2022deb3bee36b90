"""报到: members of the called units come to the place, say what they do there and what came of it.

A sign-in away from the place, or where one of the two places is not known, is held until whoever
whistled says whether it counts; its time is then the time at which it was made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.cases.facts import Payload
from guanjia.cases.places import metres_between
from guanjia.compounds.points import Point, point
from guanjia.compounds.service.opening import store
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph import texts
from guanjia.graph.errors import CONFLICT, Refusal
from guanjia.graph.times import local_date
from guanjia.whistles import notices
from guanjia.whistles.models.whistles import SignInState
from guanjia.whistles.rules import number
from guanjia.whistles.service.ending import move
from guanjia.whistles.service.opening import WhistleFile, open_part, tell
from guanjia.whistles.service.outcomes import keep_outcomes
from guanjia.whistles.service.telling import tell_of_whistle
from guanjia.whistles.states import LABELS, Score, WhistleState

_REPLACED = (
    "update whistle_sign_ins set state = 'REJECTED', ruled_at = $3, ruled_by = $4,"
    " ruling = '其后已到现场报到', version = version + 1"
    " where tenant_id = $1 and call_id = $2 and state = 'HELD'"
)
_METRES = f"round({metres_between('c', '$3', '$4')})::int"


async def sign_in_on_site(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    call_id: UUID,
    measures: str,
    now: datetime,
    longitude: float | None = None,
    latitude: float | None = None,
) -> UUID:
    """The unit has come, if that was near enough to the place; otherwise the sign-in is HELD, until
    it is ruled on or the unit signs in again near enough. With the last of the units the whistle is
    ATTENDED. Gives the call."""
    file, call = await open_part(transaction, actor, scope, "whistle_calls", call_id, None, now)
    there = point(longitude, latitude)
    done = texts.text(measures, LABELS["measures"], "measures")
    metres = await _distance(file, there)
    near = metres is not None and metres <= await _farthest(transaction, now)
    waiting = not near and await _held(file, call_id)
    step = file.prepare("sign_in_on_site", {"measures": done}, call, held=waiting)
    if near:
        await transaction.connection.execute(
            _REPLACED, transaction.tenant_id, call_id, now, actor.membership_id
        )
    made = new_id()
    await transaction.connection.execute(
        "insert into whistle_sign_ins (id, whistle_id, call_id, region_path, member_id, at,"
        " longitude, latitude, distance_metres, state, measures)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        made, file.id, call_id, file.row["region_path"], actor.membership_id, now,
        there.longitude if there else None, there.latitude if there else None, metres,
        SignInState.ACCEPTED if near else SignInState.HELD, done,
    )  # fmt: skip
    said = f"距案件地点{metres}米" if metres is not None else "没有可核对的位置"
    waits = "" if near else ",待吹哨方确认"
    await tell(
        file,
        step,
        Payload(reason=done, note=said + waits, organisation_id=call["organisation_id"]),
    )
    if near:
        await _attended(file, call_id, now)
    else:
        unit = await _name(file, call["organisation_id"])
        await _tell_whistler(file, notices.HELD, str(made), unit=unit)
    return call_id


async def rule_sign_in(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    accepted: bool,
    now: datetime,
    reason: str | None = None,
) -> UUID:
    """Whoever whistled has said whether a sign-in that was held counts; if not, with the reason,
    and the unit can sign in again. Gives the call."""
    file, row = await open_part(transaction, actor, scope, "whistle_sign_ins", id, version, now)
    why = texts.text(reason, LABELS["reason"], "reason")
    step = file.prepare("rule_sign_in", {"accepted": accepted})
    if row["state"] != SignInState.HELD:
        raise Refusal(CONFLICT, "该次报到无须裁定。")
    if not accepted and not why:
        raise Refusal("MISSING_DATA", "不认可报到的,请填写理由。", ("reason",))
    values = {
        "state": SignInState.ACCEPTED if accepted else SignInState.REJECTED,
        "ruled_at": now,
        "ruled_by": actor.membership_id,
        "ruling": why,
    }
    await store(transaction, "whistle_sign_ins", id, values)
    call_id: UUID = row["call_id"]
    unit = file.call(call_id)["organisation_id"]
    await tell(file, step, Payload(accepted=accepted, reason=why, organisation_id=unit))
    if accepted:
        await _attended(file, call_id, row["at"])
    return call_id


async def answer_whistle(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    result: str,
    now: datetime,
) -> UUID:
    """A unit that came has said what came of it; with the last of them the whistle is ANSWERED.
    `id` and `version` are the call's."""
    file, call = await open_part(transaction, actor, scope, "whistle_calls", id, version, now)
    done = texts.text(result, LABELS["result"], "result")
    step = file.prepare("answer_whistle", {"result": done}, call)
    values = {"answered_at": now, "answered_by": actor.membership_id, "result": done}
    await _keep(file, id, values)
    await tell(file, step, Payload(reason=done, organisation_id=call["organisation_id"]))
    if file.state is WhistleState.ATTENDED and all(c["answered_at"] for c in file.calls):
        await move(file, "all_answered")
        await _tell_whistler(file, notices.ANSWERED, str(file.id))
    return id


async def score_response(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    choice: Score,
    now: datetime,
    reason: str | None = None,
) -> UUID:
    """Those who whistled have said, once, whether they are satisfied with how the unit responded;
    with the last score the whistle is over. `id` and `version` are the call's."""
    file, call = await open_part(transaction, actor, scope, "whistle_calls", id, version, now)
    why = texts.text(reason, LABELS["reason"], "reason")
    step = file.prepare("score_response", {"choice": Score(choice), "reason": why}, call)
    values = {
        "score": Score(choice),
        "score_reason": why,
        "scored_at": now,
        "scored_by": actor.membership_id,
    }
    await _keep(file, id, values)
    told = "满意" if choice == Score.SATISFIED else "不满意"
    await tell(file, step, Payload(reason=why, note=told, organisation_id=call["organisation_id"]))
    if all(c["score"] for c in file.calls):
        await move(file, "all_scored")
    return id


async def _attended(file: WhistleFile, call_id: UUID, at: datetime) -> None:
    await _keep(file, call_id, {"attended_at": at})
    if all(call["attended_at"] for call in file.calls):
        await move(file, "all_attended")


async def _keep(file: WhistleFile, call_id: UUID, values: dict[str, Any]) -> None:
    await store(file.transaction, "whistle_calls", call_id, values)
    await keep_outcomes(file.transaction, [file.id], file.now)
    file.calls = [{**c, **values} if c["id"] == call_id else c for c in file.calls]


async def _tell_whistler(file: WhistleFile, code: str, key: str, **facts: str) -> None:
    whistler = {file.row["sounded_by"]}
    await tell_of_whistle(file.case, code, whistler, key, whistle=file.row["number"], **facts)


async def _name(file: WhistleFile, organisation_id: UUID) -> str:
    found: str = await file.transaction.connection.fetchval(
        "select name from organisations where tenant_id = $1 and id = $2",
        file.transaction.tenant_id,
        organisation_id,
    )
    return found


async def _held(file: WhistleFile, call_id: UUID) -> bool:
    found: bool = await file.transaction.connection.fetchval(
        "select exists (select 1 from whistle_sign_ins where tenant_id = $1 and call_id = $2"
        " and state = 'HELD')",
        file.transaction.tenant_id,
        call_id,
    )
    return found


async def _distance(file: WhistleFile, there: Point | None) -> int | None:
    """Metres from the place of the case; None where one of the two is not known."""
    if there is None:
        return None
    found: int | None = await file.transaction.connection.fetchval(
        f"select {_METRES} from cases c where c.tenant_id = $1 and c.id = $2",
        file.transaction.tenant_id,
        file.case.id,
        there.longitude,
        there.latitude,
    )
    return found


async def _farthest(transaction: Transaction, now: datetime) -> int:
    """How many metres away a sign-in still counts: as the tenant says, else by the rule."""
    stored: Any = await transaction.connection.fetchval(
        "select settings from tenants where tenant_id = $1", transaction.tenant_id
    )
    settings: Mapping[str, Any] = json.loads(stored or "{}")
    found: int = settings.get("on_site_metres") or number("ON_SITE", local_date(now))
    return found
