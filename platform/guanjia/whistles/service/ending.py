"""A whistle goes from state to state, and the escalation that it is goes with it."""

from __future__ import annotations

from guanjia.compounds.service.opening import store
from guanjia.whistles.levels import Trigger
from guanjia.whistles.service.escalating import settle
from guanjia.whistles.service.opening import WhistleFile
from guanjia.whistles.service.outcomes import keep_outcomes
from guanjia.whistles.states import TITLES, WHISTLE_MACHINE, WhistleState

_SETTLED = {
    WhistleState.ANSWERED: "answer_by_step",
    WhistleState.SCORED: "end_escalation",
    WhistleState.WITHDRAWN: "end_escalation",
}


async def move(file: WhistleFile, action: str, reason: str | None = None) -> None:
    """The whistle is in the state to which the step leads."""
    target = WHISTLE_MACHINE.row(action, file.state).target
    assert target is not None
    values = {"state": target, "state_since": file.now, "ended_reason": reason}
    await store(file.transaction, "whistles", file.id, values)
    file.row = {**file.row, **values}
    await keep_outcomes(file.transaction, [file.id], file.now)
    if target in _SETTLED:
        said = f"{file.row['number']} {TITLES[target]}"
        await settle(file.case, _SETTLED[target], {Trigger.WHISTLE}, said, file.id)
