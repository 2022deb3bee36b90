"""Homes: made from a pattern or one by one, changed, closed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.compounds import forms
from guanjia.compounds.models.estates import BUILDING_REACH, HOUSE_REACH
from guanjia.compounds.service.buildings import refuse_inhabited
from guanjia.compounds.service.opening import (
    local_day,
    open_row,
    past_day,
    record_write,
    store,
)
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal

MOST_HOMES = 2_000
LARGEST_DM2 = 10_000_000
_TAKEN = """
select min(h.label) from unnest($3::text[], $4::int[], $5::text[]) u(unit, floor, room)
join house_units h on h.tenant_id = $1 and h.building_id = $2 and h.unit = u.unit
  and h.floor = u.floor and h.room = u.room and (h.valid_to is null or h.valid_to > $6)
  and h.id is distinct from $7
"""


@dataclass(frozen=True, slots=True)
class Home:
    """A home in its normal form."""

    unit: str
    floor: int
    room: str
    estate_code: str | None = None
    area_dm2: int | None = None


def pattern(units: int, first_floor: int, last_floor: int, rooms: int) -> list[Home]:
    """Every room of every floor of every unit; room 1 on floor 5 is 501. No units: 0."""
    if not 0 <= units <= 20:
        raise Refusal(BAD_USER_INPUT, "单元数须为 0(无单元)到 20。", ("units",))
    if not 1 <= first_floor <= last_floor <= forms.HIGHEST_FLOOR:
        raise Refusal(
            BAD_USER_INPUT, f"楼层须从 1 到 {forms.HIGHEST_FLOOR},由低到高。", ("lastFloor",)
        )
    if not 1 <= rooms <= 50:
        raise Refusal(BAD_USER_INPUT, "每层户数须为 1 到 50。", ("roomsPerFloor",))
    count = max(units, 1) * (last_floor - first_floor + 1) * rooms
    if count > MOST_HOMES:
        raise Refusal(
            BAD_USER_INPUT, f"一次最多建 {MOST_HOMES} 户,现为 {count} 户。", ("roomsPerFloor",)
        )
    return [
        Home(f"{unit:02}", floor, f"{floor}{room:02}")
        for unit in (range(1, units + 1) if units else (0,))
        for floor in range(first_floor, last_floor + 1)
        for room in range(1, rooms + 1)
    ]


def home(unit: str | None, floor: str, room: str, code: str | None, area_dm2: int | None) -> Home:
    """One home as somebody wrote it."""
    return Home(
        forms.unit(unit),
        forms.floor(floor),
        forms.room(room),
        forms.estate_code(code),
        _area(area_dm2),
    )


async def create_house_units(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    building_id: UUID,
    homes: Sequence[Home],
    since: dt.date | None,
    now: dt.datetime,
) -> list[UUID]:
    """The building has these homes from `since`; their ids. CONFLICT when it has one of them."""
    building = await open_row(
        transaction, scope, "buildings", BUILDING_REACH, building_id, "楼栋", "buildingId"
    )
    if not building["active"]:
        raise Refusal(CONFLICT, "该楼栋已关闭,不能再建房屋。", ("buildingId",))
    since = past_day(since, now, "validFrom")
    await _refuse_taken(transaction, building_id, homes, since)
    ids = [new_id() for _ in homes]
    await transaction.connection.execute(
        "insert into house_units (id, building_id, compound_id, region_path, unit, floor, room,"
        " label, estate_code, area_dm2, valid_from)"
        " select u.id, $8, $9, $10, u.unit, u.floor, u.room, u.label, u.code, u.area, $11 from"
        " unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[],"
        " $7::int[]) u(id, unit, floor, room, label, code, area)",
        ids,
        [h.unit for h in homes],
        [h.floor for h in homes],
        [h.room for h in homes],
        [forms.label(building["name"], h.unit, h.room) for h in homes],
        [h.estate_code for h in homes],
        [h.area_dm2 for h in homes],
        building_id,
        building["compound_id"],
        building["region_path"],
        since,
    )
    await record_write(
        transaction, actor, scope, "house_unit.create", building_id, building["region_path"],
        building=building_id, homes=len(ids),
    )  # fmt: skip
    return ids


async def change_house_unit(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    changes: Mapping[str, Any],
    now: dt.datetime,
) -> None:
    """What `changes` names of unit, floor, room, estate_code and area_dm2 is as it says."""
    row = await _open(transaction, scope, id, version)
    readers: dict[str, Callable[[Any], Any]] = {
        "unit": forms.unit,
        "floor": forms.floor,
        "room": forms.room,
        "estate_code": forms.estate_code,
        "area_dm2": _area,
    }
    values: dict[str, Any] = {}
    for name, given in changes.items():
        if given is None and name in ("floor", "room"):
            raise Refusal(BAD_USER_INPUT, "楼层、房号不能为空。", (name,))
        values[name] = readers[name](given)
    key = {part: values.get(part, row[part]) for part in ("unit", "floor", "room")}
    await _refuse_taken(
        transaction, row["building_id"], [Home(**key)], row["valid_from"], apart_from=id
    )
    building = await transaction.connection.fetchval(
        "select name from buildings where tenant_id = $1 and id = $2",
        transaction.tenant_id,
        row["building_id"],
    )
    values["label"] = forms.label(building, key["unit"], key["room"])
    await store(transaction, "house_units", id, values)
    await record_write(
        transaction, actor, scope, "house_unit.change", id, row["region_path"],
        fields=sorted(changes),
    )  # fmt: skip


async def close_house_unit(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    until: dt.date | None,
    now: dt.datetime,
) -> None:
    """The home is there until `until`, that day not counted; its number may be given again.
    CONFLICT while somebody is bound to it or lives in it."""
    row = await _open(transaction, scope, id, version)
    if until is None:
        # A home of today was entered by mistake: it has this one day.
        until = max(local_day(now), row["valid_from"] + dt.timedelta(days=1))
    elif past_day(until, now, "validTo") <= row["valid_from"]:
        raise Refusal(BAD_USER_INPUT, "结束日期须晚于起始日期。", ("validTo",))
    await refuse_inhabited(transaction, "house_unit_id", id)
    await store(transaction, "house_units", id, {"valid_to": until})
    await record_write(transaction, actor, scope, "house_unit.close", id, row["region_path"])


async def open_home(
    transaction: Transaction, scope: Scope, id: UUID, field: str = "houseUnitId"
) -> Any:
    """The home in scope and in force, locked."""
    row = await open_row(transaction, scope, "house_units", HOUSE_REACH, id, "房屋", field)
    if row["valid_to"] is not None:
        raise Refusal(CONFLICT, "该房屋已注销,不能再办理。", (field,))
    return row


async def homes_of(connection: Any, tenant_id: UUID, membership_id: UUID) -> list[UUID]:
    """The homes to which whoever logs in as this member is bound."""
    rows = await connection.fetch(
        "select b.house_unit_id from persons p join house_bindings b on b.tenant_id = $1"
        " and b.person_id = p.id and b.valid_to is null where p.tenant_id = $1"
        " and p.membership_id = $2 order by b.valid_from, b.id",
        tenant_id,
        membership_id,
    )
    return [row["house_unit_id"] for row in rows]


async def _open(transaction: Transaction, scope: Scope, id: UUID, version: int) -> Any:
    row = await open_home(transaction, scope, id, "id")
    if row["version"] != version:
        raise Refusal(CONFLICT, "该房屋已被他人修改,请刷新后重试。", ("version",))
    return row


async def _refuse_taken(
    transaction: Transaction,
    building_id: UUID,
    homes: Sequence[Home],
    since: dt.date,
    apart_from: UUID | None = None,
) -> None:
    taken = await transaction.connection.fetchval(
        _TAKEN, transaction.tenant_id, building_id, [h.unit for h in homes],
        [h.floor for h in homes], [h.room for h in homes], since, apart_from,
    )  # fmt: skip
    if taken:
        raise Refusal(CONFLICT, f"房屋“{taken}”在此期间已存在。", ("room",))


def _area(given: int | None) -> int | None:
    if given is not None and not 1 <= given <= LARGEST_DM2:
        raise Refusal(BAD_USER_INPUT, "面积须为正数,单位 0.01 平方米。", ("areaDm2",))
    return given
