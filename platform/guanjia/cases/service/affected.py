"""Whom a case affects: buildings with all their homes, and homes one by one. They are named from
the report on until the case is closed, and are whom its survey asks then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.cases.facts import Payload
from guanjia.cases.guards import MACHINE
from guanjia.cases.models import AFFECTED_HOMES, Case
from guanjia.cases.service.casefile import CaseFile, Step, open_file
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import LIMIT_EXCEEDED, Refusal
from guanjia.surveys.service.opening import Asked, homes_in

MOST_BUILDINGS = 100
_ACTION = "name_affected"
_LINKS = (("case_buildings", "building_id"), ("case_homes", "house_unit_id"))


@dataclass(frozen=True, slots=True)
class Affected:
    """Buildings, homes named one by one, and the homes in force that both come to, each once."""

    building_ids: tuple[UUID, ...] = ()
    house_unit_ids: tuple[UUID, ...] = ()
    homes: tuple[Asked, ...] = ()


async def named(
    transaction: Transaction,
    actor: Actor,
    building_ids: Sequence[UUID],
    house_unit_ids: Sequence[UUID],
) -> Affected:
    """What somebody names; Refusal unless they may read all of it."""
    buildings, homes = tuple(dict.fromkeys(building_ids)), tuple(dict.fromkeys(house_unit_ids))
    if len(buildings) > MOST_BUILDINGS:
        raise Refusal(
            LIMIT_EXCEEDED, f"一个案件最多登记 {MOST_BUILDINGS} 幢楼栋。", ("affectedBuildingIds",)
        )
    if not buildings and not homes:
        return Affected()
    return Affected(buildings, homes, tuple(await homes_in(transaction, actor, buildings, homes)))


async def known(transaction: Transaction, case_id: UUID) -> Affected:
    """What was named of the case. Homes that are no more are left out."""
    buildings, homes = [
        tuple(row[column] for row in await transaction.connection.fetch(
            f"select {column} from {table} where tenant_id = $1 and case_id = $2 order by 1",
            transaction.tenant_id,
            case_id,
        ))
        for table, column in _LINKS
    ]  # fmt: skip
    return Affected(buildings, homes, tuple(await homes_in(transaction, None, buildings, homes)))


async def keep(transaction: Transaction, case_id: UUID, affected: Affected) -> None:
    """The case affects these, and nobody else that was named before."""
    for (table, column), ids in zip(
        _LINKS, (affected.building_ids, affected.house_unit_ids), strict=True
    ):
        await transaction.connection.execute(
            f"delete from {table} where tenant_id = $1 and case_id = $2 and {column} <> all($3)",
            transaction.tenant_id,
            case_id,
            list(ids),
        )
        await transaction.connection.execute(
            f"insert into {table} (id, case_id, {column}) select gen_random_uuid(), $1, u"
            " from unnest($2::uuid[]) u on conflict do nothing",
            case_id,
            list(ids),
        )


async def name_affected_buildings(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: datetime,
    affected_building_ids: Sequence[UUID] = (),
    affected_house_unit_ids: Sequence[UUID] = (),
) -> Case:
    """The case affects exactly these until it is closed; naming none, nobody known."""
    file = await open_file(transaction, actor, scope, id, version, now)
    step = file.prepare(_ACTION, {})
    affected = await named(transaction, actor, affected_building_ids, affected_house_unit_ids)
    await keep(transaction, id, affected)
    await file.write(step, await _said(transaction, affected))
    return await file.saved()


async def name_at_closing(file: CaseFile, closing: Step, affected: Affected) -> None:
    """Whoever closes the case names whom it affects; the timeline tells it where others had been
    named before."""
    before = await known(file.transaction, file.id)
    await keep(file.transaction, file.id, affected)
    old, new = [{*each.building_ids, *each.house_unit_ids} for each in (before, affected)]
    if old and old != new:
        row = MACHINE.row(_ACTION, file.facts.state)
        said = await _said(file.transaction, affected)
        await file.write(Step(row, closing.reach, closing.who), said)


async def take_over(transaction: Transaction, case_id: UUID, original_id: UUID) -> None:
    """What a report that is joined with another affects, that one does."""
    for table, column in _LINKS:
        await transaction.connection.execute(
            f"insert into {table} (id, case_id, {column}) select gen_random_uuid(), $3, {column}"
            f" from {table} where tenant_id = $1 and case_id = $2 on conflict do nothing",
            transaction.tenant_id,
            case_id,
            original_id,
        )


async def homes_affected(transaction: Transaction, case_id: UUID) -> int:
    """How many homes in force the case affects, as far as they were named."""
    count: int = await transaction.connection.fetchval(
        f"select {AFFECTED_HOMES.format(row='c', tenant='$1')} from cases c"
        " where c.tenant_id = $1 and c.id = $2",
        transaction.tenant_id,
        case_id,
    )
    return count


async def _said(transaction: Transaction, affected: Affected) -> Payload:
    """How many homes, and which buildings; not which homes."""
    rows = await transaction.connection.fetch(
        "select c.name || b.name as name from buildings b join compounds c on c.tenant_id = $1"
        " and c.id = b.compound_id where b.tenant_id = $1 and b.id = any($2)"
        " order by c.name, b.position, b.id",
        transaction.tenant_id,
        list(affected.building_ids),
    )
    parts = ["、".join(row["name"] for row in rows)] if rows else []
    if affected.house_unit_ids:
        parts.append(f"{'另有' if rows else ''}房屋{len(affected.house_unit_ids)}户")
    return Payload(households=len(affected.homes), note=",".join(parts) or "不再登记受影响的楼栋")
