"""Time as rules see it: the dates of China, and the units in which limits are given."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from enum import StrEnum

import strawberry

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")
"""Asia/Shanghai has had no daylight saving since 1991, so a fixed offset is exact and needs no
time zone database on the machine."""


def local_date(at: datetime) -> date:
    """The date in China at an instant."""
    return at.astimezone(CHINA).date()


def month_start(at: datetime) -> datetime:
    """The first moment of the month in China."""
    return at.astimezone(CHINA).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def folded_before(now: datetime) -> datetime:
    """What was known before this moment may be summed up: the months that were over a day ago.
    Later on nobody asks what was known within them, but in retrospect."""
    return month_start(now - timedelta(days=1))


@strawberry.enum(
    name="TimeUnit", description="紧急工作时(昼夜连续)、工作时、工作日(首日不计)、自然日(首日不计)"
)
class Unit(StrEnum):
    """URGENT_HOUR runs around the clock; WORK_HOUR counts inside office hours; WORK_DAY leaves
    the first day out and ends at the close of office; CALENDAR_DAY leaves the first day out and
    ends at 24:00."""

    URGENT_HOUR = "URGENT_HOUR"
    WORK_HOUR = "WORK_HOUR"
    WORK_DAY = "WORK_DAY"
    CALENDAR_DAY = "CALENDAR_DAY"


UNIT_TITLES = {
    Unit.URGENT_HOUR: "紧急工作时",
    Unit.WORK_HOUR: "工作时",
    Unit.WORK_DAY: "工作日",
    Unit.CALENDAR_DAY: "自然日",
}
