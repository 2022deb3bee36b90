"""Which organisations work on a case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from guanjia.cases.reasons import AssignmentRole
from guanjia.cases.service.casefile import CaseFile
from guanjia.db.ids import new_id
from guanjia.db.scope import is_within
from guanjia.graph.errors import BAD_USER_INPUT, Refusal, not_found

MOST_ASSISTANTS = 20


async def organisation(file: CaseFile, organisation_id: UUID, name: str) -> None:
    """The organisation is active, until the transaction ends, and works where the case lies;
    NOT_FOUND otherwise. One that belongs to a grid works in a case of its whole community."""
    row: Mapping[str, Any] | None = await file.transaction.connection.fetchrow(
        "select region_path from organisations where tenant_id = $1 and id = $2 and active"
        " for share",
        file.transaction.tenant_id,
        organisation_id,
    )
    place = file.region_path
    if row is None or not (
        is_within(place, row["region_path"]) or is_within(row["region_path"], place)
    ):
        raise not_found("单位", name)


async def assistants(file: CaseFile, ids: Sequence[UUID], lead_id: UUID | None) -> tuple[UUID, ...]:
    """The assisting organisations, without doubles."""
    if len(ids) > MOST_ASSISTANTS:
        raise Refusal(BAD_USER_INPUT, f"协办单位最多{MOST_ASSISTANTS}个。", ("assistantIds",))
    if lead_id in ids:
        raise Refusal(BAD_USER_INPUT, "主办单位不能同时是协办单位。", ("assistantIds",))
    wanted = tuple(dict.fromkeys(ids))
    for assistant in wanted:
        await organisation(file, assistant, "assistantIds")
    return wanted


async def assign(file: CaseFile, lead_id: UUID, assistant_ids: Sequence[UUID]) -> None:
    """These organisations, and no others, work on the case. One that assists on keeps its task,
    which is to be done anew."""
    connection, tenant = file.transaction.connection, file.transaction.tenant_id
    given: Sequence[Mapping[str, Any]] = await connection.fetch(
        "update case_assignments set active = false"
        " where tenant_id = $1 and case_id = $2 and active returning organisation_id, role, task",
        tenant,
        file.id,
    )
    tasks = {row["organisation_id"]: row["task"] for row in given if row["role"] == "ASSIST"}
    await _insert(file, AssignmentRole.LEAD, [lead_id], [None])
    await _insert(
        file, AssignmentRole.ASSIST, assistant_ids, [tasks.get(one) for one in assistant_ids]
    )


async def add_assistant(file: CaseFile, organisation_id: UUID) -> None:
    """The organisation assists too."""
    await _insert(file, AssignmentRole.ASSIST, [organisation_id], [None])


async def _insert(
    file: CaseFile,
    role: AssignmentRole,
    organisation_ids: Sequence[UUID],
    tasks: Sequence[str | None],
) -> None:
    await file.transaction.connection.execute(
        "insert into case_assignments"
        " (id, case_id, region_path, reporter_id, organisation_id, role, task, assigned_at)"
        " select u.i, $2, $3, $4, u.o, $8, u.t, $5 from unnest($1::uuid[], $6::uuid[], $7::text[])"
        " u(i, o, t)",
        [new_id() for _ in organisation_ids],
        file.id,
        file.region_path,
        file.row["reporter_id"],
        file.now,
        organisation_ids,
        tasks,
        role,
    )
