"""What a figure says of the rows it counted, and when it says nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from guanjia.reading.metrics import MetricDefinition, Shape, half_up, hundredths_of_percent
from guanjia.reading.rates import wilson_lower_bound


class Reason(StrEnum):
    """没有可计的行、各部分之和不等于总数、分子大于分母"""

    NOTHING_COUNTED = "NOTHING_COUNTED"
    PARTS_MISSING = "PARTS_MISSING"
    NUMERATOR_EXCEEDS = "NUMERATOR_EXCEEDS"


@dataclass(frozen=True, slots=True)
class Refused:
    """Why there is no figure, and what is missing."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric over some rows. lacking: why it says nothing. A score's numerator is its value."""

    metric: MetricDefinition
    denominator: int
    numerator: int
    lacking: str = ""

    @property
    def refused(self) -> Refused | None:
        if self.lacking:
            return Refused(Reason.PARTS_MISSING, self.lacking)
        rate = self.metric.shape is Shape.RATE
        if self.numerator < 0 or (rate and self.numerator > self.denominator):
            said = f"分子 {self.numerator} 大于分母 {self.denominator}。"
            return Refused(Reason.NUMERATOR_EXCEEDS, said)
        if self.metric.shape is not Shape.COUNT and self.denominator == 0:
            said = {Shape.RATE: "比率", Shape.SCORE: "评价"}.get(self.metric.shape, "时长")
            return Refused(Reason.NOTHING_COUNTED, f"期内没有可计的行,不能计算{said}。")
        return None

    @property
    def hundredths(self) -> int | None:
        """The value in hundredths of its unit; None where it is refused."""
        if self.refused is not None:
            return None
        match self.metric.shape:
            case Shape.RATE:
                return hundredths_of_percent(self.numerator, self.denominator)
            case Shape.MEAN:
                return half_up(100 * self.numerator, self.denominator * self.metric.scale)
            case Shape.SCORE:
                return self.numerator
            case Shape.NINTH_TENTH:
                return half_up(100 * self.numerator, self.metric.scale)
        return self.denominator * 100

    @property
    def lower_bound(self) -> int | None:
        """Wilson's lower bound in hundredths of a percent (domain rule 6.4, z = 1.96)."""
        if not self.metric.lower_bound or self.hundredths is None:
            return None
        return wilson_lower_bound(self.numerator, self.denominator)


@dataclass(frozen=True, slots=True)
class Cell:
    """A part of a figure: a region, an organisation or a category."""

    id: UUID
    code: str
    name: str
    figure: Figure
