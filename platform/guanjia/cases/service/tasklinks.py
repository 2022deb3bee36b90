"""Task links: issued to an external party for its part of a case, counted, and revoked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.access.links import close_link, open_link
from guanjia.cases.facts import Payload
from guanjia.cases.models import TASK_LINK_REACH
from guanjia.cases.service.casefile import CaseFile, open_file
from guanjia.compounds.service.opening import open_row
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, not_found

LASTING, LONGEST = timedelta(days=14), timedelta(days=90)
"""How long a link opens its task, unless said, and at most [design]."""
_PART = (
    "select a.id, a.done_at, o.name, o.kind from case_assignments a"
    " join organisations o on o.tenant_id = $1 and o.id = a.organisation_id"
    " where a.tenant_id = $1 and a.case_id = $2 and a.organisation_id = $3 and a.active"
    " and a.role = 'ASSIST'"
)


@dataclass(frozen=True, slots=True)
class Issued:
    """`token` is told this once: only its hash is kept."""

    id: UUID
    token: str


async def issue_task_link(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    organisation_id: UUID,
    expires_at: datetime | None = None,
) -> Issued:
    """Whoever has the token works on this part of the case, and reaches nothing else, until it
    expires. A link for the part from before opens nothing any more, so that asking again after a
    lost answer leaves one."""
    file = await open_file(transaction, actor, scope, id, version, now)
    step = file.prepare("issue_task_link", {})
    part = await transaction.connection.fetchrow(_PART, transaction.tenant_id, id, organisation_id)
    if part is None:
        raise not_found("协办单位", "organisationId")
    if part["kind"] != "EXTERNAL_PARTY":
        raise Refusal(
            "HAS_ACCOUNTS", f"{part['name']}有账号,任务链接只发给外部单位。", ("organisationId",)
        )
    if part["done_at"] is not None:
        raise Refusal(CONFLICT, f"{part['name']}的任务已经完成。", ("organisationId",))
    ends = expires_at or now + LASTING
    if not now < ends <= now + LONGEST:
        raise Refusal(BAD_USER_INPUT, f"有效期须在今后{LONGEST.days}天之内。", ("expiresAt",))
    await revoke_links(file, [part["id"]])
    link = await open_link(
        transaction,
        name=f"{part['name']}(任务链接)",
        expires_at=ends,
        now=now,
    )
    made = new_id()
    await transaction.connection.execute(
        "insert into task_links (id, assignment_id, case_id, region_path, link_id, membership_id,"
        " issued_at, issued_by, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        made,
        part["id"],
        id,
        file.region_path,
        link.id,
        link.membership_id,
        now,
        actor.membership_id,
        ends,
    )
    await file.write(step, Payload(organisation_id=organisation_id, member_id=link.membership_id))
    return Issued(made, link.secret)


async def revoke_task_link(
    transaction: Transaction, actor: Actor, scope: Scope, *, id: UUID, now: datetime
) -> UUID:
    """The link opens nothing from the next operation on. Revoking it twice changes nothing."""
    row = await open_row(transaction, scope, "task_links", TASK_LINK_REACH, id, "任务链接")
    file = await open_file(transaction, actor, scope, row["case_id"], None, now)
    step = file.prepare("revoke_task_link", {})
    if await revoke_links(file, [row["assignment_id"]]):
        await file.write(step, Payload(member_id=row["membership_id"]))
    return id


async def revoke_links(file: CaseFile, assignment_ids: list[UUID]) -> int:
    """No link opens these parts any more; how many did."""
    assert file.actor is not None
    rows: list[Any] = await file.transaction.connection.fetch(
        "update task_links set revoked_at = $3, revoked_by = $4 where tenant_id = $1"
        " and assignment_id = any($2) and revoked_at is null returning link_id",
        file.transaction.tenant_id,
        assignment_ids,
        file.now,
        file.actor.membership_id,
    )
    for row in rows:
        await close_link(file.transaction, row["link_id"], file.now)
    return len(rows)
