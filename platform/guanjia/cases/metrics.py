"""The figures of cases (案件指标), counted from what their events said up to a moment.

`case_outcomes` keeps that for every moment; tests hold it equal to a replay of the timeline.
"""

from __future__ import annotations

from guanjia.reading.metrics import (
    PERCENT,
    Dimension,
    MetricDefinition,
    Parting,
    Shape,
    Source,
    Tally,
    register,
)
from guanjia.tenancy.models import Level, OrganisationKind

_TIANMEN = "天门市数字城管 2016 年 12 月评价口径"
_DESIGN = "本系统设计"


def by_level(level: Level, length: int) -> Parting:
    """Parted by the regions of a level, whose paths have this length."""
    return Parting(
        f"left({{row}}.region_path, {length})",
        "select r.path as key, r.id, r.code, r.name,"
        " r.valid_from <= {day} and (r.valid_to is null or r.valid_to > {day}) as standing"
        f" from regions r where r.tenant_id = {{tenant}} and r.level = '{level}'"
        " and r.path >= {low} and r.path < {high}",
    )


def by_organisation(kind: OrganisationKind, column: str = "handler_id") -> Parting:
    """Parted by the organisations of a kind whose id is in the column."""
    of_kind = f"g.kind = '{kind}'"
    return Parting(
        f"{{row}}.{column}::text",
        "select g.id::text as key, g.id, '' as code, g.name, false as standing"
        " from organisations g"
        f" where g.tenant_id = {{tenant}} and {of_kind}",
        only=f"({{row}}.{column} is null or exists (select 1 from organisations g"
        f" where g.tenant_id = {{tenant}} and g.id = {{row}}.{column} and {of_kind}))",
    )


CASES = Source(
    table="case_outcomes",
    node="Case",
    key="case_id",
    permission="case:read",
    region="region_path",
    partings={
        Dimension.STREET: by_level(Level.STREET, 10),
        Dimension.COMMUNITY: by_level(Level.COMMUNITY, 15),
        Dimension.GRID: by_level(Level.GRID, 20),
        Dimension.DEPARTMENT: by_organisation(OrganisationKind.DEPARTMENT),
        Dimension.COMPANY: by_organisation(OrganisationKind.PROPERTY_COMPANY),
        Dimension.CATEGORY: Parting(
            "{row}.category_id::text",
            "select k.id::text as key, k.id, k.code, k.name, false as standing"
            " from case_categories k where k.tenant_id = {tenant}",
        ),
    },
    filters={
        "category": "{row}.category_id = any({value})",
        "handler": "{row}.handler_id = any({value})",
    },
    tally=Tally(
        table="case_tallies",
        region="region_path",
        depth=15,
        dimensions=frozenset(Dimension) - {Dimension.GRID, Dimension.CATEGORY},
        filters=frozenset({"handler"}),
    ),
)
_UNHANDLED = frozenset(Dimension) - {Dimension.DEPARTMENT, Dimension.COMPANY}
_DUE = (
    "({row}.filed_at < {known} and not {row}.held"
    " and ({row}.voided_at is null or {row}.voided_at >= {known}))::int"
)


def _case(
    id: str,
    title: str,
    moment: str,
    denominator: str,
    numerator: str | None,
    explanation: str,
    citation: str,
    dimensions: frozenset[Dimension] = frozenset(Dimension),
    *,
    tallied: tuple[str, str] | None,
    lower_bound: bool = False,
    shape: Shape = Shape.RATE,
    parts: tuple[MetricDefinition, ...] = (),
    lower_is_better: bool = False,
) -> MetricDefinition:
    minutes = shape in (Shape.MEAN, Shape.NINTH_TENTH)
    return register(
        MetricDefinition(
            id,
            title,
            {Shape.COUNT: "件", Shape.RATE: PERCENT, Shape.SCORE: "分"}.get(shape, "工作时"),
            CASES,
            moment,
            denominator,
            numerator,
            explanation,
            citation,
            dimensions,
            lower_bound,
            tallied,
            shape,
            60 if minutes else 1,
            parts,
            minutes or lower_is_better,
        )
    )


