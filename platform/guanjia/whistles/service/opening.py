"""A whistle opened for one step: its case locked, then itself, and every step told in the case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.cases.facts import Payload
from guanjia.cases.machine import Transition
from guanjia.cases.service.casefile import SYSTEM, CaseFile, Step, file_of
from guanjia.cases.transitions import SYSTEM_STEP, Authority, Who
from guanjia.compounds.service.opening import same_version
from guanjia.db.pools import Transaction
from guanjia.db.scope import Reach, Reachable, Scope
from guanjia.graph.errors import forbidden, not_found
from guanjia.whistles.models.whistles import PART_REACH, WHISTLE_REACH
from guanjia.whistles.states import (
    WHISTLE_MACHINE,
    Part,
    Situation,
    WhistleLevel,
    WhistleState,
)

NOUN = "哨"
_REFUSED = {
    Part.WHISTLER: "只有吹哨人本人或同一单位的同一角色可以进行“{}”。",
    Part.OFFICE: "只有吹哨的社区或街道可以进行“{}”。",
    Part.CALLED: "只有被请来报到的单位可以进行“{}”。",
}


@dataclass(slots=True)
class WhistleFile:
    """A locked whistle with its calls, and the file of its case."""

    case: CaseFile
    scope: Scope
    row: Mapping[str, Any]
    calls: Sequence[Mapping[str, Any]]
    from_path: str

    @property
    def id(self) -> UUID:
        found: UUID = self.row["id"]
        return found

    @property
    def state(self) -> WhistleState:
        return WhistleState(self.row["state"])

    @property
    def level(self) -> WhistleLevel:
        return WhistleLevel(self.row["level"])

    @property
    def transaction(self) -> Transaction:
        return self.case.transaction

    @property
    def now(self) -> datetime:
        return self.case.now

    def call(self, call_id: UUID) -> Mapping[str, Any]:
        return next(call for call in self.calls if call["id"] == call_id)

    def prepare(
        self,
        action: str,
        data: Mapping[str, Any],
        call: Mapping[str, Any] | None = None,
        *,
        held: bool = False,
    ) -> Step:
        """The step that may be taken now; a Refusal or Denied says why not. Authority comes before
        data: who may not act learns nothing about what is missing."""
        row = WHISTLE_MACHINE.row(action, self.state)
        reach = self._entitled(row, call)
        WHISTLE_MACHINE.check_data(row, data)
        situation = Situation(
            self.now,
            data,
            self.case.facts.state,
            call=call,
            answer_by=self.row["answer_by"],
            held=held,
        )
        WHISTLE_MACHINE.check_guards(row, situation)
        return Step(row, reach, Who(self.scope.permission, Authority.REACH))

    def _entitled(
        self, row: Transition[WhistleState, Part], call: Mapping[str, Any] | None
    ) -> Reach:
        (who,) = row.who
        for reach in self.scope.reaches:
            if self._stands(who, reach, call):
                return reach
        raise forbidden(self.scope.permission, _REFUSED[who].format(row.title))

    def _stands(self, who: Part, reach: Reach, call: Mapping[str, Any] | None) -> bool:
        if who is Part.CALLED:
            assert call is not None
            return reach.kind == "organisation" and call["organisation_id"] in reach.ids
        if reach.kind != "region":
            return False
        here = reach.path == self.from_path
        if who is Part.WHISTLER:
            mine = self.row["sounded_by"] == self.scope.membership_id
            return mine or (here and reach.role == self.row["role"])
        return here


async def open_whistle(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    whistle_id: UUID,
    now: datetime,
    version: int | None = None,
) -> WhistleFile:
    """The whistle, which the scope reaches, and its case, both locked. NOT_FOUND otherwise;
    CONFLICT when it has changed since the version."""
    key = await reached(
        transaction, scope, "whistles", WHISTLE_REACH, whistle_id, "x.id, x.case_id"
    )
    return await _open(transaction, actor, scope, key, now, version)


async def open_part(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    table: str,
    part_id: UUID,
    version: int | None,
    now: datetime,
) -> tuple[WhistleFile, Mapping[str, Any]]:
    """A call or a sign-in that the scope reaches, and its whistle; locked as `open_whistle` does.
    `version` is that of the part."""
    key = await reached(
        transaction,
        scope,
        table,
        PART_REACH,
        part_id,
        "x.whistle_id as id, (select w.case_id from whistles w"
        " where w.tenant_id = $1 and w.id = x.whistle_id) as case_id",
    )
    file = await _open(transaction, actor, scope, key, now, None)
    part = await transaction.connection.fetchrow(
        f"select * from {table} where tenant_id = $1 and id = $2", transaction.tenant_id, part_id
    )
    if version is not None:
        same_version(part, version, NOUN)
    return file, part


async def case_file(
    transaction: Transaction,
    actor: Actor | None,
    case_id: UUID,
    now: datetime,
    scope: Scope = Scope(SYSTEM),  # noqa: B008  # a value that never changes
) -> CaseFile:
    """The file of a case, locked, whoever asks: what hangs on it was reached already."""
    row = await transaction.connection.fetchrow(
        "select * from cases where tenant_id = $1 and id = $2 for update",
        transaction.tenant_id,
        case_id,
    )
    return await file_of(transaction, actor, scope, row, now)


def system_step(action: str, state: WhistleState) -> Step:
    """The step that nobody takes."""
    return Step(WHISTLE_MACHINE.row(action, state), None, SYSTEM_STEP)


async def tell(file: WhistleFile, step: Step, payload: Payload) -> None:
    """The step stands in the case's timeline, under the number of the whistle."""
    said = f"{file.row['number']} {payload.note}" if payload.note else str(file.row["number"])
    await file.case.annotate(step, replace(payload, note=said))


async def _open(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    key: Mapping[str, Any],
    now: datetime,
    version: int | None,
) -> WhistleFile:
    case = await case_file(transaction, actor, key["case_id"], now, scope)
    row = await transaction.connection.fetchrow(
        "select w.*, (select r.path from regions r where r.tenant_id = $1"
        " and r.id = w.from_region_id) as from_path from whistles w"
        " where w.tenant_id = $1 and w.id = $2 for update of w",
        transaction.tenant_id,
        key["id"],
    )
    if version is not None:
        same_version(row, version, NOUN)
    calls = await transaction.connection.fetch(
        "select * from whistle_calls where tenant_id = $1 and whistle_id = $2 order by id",
        transaction.tenant_id,
        key["id"],
    )
    return WhistleFile(case, scope, row, calls, row["from_path"])


async def reached(
    transaction: Transaction,
    scope: Scope,
    table: str,
    reach: Reachable,
    row_id: UUID,
    columns: str,
    noun: str = NOUN,
) -> Mapping[str, Any]:
    """The columns of a row that the scope reaches; NOT_FOUND otherwise."""
    arguments: list[Any] = [transaction.tenant_id, row_id]

    def bind(value: Any, kind: str) -> str:
        arguments.append(value)
        return f"${len(arguments)}::{kind}"

    predicate = scope.predicate(reach, "x", "$1", bind)
    row: Mapping[str, Any] | None = await transaction.connection.fetchrow(
        f"select {columns} from {table} x where x.tenant_id = $1 and x.id = $2 and {predicate}",
        *arguments,
    )
    if row is None:
        raise not_found(noun, "id")
    return row
