"""Party organisations in the API."""

import datetime as dt
from enum import Enum
from typing import Any

import strawberry

from guanjia.compounds import models
from guanjia.compounds.models.partyorganisations import PARTY_POST_REACH, PARTY_REACH
from guanjia.compounds.schema.committees import EndTenureInput
from guanjia.compounds.schema.companies import PropertyCompany
from guanjia.compounds.schema.estates import Compound
from guanjia.compounds.schema.writing import HOLDER_NAME, writes
from guanjia.compounds.service import partyorganisations as service
from guanjia.graph.filters import IdFilter, by, enum_filter, filters, flag
from guanjia.graph.nodes import (
    Connection,
    column,
    derived,
    many,
    node,
    one,
    root_connection,
    root_lookup,
)
from guanjia.graph.payloads import payload
from guanjia.people.schema.types import NAME, Person
from guanjia.reading.mapping import sorted_by
from guanjia.tenancy.schema import Region

PartyKind = strawberry.enum(
    models.PartyKind,
    name="PartyKind",
    description="社区党委、物业党支部、网格党支部、楼栋党小组、联合党支部、小区党支部",
)
PartyPostKind = strawberry.enum(
    models.PartyPostKind,
    name="PartyPostKind",
    description="书记、副书记、委员、党小组组长、党建指导员",
)
PartyKindFilter = enum_filter(PartyKind)
UNSET: Any = strawberry.UNSET


@node(models.PartyPost, read="party:read", reach=PARTY_POST_REACH)
class PartyPost:
    """党内任职"""

    id: strawberry.ID = column()
    post: PartyPostKind = column("职务")
    name: str = derived(HOLDER_NAME, "姓名,已遮盖;完整姓名见 person", protection=NAME)
    valid_from: dt.date = column("任职自何日")
    valid_to: dt.date | None = column("自何日起不再任职;在任时为空")
    version: int = column("版本")
    person: Person | None = one("Person", "person_id", "此人;不在您可读的范围时为空")


@filters
class PartyOrganisationFilter:
    """党组织筛选"""

    id: IdFilter = by("id")
    kind: PartyKindFilter = by("kind")
    parent: IdFilter = by("parent_id")
    company: IdFilter = by("company_id")
    compound: IdFilter = by("compound_id")
    active: bool = flag("{row}.dissolved_on is null", "{row}.dissolved_on is not null")


@node(
    models.PartyOrganisation,
    read="party:read",
    reach=PARTY_REACH,
    orders=(sorted_by("NAME", "name"),),
    filters=PartyOrganisationFilter,
)
class PartyOrganisation:
    """党组织"""

    id: strawberry.ID = column()
    kind: PartyKind = column("类别")
    name: str = column("名称")
    full_members: int = column("正式党员(人)")
    probationary_members: int = column("预备党员(人)")
    established_on: dt.date = column("成立日期")
    dissolved_on: dt.date | None = column("撤销日期")
    version: int = column("版本")
    region: Region | None = one("Region", "region_id", "所在社区或网格", through="party:read")
    parent: "PartyOrganisation | None" = one(
        "PartyOrganisation", "parent_id", "上级党组织;不在您可读的范围时为空"
    )
    company: PropertyCompany | None = one(
        "PropertyCompany", "company_id", "物业公司", through="party:read"
    )
    compound: Compound | None = one("Compound", "compound_id", "小区", through="party:read")
    posts: list[PartyPost] = many(
        "PartyPost",
        "party_organisation_id",
        (("valid_from", "asc"), ("id", "asc")),
        "任职,含已免去的",
        through="party:read",
    )
    children: "list[PartyOrganisation]" = many(
        "PartyOrganisation",
        "parent_id",
        (("name", "asc"), ("id", "asc")),
        "下级党组织(未撤销的)",
        where="{row}.dissolved_on is null",
    )


@strawberry.enum(description="党组织排序:按名称")
class PartyOrganisationOrder(Enum):
    NAME = "NAME"


@strawberry.type
class Query:
    party_organisations: Connection[PartyOrganisation] = root_connection(
        PartyOrganisation,
        permission="party:read",
        filter_type=PartyOrganisationFilter,
        order_type=PartyOrganisationOrder,
        description="辖区内的党组织",
    )
    party_organisation: PartyOrganisation | None = root_lookup(
        PartyOrganisation, permission="party:read", description="一个党组织"
    )


@strawberry.input(description="登记党组织")
class FoundPartyOrganisationInput:
    kind: PartyKind
    name: str
    region_id: strawberry.ID
    full_members: int
    established_on: dt.date
    probationary_members: int = 0
    parent_id: strawberry.ID | None = UNSET
    company_id: strawberry.ID | None = strawberry.field(default=UNSET, description="物业党支部须填")
    compound_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="小区党支部须填"
    )


@strawberry.input(description="更改党组织:只改给出的各项;parentId 为 null 时不再隶属")
class ChangePartyOrganisationInput:
    id: strawberry.ID
    version: int
    full_members: int | None = UNSET
    probationary_members: int | None = UNSET
    parent_id: strawberry.ID | None = UNSET


@strawberry.input(description="任职")
class AppointPartyPostInput:
    party_organisation_id: strawberry.ID
    person_id: strawberry.ID
    post: PartyPostKind
    on: dt.date


@payload
class PartyOrganisationPayload:
    """党组织"""

    party_organisation: PartyOrganisation | None


@payload
class PartyPostPayload:
    """党内任职"""

    post: PartyPost | None


_PARTY = (PartyOrganisationPayload, "party_organisation", "PartyOrganisation", "party:manage")
_POST = (PartyPostPayload, "post", "PartyPost", "party:manage")


@strawberry.type
class Mutation:
    found_party_organisation: PartyOrganisationPayload = writes(
        service.found_party_organisation, FoundPartyOrganisationInput, *_PARTY, "登记党组织"
    )
    change_party_organisation: PartyOrganisationPayload = writes(
        service.change_party_organisation, ChangePartyOrganisationInput, *_PARTY, "更改党组织"
    )
    dissolve_party_organisation: PartyOrganisationPayload = writes(
        service.dissolve_party_organisation, EndTenureInput, *_PARTY, "撤销党组织,其任职同时终止"
    )
    appoint_party_post: PartyPostPayload = writes(
        service.appoint_party_post, AppointPartyPostInput, *_POST, "党内任职"
    )
    end_party_post: PartyPostPayload = writes(
        service.end_party_post, EndTenureInput, *_POST, "免去党内职务"
    )
