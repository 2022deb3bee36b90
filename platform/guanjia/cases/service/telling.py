"""Who is told of a step: those who work on the case, who dispatched it, or who reported it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any
from uuid import UUID

from guanjia.cases.facts import Event
from guanjia.cases.notices import (
    DECLINED,
    DISPATCHED,
    EVALUATED,
    RETURNED,
    REWORK,
    SUPERVISED,
    SURVEY_OPENED,
)
from guanjia.db.pools import Transaction
from guanjia.notifications.notices import NoticeKind, tell


class Told(Enum):
    """The members of the organisations at work, whoever dispatched the case last, the reporter."""

    WORKING = (
        "select om.membership_id from case_assignments a join organisation_members om"
        " on om.tenant_id = $1 and om.organisation_id = a.organisation_id and om.valid_from <= $3"
        " and (om.valid_to is null or om.valid_to > $3)"
        " where a.tenant_id = $1 and a.case_id = $2 and a.active"
    )
    DISPATCHER = (
        "select e.actor_id from case_events e where e.tenant_id = $1 and e.case_id = $2"
        " and e.code in ('T5', 'T8') and e.at <= $3 and e.actor_id is not null"
        " order by e.seq desc limit 1"
    )
    REPORTER = (
        "select reporter_id from cases where tenant_id = $1 and id = $2 and created_at <= $3"
        " and reporter_id is not null"
    )


_TOLD: Mapping[str, tuple[NoticeKind, Told]] = {
    "dispatch_case": (DISPATCHED, Told.WORKING),
    "rule_return": (DISPATCHED, Told.WORKING),
    "rule_repeated_return": (DISPATCHED, Told.WORKING),
    "return_case": (RETURNED, Told.DISPATCHER),
    "fail_check": (REWORK, Told.WORKING),
    "supervise_case": (SUPERVISED, Told.WORKING),
    "decline_case": (DECLINED, Told.REPORTER),
    "open_survey": (SURVEY_OPENED, Told.REPORTER),
    "finish_evaluation": (EVALUATED, Told.WORKING),
}
_FACTS = (
    "select c.name as category, o.name as organisation from case_categories c"
    " left join organisations o on o.tenant_id = $1 and o.id = $3"
    " where c.tenant_id = $1 and c.id = $2"
)


async def tell_of(
    transaction: Transaction, row: Mapping[str, Any], event: Event, event_id: UUID, handler: Any
) -> None:
    """Those whom the step concerns have a notice of it, but for who took it."""
    if event.action not in _TOLD:
        return
    kind, whom = _TOLD[event.action]
    connection, tenant = transaction.connection, transaction.tenant_id
    found = await connection.fetch(
        f"select distinct w.id from ({whom.value}) w(id)", tenant, row["id"], event.at
    )
    members = {each["id"] for each in found} - {event.actor_id}
    if not members:
        return
    named = await connection.fetchrow(_FACTS, tenant, row["category_id"], handler)
    facts = {"number": row["number"], **named}
    await tell(
        transaction,
        kind.code,
        recipients=members,
        facts={name: facts[name] for name in kind.declared},
        subject=("Case", row["id"]),
        key=str(event_id),
        now=event.at,
    )
