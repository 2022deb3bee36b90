"""What is known of a case, and how an event changes it.

`apply` is the only place where a case changes: the use-cases write what it yields, and replaying
the timeline through it gives the same row again. An event carries the deadlines that hold after
it, so that a replay needs no calendar.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from guanjia.cases.reasons import Level
from guanjia.cases.states import State
from guanjia.surveys.models import Satisfaction


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """The part of a case that events change; each field is the column of the same name."""

    state: State
    state_since: datetime
    level: Level
    urgent: bool
    category_id: UUID
    verifier_id: UUID | None = None
    handler_id: UUID | None = None
    limit_value: int | None = None
    limit_unit: str | None = None
    clock_started_at: datetime | None = None
    clock_value: int | None = None
    reported_at: datetime | None = None
    filed_at: datetime | None = None
    dispatched_at: datetime | None = None
    dispatched_level: Level | None = None
    accepted_at: datetime | None = None
    due_at: datetime | None = None
    first_due_at: datetime | None = None
    step_due_at: datetime | None = None
    due_provisional: bool = False
    handled_at: datetime | None = None
    result: str | None = None
    checked_at: datetime | None = None
    checker_id: UUID | None = None
    closed_at: datetime | None = None
    evaluated_at: datetime | None = None
    archived_at: datetime | None = None
    suspended_at: datetime | None = None
    review_at: datetime | None = None
    suspension_reason: str | None = None
    return_count: int = 0
    extension_count: int = 0
    rework_count: int = 0
    first_rework_at: datetime | None = None
    reopened: bool = False
    escalation_reason: str | None = None
    supervised: bool = False
    supervised_at: datetime | None = None
    supervision_reason: str | None = None
    supervision_due_at: datetime | None = None
    duplicate_of_id: UUID | None = None
    joined_count: int = 0
    affected_households: int | None = None
    answer_count: int = 0
    dissatisfied_count: int = 0

    @property
    def survey_round(self) -> int:
        return 2 if self.reopened else 1

    @property
    def closing_level(self) -> Level:
        """The level that dispatched the case, or a higher one it was escalated to since."""
        order = list(Level)
        return max(self.level, self.dispatched_level or self.level, key=order.index)


@dataclass(frozen=True, slots=True)
class Payload:
    """What an event says beyond who, when and from where to where."""

    reason_code: str | None = None
    reason: str | None = None
    note: str | None = None
    organisation_id: UUID | None = None
    assistant_ids: tuple[UUID, ...] = ()
    member_id: UUID | None = None
    level: Level | None = None
    urgent: bool | None = None
    category_id: UUID | None = None
    limit_value: int | None = None
    limit_unit: str | None = None
    review_at: datetime | None = None
    accepted: bool | None = None
    related_case_id: UUID | None = None
    choice: Satisfaction | None = None
    salt: str | None = None
    """At random and shown nowhere, so that the event's hash does not tell the choice."""
    households: int | None = None
    cost_fen: int | None = None
    handling_minutes: int | None = None
    """From the dispatch to the feedback without what was on hold, in working time."""
    not_duplicate_of: tuple[UUID, ...] | None = None
    """The near open cases that whoever filed the case judged to be other matters."""
    answer_by: datetime | None = None
    attachments_sha256: str | None = None
    """Of all that hung on the case when it was archived: see `service.archive.manifest_hash`."""


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a timeline, without its place in the chain."""

    action: str
    code: str
    from_state: State | None
    to_state: State
    at: datetime
    actor_id: UUID | None
    payload: Payload
    due_at: datetime | None = None
    first_due_at: datetime | None = None
    step_due_at: datetime | None = None
    due_provisional: bool = False


def apply(facts: CaseFacts | None, event: Event) -> CaseFacts:
    """The facts after the event. `facts` is None for the event that creates the case."""
    said = event.payload
    if facts is None:
        if said.level is None or said.urgent is None or said.category_id is None:
            raise ValueError("the first event names level, urgency and category")
        facts = CaseFacts(event.to_state, event.at, said.level, said.urgent, said.category_id)
    changes = _changes(facts, event)
    if event.from_state != event.to_state:
        changes["state_since"] = event.at
    return replace(
        facts,
        state=event.to_state,
        due_at=event.due_at,
        first_due_at=event.first_due_at,
        step_due_at=event.step_due_at,
        due_provisional=event.due_provisional,
        **changes,
    )


def replay(events: Iterable[Event]) -> CaseFacts:
    """The facts that a whole timeline leads to; ValueError if it is empty or does not connect."""
    facts: CaseFacts | None = None
    for event in events:
        if (facts.state if facts else None) != event.from_state:
            raise ValueError(f"{event.code} does not follow {facts and facts.state}")
        facts = apply(facts, event)
    if facts is None:
        raise ValueError("a timeline has at least one event")
    return facts


def _changes(facts: CaseFacts, event: Event) -> dict[str, Any]:
    said, at = event.payload, event.at
    match event.action:
        case "report_case" | "submit_case":
            return {"reported_at": at}
        case "verify_case":
            return {"verifier_id": said.member_id}
        case "file_case":
            return {
                "filed_at": at,
                "category_id": said.category_id or facts.category_id,
                "urgent": facts.urgent if said.urgent is None else said.urgent,
            }
        case "link_duplicate":
            return {"duplicate_of_id": said.related_case_id}
        case "join_duplicate":
            return {"joined_count": facts.joined_count + 1}
        case "dispatch_case":
            return _dispatched(event)
        case "accept_case":
            return {"accepted_at": at}
        case "return_case":
            return {"return_count": facts.return_count + 1, "accepted_at": None}
        case "rule_return" | "rule_repeated_return":
            return _dispatched(event) if said.accepted else {}
        case "approve_suspension":
            return {
                "suspended_at": at,
                "review_at": said.review_at,
                "suspension_reason": said.reason_code,
            }
        case "resume_case" | "resume_at_review" | "void_case":
            return {"suspended_at": None, "review_at": None, "suspension_reason": None}
        case "approve_extension":
            return {"extension_count": facts.extension_count + 1}
        case "give_feedback":
            return {"handled_at": at, "result": said.note}
        case "send_to_check":
            return {"checked_at": None, "checker_id": None}
        case "pass_check":
            return {"checked_at": at, "checker_id": event.actor_id}
        case "fail_check":
            return {
                "rework_count": facts.rework_count + 1,
                "first_rework_at": facts.first_rework_at or at,
                "clock_started_at": at,
                "clock_value": said.limit_value,
                "checked_at": None,
                "checker_id": None,
            }
        case "close_case":
            return {"closed_at": at, "affected_households": said.households}
        case "open_survey":
            return {"answer_count": 0, "dissatisfied_count": 0}
        case "evaluate_case" | "collect_evaluation":
            against = said.choice is Satisfaction.DISSATISFIED
            return {
                "answer_count": facts.answer_count + 1,
                "dissatisfied_count": facts.dissatisfied_count + against,
            }
        case "finish_evaluation":
            return {"evaluated_at": at}
        case "reopen_case":
            return {
                "reopened": True,
                "rework_count": facts.rework_count + 1,
                "first_rework_at": facts.first_rework_at or at,
                "checked_at": None,
                "checker_id": None,
                "closed_at": None,
                "evaluated_at": None,
            }
        case "archive_case":
            return {"archived_at": at}
        case "escalate_case":
            return {"level": said.level, "escalation_reason": said.reason}
        case "supervise_case":
            return {
                "supervised": True,
                "supervised_at": at,
                "supervision_reason": said.reason,
                "supervision_due_at": said.answer_by,
            }
        case "release_supervision":
            return {
                "supervised": False,
                "supervised_at": None,
                "supervision_reason": None,
                "supervision_due_at": None,
            }
    return {}


def _dispatched(event: Event) -> dict[str, Any]:
    said = event.payload
    return {
        "handler_id": said.organisation_id,
        "limit_value": said.limit_value,
        "limit_unit": said.limit_unit,
        "clock_started_at": event.at,
        "clock_value": said.limit_value,
        "dispatched_at": event.at,
        "dispatched_level": said.level,
        "accepted_at": None,
    }
