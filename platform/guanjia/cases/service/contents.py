"""What lies in a case's file beside its own row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from guanjia.attachments.models import Purpose
from guanjia.cases.clocks import Adjustment
from guanjia.cases.guards import Request
from guanjia.cases.reasons import AssignmentRole, RequestState
from guanjia.cases.service.independence import checker_fault
from guanjia.cases.states import State
from guanjia.cases.transitions import HANDLING

if TYPE_CHECKING:
    from guanjia.cases.service.casefile import CaseFile


@dataclass(frozen=True, slots=True)
class Assigned:
    organisation_id: UUID
    name: str
    kind: str
    role: AssignmentRole
    active: bool
    done: bool


async def complete(file: CaseFile) -> None:
    """The file holds what is known of the case's parts, and of how its actor stands to it."""
    key = (file.transaction.tenant_id, file.id)
    connection = file.transaction.connection
    assigned = await connection.fetch(
        "select a.organisation_id, o.name, o.kind, a.role, a.active, a.done_at is not null as done"
        " from case_assignments a join organisations o"
        " on o.tenant_id = a.tenant_id and o.id = a.organisation_id"
        " where a.tenant_id = $1 and a.case_id = $2",
        *key,
    )
    file.assigned = tuple(
        Assigned(
            a["organisation_id"], a["name"], a["kind"], AssignmentRole(a["role"]), a["active"],
            a["done"],
        )
        for a in assigned
    )  # fmt: skip
    suspensions = await connection.fetch(
        "select * from case_suspensions where tenant_id = $1 and case_id = $2", *key
    )
    extensions = await connection.fetch(
        "select * from case_extensions where tenant_id = $1 and case_id = $2", *key
    )
    for row in suspensions:
        if row["state"] == RequestState.PENDING:
            file.suspension = Request(row["reason_code"], row["review_at"])
    for row in extensions:
        if row["state"] == RequestState.PENDING:
            file.extension = Request(value=row["value"])
    file.adjustments = (
        *(
            Adjustment(s["resumed_at"], start=s["decided_at"], end=s["resumed_at"])
            for s in suspensions
            if s["resumed_at"] is not None
        ),
        *(
            Adjustment(e["decided_at"], value=e["value"])
            for e in extensions
            if e["state"] == RequestState.APPROVED
        ),
    )
    file.photo_pair = await connection.fetchval(
        "select photo_pair from case_categories where tenant_id = $1 and id = $2",
        key[0],
        file.facts.category_id,
    )
    hanging = await connection.fetch(
        "select distinct purpose from attachments where tenant_id = $1 and owner_id = $2"
        " and owner_noun = 'Case' and width is not null",
        *key,
    )
    file.photos = frozenset(Purpose(row["purpose"]) for row in hanging)
    if file.actor is not None:
        # Who worked on the case and left the organisation since is still not independent.
        file.actor_worked = await connection.fetchval(
            "select exists (select 1 from case_events where tenant_id = $1 and case_id = $2"
            " and actor_id = $3 and action = any($4::text[]))",
            *key,
            file.actor.membership_id,
            sorted(HANDLING),
        )
        if file.facts.state is State.CHECKING:
            file.checker_fault = await checker_fault(
                file.transaction,
                file.actor.policy,
                file.row,
                file.facts,
                file.actor.membership_id,
                file.now,
            )
