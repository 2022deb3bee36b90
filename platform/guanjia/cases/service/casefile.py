"""A case opened for one step: locked, complete, and written back by one event.

`open_file` reaches the row through the scope, `CaseFile.take` does all of a step: it finds the row
of the transition, checks data, guards and authority, applies the event, computes the deadlines and
writes case, event, audit record and notification. A use-case says only what is special about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.attachments.models import Purpose
from guanjia.attachments.service import attach
from guanjia.audit.service import record
from guanjia.cases.authority import Place, held
from guanjia.cases.calendar import Calendar
from guanjia.cases.clocks import Adjustment, deadlines
from guanjia.cases.facts import CaseFacts, Event, Payload, apply
from guanjia.cases.guards import MACHINE, Request, Situation
from guanjia.cases.machine import Transition
from guanjia.cases.models import CASE_REACH, Case
from guanjia.cases.reasons import AssignmentRole, Level, Source
from guanjia.cases.service.changes import CASES
from guanjia.cases.service.contents import Assigned, complete
from guanjia.cases.service.followers import FOLLOWERS
from guanjia.cases.service.telling import tell_of
from guanjia.cases.service.timeline import append_event
from guanjia.cases.service.workdays import load_calendar
from guanjia.cases.states import State, stage_of
from guanjia.cases.transitions import SYSTEM_STEP, Authority, Who
from guanjia.db.pools import Transaction
from guanjia.db.scope import Reach, Scope
from guanjia.graph.errors import CONFLICT, Refusal, forbidden, not_found

SYSTEM = "SYSTEM"
SYSTEM_NAME = "系统"
_FACTS = tuple(f.name for f in fields(CaseFacts))
_ENUMS = {"state": State, "level": Level, "dispatched_level": Level}
_SAVE = (
    "update cases set stage = $3, version = version + 1, "
    + ", ".join(f"{name} = ${n}" for n, name in enumerate(_FACTS, 4))
    + " where tenant_id = $1 and id = $2"
)


@dataclass(slots=True)
class CaseFile:
    """A locked case and all that a step may have to look at."""

    transaction: Transaction
    actor: Actor | None
    scope: Scope
    now: datetime
    row: Mapping[str, Any]
    facts: CaseFacts
    calendar: Calendar
    assigned: tuple[Assigned, ...] = ()
    suspension: Request | None = None
    extension: Request | None = None
    adjustments: tuple[Adjustment, ...] = ()
    photo_pair: bool = False
    photos: frozenset[Purpose] = frozenset()
    """The purposes of the pictures that hang on the case."""
    actor_worked: bool = False
    """The actor took a step of a handler, whatever organisation they belong to today."""
    checker_fault: str | None = None
    """Of a case that is to be checked: why the actor may not be the one."""
    events: int = 0

    @property
    def id(self) -> UUID:
        found: UUID = self.row["id"]
        return found

    @property
    def region_path(self) -> str:
        return str(self.row["region_path"])

    @property
    def place(self) -> Place:
        return Place(self.region_path, self.row["reporter_id"], self.facts, self.facts.handler_id)

    def situation(self, data: Mapping[str, Any], **more: Any) -> Situation:
        organisations = frozenset(self.actor.organisation_ids) if self.actor else frozenset()
        open_parts = [a for a in self.assigned if a.active and a.role is AssignmentRole.ASSIST]
        return Situation(
            facts=self.facts,
            now=self.now,
            calendar=self.calendar,
            data=data,
            reporter_id=self.row["reporter_id"],
            source=Source(self.row["source"]),
            verify_first=self.row["verify_first"],
            actor_handles=self.actor_worked
            or any(a.organisation_id in organisations for a in self.assigned),
            photo_pair=self.photo_pair,
            photos=self.photos,
            parts_open=tuple(sorted(a.name for a in open_parts if not a.done)),
            suspension=self.suspension,
            extension=self.extension,
            **more,
        )

    def prepare(
        self,
        action: str,
        data: Mapping[str, Any],
        *,
        part_ids: frozenset[UUID] = frozenset(),
        **more: Any,
    ) -> Step:
        """The step that may be taken now; a Refusal or Denied says why not. Writes nothing.

        Authority comes before data: who may not act learns nothing about what is missing.
        """
        row = MACHINE.row(action, self.facts.state)
        reach, who = self._entitled(row, replace(self.place, part_ids=part_ids))
        situation = self.situation(data, **more)
        if reach is not None and reach.level in set(Level):
            situation = replace(situation, acting_level=Level(reach.level))
        if who.authority is Authority.CHECKER and self.checker_fault:
            raise Refusal("CHECKER_NOT_INDEPENDENT", self.checker_fault)
        MACHINE.check_data(row, data)
        MACHINE.check_guards(row, situation)
        return Step(row, reach, who)

    def acting_level(self, action: str) -> Level:
        """The level at which the actor may take the step that is up to a level; Denied if none."""
        reach, _ = self._entitled(MACHINE.row(action, self.facts.state), self.place)
        return Level(reach.level)

    async def begin(self, step: Step, payload: Payload) -> None:
        """The row was inserted by the step: its first event."""
        await self._write(step, payload, None)

    async def write(self, step: Step, payload: Payload | None = None) -> None:
        """The step happened: the case, its event, the audit record and the notification."""
        await self._write(step, payload or Payload(), self.facts)

    async def _write(self, step: Step, payload: Payload, before: CaseFacts | None) -> None:
        row = step.row
        author = self.actor if step.reach else None
        event = Event(
            row.action,
            row.code,
            before.state if before else None,
            row.target or self.facts.state,
            self.now,
            author.membership_id if author else None,
            payload,
        )
        after = apply(before, event)
        found = deadlines(self.calendar, after, self.adjustments)
        event = replace(
            event,
            due_at=found.due_at,
            first_due_at=found.first_due_at,
            step_due_at=found.step_due_at,
            due_provisional=found.provisional,
        )
        self.facts = apply(before, event)
        await self.transaction.connection.execute(
            _SAVE,
            self.transaction.tenant_id,
            self.id,
            stage_of(self.facts.state),
            *(getattr(self.facts, name) for name in _FACTS),
        )
        await self._tell(step, event)
        for follow in FOLLOWERS:
            await follow(self, before, event)

    async def annotate(self, step: Step, payload: Payload) -> UUID:
        """The step is told in the timeline and the case stays as it is; the event's id. It may be
        a step of what hangs on the case; without a reach the system took it."""
        facts, author = self.facts, self.actor if step.reach else None
        return await self._tell(
            step,
            Event(
                step.row.action,
                step.row.code,
                facts.state,
                facts.state,
                self.now,
                author.membership_id if author else None,
                payload,
                due_at=facts.due_at,
                first_due_at=facts.first_due_at,
                step_due_at=facts.step_due_at,
                due_provisional=facts.due_provisional,
            ),
        )

    async def _tell(self, step: Step, event: Event) -> UUID:
        """The event, the audit record and the notification; the event's id."""
        row, author = step.row, self.actor if step.reach else None
        event_id = await append_event(
            self.transaction,
            self.row,
            event,
            title=row.title,
            actor_name=author.display_name if author else SYSTEM_NAME,
            actor_role=step.reach.role if step.reach else SYSTEM,
        )
        await record(
            self.transaction,
            action=row.action,
            actor=author,
            permission=step.who.permission or None,
            object_type="Case",
            object_id=self.id,
            region_path=self.region_path,
            detail={"code": row.code, "from": event.from_state, "to": event.to_state},
        )
        await CASES.notify(self.transaction, (self.id, None))
        await tell_of(self.transaction, self.row, event, event_id, self.facts.handler_id)
        return event_id

    async def take(
        self,
        action: str,
        payload: Payload | None = None,
        *,
        data: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> None:
        """Prepares and writes a step to which nothing else belongs."""
        await self.write(self.prepare(action, data or {}, **more), payload)

    async def follow(self, action: str, payload: Payload | None = None) -> None:
        """A step of the system that follows from the one before it."""
        row = MACHINE.row(action, self.facts.state)
        if SYSTEM_STEP not in row.who:
            raise ValueError(f"{action} is not a step of the system")
        MACHINE.check_guards(row, self.situation({}))
        await self.write(Step(row, None, SYSTEM_STEP), payload)

    async def hang(self, attachment_ids: Sequence[UUID], purpose: Purpose) -> None:
        """What the actor uploaded belongs to the case."""
        assert self.actor is not None, "the system uploads nothing"
        await attach(
            self.transaction,
            self.actor,
            noun="Case",
            owner_id=self.id,
            attachment_ids=attachment_ids,
            purpose=purpose,
            now=self.now,
        )

    async def saved(self) -> Case:
        """The case as it is stored now."""
        return await Case.get(id=self.id)

    def _entitled(self, row: Transition[State, Who], place: Place) -> tuple[Reach, Who]:
        for who in row.who:
            if who == SYSTEM_STEP:
                continue
            reach = held(who.authority, self._scope_for(who.permission), place)
            if reach is not None:
                return reach, who
        raise forbidden(
            row.who[0].permission, f"您没有在本案件所属层级或单位进行“{row.title}”的权限。"
        )

    def _scope_for(self, permission: str) -> Scope:
        if permission == self.scope.permission or self.actor is None:
            return self.scope
        return self.actor.scope(permission)


@dataclass(frozen=True, slots=True)
class Step:
    """A transition that may be taken, and by which right. Without a reach the system takes it."""

    row: Transition[Any, Any]
    reach: Reach | None
    who: Who

    @property
    def level(self) -> Level | None:
        held_at = self.reach.level if self.reach else ""
        return Level(held_at) if held_at in set(Level) else None


async def open_file(
    transaction: Transaction,
    actor: Actor | None,
    scope: Scope,
    case_id: UUID,
    version: int | None,
    now: datetime,
    *,
    name: str = "id",
) -> CaseFile:
    """Locks a case that the scope reaches. NOT_FOUND otherwise; CONFLICT when it has changed since
    the version the caller saw."""
    row = await case_in_reach(
        transaction.connection, transaction.tenant_id, scope, case_id, lock="for update of c"
    )
    if row is None:
        raise not_found("案件", name)
    if version is not None and row["version"] != version:
        raise Refusal(CONFLICT, "案件已被他人更新,请刷新后再试。", ("version",))
    return await file_of(transaction, actor, scope, row, now)


async def case_in_reach(
    connection: Any, tenant_id: UUID, scope: Scope, case_id: UUID | None, *, lock: str = ""
) -> Mapping[str, Any] | None:
    """The row of a case that the scope reaches."""
    arguments: list[Any] = [tenant_id, case_id]

    def bind(value: Any, kind: str) -> str:
        arguments.append(value)
        return f"${len(arguments)}::{kind}"

    row: Mapping[str, Any] | None = await connection.fetchrow(
        "select c.* from cases c where c.tenant_id = $1 and c.id = $2 and "
        f"{scope.predicate(CASE_REACH, 'c', '$1', bind)} {lock}",
        *arguments,
    )
    return row


async def file_of(
    transaction: Transaction,
    actor: Actor | None,
    scope: Scope,
    row: Mapping[str, Any],
    now: datetime,
) -> CaseFile:
    """The file of a case row that is locked, or was just inserted."""
    facts = facts_of(row)
    since = min(filter(None, (facts.clock_started_at, facts.dispatched_at, facts.state_since, now)))
    found = CaseFile(
        transaction, actor, scope, now, row, facts, await load_calendar(transaction, since)
    )
    await complete(found)
    return found


def facts_of(row: Mapping[str, Any]) -> CaseFacts:
    """The facts in a row of `cases`."""
    values = {name: row[name] for name in _FACTS}
    for name, enum in _ENUMS.items():
        if values[name] is not None:
            values[name] = enum(values[name])
    return CaseFacts(**values)
