"""Compounds, buildings and homes as node types, and their queries."""

import datetime as dt
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.types import Info

from guanjia.compounds import models
from guanjia.compounds.models.butlers import CONTRACT_OF, PARTY_ORGANISATIONS
from guanjia.compounds.models.estates import BUILDING_REACH, COMPOUND_REACH, HOUSE_REACH
from guanjia.compounds.schema.bindings import HouseBinding, VoteHolding
from guanjia.compounds.schema.gridmembers import GridMember, grid_members_field
from guanjia.compounds.schema.households import ResidentHousehold
from guanjia.compounds.service.homes import homes_of
from guanjia.graph.filters import (
    IdFilter,
    RegionFilter,
    by,
    enum_filter,
    filters,
    flag,
    means,
    search,
)
from guanjia.graph.marks import requires
from guanjia.graph.nodes import (
    Connection,
    column,
    connection,
    many,
    node,
    one,
    root_connection,
    root_lookup,
)
from guanjia.graph.scalars import GeoJson
from guanjia.reading.mapping import METADATA, Condition, Links, Unplanned, sorted_by
from guanjia.tenancy.schema import Region, TextFilter

ManagementMode = strawberry.enum(
    models.ManagementMode, name="ManagementMode", description="物业公司、业主自管、社区兜底"
)
ManagementModeFilter = enum_filter(ManagementMode)
if TYPE_CHECKING:
    from guanjia.compounds.schema.butlers import Butler
    from guanjia.compounds.schema.committees import OwnersCommittee
    from guanjia.compounds.schema.companies import PropertyCompany, PropertyContract
    from guanjia.compounds.schema.lists import ListInForce
    from guanjia.compounds.schema.partyorganisations import PartyOrganisation
_SCHEMA = "guanjia.compounds.schema"


@strawberry.input(description="按所在区域筛选,含其全部下级")
class WithinFilter:
    within: strawberry.ID | None = strawberry.UNSET


@filters
class HouseUnitFilter:
    """房屋筛选;各项须同时满足"""

    id: IdFilter = by("id")
    region: WithinFilter = means(within=Condition("within", "region_path"))
    compound: IdFilter = by("compound_id")
    building: IdFilter = by("building_id")
    label: TextFilter = by("label")
    in_force: bool = flag("{row}.valid_to is null", "{row}.valid_to is not null", "现有的")


@node(
    models.HouseUnit,
    read="house:read",
    reach=HOUSE_REACH,
    orders=(sorted_by("LABEL", "label"),),
    filters=HouseUnitFilter,
)
class HouseUnit:
    """房屋(户·室):一个专有部分"""

    id: strawberry.ID = column()
    label: str = column("门牌,例如 3幢2单元501")
    unit: str = column("单元,两位;无单元为 00")
    floor: int = column("楼层;地下为负")
    room: str = column("房号")
    estate_code: str | None = column("不动产单元代码,28 位")
    area_dm2: int | None = column("专有部分面积,0.01 平方米")
    valid_from: dt.date = column("自何日有此房屋")
    valid_to: dt.date | None = column("至何日;仍在时为空")
    version: int = column("版本")
    building: Annotated["Building", strawberry.lazy(__name__)] | None = one(
        "Building", "building_id", "楼栋"
    )
    compound: Annotated["Compound", strawberry.lazy(__name__)] | None = one(
        "Compound", "compound_id", "小区"
    )
    bindings: list[HouseBinding] = many(
        "HouseBinding",
        "house_unit_id",
        (("valid_from", "asc"), ("id", "asc")),
        "有效的绑定",
        where="{row}.valid_to is null",
    )
    households: list[ResidentHousehold] = many(
        "ResidentHousehold",
        "house_unit_id",
        (("valid_from", "asc"), ("id", "asc")),
        "现居住户",
        where="{row}.valid_to is null",
    )
    vote_holdings: list[VoteHolding] = many(
        "VoteHolding", "house_unit_id", (("began_at", "asc"), ("id", "asc")), "历任与现任投票代表"
    )
    grid_members: list[GridMember] = grid_members_field(lambda row: row["building_id"])


@node(
    models.Building,
    read="building:read",
    reach=BUILDING_REACH,
    orders=(sorted_by("POSITION", "position", "int"),),
)
class Building:
    """楼栋"""

    id: strawberry.ID = column()
    code: str = column("编号:社区 12 位加 5 位,网格重划时不变")
    name: str = column("名称,例如 3幢")
    floors: int | None = column("层数")
    active: bool = column("是否有效")
    version: int = column("版本")
    region: Region | None = one(
        "Region", "region_id", "现覆盖它的网格;没有时为社区", through="building:read"
    )
    house_units: Connection[HouseUnit] = connection("HouseUnit", "building_id", "房屋")
    grid_members: list[GridMember] = grid_members_field(lambda row: row["id"])


