"""What a case's clock brings about: reminders, and escalations that nobody has to raise.

Each happens once per clock, at the first look after its moment; of several reminders that were
missed only the last goes out. While the case is suspended nothing does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from guanjia.cases.facts import CaseFacts, Payload
from guanjia.cases.machine import Transition
from guanjia.cases.service.casefile import SYSTEM, CaseFile, Step, file_of
from guanjia.cases.states import FINISHED, OPEN
from guanjia.cases.states import State as CaseState
from guanjia.cases.transitions import SYSTEM_STEP
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.times import local_date
from guanjia.whistles.levels import EscalationLevel, Trigger
from guanjia.whistles.marks import Marks, marks
from guanjia.whistles.rules import number
from guanjia.whistles.service.escalating import insert
from guanjia.whistles.service.telling import tell_overdue, tell_reminder, tell_unaccepted

S = CaseState
HANDLED = frozenset({S.DISPATCHED, S.RETURNED, S.ACCEPTED, S.IN_PROGRESS, S.REWORK})
"""While the work is the handler's: afterwards the clock runs, and only that it is late is told."""
FIRST, SECOND, OVERDUE = 1, 2, 3
_UNACCEPTED = "REMINDED_TO_ACCEPT"
"""Stands among what the clock has brought about: told once for each clock."""
_SHARES = {FIRST: "REMIND_FIRST", SECOND: "REMIND_SECOND"}
REMINDED = Transition("REMINDED", "remind_case", "催办", frozenset[Any](OPEN), None, (SYSTEM_STEP,))
_SAVE = """
insert into case_clocks (case_id, started_at, first_at, second_at, due_at, twice_at, accept_by,
  reminded, raised, next_at, unaccepted_at) values ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (tenant_id, case_id) do update set started_at = $3, first_at = $4, second_at = $5,
  due_at = $6, twice_at = $7, accept_by = $8, reminded = $9, raised = $10, next_at = $11,
  unaccepted_at = $12
where case_clocks.tenant_id = $1
"""


async def set_clock(case: CaseFile) -> None:
    """The moments of the case's clock are as its facts are now. What was told of this clock is not
    told again; a clock that was started anew begins anew."""
    found = marks(case.calendar, case.facts, case.adjustments)
    known = await _clock(case.transaction, case.id)
    if found is None:
        return
    same = known is not None and known["started_at"] == found.started_at
    reminded = known["reminded"] if known and same else 0
    raised = set(known["raised"]) if known and same else set()
    await _save(case, found, reminded, raised)


async def strike(transaction: Transaction, case_id: UUID, now: datetime) -> bool:
    """What the clock of the case has reached by now has come about; False when there is nothing, or
    somebody works on the case just now: then it waits for the next look."""
    row = await transaction.connection.fetchrow(
        "select * from cases where tenant_id = $1 and id = $2 for update skip locked",
        transaction.tenant_id,
        case_id,
    )
    clock = await _clock(transaction, case_id)
    if row is None or clock is None or clock["next_at"] is None or clock["next_at"] > now:
        return False
    case = await file_of(transaction, None, Scope(SYSTEM), row, now)
    if clock["started_at"] != case.facts.clock_started_at:
        # From before there were clocks: what lies behind it by now is told at the next look.
        await set_clock(case)
        return True
    found = Marks(*(clock[name] for name in Marks.__dataclass_fields__))
    reminded, raised = clock["reminded"], set(clock["raised"])
    reached = max((rank for rank, at in _reminders(found, case.facts) if at <= now), default=0)
    if reached > reminded:
        await _remind(case, reached)
        reminded = reached
    asked = _asked_to_accept(found, case.facts)
    if asked is not None and asked <= now and _UNACCEPTED not in raised:
        if now < found.accept_by:
            await _remind_to_accept(case, found.accept_by)
        raised.add(_UNACCEPTED)
    for trigger, level, at in _escalations(found, case.facts):
        if at <= now and trigger not in raised:
            await insert(case, level, trigger)
            raised.add(trigger)
    await _save(case, found, reminded, raised)
    return True


def _reminders(found: Marks, facts: CaseFacts) -> Iterable[tuple[int, datetime]]:
    if facts.state in HANDLED:
        yield FIRST, found.first_at
        yield SECOND, found.second_at
    if facts.state not in FINISHED:
        yield OVERDUE, found.due_at


def _asked_to_accept(found: Marks, facts: CaseFacts) -> datetime | None:
    return found.unaccepted_at if facts.state is S.DISPATCHED else None


def _escalations(
    found: Marks, facts: CaseFacts
) -> Iterable[tuple[Trigger, EscalationLevel, datetime]]:
    if facts.state is S.DISPATCHED:
        yield Trigger.UNACCEPTED, EscalationLevel.L1, found.accept_by
    if facts.state in HANDLED:
        yield Trigger.LIMIT_NEAR, EscalationLevel.L2, found.second_at
        yield Trigger.OVERDUE, EscalationLevel.L3, found.due_at
        yield Trigger.OVERDUE_TWICE, EscalationLevel.L4, found.twice_at


def _next(found: Marks, facts: CaseFacts, reminded: int, raised: Iterable[str]) -> datetime | None:
    """When the clock is to be looked at next; never while it stands still."""
    if facts.suspended_at is not None:
        return None
    waiting = [at for rank, at in _reminders(found, facts) if rank > reminded]
    waiting += [at for trigger, _, at in _escalations(found, facts) if trigger not in set(raised)]
    asked = _asked_to_accept(found, facts)
    if asked is not None and _UNACCEPTED not in set(raised):
        waiting.append(asked)
    return min(waiting, default=None)


async def _remind_to_accept(case: CaseFile, limit: datetime) -> None:
    """Before the community is called on, whoever leads hears of it."""
    await tell_unaccepted(case, limit, f"{case.id} {case.facts.clock_started_at}")
    await _note(case, "派遣后仍未签收")


async def _remind(case: CaseFile, rank: int) -> None:
    key = f"{case.id} {case.facts.clock_started_at} {rank}"
    if rank in _SHARES:
        percent = number(_SHARES[rank], local_date(case.now))
        said = f"处置时限已用去{percent}%"
        await tell_reminder(case, percent, key)
    else:
        said = "已超过处置时限"
        await tell_overdue(case, key, handled=case.facts.state in HANDLED)
    await _note(case, said)


async def _note(case: CaseFile, said: str) -> None:
    await case.annotate(
        Step(REMINDED, None, SYSTEM_STEP),
        Payload(note=said, organisation_id=case.facts.handler_id),
    )


async def _save(case: CaseFile, found: Marks, reminded: int, raised: set[str]) -> None:
    await case.transaction.connection.execute(
        _SAVE, case.transaction.tenant_id, case.id, found.started_at, found.first_at,
        found.second_at, found.due_at, found.twice_at, found.accept_by, reminded, sorted(raised),
        _next(found, case.facts, reminded, raised), found.unaccepted_at,
    )  # fmt: skip


async def _clock(transaction: Transaction, case_id: UUID) -> Mapping[str, Any] | None:
    row: Mapping[str, Any] | None = await transaction.connection.fetchrow(
        "select * from case_clocks where tenant_id = $1 and case_id = $2 for update",
        transaction.tenant_id,
        case_id,
    )
    return row
