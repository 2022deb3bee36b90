"""Regions and organisations: node types and queries."""

import datetime as dt
from enum import Enum

import strawberry

from guanjia.graph.filters import (
    IdFilter,
    RegionFilter,
    TextFilter,
    as_of,
    by,
    enum_filter,
    filters,
    flag,
)
from guanjia.graph.nodes import (
    Connection,
    column,
    many,
    node,
    one,
    public_node,
    root_connection,
    root_lookup,
    root_tenant,
)
from guanjia.reading.mapping import Links, sorted_by
from guanjia.tenancy import models

Level = strawberry.enum(models.Level, name="Level", description=models.Level.__doc__)
GridKind = strawberry.enum(models.GridKind, name="GridKind", description=models.GridKind.__doc__)
OrganisationKind = strawberry.enum(
    models.OrganisationKind, name="OrganisationKind", description=models.OrganisationKind.__doc__
)
LevelFilter = enum_filter(Level)
OrganisationKindFilter = enum_filter(OrganisationKind)
BY_AGE = (("valid_from", "asc"), ("id", "asc"))


@filters
class RegionsFilter:
    """区域筛选"""

    region: RegionFilter = by("id", path="path")
    level: LevelFilter = by("level")
    code: TextFilter = by("code")
    in_force: bool = flag("{row}.valid_to is null", "{row}.valid_to is not null")
    as_of: dt.date = as_of("valid_from", "valid_to", "在这一天有效的区域,用于按统计日期取数")


@strawberry.enum(description="区域排序:按树或按代码")
class RegionOrder(Enum):
    TREE = "TREE"
    CODE = "CODE"


@node(models.RegionFormerName, read="region:read", reach=models.FORMER_NAME_REACH)
class RegionFormerName:
    """区域的原名:自上一个原名止(没有的自生效)起,至此日止"""

    id: strawberry.ID = column()
    name: str = column("原名")
    valid_to: dt.date = column("自该日起不再用此名")


@node(
    models.Region,
    read="region:read",
    reach=models.REGION_REACH,
    orders=(
        sorted_by("TREE", "path"),
        sorted_by("CODE", "code"),
    ),
    filters=RegionsFilter,
)
class Region:
    """区域:区县、街道(乡镇)、社区(村)、网格"""

    id: strawberry.ID = column()
    level: Level = column("层级")
    code: str = column("代码:6、9、12 或 15 位;会随年份变动,不作标识")
    name: str = column("现名;统计日的名称见 formerNames")
    grid_kind: GridKind | None = column("网格类别")
    valid_from: dt.date = column("生效日期")
    valid_to: dt.date | None = column("关闭日期,自该日起不再有效;仍有效时为空")
    version: int = column("版本")
    parent: "Region | None" = one("Region", "parent_id", "上级;不在您的辖区时为空")
    children: "list[Region]" = many(
        "Region", "parent_id", (("code", "asc"),), "下级(有效的)", where="{row}.valid_to is null"
    )
    former_names: list[RegionFormerName] = many(
        "RegionFormerName",
        "region_id",
        (("valid_to", "asc"),),
        "原名,按先后;某一天的名称是 validTo 晚于该日的第一个,没有时为现名",
        through="region:read",
    )
    predecessors: "list[Region]" = many(
        "Region",
        "id",
        BY_AGE,
        "由哪些区域变更而来;只列您辖区内的",
        links=Links("region_predecessors", "region_id", "predecessor_id"),
    )
    successors: "list[Region]" = many(
        "Region",
        "id",
        BY_AGE,
        "变更为哪些区域;只列您辖区内的",
        links=Links("region_predecessors", "predecessor_id", "region_id"),
    )


@filters
class OrganisationsFilter:
    """机构筛选"""

    kind: OrganisationKindFilter = by("kind")
    region: RegionFilter = by("region_id", path="region_path")
    id: IdFilter = by("id")


@strawberry.enum(description="机构排序:按名称")
class OrganisationOrder(Enum):
    NAME = "NAME"


@node(
    models.Organisation,
    read="organisation:read",
    reach=models.ORGANISATION_REACH,
    orders=(sorted_by("NAME", "name"),),
    filters=OrganisationsFilter,
)
class Organisation:
    """机构:职能部门、街道办事处、社区、物业公司、外部单位"""

    id: strawberry.ID = column()
    kind: OrganisationKind = column("类别")
    name: str = column("名称")
    active: bool = column("是否有效")
    version: int = column("版本")
    region: Region | None = one("Region", "region_id", through="organisation:read")


@public_node(models.Tenant, "登录页需要显示区县名称")
class Tenant:
    """租户:一个区县"""

    slug: str = column()
    code: str = column()
    name: str = column()


@strawberry.type
class Query:
    tenant: Tenant | None = root_tenant(
        Tenant, reason="登录页需要显示区县名称", description="请求所指的租户"
    )
    regions: Connection[Region] = root_connection(
        Region,
        permission="region:read",
        filter_type=RegionsFilter,
        order_type=RegionOrder,
        description="辖区内的区域",
    )
    region: Region | None = root_lookup(
        Region, permission="region:read", description="一个区域;不存在或不在辖区时为空"
    )
    organisations: Connection[Organisation] = root_connection(
        Organisation,
        permission="organisation:read",
        filter_type=OrganisationsFilter,
        order_type=OrganisationOrder,
        description="辖区内的机构",
    )
    organisation: Organisation | None = root_lookup(
        Organisation, permission="organisation:read", description="一个机构"
    )
