"""Resident households in the API."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.types import Info

from guanjia.compounds import models
from guanjia.compounds.models.households import HOUSEHOLD_MEMBER_REACH, HOUSEHOLD_REACH
from guanjia.compounds.service import households
from guanjia.db.scope import Scope
from guanjia.graph.filters import known_id
from guanjia.graph.nodes import column, many, node, one
from guanjia.graph.payloads import mutation, payload
from guanjia.people.schema.types import Person

Occupancy = strawberry.enum(
    models.Occupancy, name="Occupancy", description="产权人自住、承租、借住"
)
HouseholdRelation = strawberry.enum(
    models.HouseholdRelation,
    name="HouseholdRelation",
    description="户主、配偶、子女、父母、其他亲属、非亲属",
)
if TYPE_CHECKING:
    from guanjia.compounds.schema.estates import HouseUnit
HouseUnitRef = Annotated["HouseUnit", strawberry.lazy("guanjia.compounds.schema.estates")]


@node(models.HouseholdMember, read="household:read", reach=HOUSEHOLD_MEMBER_REACH)
class HouseholdMember:
    """居住户成员"""

    id: strawberry.ID = column()
    relation: HouseholdRelation = column("与户主的关系")
    valid_from: dt.date = column("自何日")
    valid_to: dt.date | None = column("至何日;仍在时为空")
    person: Person | None = one(
        "Person", "person_id", "何人;姓名依权限遮盖", through="household:read"
    )


@node(models.ResidentHousehold, read="household:read", reach=HOUSEHOLD_REACH)
class ResidentHousehold:
    """居住户:同住一处的人;不是房屋,也不是救助的共同生活家庭"""

    id: strawberry.ID = column()
    occupancy: Occupancy = column("自住、承租、借住")
    valid_from: dt.date = column("迁入日期")
    valid_to: dt.date | None = column("迁出日期;仍在时为空")
    version: int = column("版本")
    house_unit: HouseUnitRef | None = one("HouseUnit", "house_unit_id", "房屋")
    members: list[HouseholdMember] = many(
        "HouseholdMember",
        "household_id",
        (("valid_from", "asc"), ("id", "asc")),
        "成员,含已迁出的",
        through="household:read",
    )


@strawberry.input(description="居住户的一名成员")
class HouseholdMemberInput:
    person_id: strawberry.ID
    relation: HouseholdRelation


@strawberry.input(description="登记一个居住户,须有一名户主")
class CreateHouseholdInput:
    house_unit_id: strawberry.ID
    occupancy: Occupancy
    members: list[HouseholdMemberInput]
    valid_from: dt.date | None = strawberry.field(default=None, description="缺省为今天")


@strawberry.input(description="居住户增加一名成员")
class AddHouseholdMemberInput:
    id: strawberry.ID
    version: int
    person_id: strawberry.ID
    relation: HouseholdRelation
    valid_from: dt.date | None = strawberry.field(default=None, description="缺省为今天")


@strawberry.input(description="居住户迁出")
class CloseHouseholdInput:
    id: strawberry.ID
    version: int
    valid_to: dt.date | None = strawberry.field(default=None, description="缺省为今天")


@payload
class HouseholdPayload:
    """居住户"""

    household: ResidentHousehold | None


async def _create(
    self: None, info: Info, input: CreateHouseholdInput, scope: "Scope"
) -> HouseholdPayload:
    context = info.context
    made = await households.create_household(
        context.transaction,
        context.actor,
        scope,
        await context.scope("person:read"),
        house_unit_id=known_id(input.house_unit_id, "houseUnitId"),
        occupancy=input.occupancy,
        members=[(known_id(m.person_id, "members"), m.relation) for m in input.members],
        since=input.valid_from,
        now=context.now,
    )
    return HouseholdPayload(household=await context.reader.by_id("ResidentHousehold", made))


async def _add(
    self: None, info: Info, input: AddHouseholdMemberInput, scope: "Scope"
) -> HouseholdPayload:
    context, household_id = info.context, known_id(input.id, "id")
    await households.add_household_member(
        context.transaction,
        context.actor,
        scope,
        await context.scope("person:read"),
        id=household_id,
        version=input.version,
        person_id=known_id(input.person_id, "personId"),
        relation=input.relation,
        since=input.valid_from,
        now=context.now,
    )
    return HouseholdPayload(household=await context.reader.by_id("ResidentHousehold", household_id))


async def _close(
    self: None, info: Info, input: CloseHouseholdInput, scope: "Scope"
) -> HouseholdPayload:
    context, household_id = info.context, known_id(input.id, "id")
    await households.close_household(
        context.transaction,
        context.actor,
        scope,
        id=household_id,
        version=input.version,
        until=input.valid_to,
        now=context.now,
    )
    return HouseholdPayload(household=await context.reader.by_id("ResidentHousehold", household_id))


@strawberry.type
class Mutation:
    create_household: HouseholdPayload = mutation("household:manage", "登记一个居住户")(_create)
    add_household_member: HouseholdPayload = mutation("household:manage", "居住户增加一名成员")(
        _add
    )
    close_household: HouseholdPayload = mutation("household:manage", "居住户迁出")(_close)
