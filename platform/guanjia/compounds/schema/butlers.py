"""Butlers (小区管家) in the API: four seats and who holds them, on any day."""

import datetime as dt
from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from guanjia.compounds.models import butlers as models
from guanjia.compounds.models.estates import Compound as CompoundRow
from guanjia.compounds.models.seats import SEAT_DUTIES, SEAT_TITLES
from guanjia.compounds.models.seats import Seat as SeatKind
from guanjia.compounds.schema.estates import Compound, HouseUnit, WithinFilter
from guanjia.compounds.schema.gridmembers import GridMember, members_of
from guanjia.compounds.schema.seats import Seat
from guanjia.compounds.schema.writing import writes
from guanjia.compounds.service import butlers as service
from guanjia.compounds.service.homes import homes_of
from guanjia.graph.filters import asked_for, filters, flag, holds, means, row_id
from guanjia.graph.marks import requires
from guanjia.graph.nodes import Connection, column, derived, many, node, one, root_connection
from guanjia.graph.payloads import payload
from guanjia.people.schema.types import NAME, Person
from guanjia.reading.mapping import METADATA, Condition, Lookup, Unplanned, sorted_by

SubstituteKind = strawberry.enum(
    models.SubstituteKind,
    name="SubstituteKind",
    description="网格党支部、居委会环境和物业管理委员会、物业管理委员会",
)
MissingParty = strawberry.enum(
    models.MissingParty, name="MissingParty", description="物业公司、业主委员会"
)
InactiveReason = strawberry.enum(
    models.InactiveReason,
    name="InactiveReason",
    description="社区党组织席位空缺、楼栋网格员席位空缺、小区已关闭",
)
KEY = "幂等键:同一键重发只生效一次"
FALLBACK = f"not exists (select 1 {models.CONTRACT_OF % '{row}.id'})"


def _said(texts: dict[SeatKind, str]) -> str:
    cases = " ".join(f"when '{seat}' then '{text}'" for seat, text in texts.items())
    return f"case {{row}}.seat {cases} end"


@node(models.ButlerHolder, read="butler:read", reach=models.SEAT_REACH, rows=models.HOLDERS)
class ButlerHolder:
    """席位的一任:何人自何日至何日,代表谁"""

    id: strawberry.ID = column()
    seat: Seat = column("席位")
    name: str = column("姓名;担任公共职责,可读小区的人都可知", protection=NAME)
    organisation: str = column("代表的组织;楼栋网格员为所在网格")
    contact: str | None = column("所属物业公司对外公布的服务电话;没有时为空,从不是个人电话")
    since: dt.date = column("自何日")
    until: dt.date | None = column("自何日起不再担任;未定时为空")
    acting: bool = column("代行:该方缺位,由他方代为行使")
    acting_for: MissingParty | None = column("代行哪一方;非代行时为空")
    reason: str | None = column("代行理由;非代行时为空")
    role: str | None = column("GRID 网格员,BLD 楼栋网格员;其他席位为空")
    version: int | None = column("版本;楼栋网格员随网格与授权,没有版本,不在此免去")
    person: Person | None = one("Person", "person_id", "此人;不在您可读的范围时为空")


@node(models.ButlerSeat, read="butler:read", reach=models.SEAT_REACH, rows=models.SEATS)
class ButlerSeat:
    """小区管家的一个席位"""

    id: strawberry.ID = column()
    seat: Seat = column("席位")
    label: str = derived(_said(SEAT_TITLES), "席位名称")
    duty: str = derived(_said(SEAT_DUTIES), "职责,一句话;逐项见小区管家权责清单")
    vacant: bool = derived(f"not ({models.FILLED % '{row}.seat'})", "当日无人担任或代行")
    holders: list[ButlerHolder] = many(
        "ButlerHolder",
        "compound_id",
        (("since", "asc"), ("id", "asc")),
        "当日的担任者",
        through="butler:read",
        where=models.HOLDS,
        of="compound_id",
        alike=("seat",),
    )
    history: list[ButlerHolder] = many(
        "ButlerHolder",
        "compound_id",
        (("since", "asc"), ("id", "asc")),
        "历任与现任",
        through="butler:read",
        of="compound_id",
        alike=("seat",),
    )


@filters
class ButlerFilter:
    """小区管家筛选;各项须同时满足"""

    region: WithinFilter = means(within=Condition("within", "region_path"))
    active: bool = flag(models.ACTIVE, description="当日有效运转的")
    vacant_seat: Seat = holds(
        f"not ({models.FILLED % '{value}'})",
        description="该席位当日空缺的(无人担任也无人代行)",
    )
    as_of: dt.date = asked_for("何日;缺省为今天,其下各项都按此日")


