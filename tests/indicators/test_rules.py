"""Periods, rounding and refusals, without a database."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guanjia.cases.metrics import CLOSING, DUE, SATISFACTION
from guanjia.graph.errors import Denied
from guanjia.graph.times import CHINA
from guanjia.indicators.service.figures import Figure, Reason
from guanjia.indicators.service.periods import known_at, period_of
from guanjia.reading.metrics import hundredths_of_percent, register


@pytest.mark.parametrize(
    ("numerator", "denominator", "published"),
    [(996, 1054, 9450), (911, 972, 9372), (737, 972, 7582), (1, 8, 1250), (1, 20000, 1)],
)
def test_the_published_rates_of_tianmen(numerator: int, denominator: int, published: int) -> None:
    assert hundredths_of_percent(numerator, denominator) == published


@given(st.integers(1, 10**7), st.data())
def test_rates_are_rounded_half_up(denominator: int, data: st.DataObject) -> None:
    numerator = data.draw(st.integers(0, denominator))
    exact = Fraction(numerator * 10_000, denominator)
    assert 0 <= hundredths_of_percent(numerator, denominator) <= 10_000
    assert -Fraction(1, 2) < hundredths_of_percent(numerator, denominator) - exact <= Fraction(1, 2)


def test_figures_that_say_nothing_say_why() -> None:
    for figure, reason in (
        (Figure(CLOSING, 0, 0), Reason.NOTHING_COUNTED),
        (Figure(CLOSING, 3, 4), Reason.NUMERATOR_EXCEEDS),
        (Figure(CLOSING, 3, 2, "总数 3 中有 1 不属于其中任何一项。"), Reason.PARTS_MISSING),
    ):
        assert figure.refused is not None
        assert (figure.refused.reason, figure.hundredths) == (reason, None)
    assert Figure(DUE, 0, 0).hundredths == 0
    assert Figure(DUE, 972, 972).hundredths == 97_200


@pytest.mark.parametrize(
    ("satisfied", "answered", "bound"),
    [(5, 5, 5655), (18, 20, 6990), (285, 300, 9192), (300, 300, 9874)],
)
def test_wilsons_bound(satisfied: int, answered: int, bound: int) -> None:
    assert Figure(SATISFACTION, answered, satisfied).lower_bound == bound
    assert Figure(CLOSING, answered, satisfied).lower_bound is None


def test_periods() -> None:
    start = dt.datetime(2016, 12, 1, tzinfo=CHINA)
    month, quarter, year = map(period_of, ("2016-12", "2016-Q4", "2016"))
    assert month.start == start
    assert {period.end for period in (month, quarter, year)} == {
        dt.datetime(2017, 1, 1, tzinfo=CHINA)
    }
    assert [p.moved(-1).text for p in (month, quarter, year)] == ["2016-11", "2016-Q3", "2015"]
    assert [p.moved(1).text for p in (month, quarter, year)] == ["2017-01", "2017-Q1", "2017"]
    for wrong in [
        "2016-13",
        "2016-00",
        "2016-Q5",
        "0001",
        "2016-1",
        "本月",
        "2016-12-01",
        "２016",
        "2016-",
    ]:
        with pytest.raises(Denied):
            period_of(wrong)


def test_what_is_known() -> None:
    period, now = period_of("2016-12"), dt.datetime(2016, 12, 9, tzinfo=CHINA)
    assert known_at(period, None, now) == now
    later = dt.datetime(2017, 5, 1, tzinfo=CHINA)
    assert known_at(period, None, later) == period.end
    assert known_at(period, now, later) == now
    with pytest.raises(Denied):
        known_at(period, later, now)


def test_an_id_is_of_one_metric() -> None:
    with pytest.raises(TypeError):
        register(replace(CLOSING, title="又一个"))
