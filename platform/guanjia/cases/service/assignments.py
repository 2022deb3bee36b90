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
    """These organisations, and no others, work on the case."""
    connection, tenant = file.transaction.connection, file.transaction.tenant_id
    await connection.execute(
        "update case_assignments set active = false"
        " where tenant_id = $1 and case_id = $2 and active",
        tenant,
        file.id,
    )
    roles = [AssignmentRole.LEAD, *(AssignmentRole.ASSIST for _ in assistant_ids)]
    await connection.execute(
        "insert into case_assignments"
        " (id, case_id, region_path, reporter_id, organisation_id, role, assigned_at)"
        " select u.i, $2, $3, $4, u.o, u.r, $5 from unnest($1::uuid[], $6::uuid[], $7::text[])"
        " u(i, o, r)",
        [new_id() for _ in roles],
        file.id,
        file.region_path,
        file.row["reporter_id"],
        file.now,
        [lead_id, *assistant_ids],
        roles,
    )