@node(
    CompoundRow,
    read="butler:read",
    reach=models.BUTLER_REACH,
    orders=(sorted_by("NAME", "name"),),
    filters=ButlerFilter,
    rows=models.BUTLERS,
)
class Butler:
    """小区管家:社区党组织、业委会、物业党支部、楼栋网格员“四位一体”。

    社区党组织与楼栋网格员两席有人即为有效运转;业委会、物业党支部可以空缺或由他方代行。
    """

    id: strawberry.ID = column("与小区相同")
    name: str = column("小区名称")
    active: bool = derived(models.ACTIVE, "当日是否有效运转")
    inactive_reasons: list[InactiveReason] = derived(
        models.INACTIVE_REASONS, "未有效运转的原因;有效时为空"
    )
    community_fallback: bool = derived(FALLBACK, "当日无有效物业服务合同,物业类案件由社区兜底处置")
    compound: Compound | None = one("Compound", "id", "小区;不在您可读的范围时为空")
    seats: list[ButlerSeat] = many(
        "ButlerSeat",
        "compound_id",
        (("position", "asc"),),
        "四个席位",
        through="butler:read",
        limit=len(SeatKind),
    )


@strawberry.enum(description="小区管家排序:按小区名称")
class ButlerOrder(Enum):
    NAME = "NAME"


@strawberry.type(description="居民的管家:本人的一套房屋、本楼栋的网格员、本小区的四个席位")
class MyButler:
    home: HouseUnit | None
    stewards: list[GridMember] = strawberry.field(description="本楼栋的网格员")
    butler: Butler | None


AsOf = Annotated[dt.date | None, strawberry.argument(description="何日;缺省为今天")]


async def _butler(
    self: None, info: Info, compound: strawberry.ID, as_of: AsOf = None
) -> Butler | None:
    found: Butler | None = await info.context.reader.by_id("Butler", row_id(compound), day=as_of)
    return found


async def _my_butlers(self: None, info: Info) -> list[MyButler]:
    context = info.context
    async with context.reader.alone() as connection:
        ids = await homes_of(connection, context.tenant_id, context.actor.membership_id)
    found = []
    for home_id in ids:
        home = await context.reader.by_id("HouseUnit", home_id, scoped=False)
        found.append(
            MyButler(
                home=await context.reader.by_id("HouseUnit", home_id),
                stewards=await members_of(context, home["building_id"], None),
                butler=await context.reader.by_id("Butler", home["compound_id"]),
            )
        )
    return found


@strawberry.type
class Query:
    butlers: Connection[Butler] = root_connection(
        Butler,
        permission="butler:read",
        filter_type=ButlerFilter,
        order_type=ButlerOrder,
        description="可读小区的管家",
    )
    butler: Butler | None = strawberry.field(
        resolver=_butler,
        description="一个小区的管家;不存在或不可读时为空",
        metadata={METADATA: Lookup("Butler", by="compound", day="asOf")},
        extensions=requires("butler:read"),
    )
    my_butlers: list[MyButler] = strawberry.field(
        resolver=_my_butlers,
        description="本人每套房屋的管家:先是本楼栋的网格员,再是四个席位",
        metadata={METADATA: Unplanned("the homes of whoever asks, found by their bindings")},
        extensions=requires("butler:read"),
    )


@strawberry.input(description="任命席位;代行时填 substitute 和 reason")
class AppointToSeatInput:
    compound_id: strawberry.ID
    seat: Seat
    person_id: strawberry.ID
    on: dt.date | None = strawberry.field(default=None, description="缺省为今天,不能晚于今天")
    party_organisation_id: strawberry.ID | None = strawberry.field(
        default=None, description="所代表的党组织;业委会席位不填"
    )
    substitute: SubstituteKind | None = strawberry.field(default=None, description="由谁代行")
    reason: str | None = strawberry.field(default=None, description="代行理由,代行时必填")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="免去席位:自 on 起不再担任")
class EndSeatTenureInput:
    id: strawberry.ID
    version: int
    on: dt.date
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@payload
class SeatTenurePayload:
    """席位的一任"""

    holder: ButlerHolder | None


_TENURE: Any = (SeatTenurePayload, "holder", "ButlerHolder", "butler:manage")


@strawberry.type
class Mutation:
    appoint_to_seat: SeatTenurePayload = writes(
        service.appoint_to_seat, AppointToSeatInput, *_TENURE, "任命小区管家的席位"
    )
    end_seat_tenure: SeatTenurePayload = writes(
        service.end_seat_tenure, EndSeatTenureInput, *_TENURE, "免去小区管家的席位"
    )
