"""② 指挥派遣: dispatched, accepted, returned and ruled on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.cases import inputs
from guanjia.cases.facts import Payload
from guanjia.cases.machine import MISSING_DATA
from guanjia.cases.models import Case
from guanjia.cases.reasons import LEVEL_TITLES, AssignmentRole
from guanjia.cases.service.assignments import assign, assistants, organisation
from guanjia.cases.service.casefile import CaseFile, open_file
from guanjia.cases.service.contents import Assigned
from guanjia.cases.service.requests import withdraw_requests
from guanjia.cases.service.routing import answer_for, matter_of
from guanjia.cases.transitions import FREE_RETURNS, LABELS
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, Refusal
from guanjia.graph.times import Unit, local_date

MOST_DAYS = 365
"""The longest limit a dispatcher may set, in units."""


async def dispatch_case(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    organisation_id: UUID | None = None,
    assistant_ids: Sequence[UUID] | None = None,
    limit_value: int | None = None,
    limit_unit: Unit | None = None,
    note: str | None = None,
    reason: str | None = None,
) -> Case:
    """T5. The organisation is in charge of the work (主办) and the clock runs. Without a limit the
    category's holds. Without an organisation the routing table says who leads and, unless they are
    given, who assists; an organisation other than the table's needs a reason, which the event
    keeps."""
    file = await open_file(transaction, actor, scope, id, version, now)
    value, unit = await _limit(file, limit_value, limit_unit)
    why = inputs.text(reason, LABELS["reason"], "reason")
    organisation_id, assistant_ids = await _routed(file, organisation_id, assistant_ids, why)
    kind = await transaction.connection.fetchval(
        "select kind from organisations where tenant_id = $1 and id = $2",
        transaction.tenant_id,
        organisation_id,
    )
    data = {"organisation_id": organisation_id, "limit_value": value, "limit_unit": unit}
    step = file.prepare("dispatch_case", data, handler_kind=kind or "")
    assert step.level is not None
    await organisation(file, organisation_id, "organisationId")
    helping = await assistants(file, assistant_ids, organisation_id)
    await assign(file, organisation_id, helping)
    await file.write(
        step,
        Payload(
            organisation_id=organisation_id,
            assistant_ids=helping,
            level=step.level,
            limit_value=value,
            limit_unit=unit,
            note=inputs.text(note, "说明", "note"),
            reason=why or None,
        ),
    )
    return await file.saved()


async def accept_case(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
) -> Case:
    """T6. The organisation in charge has taken the case over."""
    file = await open_file(transaction, actor, scope, id, version, now)
    await file.take("accept_case")
    return await file.saved()


async def return_case(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    reason: str,
    evidence: str,
    suggested_id: UUID | None = None,
) -> Case:
    """T7. The case is RETURNED with the organisation that the handler thinks right; its clock
    keeps running until somebody rules on it."""
    file = await open_file(transaction, actor, scope, id, version, now)
    why = inputs.text(reason, LABELS["reason"], "reason")
    proof = inputs.text(evidence, LABELS["evidence"], "evidence")
    step = file.prepare(
        "return_case", {"reason": why, "evidence": proof, "suggested_id": suggested_id}
    )
    assert suggested_id is not None
    if suggested_id == file.facts.handler_id:
        raise Refusal(BAD_USER_INPUT, "建议的处置单位不能是本单位。", ("suggestedId",))
    await organisation(file, suggested_id, "suggestedId")
    await withdraw_requests(file)
    await file.write(step, Payload(reason=why, note=proof, organisation_id=suggested_id))
    return await file.saved()


async def rule_return(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    accepted: bool,
    reason: str,
    organisation_id: UUID | None = None,
    assistant_ids: Sequence[UUID] | None = None,
    limit_value: int | None = None,
    limit_unit: Unit | None = None,
) -> Case:
    """T8. The return is accepted: the case is dispatched anew, to another handler or the same, and
    the clock starts again. Or it is refused: the case goes back and the clock runs on.
    From the third return on, a supervisor rules."""
    file = await open_file(transaction, actor, scope, id, version, now)
    many = file.facts.return_count > FREE_RETURNS
    action = "rule_repeated_return" if many else "rule_return"
    why = inputs.text(reason, LABELS["reason"], "reason")
    lead = organisation_id if accepted and organisation_id else file.facts.handler_id
    kind = await transaction.connection.fetchval(
        "select kind from organisations where tenant_id = $1 and id = $2",
        transaction.tenant_id,
        lead,
    )
    step = file.prepare(action, {"reason": why}, handler_kind=kind or "")
    assert step.level is not None
    assert lead is not None
    if not accepted:
        await file.write(step, Payload(accepted=False, reason=why))
        return await file.saved()
    await organisation(file, lead, "organisationId")
    value, unit = await _limit(file, limit_value, limit_unit)
    if assistant_ids is None:
        kept = [a.organisation_id for a in file.assigned if _assists(a)]
        assistant_ids = [one for one in kept if one != lead]
    helping = await assistants(file, assistant_ids, lead)
    await assign(file, lead, helping)
    said = Payload(
        accepted=True,
        reason=why,
        organisation_id=lead,
        assistant_ids=helping,
        level=step.level,
        limit_value=value,
        limit_unit=unit,
    )
    await file.write(step, said)
    return await file.saved()


async def _routed(
    file: CaseFile, lead_id: UUID | None, assistant_ids: Sequence[UUID] | None, why: str | None
) -> tuple[UUID, Sequence[UUID]]:
    """Who leads and who assists: as given, or as the routing table in force today says."""
    transaction, level = file.transaction, file.acting_level("dispatch_case")
    matter = await matter_of(transaction.connection, transaction.tenant_id, file.row, level)
    answer = await answer_for(
        transaction.connection, transaction.tenant_id, matter, local_date(file.now)
    )
    if lead_id is None:
        if answer.lead is None:
            raise Refusal(
                "NO_ROUTE",
                f"路由中没有{LEVEL_TITLES[level]}可派的主办单位,请指明单位或上报上级;"
                "缘由见 explainDispatch。",
                ("organisationId",),
            )
        helping = [party.id for party in answer.assistants]
        return answer.lead.id, helping if assistant_ids is None else assistant_ids
    if answer.lead is not None and answer.lead.id != lead_id and not why:
        raise Refusal(
            "OFF_ROUTE",
            f"按路由应由{answer.lead.name}主办;派给其他单位的,请填写理由。",
            ("reason",),
        )
    return lead_id, assistant_ids or ()


async def _limit(file: CaseFile, value: int | None, unit: Unit | None) -> tuple[int, Unit]:
    """What the dispatcher set, otherwise the category's limit."""
    inputs.positive(value, LABELS["limit_value"], "limitValue", MOST_DAYS)
    if value is not None and unit is not None:
        return value, Unit(unit)
    if value is not None or unit is not None:
        missing = "limitUnit" if unit is None else "limitValue"
        raise Refusal(MISSING_DATA, "处置时限的数值和单位须一起填写。", (missing,))
    row = await file.transaction.connection.fetchrow(
        "select limit_value, limit_unit from case_categories where tenant_id = $1 and id = $2",
        file.transaction.tenant_id,
        file.facts.category_id,
    )
    return row["limit_value"], Unit(row["limit_unit"])


def _assists(assigned: Assigned) -> bool:
    return assigned.active and assigned.role is AssignmentRole.ASSIST
