"""A routing table is applied, and taken back from tomorrow on."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from guanjia.cases.routingsheet.planning import Step
from guanjia.cases.service.holes import HOLE, Hole, holes, told
from guanjia.cases.service.routes import COLUMNS, INSERT
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.graph.errors import Refusal
from guanjia.imports.kinds import Change, Effect, Place

_LOCK = "select id from case_categories where tenant_id = $1 order by id for no key update"
_END = (
    "update case_routings set valid_until = $3, reason = $4, version = version + 1"
    " where tenant_id = $1 and id = $2 returning version"
)
_RESTORE = (
    "update case_routings set valid_until = $3, reason = null, version = version + 1"
    " where tenant_id = $1 and id = $2"
)
_AS_LEFT = "select * from case_routings where tenant_id = $1 and id = any($2::uuid[]) for update"
_LATER = (
    "select exists (select 1 from case_routings where tenant_id = $1 and id <> all($10::uuid[])"
    " and category_id = $2 and region_id = $3 and basis = $4 and role = $5"
    " and any_level = coalesce($6, '') and slot = $7"
    " and daterange(valid_from, valid_until) && daterange($8::date, $9::date))"
)
_MOMENTS = (
    "select distinct t.category_id, m.day from case_routings t,"
    " unnest(array[t.valid_from, t.valid_until]) m(day)"
    " where t.tenant_id = $1 and t.category_id = any($2::uuid[]) and m.day >= $3"
)
UNDONE = "撤销导入"


async def lock(transaction: Transaction) -> None:
    """Nobody else changes the routing until the transaction ends."""
    await transaction.connection.execute(_LOCK, transaction.tenant_id)


async def write(transaction: Transaction, steps: Sequence[Step], now: dt.datetime) -> list[Effect]:
    """The steps are done; what ends first, so that it makes room. One effect a step: of the row
    that begins, which knows the one in whose place it stands, or of the one that ends; the first
    one knows the holes that were filled."""
    days: dict[UUID, set[dt.date]] = defaultdict(set)
    for step in steps:
        days[step.given.category_id] |= {day for day in (step.given.since, step.on) if day}
    before = await _holes_on(transaction, days)
    effects = await _written(transaction, steps, now)
    filled = {(hole.code, hole.region_path) for hole in before - await _holes_on(transaction, days)}
    if filled:
        first = effects[0]
        effects[0] = replace(first, before={**first.before, "filled": sorted(map(list, filled))})
    return effects


async def _holes_on(
    transaction: Transaction, days: Mapping[UUID, Collection[dt.date]]
) -> set[Hole]:
    found: set[Hole] = set()
    for category, of_category in days.items():
        found |= await holes(transaction.connection, transaction.tenant_id, category, of_category)
    return found


async def _written(
    transaction: Transaction, steps: Iterable[Step], now: dt.datetime
) -> list[Effect]:
    effects = []
    for step in sorted(steps, key=lambda step: step.begins):
        given, before = step.given, {}
        if step.ends is not None:
            until = step.ends["valid_until"]
            version = await transaction.connection.fetchval(
                _END,
                transaction.tenant_id,
                step.ends["id"],
                step.on,
                given.source if step.begins else given.reason,
            )
            before = {
                "ended": str(step.ends["id"]),
                "version": version,
                "until": until and until.isoformat(),
            }
        made = step.ends["id"] if step.ends is not None else None
        if step.begins:
            made = new_id()
            row = {
                **{name: getattr(given, name) for name in _OF_GIVEN},
                "id": made, "valid_from": given.since, "valid_until": given.until,
                "created_at": now,
            }  # fmt: skip
            await transaction.connection.execute(INSERT, *(row[name] for name in COLUMNS))
        assert made is not None
        effects.append(Effect(given.number, made, step.change, before))
    return effects


_OF_GIVEN = (
    "category_id", "region_id", "region_path", "basis", "role", "level", "organisation_id",
    "party_kind", "source",
)  # fmt: skip


async def undo(transaction: Transaction, place: Place, effects: Sequence[Effect]) -> int:
    """From tomorrow on the table is as it was before the list; what was in force up to today stays
    so. Returns how many rows stay as they are, because somebody changed one since. Refusal
    ROUTING_HOLE when that would leave a category without anybody where the list did not fill a
    hole."""
    tomorrow = place.today + dt.timedelta(days=1)
    involved = [effect.id for effect in effects]
    involved += [UUID(e.before["ended"]) for e in effects if "ended" in e.before]
    rows = await transaction.connection.fetch(_AS_LEFT, transaction.tenant_id, involved)
    found = {row["id"]: row for row in rows}
    before = await _all_holes(transaction, rows, tomorrow)
    kept = 0
    for effect in sorted(effects, key=lambda effect: "ended" in effect.before):
        if not await _undone(transaction, effect, found, involved, tomorrow):
            kept += 1
    filled = {tuple(pair) for e in effects for pair in e.before.get("filled", ())}
    left = await _all_holes(transaction, rows, tomorrow) - before
    new = sorted(hole for hole in left if (hole.code, hole.region_path) not in filled)
    if new:
        raise Refusal(HOLE, f"撤销之后,{told(new)},没有撤销;请先登记由谁主办。")
    return kept


async def _undone(
    transaction: Transaction,
    effect: Effect,
    found: Mapping[UUID, Any],
    involved: list[UUID],
    tomorrow: dt.date,
) -> bool:
    """Whether the row's effect could be taken back."""
    run, tenant = transaction.connection, transaction.tenant_id
    began = None if effect.change is Change.REMOVED else found[effect.id]
    if began is not None and began["version"] != 1:
        return False
    if "ended" not in effect.before:
        assert began is not None
        await _stop(transaction, began, tomorrow)
        return True
    ended = found[UUID(effect.before["ended"])]
    until = effect.before["until"] and dt.date.fromisoformat(effect.before["until"])
    if ended["version"] != effect.before["version"]:
        return False
    resumes = max(ended["valid_until"], tomorrow)
    if until is not None and until <= resumes:
        return began is None or await _stop(transaction, began, tomorrow)
    slot = (ended[n] for n in ("category_id", "region_id", "basis", "role", "level", "slot"))
    if await run.fetchval(_LATER, tenant, *slot, resumes, until, involved):
        return False
    if began is not None:
        await _stop(transaction, began, tomorrow)
    if resumes == ended["valid_until"]:
        await run.execute(_RESTORE, tenant, ended["id"], until)
    else:
        # Its last day is over: it is followed by one like it.
        row = {**ended, "id": new_id(), "valid_from": resumes, "valid_until": until,
               "source": UNDONE, "created_at": dt.datetime.now(dt.UTC)}  # fmt: skip
        await run.execute(INSERT, *(row[name] for name in COLUMNS))
    return True


async def _stop(transaction: Transaction, row: Any, tomorrow: dt.date) -> bool:
    """The row never begins, or ends tomorrow."""
    if row["valid_until"] is None or row["valid_until"] > tomorrow:
        on = max(row["valid_from"], tomorrow)
        await transaction.connection.execute(_END, transaction.tenant_id, row["id"], on, UNDONE)
    return True


async def _all_holes(transaction: Transaction, rows: Iterable[Any], first: dt.date) -> set[Hole]:
    categories = {row["category_id"] for row in rows}
    moments = await transaction.connection.fetch(
        _MOMENTS, transaction.tenant_id, list(categories), first
    )
    days = {category: {first} for category in categories}
    for row in moments:
        days[row["category_id"]].add(row["day"])
    return await _holes_on(transaction, days)
