"""What the score weighs, in the API: schemes of weights, each from a day on."""

import datetime as dt
from enum import Enum
from typing import Any

import strawberry

from guanjia.cases.metrics import SCORE
from guanjia.compounds.schema.writing import writes
from guanjia.graph.filters import filters, holds
from guanjia.graph.nodes import Connection, column, derived, many, node, root_connection
from guanjia.graph.payloads import payload
from guanjia.indicators import models
from guanjia.indicators.service import schemes
from guanjia.reading.mapping import newest

_TITLES = " ".join(f"when '{part.id}' then '{part.title}'" for part in SCORE.parts)
_LOWER = ", ".join(f"'{part.id}'" for part in SCORE.parts if part.lower_is_better)


@node(models.ScoreWeight, read="indicator:read", reach=models.SCORE_REACH)
class ScoreWeight:
    """综合评价中一个指标的权重"""

    id: strawberry.ID = column()
    metric: str = column("指标,见 indicatorMetrics")
    title: str = derived(f"(case {{row}}.metric {_TITLES} else {{row}}.metric end)", "指标的名称")
    percent: int = column("权重(%);一套之和为 100")
    lower_is_better: bool = derived(f"{{row}}.metric in ({_LOWER})", "越低越好,以 100% 减去")
    prior: int = column("向全区比率靠拢时加入的件(户)数")


@filters
class ScoreSchemeFilter:
    """权重方案筛选"""

    as_of: dt.date = holds(
        "daterange({row}.valid_from, {row}.valid_to) @> {value}", "date", "当日有效的"
    )


@node(
    models.ScoreScheme,
    read="indicator:read",
    reach=models.SCORE_REACH,
    orders=newest("created_at"),
    filters=ScoreSchemeFilter,
)
class ScoreScheme:
    """综合评价的一套权重;不改写,自另一套的起日起由它接续"""

    id: strawberry.ID = column()
    valid_from: dt.date | None = column("自何日有效;为空的自始有效")
    valid_to: dt.date | None = column("自何日起不再有效;与起日相同的已撤回,从未生效")
    source: str = column("依据")
    reason: str | None = column("撤回的理由")
    version: int = column("版本;撤回时须带上")
    created_at: dt.datetime = column()
    weights: list[ScoreWeight] = many(
        "ScoreWeight",
        "scheme_id",
        (("percent", "desc"), ("metric", "asc")),
        "各指标的权重,由重到轻",
        through="indicator:read",
    )


@strawberry.enum(description="权重方案排序:新立的在前")
class ScoreSchemeOrder(Enum):
    NEWEST = "NEWEST"


@strawberry.input(description="综合评价中一个指标的权重")
class ScoreWeightInput:
    metric: str = strawberry.field(
        description="按期结案率、结案率、返工率或满意率的标识,见 indicatorMetrics"
    )
    percent: int = strawberry.field(description="权重(%),1–100;不计的指标不列")
    prior: int = strawberry.field(
        default=10, description="向全区比率靠拢时加入的件(户)数,0–1000;0 为不靠拢"
    )


@strawberry.input(description="另立一套权重;各项之和须为 100%")
class CreateScoreSchemeInput:
    on: dt.date = strawberry.field(
        description="自何日起,不早于明天;期末早于此日的综合评价仍用当时的权重"
    )
    source: str = strawberry.field(description="依据")
    weights: list[ScoreWeightInput]
    idempotency_key: str | None = None


@strawberry.input(description="撤回一套尚未生效的权重;之前的一套继续有效")
class WithdrawScoreSchemeInput:
    id: strawberry.ID
    version: int
    reason: str


@payload
class ScoreSchemePayload:
    """权重方案"""

    scheme: ScoreScheme | None


_SCHEME: tuple[Any, str, str, str] = (
    ScoreSchemePayload, "scheme", "ScoreScheme", "indicator:weigh",
)  # fmt: skip


@strawberry.type
class Query:
    score_schemes: Connection[ScoreScheme] = root_connection(
        ScoreScheme,
        permission="indicator:read",
        filter_type=ScoreSchemeFilter,
        order_type=ScoreSchemeOrder,
        description="综合评价的权重,含过去的、尚未生效的与撤回的",
    )


@strawberry.type
class Mutation:
    create_score_scheme: ScoreSchemePayload = writes(
        schemes.create_score_scheme, CreateScoreSchemeInput, *_SCHEME, "自某日起改用另一套权重"
    )
    withdraw_score_scheme: ScoreSchemePayload = writes(
        schemes.withdraw_score_scheme, WithdrawScoreSchemeInput, *_SCHEME, "撤回一套尚未生效的权重"
    )
