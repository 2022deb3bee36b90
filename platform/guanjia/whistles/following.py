"""What of whistles and escalations follows a step of their case, in the step's own transaction."""

from __future__ import annotations

from guanjia.cases.facts import CaseFacts, Event
from guanjia.cases.reasons import Level
from guanjia.cases.service.affected import homes_affected
from guanjia.cases.service.casefile import CaseFile
from guanjia.cases.service.followers import FOLLOWERS
from guanjia.cases.states import FINISHED
from guanjia.graph.times import local_date
from guanjia.whistles.levels import EscalationLevel, Trigger
from guanjia.whistles.rules import number
from guanjia.whistles.service.clocks import set_clock
from guanjia.whistles.service.escalating import insert, settle
from guanjia.whistles.service.limits import expire, move_limits

_BY_CLOCK = frozenset(
    {Trigger.UNACCEPTED, Trigger.LIMIT_NEAR, Trigger.OVERDUE, Trigger.OVERDUE_TWICE}
)
_REFERRED = {Level.STREET: EscalationLevel.L2, Level.DISTRICT: EscalationLevel.L3}


async def follow(case: CaseFile, before: CaseFacts | None, event: Event) -> None:
    """The clock's moments are as the case is now; what the step answers is answered, what it ends
    is over, and what was suspended is added to the limits that ran."""
    await set_clock(case)
    match event.action:
        case "escalate_case":
            level = _REFERRED[case.facts.level]
            await insert(
                case,
                level,
                Trigger.REFERRED,
                reason=event.payload.reason,
                by=event.actor_id,
                told=False,
            )
        case "dispatch_case":
            await settle(case, "answer_by_step", {Trigger.REFERRED}, "已派遣")
        case "accept_case":
            await settle(case, "answer_by_step", {Trigger.UNACCEPTED}, "已签收")
        case "give_feedback":
            await settle(case, "end_escalation", _BY_CLOCK, "处置单位已反馈")
        case "join_duplicate" | "reopen_case" | "file_case" | "name_affected":
            await _many_households(case)
        case "resume_case" | "resume_at_review" | "recompute_due":
            await move_limits(case)
    over = case.facts.state in FINISHED
    if over and before is not None and before.state not in FINISHED:
        await settle(case, "end_escalation", frozenset(Trigger), "案件已办结")
        await expire(case)


async def _many_households(case: CaseFile) -> None:
    """Each joined report is a household more, and who filed a case took its homes for affected;
    from so many on the district meets, once a case. What a check has passed is dealt with."""
    known = max(case.facts.joined_count + 1, case.facts.affected_households or 0)
    if case.facts.filed_at is not None and case.facts.checked_at is None:
        known = max(known, await homes_affected(case.transaction, case.id))
    if known < number("L4_HOUSEHOLDS", local_date(case.now)) or case.facts.state in FINISHED:
        return
    before = await case.transaction.connection.fetchval(
        "select exists (select 1 from escalations where tenant_id = $1 and case_id = $2"
        " and trigger_code = $3)",
        case.transaction.tenant_id,
        case.id,
        Trigger.HOUSEHOLDS,
    )
    if not before:
        await insert(case, EscalationLevel.L4, Trigger.HOUSEHOLDS, reason=f"已知影响{known}户")


if follow not in FOLLOWERS:
    FOLLOWERS.append(follow)
