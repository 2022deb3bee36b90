"""The census (摸底) of a region in the API."""

import datetime as dt
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from guanjia.compounds.schema.estates import ManagementMode
from guanjia.compounds.service import census
from guanjia.compounds.service.opening import local_day
from guanjia.db.scope import Scope
from guanjia.graph.filters import row_id
from guanjia.graph.marks import requires
from guanjia.reading.mapping import METADATA, Unplanned
from guanjia.reading.rows import BadPage, PageArguments

CensusGap = strawberry.enum(
    census.Gap, name="CensusGap", description="没有物业公司、没有业主委员会、没有党支部覆盖"
)


@strawberry.type(
    description="摸底数字。小区、户数、面积、项目、党组织各社区之和即总数;服务多个社区的公司在总数中只计一次"
)
class CensusCounts:
    compounds: int = strawberry.field(description="小区(个)")
    households: int = strawberry.field(description="户数(户):登记的户数,未登记的按房屋计")
    area_m2: int = strawberry.field(description="建筑面积(平方米),未登记的不计")
    projects: int = strawberry.field(description="物业项目:当日有效的物业服务合同(份)")
    companies: int = strawberry.field(description="物业公司(家)")
    qualified_companies: int = strawberry.field(description="其中登记了资质的(家)")
    company_party_members: int = strawberry.field(description="物业公司党员(人)")
    branches: int = strawberry.field(
        description="党支部、联合党支部(个);社区党委含下级、党小组属支部,均不另计"
    )
    company_branches: int = strawberry.field(description="其中物业党支部(个)")
    party_members: int = strawberry.field(description="党支部党员,含预备党员(人)")
    without_company: int = strawberry.field(description="没有物业公司的小区(个)")
    without_committee: int = strawberry.field(description="没有业主委员会的小区(个)")
    without_branch: int = strawberry.field(description="没有党支部覆盖的小区(个)")


@strawberry.type(description="一个社区的摸底数字")
class CensusCommunity:
    id: strawberry.ID = strawberry.field(description="区域")
    code: str
    name: str
    counts: CensusCounts


@strawberry.type(description="摸底中的一个小区")
class CensusCompound:
    id: strawberry.ID = strawberry.field(description="小区")
    name: str
    management_mode: ManagementMode
    households: int = strawberry.field(description="户数(户)")
    area_m2: int | None = strawberry.field(description="建筑面积(平方米)")
    company: str | None = strawberry.field(description="当日的物业公司")
    credit_code: str | None = strawberry.field(description="统一社会信用代码")
    qualification: str | None = strawberry.field(description="资质")
    contract_from: dt.date | None = strawberry.field(description="合同首日")
    contract_to: dt.date | None = strawberry.field(description="合同末日(含);未定止期时为空")
    committee_until: dt.date | None = strawberry.field(description="在任业主委员会的任期末日(含)")
    branches: list[str] = strawberry.field(description="覆盖它的党支部:小区的、物业公司的、网格的")
    gaps: list[CensusGap] = strawberry.field(description="缺什么")


Lacking = Annotated[list[CensusGap] | None, strawberry.argument(description="只列至少缺其中一项的")]
First = Annotated[int, strawberry.argument(description="取多少个,1–100")]
After = Annotated[strawberry.ID | None, strawberry.argument(description="此小区之后")]


@strawberry.type(
    description="一个区域某日的摸底。合同、任期、党组织按当日;小区、户数、面积、资质、党员按当日的登记,补录的视为一直如此;名称和所在社区按现在"
)
class PropertyCensus:
    found: strawberry.Private[census.Census]
    as_of: dt.date
    totals: CensusCounts
    communities: list[CensusCommunity] = strawberry.field(description="各社区,按代码")

    @strawberry.field(description="小区,按社区和名称")
    def compounds(
        self, lacking: Lacking = None, first: First = 100, after: After = None
    ) -> list[CensusCompound]:
        size = PageArguments(first=first).size()
        listed = [c for c in self.found.compounds if lacking is None or set(lacking) & set(c.gaps)]
        if after is not None:
            places = [at for at, c in enumerate(listed, 1) if c.row["id"] == row_id(after)]
            if not places:
                raise BadPage("after", "after 须是此列表中的小区。")
            listed = listed[places[0] :]
        return [_compound(c) for c in listed[:size]]


def _compound(found: census.CensusCompound) -> CensusCompound:
    row = found.row
    return CensusCompound(
        id=strawberry.ID(str(row["id"])),
        name=row["name"],
        management_mode=ManagementMode(row["management_mode"]),
        households=found.households,
        area_m2=row["area_m2"],
        company=row["company"],
        credit_code=row["credit_code"],
        qualification=row["qualification"],
        contract_from=row["starts_on"],
        contract_to=row["ends_on"],
        committee_until=row["committee_until"],
        branches=list(found.branches),
        gaps=list(found.gaps),
    )


def _counts(counts: census.Counts) -> CensusCounts:
    return CensusCounts(**{name: getattr(counts, name) for name in counts.__slots__})


async def _census(
    self: None,
    info: Info,
    region_id: strawberry.ID,
    scope: "Scope",
    as_of: dt.date | None = None,
) -> PropertyCensus | None:
    context: Any = info.context
    day = as_of or local_day(context.now)
    async with context.reader.alone() as connection:
        found = await census.census_of(connection, context.tenant_id, scope, row_id(region_id), day)
    if found is None:
        return None
    return PropertyCensus(
        found=found,
        as_of=day,
        totals=_counts(found.totals),
        communities=[
            CensusCommunity(
                id=strawberry.ID(str(row["id"])),
                code=row["code"],
                name=row["name"],
                counts=_counts(counts),
            )
            for row, _, counts in found.by_community()
        ],
    )


@strawberry.type
class Query:
    property_census: PropertyCensus | None = strawberry.field(
        resolver=_census,
        description="区县、街道或社区的物业摸底;区域不存在、是网格或不在辖区时为空",
        metadata={METADATA: Unplanned("numbers counted over six tables, no list of rows")},
        extensions=requires("census:read"),
    )
