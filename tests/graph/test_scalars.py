"""What scalars take and what they say of the rest, which is never repeated."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from guanjia.graph.scalars import parse_clock


@pytest.mark.parametrize(("given", "read"), [("00:00", (0, 0)), ("15:05", (15, 5))])
def test_a_time_of_day_is_an_hour_and_its_minutes(given: str, read: tuple[int, int]) -> None:
    assert parse_clock(given) == dt.time(*read)


@pytest.mark.parametrize("given", ["24:00", "9:00", "15:00+08:00", "15:00:30", "", 900, None])
def test_no_other_time_of_day_is_read(given: Any) -> None:
    with pytest.raises(ValueError, match=r"^时间须为几时几分,例如 15:00。$"):
        parse_clock(given)
