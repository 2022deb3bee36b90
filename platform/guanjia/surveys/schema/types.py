"""Surveys, whom they ask and what was answered, as node types.

Who has answered and what was answered are two types, and nothing leads from one to the other: a
household that is not satisfied is not to be known to those it judges.
"""

import datetime as dt
from enum import Enum

import strawberry

from guanjia.access.schema import Member
from guanjia.compounds.schema.estates import Building, HouseUnit
from guanjia.graph.filters import IdFilter, RegionFilter, by, filters, flag, holds
from guanjia.graph.nodes import Connection, column, connection, derived, node, one
from guanjia.graph.scalars import Degrees, Percent
from guanjia.people.schema.types import NAME
from guanjia.reading.mapping import Order, SortKey, elsewhere, newest, sorted_by
from guanjia.reading.rates import rate_sql, wilson_sql
from guanjia.surveys import models
from guanjia.tenancy.schema import Region

SurveyState = strawberry.enum(models.SurveyState, name="SurveyState", description="进行中、已结束")
Satisfaction = strawberry.enum(
    models.Satisfaction, name="Satisfaction", description="满意、基本满意、不满意"
)
SurveyChannel = strawberry.enum(
    models.Channel, name="SurveyChannel", description="本人在线、网格员入户"
)
_CONTENT = "{row}.satisfied + {row}.partly"
# While a survey runs, what each answer adds would be seen beside who has just answered.
_OVER = "(case when {row}.state = 'CLOSED' then %s end)"


def _of_answer(column: str) -> str:
    return elsewhere("survey_answers", column, "id", "target_id")


ANSWERED = (
    "exists (select 1 from survey_answers an where an.tenant_id = {tenant}"
    " and an.target_id = {row}.id)"
)
_OPEN = "{row}.state = 'OPEN'"
_HOLDER = (
    "(select hp.name_mask from vote_holdings hv join persons hp on hp.tenant_id = {tenant}"
    " and hp.id = hv.person_id where hv.tenant_id = {tenant}"
    " and hv.house_unit_id = {row}.house_unit_id and hv.ended_at is null)"
)


@node(models.Survey, read="survey:read", reach=models.SURVEY_REACH)
class SatisfactionRate:
    """满意率:应答户中满意和基本满意的;须连同应答户数、调查户数和下限一并使用。
    调查结束前只有进度(调查户数、应答户数),以免看出是哪一户答了什么"""

    id: strawberry.ID = column("调查")
    asked: int = column("调查户数")
    answered: int = column("应答户数")
    satisfied: int | None = derived(_OVER % "{row}.satisfied", "满意的户数;结束前为空")
    partly: int | None = derived(_OVER % "{row}.partly", "基本满意的户数;结束前为空")
    dissatisfied: int | None = derived(_OVER % "{row}.dissatisfied", "不满意的户数;结束前为空")
    rate: Percent | None = derived(
        _OVER % rate_sql(_CONTENT, "{row}.answered"),
        "满意和基本满意占应答户数的百分数,四舍五入至两位小数;无人应答、结束前为空",
    )
    lower_bound: Percent | None = derived(
        _OVER % wilson_sql(_CONTENT, "{row}.answered"), "威尔逊 95% 下限(百分数);结束前为空"
    )


@filters
class SurveyTargetFilter:
    """调查户筛选"""

    survey: IdFilter = by("survey_id")
    home: IdFilter = by("house_unit_id")
    building: strawberry.ID = holds(
        "exists (select 1 from house_units bh where bh.tenant_id = {tenant}"
        " and bh.id = {row}.house_unit_id and bh.building_id = {value})",
        "uuid",
        "楼栋",
    )
    answered: bool = flag(ANSWERED)


