"""Grids and organisations that people make, rename and close."""

from uuid import UUID

import strawberry
from strawberry.types import Info

from guanjia.audit.replay import keyed
from guanjia.db.scope import Scope
from guanjia.graph.filters import known_id
from guanjia.graph.payloads import mutation, payload
from guanjia.tenancy import organisations, regions
from guanjia.tenancy.models import LOCAL
from guanjia.tenancy.schema.types import Organisation, OrganisationKind, Region

KEY = "同一键重复提交只生效一次"


@strawberry.input(description="在社区内划网格")
class CreateGridInput:
    community_id: strawberry.ID
    name: str
    sequence: int = strawberry.field(description="1–899 基础网格,901–999 专属网格")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="网格更名")
class RenameGridInput:
    id: strawberry.ID
    version: int
    name: str


@strawberry.input(description="关闭网格")
class CloseGridInput:
    id: strawberry.ID
    version: int
    successor_id: strawberry.ID | None = strawberry.field(
        default=None, description="同一社区内承接的网格;授权与机构随之转入"
    )


@payload
class CreateGridPayload:
    """新网格"""

    region: Region | None


@payload
class GridPayload:
    """网格"""

    region: Region | None


@strawberry.input(description="登记物业公司或外部单位")
class CreateOrganisationInput:
    kind: OrganisationKind
    name: str
    region_id: strawberry.ID
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="机构更名;街道、社区、部门的名称随区划和租户文件")
class RenameOrganisationInput:
    id: strawberry.ID
    version: int
    name: str


@strawberry.input(description="停用机构;尚有未办结的案件时不能停用")
class CloseOrganisationInput:
    id: strawberry.ID
    version: int


@payload
class CreateOrganisationPayload:
    """新机构"""

    organisation: Organisation | None


@payload
class OrganisationPayload:
    """机构"""

    organisation: Organisation | None


async def _create_grid(
    self: None, info: Info, input: CreateGridInput, scope: "Scope"
) -> CreateGridPayload:
    context = info.context

    async def create() -> UUID:
        return await regions.create_grid(
            context.transaction,
            context.actor,
            scope,
            community_id=known_id(input.community_id, "communityId"),
            name=input.name,
            sequence=input.sequence,
            today=context.now.astimezone(LOCAL).date(),
        )

    me = context.actor.membership_id
    grid = await keyed(context.transaction, me, "createGrid", input, create)
    return CreateGridPayload(region=await context.reader.by_id("Region", grid))


async def _rename_grid(
    self: None, info: Info, input: RenameGridInput, scope: "Scope"
) -> GridPayload:
    context = info.context
    grid = await regions.rename_grid(
        context.transaction,
        context.actor,
        scope,
        grid_id=known_id(input.id, "id"),
        name=input.name,
        version=input.version,
        today=context.now.astimezone(LOCAL).date(),
    )
    return GridPayload(region=await context.reader.by_id("Region", grid))


async def _close_grid(self: None, info: Info, input: CloseGridInput, scope: "Scope") -> GridPayload:
    context = info.context
    successor = input.successor_id
    grid = await regions.close_grid(
        context.transaction,
        context.actor,
        scope,
        grid_id=known_id(input.id, "id"),
        version=input.version,
        successor_id=None if successor is None else known_id(successor, "successorId"),
        today=context.now.astimezone(LOCAL).date(),
    )
    return GridPayload(region=await context.reader.by_id("Region", grid))


async def _create_organisation(
    self: None, info: Info, input: CreateOrganisationInput, scope: "Scope"
) -> CreateOrganisationPayload:
    context = info.context

    async def create() -> UUID:
        return await organisations.create_company(
            context.transaction,
            context.actor,
            scope,
            kind=input.kind,
            name=input.name,
            region_id=known_id(input.region_id, "regionId"),
        )

    me = context.actor.membership_id
    made = await keyed(context.transaction, me, "createOrganisation", input, create)
    return CreateOrganisationPayload(organisation=await context.reader.by_id("Organisation", made))


async def _rename_organisation(
    self: None, info: Info, input: RenameOrganisationInput, scope: "Scope"
) -> OrganisationPayload:
    context = info.context
    renamed = await organisations.rename_organisation(
        context.transaction,
        context.actor,
        scope,
        organisation_id=known_id(input.id, "id"),
        name=input.name,
        version=input.version,
    )
    return OrganisationPayload(organisation=await context.reader.by_id("Organisation", renamed))


async def _close_organisation(
    self: None, info: Info, input: CloseOrganisationInput, scope: "Scope"
) -> OrganisationPayload:
    context = info.context
    closed = await organisations.close_organisation(
        context.transaction,
        context.actor,
        scope,
        organisation_id=known_id(input.id, "id"),
        version=input.version,
    )
    return OrganisationPayload(organisation=await context.reader.by_id("Organisation", closed))


@strawberry.type
class Mutation:
    create_grid: CreateGridPayload = mutation("region:manage", "在社区内划一个网格")(_create_grid)
    rename_grid: GridPayload = mutation("region:manage", "网格更名;标识与代码不变")(_rename_grid)
    close_grid: GridPayload = mutation(
        "region:manage", "关闭网格;尚有授权、机构或未办结案件时须指定承接的网格"
    )(_close_grid)
    create_organisation: CreateOrganisationPayload = mutation(
        "organisation:manage", "登记一个物业公司或外部单位"
    )(_create_organisation)
    rename_organisation: OrganisationPayload = mutation("organisation:manage", "机构更名")(
        _rename_organisation
    )
    close_organisation: OrganisationPayload = mutation("organisation:manage", "停用机构")(
        _close_organisation
    )
