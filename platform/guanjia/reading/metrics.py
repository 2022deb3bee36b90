"""What a figure is: each module that owns the facts registers its metrics, all in this one form.

A metric counts over the facts of its source as they were known at a moment. It never stores a
number: the same question about the same moment counts the same rows again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

PERCENT = "%"
BASIS = 10_000


class Dimension(StrEnum):
    """街道、社区、网格、职能部门、物业公司、类别"""

    STREET = "STREET"
    COMMUNITY = "COMMUNITY"
    GRID = "GRID"
    DEPARTMENT = "DEPARTMENT"
    COMPANY = "COMPANY"
    CATEGORY = "CATEGORY"

    @property
    def words(self) -> str:
        return _WORDS[self]


_WORDS = {
    Dimension.STREET: "街道",
    Dimension.COMMUNITY: "社区",
    Dimension.GRID: "网格",
    Dimension.DEPARTMENT: "职能部门",
    Dimension.COMPANY: "物业公司",
    Dimension.CATEGORY: "类别",
}


class Shape(StrEnum):
    """数、比率、平均、九成以内、综合评价"""

    COUNT = "COUNT"
    RATE = "RATE"
    MEAN = "MEAN"
    NINTH_TENTH = "NINTH_TENTH"
    SCORE = "SCORE"

    @property
    def adds_up(self) -> bool:
        """Whether a total is what its parts add up to."""
        return self not in (Shape.NINTH_TENTH, Shape.SCORE)


@dataclass(frozen=True, slots=True)
class Parting:
    """How the rows of a source are parted. key: SQL over `{row}` for the part a row belongs to, as
    text. parts: SQL of the parts over `{tenant}`, `{low}` and `{high}` (the region) and `{day}`
    with the columns key, id, code, name and standing: whether a part shows although nothing of it
    was counted. only: SQL over `{row}` and `{tenant}` for the rows that
    are parted at all, where these are not all of them."""

    key: str
    parts: str
    only: str = "true"


@dataclass(frozen=True, slots=True)
class Tally:
    """The counts of a source, summed up: rows with the `month` of the metric's moment (its first
    day), that `moment` by its column's name, since when it is `known` (exclusive), and the region
    down to paths of `depth`. dimensions and filters: by what they can be parted and chosen. Rows
    of months before `graph.times.folded_before` are right for the starts of months only."""

    table: str
    region: str
    depth: int
    dimensions: frozenset[Dimension]
    filters: frozenset[str]


@dataclass(frozen=True, slots=True)
class Source:
    """Facts with the time they held. table: its rows hold `since` (exclusive) `until` (inclusive)
    a moment. node: the type of the rows behind a figure, and key the column with their id.
    permission: reads that type. region: the column with the path. filters: SQL over `{row}` and
    `{value}`, an array of ids, by name."""

    table: str
    node: str
    key: str
    permission: str
    region: str
    partings: Mapping[Dimension, Parting]
    filters: Mapping[str, str]
    tally: Tally | None = None


@dataclass(frozen=True, slots=True)
class MetricDefinition:
    """A figure. moment: the column that puts a row into a period. denominator and numerator: SQL
    over `{row}` and `{known}` for what a row adds to each, a whole number. A count has no
    numerator; a mean is numerator by denominator, in `scale` of the unit; of a ninth-tenth nine
    in ten rows have no more than that; a score is made of its `parts`, whose rows it has.
    citation: where its formula is from. lower_is_better: of two figures the lower one is better.
    lower_bound: it is published with Wilson's lower bound.
    tallied: the columns of the source's tally with denominator and numerator."""

    id: str
    title: str
    unit: str
    source: Source
    moment: str
    denominator: str
    numerator: str | None
    explanation: str
    citation: str
    dimensions: frozenset[Dimension] = frozenset(Dimension)
    lower_bound: bool = False
    tallied: tuple[str, str] | None = None
    shape: Shape = Shape.RATE
    scale: int = 1
    parts: tuple[MetricDefinition, ...] = ()
    lower_is_better: bool = False


_METRICS: dict[str, MetricDefinition] = {}


def register(metric: MetricDefinition) -> MetricDefinition:
    """The metric can be asked for from now on."""
    if _METRICS.setdefault(metric.id, metric) is not metric:
        raise TypeError(f"{metric.id}: two metrics of this id")
    return metric


def metrics() -> tuple[MetricDefinition, ...]:
    return tuple(_METRICS.values())


def metric_of(identifier: str) -> MetricDefinition | None:
    return _METRICS.get(identifier)


def hundredths_of_percent(numerator: int, denominator: int) -> int:
    """A rate in hundredths of a percent, rounded half up: 9372 is 93.72 %."""
    return half_up(BASIS * numerator, denominator)


def half_up(numerator: int, denominator: int) -> int:
    """The quotient, rounded half up."""
    return (2 * numerator + denominator) // (2 * denominator)
