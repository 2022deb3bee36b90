"""Property companies and their contracts in the API."""

import datetime as dt
from enum import Enum
from typing import Any

import strawberry

from guanjia.compounds.models import companies as models
from guanjia.compounds.schema.estates import Compound, ManagementMode
from guanjia.compounds.schema.writing import writes
from guanjia.compounds.service import companies as service
from guanjia.graph.filters import IdFilter, by, filters, flag
from guanjia.graph.nodes import (
    Connection,
    column,
    connection,
    derived,
    node,
    one,
    root_connection,
    root_lookup,
)
from guanjia.graph.payloads import payload
from guanjia.reading.mapping import by_age, elsewhere, sorted_by
from guanjia.tenancy.schema import Organisation, TextFilter

TODAY = "(now() at time zone 'Asia/Shanghai')::date"
IN_FORCE = "daterange({row}.starts_on, {row}.ends_on, '[]') @> " + TODAY
UNSET: Any = strawberry.UNSET


@filters
class PropertyContractFilter:
    """物业服务合同筛选"""

    id: IdFilter = by("id")
    compound: IdFilter = by("compound_id")
    company: IdFilter = by("company_id")
    in_force: bool = flag(IN_FORCE)


@node(
    models.PropertyContract,
    read="contract:read",
    reach=models.OF_COMPOUND_REACH,
    orders=by_age("starts_on", "date"),
    filters=PropertyContractFilter,
)
class PropertyContract:
    """物业服务合同;同一小区同一时期只有一份(物业管理条例第 33 条)"""

    id: strawberry.ID = column()
    starts_on: dt.date = column("首日")
    ends_on: dt.date | None = column("末日(含);未定止期时为空")
    in_force: bool = derived(IN_FORCE, "今日是否有效")
    end_reason: str | None = column("终止原因")
    version: int = column("版本")
    compound: Compound | None = one("Compound", "compound_id", "小区", through="contract:read")
    company: "PropertyCompany | None" = one(
        "PropertyCompany", "company_id", "物业公司", through="contract:read"
    )


@filters
class PropertyCompanyFilter:
    """物业公司筛选"""

    id: IdFilter = by("id")
    organisation: IdFilter = by("organisation_id")
    credit_code: TextFilter = by("credit_code")


@node(
    models.PropertyCompany,
    read="company:read",
    reach=models.COMPANY_REACH,
    orders=(sorted_by("CREDIT_CODE", "credit_code"),),
    filters=PropertyCompanyFilter,
)
class PropertyCompany:
    """物业公司:全租户共用一份名录"""

    id: strawberry.ID = column()
    name: str = derived(
        elsewhere("organisations", "name", "organisation_id"),
        "名称",
    )
    credit_code: str = column("统一社会信用代码(GB 32100)")
    qualification: str | None = column("资质")
    service_phone: str | None = column("对外公布的服务电话")
    party_members: int = column("党员(人)")
    version: int = column("版本")
    organisation: Organisation | None = one(
        "Organisation", "organisation_id", "机构", through="company:read"
    )
    contracts: Connection[PropertyContract] = connection(
        "PropertyContract", "company_id", "项目:可读小区的合同"
    )


@strawberry.enum(description="物业公司排序:按统一社会信用代码")
class PropertyCompanyOrder(Enum):
    CREDIT_CODE = "CREDIT_CODE"


@strawberry.enum(description="合同排序:首日最近的在前、最早的在前")
class PropertyContractOrder(Enum):
    NEWEST = "NEWEST"
    OLDEST = "OLDEST"


@strawberry.type
class Query:
    property_companies: Connection[PropertyCompany] = root_connection(
        PropertyCompany,
        permission="company:read",
        filter_type=PropertyCompanyFilter,
        order_type=PropertyCompanyOrder,
        description="物业公司名录",
    )
    property_company: PropertyCompany | None = root_lookup(
        PropertyCompany, permission="company:read", description="一家物业公司"
    )
    property_contracts: Connection[PropertyContract] = root_connection(
        PropertyContract,
        permission="contract:read",
        filter_type=PropertyContractFilter,
        order_type=PropertyContractOrder,
        description="可读小区的物业服务合同",
    )
    property_contract: PropertyContract | None = root_lookup(
        PropertyContract, permission="contract:read", description="一份物业服务合同"
    )


@strawberry.input(description="登记物业公司:已有机构,或新建机构的名称和区域")
class RegisterCompanyInput:
    credit_code: str
    organisation_id: strawberry.ID | None = UNSET
    name: str | None = UNSET
    region_id: strawberry.ID | None = UNSET
    qualification: str | None = UNSET
    service_phone: str | None = strawberry.field(default=UNSET, description="对外公布的服务电话")
    party_members: int = 0


@strawberry.input(description="更改物业公司:只改给出的各项")
class ChangeCompanyInput:
    id: strawberry.ID
    version: int
    credit_code: str | None = UNSET
    qualification: str | None = UNSET
    service_phone: str | None = UNSET
    party_members: int | None = UNSET


@strawberry.input(description="签订物业服务合同;首末日均含在内")
class SignContractInput:
    compound_id: strawberry.ID
    company_id: strawberry.ID
    starts_on: dt.date
    ends_on: dt.date | None = strawberry.field(default=UNSET, description="未定止期时不填")


@strawberry.input(description="终止物业服务合同")
class EndContractInput:
    id: strawberry.ID
    version: int
    ends_on: dt.date = strawberry.field(description="合同的末日(含)")
    reason: str
    management_mode: ManagementMode | None = strawberry.field(
        default=UNSET,
        description="此后的管理方式;缺省:有业主委员会的业主自管,没有的社区兜底",
    )


@payload
class PropertyCompanyPayload:
    """物业公司"""

    company: PropertyCompany | None


@payload
class PropertyContractPayload:
    """物业服务合同"""

    contract: PropertyContract | None


@strawberry.type
class Mutation:
    register_company: PropertyCompanyPayload = writes(
        service.register_company, RegisterCompanyInput, PropertyCompanyPayload, "company",
        "PropertyCompany", "company:manage", "登记物业公司",
    )  # fmt: skip
    change_company: PropertyCompanyPayload = writes(
        service.change_company, ChangeCompanyInput, PropertyCompanyPayload, "company",
        "PropertyCompany", "company:manage", "更改物业公司",
    )  # fmt: skip
    sign_contract: PropertyContractPayload = writes(
        service.sign_contract, SignContractInput, PropertyContractPayload, "contract",
        "PropertyContract", "contract:manage", "签订物业服务合同",
    )  # fmt: skip
    end_contract: PropertyContractPayload = writes(
        service.end_contract, EndContractInput, PropertyContractPayload, "contract",
        "PropertyContract", "contract:manage", "终止物业服务合同",
    )  # fmt: skip