@filters
class CompoundFilter:
    """小区筛选"""

    id: IdFilter = by("id")
    region: RegionFilter = by("region_id", path="region_path")
    management_mode: ManagementModeFilter = by("management_mode")
    active: bool = flag("{row}.active")
    search: str = search(
        "{row}.search_text", "compound_grams", "compound_id", "名称、地址中的文字,2 到 50 个字"
    )


@node(
    models.Compound,
    read="compound:read",
    reach=COMPOUND_REACH,
    orders=(sorted_by("NAME", "name"),),
    filters=CompoundFilter,
)
class Compound:
    """小区"""

    id: strawberry.ID = column()
    name: str = column("名称")
    address: str = column("地址")
    management_mode: ManagementMode = column("管理方式")
    household_count: int | None = column("户数(户)")
    area_m2: int | None = column("建筑面积(平方米)")
    boundary: GeoJson | None = column("边界")
    active: bool = column("是否有效")
    version: int = column("版本")
    region: Region | None = one("Region", "region_id", "所在社区", through="compound:read")
    buildings: Connection[Building] = connection("Building", "compound_id", "楼栋")
    house_units: Connection[HouseUnit] = connection("HouseUnit", "compound_id", "房屋")
    lists_in_force: Connection[Annotated["ListInForce", strawberry.lazy(f"{_SCHEMA}.lists")]] = (
        connection("ListInForce", "compound_id", "今天有效的清单")
    )
    contract: Annotated["PropertyContract", strawberry.lazy(f"{_SCHEMA}.companies")] | None = one(
        "PropertyContract",
        "id",
        "有效的物业服务合同",
        match="{row}.compound_id = {key}"
        " and daterange({row}.starts_on, {row}.ends_on, '[]') @> {day}",
    )
    company: Annotated["PropertyCompany", strawberry.lazy(f"{_SCHEMA}.companies")] | None = one(
        "PropertyCompany",
        "id",
        "有效合同的物业公司",
        match=f"{{row}}.id = (select k.company_id {CONTRACT_OF % '{key}'})",
    )
    committee: Annotated["OwnersCommittee", strawberry.lazy(f"{_SCHEMA}.committees")] | None = one(
        "OwnersCommittee",
        "id",
        "在任的业主委员会",
        match="{row}.compound_id = {key}"
        " and daterange({row}.term_from, {row}.term_to, '[]') @> {day}",
    )
    party_organisations: list[
        Annotated["PartyOrganisation", strawberry.lazy(f"{_SCHEMA}.partyorganisations")]
    ] = many(
        "PartyOrganisation",
        "id",
        (("name", "asc"), ("id", "asc")),
        "相关的党组织:社区党委、现物业公司的、覆盖其楼栋的网格的、本小区的",
        where="{row}.dissolved_on is null",
        links=Links(PARTY_ORGANISATIONS, "compound_id", "party_organisation_id"),
    )
    butler: Annotated["Butler", strawberry.lazy(f"{_SCHEMA}.butlers")] | None = one(
        "Butler", "id", "小区管家:四个席位"
    )


@strawberry.enum(description="房屋排序:按门牌")
class HouseUnitOrder(Enum):
    LABEL = "LABEL"


@strawberry.enum(description="小区排序:按名称")
class CompoundOrder(Enum):
    NAME = "NAME"


async def _my_homes(self: None, info: Info) -> list[HouseUnit]:
    context = info.context
    async with context.reader.alone() as connection:
        ids = await homes_of(connection, context.tenant_id, context.actor.membership_id)
    found = [await context.reader.by_id("HouseUnit", home) for home in ids]
    return [home for home in found if home is not None]


@strawberry.type
class Query:
    compounds: Connection[Compound] = root_connection(
        Compound,
        permission="compound:read",
        filter_type=CompoundFilter,
        order_type=CompoundOrder,
        description="辖区内的小区",
    )
    compound: Compound | None = root_lookup(
        Compound, permission="compound:read", description="一个小区;不存在或不可读时为空"
    )
    house_units: Connection[HouseUnit] = root_connection(
        HouseUnit,
        permission="house:read",
        filter_type=HouseUnitFilter,
        order_type=HouseUnitOrder,
        description="可读的房屋:辖区内的、本人绑定的",
    )
    house_unit: HouseUnit | None = root_lookup(
        HouseUnit, permission="house:read", description="一套房屋;不存在或不可读时为空"
    )
    my_homes: list[HouseUnit] = strawberry.field(
        resolver=_my_homes,
        description="本人绑定的房屋",
        metadata={METADATA: Unplanned("the homes of whoever asks, found by their bindings")},
        extensions=requires("house:read"),
    )