@node(
    models.SurveyTarget,
    read="survey:read_targets",
    reach=models.TARGET_REACH,
    orders=(sorted_by("LABEL", "way"),),
    filters=SurveyTargetFilter,
)
class SurveyTarget:
    """被调查的一户:开始调查时确定,此后不变。是否已答可知,答了什么不可知"""

    id: strawberry.ID = column()
    label: str = column("门牌;没有房屋的为“上报人”")
    answered: bool = derived(ANSWERED, "已答")
    channel: SurveyChannel | None = derived(_of_answer("channel"), "怎样答的;未答为空")
    answered_at: dt.datetime | None = derived(
        _of_answer("answered_at"), "何时答的(以答复的设备为准)"
    )
    received_at: dt.datetime | None = derived(_of_answer("received_at"), "何时收到")
    longitude: Degrees | None = derived(_of_answer("longitude"), "入户地点的经度(WGS-84)")
    latitude: Degrees | None = derived(_of_answer("latitude"), "入户地点的纬度(WGS-84)")
    holder: str | None = derived(
        _HOLDER, "投票代表的姓名,已遮盖", requires="survey:collect", protection=NAME
    )
    collector: Member | None = one(
        "Member",
        "id",
        "入户的人;须有 user:read",
        match="{row}.id = (select an.collected_by from survey_answers an"
        " where an.tenant_id = {tenant} and an.target_id = {key})",
    )
    code_issued_at: dt.datetime | None = column("何时发出确认码")
    house_unit: HouseUnit | None = one("HouseUnit", "house_unit_id", "房屋")
    survey: "Survey | None" = one("Survey", "survey_id", "调查")


@node(
    models.SurveyBuilding,
    read="survey:read_targets",
    reach=models.BUILDING_ASKED_REACH,
    orders=(sorted_by("WAY", "way"),),
    rows=models.BUILDINGS_ASKED,
)
class SurveyBuilding:
    """一次调查在一幢楼栋的进度"""

    id: strawberry.ID = column()
    asked: int = column("调查户数")
    answered: int = column("应答户数")
    building: Building | None = one(
        "Building", "building_id", "楼栋", through="survey:read_targets"
    )


@node(
    models.SurveyAnswer,
    read="survey:read_answers",
    reach=models.ANSWER_REACH,
    orders=(Order("ANY", (SortKey("id", "uuid"),)),),
)
class SurveyAnswer:
    """一户的答复:不指明是哪一户;调查结束后可读"""

    id: strawberry.ID = column("随机,先后无意义")
    choice: Satisfaction = column("满意、基本满意、不满意")
    comment: str | None = column("意见")


@filters
class SurveyFilter:
    """调查筛选"""

    id: IdFilter = by("id")
    region: RegionFilter = by("region_id", path="region_path")
    open: bool = flag(_OPEN, description="进行中的")


@node(
    models.Survey,
    read="survey:read",
    reach=models.SURVEY_REACH,
    orders=newest("opened_at"),
    filters=SurveyFilter,
)
class Survey:
    """满意度调查:一户一答,户自开始时确定"""

    id: strawberry.ID = column()
    title: str = column("名称")
    round: int = column("对同一对象的第几次调查")
    state: SurveyState = column("进行中、已结束")
    opened_at: dt.datetime = column("开始")
    closes_at: dt.datetime = column("截止:此前的答复有效")
    uploads_until: dt.datetime = column("补传止:截止前的答复,此前仍可上传")
    closed_at: dt.datetime | None = column("结束")
    version: int = column("版本")
    region: Region | None = one("Region", "region_id", "所在区域", through="survey:read")
    satisfaction: SatisfactionRate | None = one(
        "SatisfactionRate", "id", "满意率与进度", through="survey:read"
    )
    targets: Connection[SurveyTarget] = connection(
        "SurveyTarget", "survey_id", "被调查的各户,按门牌;居民只见自己的"
    )
    buildings: Connection[SurveyBuilding] = connection(
        "SurveyBuilding", "survey_id", "各楼栋的进度,按楼栋"
    )
    answers: Connection[SurveyAnswer] = connection("SurveyAnswer", "survey_id", "各户的答复")


@filters
class SurveyKindFilter:
    """调查种类筛选"""

    id: IdFilter = by("id")


@node(
    models.SurveyKind,
    read="survey:configure",
    reach=models.KIND_REACH,
    orders=(sorted_by("CODE", "code"),),
    filters=SurveyKindFilter,
)
class SurveyKind:
    """调查种类:本租户的设置"""

    id: strawberry.ID = column()
    code: str = column("代码")
    title: str = column("名称")
    upload_hours: int = column("截止后几小时内仍可补传截止前的答复")
    source: str = column("依据")
    version: int = column("版本")


@strawberry.enum(description="调查排序:最新在前")
class SurveyOrder(Enum):
    NEWEST = "NEWEST"


@strawberry.enum(description="调查户排序:按门牌,即小区、楼栋、单元、楼层、房号")
class SurveyTargetOrder(Enum):
    LABEL = "LABEL"


@strawberry.enum(description="调查种类排序:按代码")
class SurveyKindOrder(Enum):
    CODE = "CODE"
