"""Rows of the routing table are added, end, and are followed by others; what was in force stays.

A change that would leave a community with a category that nobody owns is refused with the pairs,
unless it names who follows.
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.cases import inputs
from guanjia.cases.machine import MISSING_DATA
from guanjia.cases.models import CATEGORY_REACH
from guanjia.cases.reasons import AssignmentRole, Level
from guanjia.cases.routing import Basis, PartyKind
from guanjia.cases.service.holes import HOLE, Hole, holes, told
from guanjia.compounds.service.opening import local_day, open_row, record_write, span
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, not_found

FARTHEST = dt.timedelta(days=3 * 366)
NO_ACCOUNT = "外部单位没有账号,只能协办,不能主办。"
COLUMNS = (
    "id", "category_id", "region_id", "region_path", "basis", "role", "level", "organisation_id",
    "party_kind", "valid_from", "valid_until", "source", "created_at",
)  # fmt: skip
INSERT = (
    f"insert into case_routings ({', '.join(COLUMNS)})"
    f" values ({', '.join(f'${n}' for n in range(1, len(COLUMNS) + 1))})"
)
_OVERLAP = (
    "select valid_from, valid_until from case_routings where tenant_id = $1 and category_id = $2"
    " and region_id = $3 and basis = $4 and role = $5 and any_level = coalesce($6, '')"
    " and slot = case when $5 = 'LEAD' then '' else coalesce($7::uuid::text, $8) end"
    " and id is distinct from $9"
    " and daterange(valid_from, valid_until) && daterange($10::date, $11::date) limit 1"
)
_MOMENTS = (
    "select distinct m.day from case_routings t, unnest(array[t.valid_from, t.valid_until]) m(day)"
    " where t.tenant_id = $1 and t.category_id = $2 and m.day >= $3"
)


async def add_routing(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    category_id: UUID,
    region_id: UUID,
    basis: Basis,
    role: AssignmentRole,
    valid_from: dt.date,
    source: str,
    now: dt.datetime,
    level: Level | None = None,
    organisation_id: UUID | None = None,
    party_kind: PartyKind | None = None,
    valid_until: dt.date | None = None,
) -> UUID:
    """The row is in force from a day that is not past, until another (exclusive) if there is one.
    Returns its id. CONFLICT when such a row is in force on one of the days already."""
    await _locked(transaction, category_id, "categoryId")
    region = await transaction.connection.fetchrow(
        "select path from regions where tenant_id = $1 and id = $2 and valid_to is null",
        transaction.tenant_id,
        region_id,
    )
    if region is None or not scope.covering(region["path"]):
        raise not_found("区域", "regionId")
    _within_reason(valid_from, local_day(now), now, "validFrom")
    if valid_until is not None:
        _within_reason(valid_until, valid_from + dt.timedelta(days=1), now, "validUntil")
    row = {
        "id": new_id(),
        "category_id": category_id,
        "region_id": region_id,
        "region_path": region["path"],
        "basis": basis,
        "role": role,
        "level": level,
        **await _target(transaction, role, organisation_id, party_kind),
        "valid_from": valid_from,
        "valid_until": valid_until,
        "source": _needed(source, "依据", "source"),
        "created_at": now,
    }
    await _insert(transaction, row, "validFrom")
    return await record_write(
        transaction, actor, scope, "case_routing.add", row["id"], region["path"],
        category=category_id, basis=basis, role=role, level=level,
        organisation=organisation_id or party_kind, since=valid_from, until=valid_until,
    )  # fmt: skip


async def change_routing(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    on: dt.date,
    source: str,
    now: dt.datetime,
    organisation_id: UUID | None = None,
    party_kind: PartyKind | None = None,
) -> UUID:
    """From this day, tomorrow or later, another organisation stands in the row's place until the
    row would have ended. Returns the id of the row that follows."""
    old = await _open(transaction, scope, id, version)
    why = _needed(source, "依据", "source")
    before = await _holes(transaction, old, on)
    await _end(transaction, old, on, why, now)
    target = await _target(transaction, AssignmentRole(old["role"]), organisation_id, party_kind)
    return await _followed(transaction, actor, scope, old, target, on, why, before, now)


async def end_routing(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    on: dt.date,
    reason: str,
    now: dt.datetime,
    successor_id: UUID | None = None,
    successor_kind: PartyKind | None = None,
) -> UUID:
    """The row is not in force any more from this day, tomorrow or later; a row that has not begun
    can be taken back. Refusal ROUTING_HOLE with the pairs that nobody would own then, unless a
    successor is named, who stands in its place. Returns the row's id, or its successor's."""
    old = await _open(transaction, scope, id, version)
    why = _needed(reason, "理由", "reason")
    before = await _holes(transaction, old, on)
    await _end(transaction, old, on, why, now)
    if successor_id is not None or successor_kind is not None:
        role = AssignmentRole(old["role"])
        target = await _target(transaction, role, successor_id, successor_kind, "successor")
        return await _followed(transaction, actor, scope, old, target, on, why, before, now)
    await _refuse_holes(transaction, old, on, before)
    return await record_write(
        transaction, actor, scope, "case_routing.end", id, old["region_path"], on=on, reason=why
    )


async def _followed(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    old: Any,
    target: dict[str, Any],
    on: dt.date,
    why: str,
    before: set[Hole],
    now: dt.datetime,
) -> UUID:
    """The row that stands in the place of one that ended."""
    kept = {name: old[name] for name in COLUMNS}
    since = max(on, old["valid_from"] or on)
    row = {**kept, **target, "id": new_id(), "valid_from": since, "source": why, "created_at": now}
    await _insert(transaction, row, "on")
    await _refuse_holes(transaction, old, on, before)
    return await record_write(
        transaction, actor, scope, "case_routing.change", row["id"], old["region_path"],
        instead_of=old["id"], on=on, organisation=target["organisation_id"] or target["party_kind"],
        reason=why,
    )  # fmt: skip


async def _insert(transaction: Transaction, row: dict[str, Any], field: str) -> None:
    found = await transaction.connection.fetchrow(
        _OVERLAP,
        transaction.tenant_id,
        *(row[name] for name in ("category_id", "region_id", "basis", "role", "level")),
        *(row[name] for name in ("organisation_id", "party_kind", "id")),
        *(row[name] for name in ("valid_from", "valid_until")),
    )
    if found is not None:
        raise Refusal(
            CONFLICT,
            f"同一类别、区域、层级和依据已有{in_force(*found)}的路由,"
            "请先终止它,或改用“自某日起变更”。",
            (field,),
        )
    await transaction.connection.execute(INSERT, *(row[name] for name in COLUMNS))


async def _open(transaction: Transaction, scope: Scope, routing_id: UUID, version: int) -> Any:
    row = await open_row(
        transaction, scope, "case_routings", CATEGORY_REACH, routing_id, "路由", version=version
    )
    if not scope.covering(row["region_path"]):
        raise not_found("路由", "id")
    await _locked(transaction, row["category_id"], "id")
    return row


async def _locked(transaction: Transaction, category_id: UUID, field: str) -> None:
    """Nobody else changes the routing of the category until the transaction ends."""
    found = await transaction.connection.fetchval(
        "select id from case_categories where tenant_id = $1 and id = $2 for no key update",
        transaction.tenant_id,
        category_id,
    )
    if found is None:
        raise not_found("案件类别", field)


async def _end(transaction: Transaction, row: Any, on: dt.date, why: str, now: dt.datetime) -> None:
    """Cases of today were dispatched by the row as it is, so it ends tomorrow at the earliest."""
    today = local_day(now)
    _within_reason(on, today + dt.timedelta(days=1), now, "on")
    begins, ends = row["valid_from"], row["valid_until"]
    if ends is not None and ends <= on:
        raise Refusal(BAD_USER_INPUT, f"该路由至 {ends} 为止,不能再自 {on} 起变更。", ("on",))
    await transaction.connection.execute(
        "update case_routings set valid_until = $3, reason = $4, version = version + 1"
        " where tenant_id = $1 and id = $2",
        transaction.tenant_id,
        row["id"],
        on if begins is None or begins < on else begins,
        why,
    )


async def _target(
    transaction: Transaction,
    role: AssignmentRole,
    organisation_id: UUID | None,
    party_kind: PartyKind | None,
    field: str = "organisation",
) -> dict[str, Any]:
    """One of the two, checked: an organisation that is open and may do it, or a kind of one."""
    if (organisation_id is None) == (party_kind is None):
        raise Refusal(
            BAD_USER_INPUT, "请指明单位,或按地点确定的单位类别,两者择一。", (f"{field}Id",)
        )
    if organisation_id is not None:
        kind = await transaction.connection.fetchval(
            "select kind from organisations where tenant_id = $1 and id = $2 and active for share",
            transaction.tenant_id,
            organisation_id,
        )
        if kind is None:
            raise not_found("单位", f"{field}Id")
        if kind == "EXTERNAL_PARTY" and role is AssignmentRole.LEAD:
            raise Refusal(BAD_USER_INPUT, NO_ACCOUNT, (f"{field}Id",))
    return {"organisation_id": organisation_id, "party_kind": party_kind}


async def _holes(transaction: Transaction, row: Any, on: dt.date) -> set[Hole]:
    """The holes in the row's category on this day and on every later day on which a row of it
    begins or ends."""
    moments = await transaction.connection.fetch(
        _MOMENTS, transaction.tenant_id, row["category_id"], on
    )
    return await holes(
        transaction.connection,
        transaction.tenant_id,
        row["category_id"],
        {on, *(moment["day"] for moment in moments)},
    )


async def _refuse_holes(transaction: Transaction, row: Any, on: dt.date, before: set[Hole]) -> None:
    new = sorted(await _holes(transaction, row, on) - before)
    if new:
        raise Refusal(HOLE, f"{told(new)};请同时指明接替的单位。", ("on",))


def in_force(since: dt.date | None, until: dt.date | None) -> str:
    """The days of a row in words."""
    if since is None:
        return f"至 {until} 有效" if until else "一直有效"
    return span(since, until)


def _within_reason(day: dt.date, earliest: dt.date, now: dt.datetime, field: str) -> None:
    if not earliest <= day <= local_day(now) + FARTHEST:
        raise Refusal(
            BAD_USER_INPUT,
            f"日期须不早于 {earliest},且在今后三年之内;过去的路由不能更改。",
            (field,),
        )


def _needed(value: str, label: str, field: str) -> str:
    given = inputs.line(value, label, field)
    if not given:
        raise Refusal(MISSING_DATA, f"请填写{label}。", (field,))
    return given
