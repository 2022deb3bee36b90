"""统计期: a year, a quarter or a month of China's calendar."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from guanjia.graph.errors import BAD_USER_INPUT, Denied
from guanjia.graph.times import CHINA

_FORM = re.compile(r"([0-9]{4})(?:-(?:([0-9]{2})|Q([1-4])))?")
WRONG = "统计期写作 2026(年)、2026-Q1(季)或 2026-03(月)。"
EARLIEST, LATEST = 2000, 2100


@dataclass(frozen=True, slots=True)
class Period:
    """`months` months from the first of `month` in `year`."""

    year: int
    month: int
    months: int

    @property
    def text(self) -> str:
        if self.months == 12:
            return f"{self.year}"
        if self.months == 3:
            return f"{self.year}-Q{self.month // 3 + 1}"
        return f"{self.year}-{self.month:02}"

    @property
    def start(self) -> dt.datetime:
        return dt.datetime(self.year, self.month, 1, tzinfo=CHINA)

    @property
    def end(self) -> dt.datetime:
        """The first moment after it."""
        return self.moved(1).start

    def moved(self, by: int) -> Period:
        """The period of the same kind that many later."""
        year, month = divmod(self.year * 12 + self.month - 1 + by * self.months, 12)
        return Period(year, month + 1, self.months)


def period_of(text: str) -> Period:
    """The period that is written so; Denied BAD_USER_INPUT for any other text."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise Denied(BAD_USER_INPUT, WRONG)
    year, month, quarter = (int(part) if part else 0 for part in found.groups())
    if not EARLIEST <= year <= LATEST or (found[2] and not 1 <= month <= 12):
        raise Denied(BAD_USER_INPUT, WRONG)
    if month:
        return Period(year, month, 1)
    return Period(year, quarter * 3 - 2, 3) if quarter else Period(year, 1, 12)


def known_at(period: Period, as_of: dt.datetime | None, now: dt.datetime) -> dt.datetime:
    """Up to which moment a figure of the period counts what happened: its end, or now while it
    lasts, or the moment that was asked for, which is not in the future. Denied where nothing of
    the period was over by then: that would count as none what has not come yet."""
    if as_of is None:
        if now <= period.start:
            raise Denied(BAD_USER_INPUT, f"统计期 {period.text} 尚未开始。")
        return min(period.end, now)
    if as_of > now:
        raise Denied(BAD_USER_INPUT, "截至时间不能晚于现在。")
    if as_of <= period.start:
        raise Denied(BAD_USER_INPUT, f"截至时间须晚于统计期 {period.text} 的开始。")
    return as_of
