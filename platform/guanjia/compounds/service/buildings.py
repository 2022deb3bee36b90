"""Buildings: made in one go, changed, closed, and covered by a grid from a day on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.compounds import forms
from guanjia.compounds.models.estates import BUILDING_REACH, COMPOUND_REACH
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
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, not_found

LAST_SEQUENCE = 99_999
FOLLOWING = ("house_units", "resident_households", "house_bindings")
"""What lies where its building lies, by `building_id`."""


async def create_buildings(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    compound_id: UUID,
    names: Sequence[str],
    floors: int | None,
    first_sequence: int | None,
) -> list[UUID]:
    """The compound has these buildings, numbered by the community: its code and five digits, from
    `first_sequence` or after the highest so far. No grid covers them yet. Their ids."""
    compound = await open_row(
        transaction, scope, "compounds", COMPOUND_REACH, compound_id, "小区", "compoundId"
    )
    if not compound["active"]:
        raise Refusal(CONFLICT, "该小区已关闭,不能再建楼栋。", ("compoundId",))
    wanted, floors = forms.building_names(list(names)), _floors(floors)
    await _refuse_twins(transaction, compound_id, wanted, "names")
    sequences = await _sequences(transaction, compound["region_id"], len(wanted), first_sequence)
    position: int = await transaction.connection.fetchval(
        "select coalesce(max(position), 0) from buildings where tenant_id = $1"
        " and compound_id = $2",
        transaction.tenant_id,
        compound_id,
    )
    ids = [new_id() for _ in wanted]
    await transaction.connection.execute(
        "insert into buildings (id, compound_id, code, name, position, region_id, region_path,"
        " floors) select u.id, $4, u.code, u.name, $5 + u.n, $6, $7, $8 from"
        " unnest($1::uuid[], $2::text[], $3::text[]) with ordinality u(id, code, name, n)",
        ids, sequences, wanted, compound_id, position, compound["region_id"],
        compound["region_path"], floors,
    )  # fmt: skip
    await record_write(
        transaction, actor, scope, "building.create", compound_id, compound["region_path"],
        compound=compound_id, codes=sequences,
    )  # fmt: skip
    return ids


async def change_building(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    changes: Mapping[str, Any],
) -> None:
    """Name and floors are as `changes` says; the doors of a renamed building bear its name. The
    number stays."""
    building = await _open(transaction, scope, id, version)
    values: dict[str, Any] = {}
    if "name" in changes:
        values["name"] = forms.building_name(changes["name"] or "")
        if values["name"] != building["name"]:
            await _refuse_twins(transaction, building["compound_id"], [values["name"]], "name")
    if "floors" in changes:
        values["floors"] = _floors(changes["floors"])
    await store(transaction, "buildings", id, values)
    if "name" in values:
        await transaction.connection.execute(
            "update house_units set label = $3 || case when unit = '00' then '' else"
            " unit::int || '单元' end || room where tenant_id = $1 and building_id = $2",
            transaction.tenant_id,
            id,
            values["name"],
        )
    await record_write(
        transaction, actor, scope, "building.change", id, building["region_path"],
        fields=sorted(changes),
    )  # fmt: skip


async def close_building(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: dt.datetime,
) -> None:
    """The building is no longer active, its homes end today and no grid covers it any more.
    CONFLICT while somebody is bound to a home in it or lives there."""
    building, today = await _open(transaction, scope, id, version), local_day(now)
    await refuse_inhabited(transaction, "building_id", id)
    await store(transaction, "buildings", id, {"active": False})
    closed: str = await transaction.connection.execute(
        "update house_units set valid_to = greatest($3, valid_from + 1), version = version + 1"
        " where tenant_id = $1 and building_id = $2 and valid_to is null",
        transaction.tenant_id,
        id,
        today,
    )
    await _end_cover(transaction, [id], today)
    await record_write(
        transaction, actor, scope, "building.close", id, building["region_path"],
        homes=int(closed.rsplit(" ", 1)[-1]),
    )  # fmt: skip


async def refuse_inhabited(transaction: Transaction, column: str, row_id: UUID) -> None:
    """CONFLICT while a binding or a household of the home or building is in force."""
    for table, said in (("house_bindings", "绑定"), ("resident_households", "居住户")):
        count = await transaction.connection.fetchval(
            f"select count(*) from {table} where tenant_id = $1 and {column} = $2"
            " and valid_to is null",
            transaction.tenant_id,
            row_id,
        )
        if count:
            raise Refusal(CONFLICT, f"还有 {count} 个有效的{said},请先结束。", ("id",))


async def assign_grid(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    building_ids: Sequence[UUID],
    grid_id: UUID | None,
    since: dt.date | None,
    now: dt.datetime,
) -> None:
    """From `since` the grid covers the buildings, or none does; they and all that is in them lie
    there, and who covered them before stays on record. Their numbers stay."""
    since = past_day(since, now, "from")
    if not 1 <= len(building_ids) <= forms.MOST_BUILDINGS:
        raise Refusal(
            BAD_USER_INPUT, f"一次须给出 1 到 {forms.MOST_BUILDINGS} 幢楼。", ("buildingIds",)
        )
    buildings = [
        await open_row(
            transaction, scope, "buildings", BUILDING_REACH, building_id, "楼栋", "buildingIds"
        )
        # In one order, so that two who assign the same buildings wait for each other.
        for building_id in sorted(set(building_ids))
    ]
    ids = [building["id"] for building in buildings]
    closed = next((building["name"] for building in buildings if not building["active"]), None)
    if closed:
        raise Refusal(CONFLICT, f"楼栋“{closed}”已关闭。", ("buildingIds",))
    grid = await _grid(transaction, scope, ids, grid_id)
    later = await transaction.connection.fetchrow(
        "select b.name, g.valid_from from grid_buildings g join buildings b on b.tenant_id = $1"
        " and b.id = g.building_id where g.tenant_id = $1 and g.building_id = any($2)"
        " and (g.valid_from > $3 or g.valid_to > $3) order by g.valid_from desc limit 1",
        transaction.tenant_id, ids, since,
    )  # fmt: skip
    if later:
        raise Refusal(
            CONFLICT,
            f"“{later['name']}”自 {later['valid_from']} 起已有记录,起始日期不能早于已有的变更。",
            ("from",),
        )
    await _end_cover(transaction, ids, since)
    if grid_id is not None:
        await transaction.connection.execute(
            "insert into grid_buildings (id, building_id, grid_id, valid_from)"
            " select u.id, u.building, $3, $4 from unnest($1::uuid[], $2::uuid[])"
            " u(id, building)",
            [new_id() for _ in ids], ids, grid_id, since,
        )  # fmt: skip
    await place(transaction, ids, grid["id"], grid["path"])
    await record_write(
        transaction, actor, scope, "building.assign_grid", grid["id"], grid["path"],
        buildings=ids, since=since,
    )  # fmt: skip


async def place(
    transaction: Transaction, building_ids: Sequence[UUID], region_id: UUID, path: str
) -> None:
    """The buildings and all that is in them lie in this region."""
    await transaction.connection.execute(
        "update buildings set region_id = $3, region_path = $4, version = version + 1"
        " where tenant_id = $1 and id = any($2)",
        transaction.tenant_id, building_ids, region_id, path,
    )  # fmt: skip
    for table in FOLLOWING:
        await transaction.connection.execute(
            f"update {table} set region_path = $3 where tenant_id = $1 and building_id = any($2)",
            transaction.tenant_id, building_ids, path,
        )  # fmt: skip


async def _open(transaction: Transaction, scope: Scope, id: UUID, version: int) -> Any:
    building = await open_row(
        transaction, scope, "buildings", BUILDING_REACH, id, "楼栋", version=version
    )
    if not building["active"]:
        raise Refusal(CONFLICT, "该楼栋已关闭,不能再修改。", ("id",))
    return building


async def _grid(
    transaction: Transaction, scope: Scope, building_ids: Sequence[UUID], grid_id: UUID | None
) -> Any:
    """The region in which the buildings come to lie: the grid, or without one their community."""
    communities = await transaction.connection.fetch(
        "select distinct r.id, r.path from buildings b join compounds c on c.tenant_id = $1"
        " and c.id = b.compound_id join regions r on r.tenant_id = $1 and r.id = c.region_id"
        " where b.tenant_id = $1 and b.id = any($2)",
        transaction.tenant_id,
        building_ids,
    )
    if len(communities) != 1:
        raise Refusal(BAD_USER_INPUT, "一次只能安排同一社区的楼栋。", ("buildingIds",))
    if grid_id is None:
        return communities[0]
    grid = await transaction.connection.fetchrow(
        "select id, path, level from regions where tenant_id = $1 and id = $2 and valid_to is null",
        transaction.tenant_id,
        grid_id,
    )
    if grid is None or not scope.covering(grid["path"]):
        raise not_found("网格", "gridId")
    if grid["level"] != "GRID" or not grid["path"].startswith(communities[0]["path"]):
        raise Refusal(BAD_USER_INPUT, "须选择楼栋所在社区之内的网格。", ("gridId",))
    return grid


async def _end_cover(transaction: Transaction, building_ids: Sequence[UUID], day: dt.date) -> None:
    """From `day` on no grid covers the buildings; what was to begin that very day never was."""
    for statement in (
        "delete from grid_buildings where tenant_id = $1 and building_id = any($2)"
        " and valid_from = $3",
        "update grid_buildings set valid_to = $3 where tenant_id = $1 and building_id = any($2)"
        " and valid_to is null",
    ):
        await transaction.connection.execute(statement, transaction.tenant_id, building_ids, day)


async def _sequences(
    transaction: Transaction, community_id: UUID, count: int, first: int | None
) -> list[str]:
    """That many 17-digit numbers of the community which no building has."""
    # Two who number buildings of one community wait for each other here.
    code: str = await transaction.connection.fetchval(
        "select code from regions where tenant_id = $1 and id = $2 for no key update",
        transaction.tenant_id,
        community_id,
    )
    if first is None:
        highest = await transaction.connection.fetchval(
            "select max(code) from buildings where tenant_id = $1 and code >= $2 and code <= $3",
            transaction.tenant_id, f"{code}00000", f"{code}99999",
        )  # fmt: skip
        first = int(highest[-5:]) + 1 if highest else 1
    if not 1 <= first <= LAST_SEQUENCE - count + 1:
        raise Refusal(BAD_USER_INPUT, "楼栋顺序号须为 1 到 99999。", ("firstSequence",))
    codes = [f"{code}{sequence:05}" for sequence in range(first, first + count)]
    taken = await transaction.connection.fetchval(
        "select min(code) from buildings where tenant_id = $1 and code = any($2)",
        transaction.tenant_id,
        codes,
    )
    if taken:
        raise Refusal(CONFLICT, f"楼栋编号 {taken} 已被使用。", ("firstSequence",))
    return codes


async def _refuse_twins(
    transaction: Transaction, compound_id: UUID, names: Sequence[str], field: str
) -> None:
    twin = await transaction.connection.fetchval(
        "select min(name) from buildings where tenant_id = $1 and compound_id = $2"
        " and name = any($3) and active",
        transaction.tenant_id,
        compound_id,
        list(names),
    )
    if twin:
        raise Refusal(CONFLICT, f"该小区已有楼栋“{twin}”。", (field,))


def _floors(given: int | None) -> int | None:
    if given is not None and not 1 <= given <= forms.HIGHEST_FLOOR:
        raise Refusal(BAD_USER_INPUT, f"层数须为 1 到 {forms.HIGHEST_FLOOR}。", ("floors",))
    return given
