"""Mutations on compounds, buildings and homes."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import strawberry
from strawberry.types import Info

from guanjia.compounds.schema.estates import Building, Compound, HouseUnit, ManagementMode
from guanjia.compounds.service import buildings, estates, homes
from guanjia.db.scope import Scope
from guanjia.graph.filters import known_id
from guanjia.graph.payloads import mutation, payload
from guanjia.graph.scalars import GeoJson


@strawberry.input(description="登记一个小区")
class CreateCompoundInput:
    region_id: strawberry.ID = strawberry.field(description="所在社区(村)")
    name: str
    management_mode: ManagementMode
    address: str | None = None
    household_count: int | None = None
    area_m2: int | None = None
    boundary: GeoJson | None = None


@strawberry.input(description="更改小区:只改给出的各项")
class ChangeCompoundInput:
    id: strawberry.ID
    version: int
    name: str | None = strawberry.UNSET
    management_mode: ManagementMode | None = strawberry.UNSET
    address: str | None = strawberry.UNSET
    household_count: int | None = strawberry.UNSET
    area_m2: int | None = strawberry.UNSET
    boundary: GeoJson | None = strawberry.UNSET


@strawberry.input(description="小区、楼栋;version 为所见的版本")
class EstateStepInput:
    id: strawberry.ID
    version: int


@strawberry.input(description="建楼栋,一次可建多幢")
class CreateBuildingsInput:
    compound_id: strawberry.ID
    names: list[str] = strawberry.field(description="名称或范围,例如 1–12幢")
    floors: int | None = None
    first_sequence: int | None = strawberry.field(
        default=None, description="社区编排的首个顺序号,1–99999;缺省接在最大的之后"
    )


@strawberry.input(description="更改楼栋:只改给出的各项;编号不变")
class ChangeBuildingInput(EstateStepInput):
    name: str | None = strawberry.UNSET
    floors: int | None = strawberry.UNSET


@strawberry.input(description="网格自某日起覆盖这些楼栋")
class AssignGridInput:
    building_ids: list[strawberry.ID]
    grid_id: strawberry.ID | None = strawberry.field(
        default=None, description="为空时不再由网格覆盖"
    )
    from_: dt.date | None = strawberry.field(
        name="from", default=None, description="缺省为今天,不能晚于今天"
    )


@strawberry.input(description="按单元、楼层、每层户数建房屋:5 层第 1 户为 501")
class CreateHouseUnitsInput:
    building_id: strawberry.ID
    last_floor: int
    rooms_per_floor: int
    units: int = strawberry.field(default=0, description="单元数;0 为无单元")
    first_floor: int = 1
    valid_from: dt.date | None = strawberry.field(default=None, description="缺省为今天")


@strawberry.input(description="建一套房屋")
class CreateHouseUnitInput:
    building_id: strawberry.ID
    floor: str = strawberry.field(description="楼层,例如 5、-1、B1")
    room: str = strawberry.field(description="房号,例如 501")
    unit: str | None = strawberry.field(default=None, description="单元,例如 2;无单元时为空")
    estate_code: str | None = None
    area_dm2: int | None = None
    valid_from: dt.date | None = strawberry.field(default=None, description="缺省为今天")


@strawberry.input(description="更改房屋:只改给出的各项")
class ChangeHouseUnitInput(EstateStepInput):
    unit: str | None = strawberry.UNSET
    floor: str | None = strawberry.UNSET
    room: str | None = strawberry.UNSET
    estate_code: str | None = strawberry.UNSET
    area_dm2: int | None = strawberry.UNSET


@strawberry.input(description="注销房屋(合并、拆分、重编号)")
class CloseHouseUnitInput(EstateStepInput):
    valid_to: dt.date | None = strawberry.field(default=None, description="缺省为今天")


@payload
class CompoundPayload:
    """小区"""

    compound: Compound | None


@payload
class BuildingsPayload:
    """楼栋"""

    buildings: list[Building] | None


@payload
class BuildingPayload:
    """楼栋"""

    building: Building | None


@payload
class CreateHouseUnitsPayload:
    """建了多少户"""

    building: Building | None
    created: int | None


@payload
class HouseUnitPayload:
    """房屋"""

    house_unit: HouseUnit | None


def _given(input: Any, *names: str) -> Mapping[str, Any]:
    """What the input gives of these."""
    return {n: getattr(input, n) for n in names if getattr(input, n) is not strawberry.UNSET}


async def _create_compound(
    self: None, info: Info, input: CreateCompoundInput, scope: "Scope"
) -> CompoundPayload:
    context = info.context
    made = await estates.create_compound(
        context.transaction,
        context.actor,
        scope,
        region_id=known_id(input.region_id, "regionId"),
        name=input.name,
        management_mode=input.management_mode,
        described=_given(input, "address", "household_count", "area_m2", "boundary"),
    )
    return CompoundPayload(compound=await context.reader.by_id("Compound", made))


async def _change_compound(
    self: None, info: Info, input: ChangeCompoundInput, scope: "Scope"
) -> CompoundPayload:
    context, compound_id = info.context, known_id(input.id, "id")
    await estates.change_compound(
        context.transaction,
        context.actor,
        scope,
        id=compound_id,
        version=input.version,
        changes=_given(input, *estates.CHANGEABLE),
    )
    return CompoundPayload(compound=await context.reader.by_id("Compound", compound_id))


async def _close_compound(
    self: None, info: Info, input: EstateStepInput, scope: "Scope"
) -> CompoundPayload:
    context, compound_id = info.context, known_id(input.id, "id")
    await estates.close_compound(
        context.transaction, context.actor, scope, id=compound_id, version=input.version
    )
    return CompoundPayload(compound=await context.reader.by_id("Compound", compound_id))


async def _buildings(context: Any, ids: Any) -> list[Any]:
    rows = [await context.reader.by_id("Building", building_id) for building_id in ids]
    return [row for row in rows if row is not None]


async def _create_buildings(
    self: None, info: Info, input: CreateBuildingsInput, scope: "Scope"
) -> BuildingsPayload:
    context = info.context
    made = await buildings.create_buildings(
        context.transaction,
        context.actor,
        scope,
        compound_id=known_id(input.compound_id, "compoundId"),
        names=input.names,
        floors=input.floors,
        first_sequence=input.first_sequence,
    )
    return BuildingsPayload(buildings=await _buildings(context, made))


async def _change_building(
    self: None, info: Info, input: ChangeBuildingInput, scope: "Scope"
) -> BuildingPayload:
    context, building_id = info.context, known_id(input.id, "id")
    await buildings.change_building(
        context.transaction,
        context.actor,
        scope,
        id=building_id,
        version=input.version,
        changes=_given(input, "name", "floors"),
    )
    return BuildingPayload(building=await context.reader.by_id("Building", building_id))


async def _close_building(
    self: None, info: Info, input: EstateStepInput, scope: "Scope"
) -> BuildingPayload:
    context, building_id = info.context, known_id(input.id, "id")
    await buildings.close_building(
        context.transaction,
        context.actor,
        scope,
        id=building_id,
        version=input.version,
        now=context.now,
    )
    return BuildingPayload(building=await context.reader.by_id("Building", building_id))


async def _assign_grid(
    self: None, info: Info, input: AssignGridInput, scope: "Scope"
) -> BuildingsPayload:
    context = info.context
    ids = [known_id(text, "buildingIds") for text in input.building_ids]
    await buildings.assign_grid(
        context.transaction,
        context.actor,
        scope,
        building_ids=ids,
        grid_id=known_id(input.grid_id, "gridId") if input.grid_id else None,
        since=input.from_,
        now=context.now,
    )
    return BuildingsPayload(buildings=await _buildings(context, ids))


async def _create_house_units(
    self: None, info: Info, input: CreateHouseUnitsInput, scope: "Scope"
) -> CreateHouseUnitsPayload:
    context, building_id = info.context, known_id(input.building_id, "buildingId")
    made = await homes.create_house_units(
        context.transaction,
        context.actor,
        scope,
        building_id=building_id,
        homes=homes.pattern(
            input.units, input.first_floor, input.last_floor, input.rooms_per_floor
        ),
        since=input.valid_from,
        now=context.now,
    )
    return CreateHouseUnitsPayload(
        building=await context.reader.by_id("Building", building_id), created=len(made)
    )


async def _create_house_unit(
    self: None, info: Info, input: CreateHouseUnitInput, scope: "Scope"
) -> HouseUnitPayload:
    context = info.context
    made = await homes.create_house_units(
        context.transaction,
        context.actor,
        scope,
        building_id=known_id(input.building_id, "buildingId"),
        homes=[homes.home(input.unit, input.floor, input.room, input.estate_code, input.area_dm2)],
        since=input.valid_from,
        now=context.now,
    )
    return HouseUnitPayload(house_unit=await context.reader.by_id("HouseUnit", made[0]))


async def _change_house_unit(
    self: None, info: Info, input: ChangeHouseUnitInput, scope: "Scope"
) -> HouseUnitPayload:
    context, home_id = info.context, known_id(input.id, "id")
    await homes.change_house_unit(
        context.transaction,
        context.actor,
        scope,
        id=home_id,
        version=input.version,
        changes=_given(input, "unit", "floor", "room", "estate_code", "area_dm2"),
        now=context.now,
    )
    return HouseUnitPayload(house_unit=await context.reader.by_id("HouseUnit", home_id))


async def _close_house_unit(
    self: None, info: Info, input: CloseHouseUnitInput, scope: "Scope"
) -> HouseUnitPayload:
    context, home_id = info.context, known_id(input.id, "id")
    await homes.close_house_unit(
        context.transaction,
        context.actor,
        scope,
        id=home_id,
        version=input.version,
        until=input.valid_to,
        now=context.now,
    )
    return HouseUnitPayload(house_unit=await context.reader.by_id("HouseUnit", home_id))


@strawberry.type
class Mutation:
    create_compound: CompoundPayload = mutation("compound:manage", "登记一个小区")(_create_compound)
    change_compound: CompoundPayload = mutation("compound:manage", "更改小区")(_change_compound)
    close_compound: CompoundPayload = mutation("compound:manage", "关闭小区")(_close_compound)
    create_buildings: BuildingsPayload = mutation("compound:manage", "建楼栋")(_create_buildings)
    change_building: BuildingPayload = mutation("compound:manage", "更改楼栋")(_change_building)
    close_building: BuildingPayload = mutation("compound:manage", "关闭楼栋,其房屋随之注销")(
        _close_building
    )
    assign_grid: BuildingsPayload = mutation("compound:manage", "网格自某日起覆盖楼栋")(
        _assign_grid
    )
    create_house_units: CreateHouseUnitsPayload = mutation(
        "compound:manage", "按单元、楼层、户数建房屋"
    )(_create_house_units)
    create_house_unit: HouseUnitPayload = mutation("compound:manage", "建一套房屋")(
        _create_house_unit
    )
    change_house_unit: HouseUnitPayload = mutation("compound:manage", "更改房屋")(
        _change_house_unit
    )
    close_house_unit: HouseUnitPayload = mutation("compound:manage", "注销房屋")(_close_house_unit)