def _by_then(column: str) -> str:
    return f"coalesce({{row}}.{column} < {{known}}, false)::int"


FILING = _case(
    "case.filing_rate", "立案率", "reported_at", "1", _by_then("filed_at"),
    "期内上报的案件中,截至时已立案的", _TIANMEN, _UNHANDLED, tallied=("d", "n1"),
)  # fmt: skip
DUE = _case(
    "case.due", "应结案数", "due_at", _DUE, None,
    "已立案、期内到期的案件;作废的和截至时挂账的不计", _TIANMEN, tallied=("d", "d"),
    shape=Shape.COUNT,
)  # fmt: skip
CLOSING = _case(
    "case.closing_rate", "结案率", "due_at", _DUE, f"{_DUE} * {_by_then('closed_at')}",
    "应结案数中,截至时已结案的", _TIANMEN, tallied=("d", "n1"),
)  # fmt: skip
ON_TIME = _case(
    "case.on_time_rate", "按期结案率", "due_at", _DUE,
    f"{_DUE} * coalesce({{row}}.closed_at < {{known}}"
    " and {row}.closed_at <= {row}.first_due_at, false)::int",
    "应结案数中,在首次到期时间(批准的延期、挂账顺延后)之前结案的", _TIANMEN, tallied=("d", "n2"),
)  # fmt: skip
REWORK = _case(
    "case.rework_rate", "返工率", "checking_at", "1", _by_then("reworked_at"),
    "期内首次转核查的案件中,截至时返工过的", _DESIGN, tallied=("d", "n1"),
    lower_is_better=True,
)  # fmt: skip
RETURNS = _case(
    "case.return_rate", "退单率", "dispatched_at", "1", _by_then("returned_at"),
    "期内首次派遣的案件中,截至时退单过的", _DESIGN, tallied=("d", "n1"),
    lower_is_better=True,
)  # fmt: skip
EXTENSIONS = _case(
    "case.extension_rate", "延期率", "dispatched_at", "1", _by_then("extended_at"),
    "期内首次派遣的案件中,截至时批准过延期的", _DESIGN, tallied=("d", "n2"),
    lower_is_better=True,
)  # fmt: skip
SUSPENSIONS = _case(
    "case.suspension_rate", "挂账率", "dispatched_at", "1", _by_then("suspended_at"),
    "期内首次派遣的案件中,截至时批准过挂账的", _DESIGN, tallied=("d", "n3"),
    lower_is_better=True,
)  # fmt: skip
SATISFACTION = _case(
    "case.satisfaction_rate", "满意率", "evaluated_at", "{row}.answers", "{row}.satisfied",
    "期内结束评价的案件:评价为满意或基本满意的户数,占评价的户数", _DESIGN, lower_bound=True,
    tallied=("d", "n1"),
)  # fmt: skip
_SPENT = (
    "期内反馈处置结果的案件:自派遣至反馈的工作时间,不含挂账;返工的至最近一次反馈;"
    "反馈时本系统尚未记录时长的不计"
)
HANDLING = _case(
    "case.handling_time", "平均处置时长", "handled_at", "1", "{row}.handling_minutes",
    f"{_SPENT};平均", _DESIGN, tallied=("d", "n1"), shape=Shape.MEAN,
)  # fmt: skip
HANDLING_MOST = _case(
    "case.handling_time_p90", "处置时长(九成案件以内)", "handled_at", "1",
    "{row}.handling_minutes", f"{_SPENT};九成的案件不超过", _DESIGN, tallied=None,
    shape=Shape.NINTH_TENTH,
)  # fmt: skip
SCORE = _case(
    "case.score", "综合评价", "due_at", _DUE, None,
    "按期结案率、结案率、返工率(越低越好)、满意率按期末之日的权重合成,见 scoreSchemes;件数少的"
    "向全区的比率靠拢", _DESIGN, tallied=None, shape=Shape.SCORE,
    parts=(ON_TIME, CLOSING, REWORK, SATISFACTION),
)  # fmt: skip
