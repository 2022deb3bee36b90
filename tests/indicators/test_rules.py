"""Periods, rounding and refusals, without a database."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guanjia.cases.metrics import CLOSING, DUE, HANDLING, HANDLING_MOST, REWORK, SATISFACTION, SCORE
from guanjia.graph.errors import Denied
from guanjia.graph.times import CHINA
from guanjia.indicators.service.figures import Figure, Reason
from guanjia.indicators.service.periods import known_at, period_of
from guanjia.indicators.service.score import Weight, lacking, score
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


def test_the_score_by_the_weights_and_drawn_to_the_district() -> None:
    """By hand: 0.35·737/972 + 0.20·911/972 + 0.20·(1 - 10/100) + 0.25·90/100, and for the part
    (1 + 10·737/972)/11 and so on."""
    ids = [part.id for part in SCORE.parts]
    weights = [
        Weight(metric, percent, 10) for metric, percent in zip(ids, (35, 20, 20, 25), strict=True)
    ]
    assert [w.percent for w in weights if w.complement] == [20]
    district = dict(zip(ids, [(972, 737), (972, 911), (100, 10), (100, 90)], strict=True))
    assert lacking(weights, district) == ""
    assert score(weights, district, district) == 8578
    part = dict(zip(ids, [(1, 1), (1, 1), (0, 0), (2, 0)], strict=True))
    exact = (
        35 * (1 + 10 * Fraction(737, 972)) / 11 + 20 * (1 + 10 * Fraction(911, 972)) / 11
        + 20 * Fraction(9, 10) + 25 * Fraction(9) / 12
    )  # fmt: skip
    assert score(weights, part, district) == round(exact * 100)
    assert "超过" in lacking(weights[1:], district)
    assert lacking(weights, {**district, REWORK.id: (0, 0)}).endswith("返工率。")
    figure = Figure(SCORE, 972, 8578)
    assert (figure.hundredths, figure.refused) == (8578, None)
    for metric, value in ((HANDLING, 150), (HANDLING_MOST, 450)):
        assert Figure(metric, 3, 270).hundredths == value


def test_an_id_is_of_one_metric() -> None:
    with pytest.raises(TypeError):
        register(replace(CLOSING, title="又一个"))
