"""One address may try only so often."""

from __future__ import annotations

import pytest

from guanjia.graph.attempts import Attempts
from guanjia.graph.errors import LIMIT_EXCEEDED, Refusal


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def refused(attempts: Attempts, address: str | None) -> bool:
    try:
        attempts.admit(address)
    except Refusal as refusal:
        return refusal.code == LIMIT_EXCEEDED
    return False


def test_a_minute_has_so_many_attempts() -> None:
    clock = Clock()
    attempts = Attempts(6, clock)
    assert [refused(attempts, "192.0.2.1") for _ in range(8)] == [False] * 6 + [True] * 2
    clock.now = 10
    assert [refused(attempts, "192.0.2.1") for _ in range(2)] == [False, True]
    clock.now = 1000
    assert [refused(attempts, "192.0.2.1") for _ in range(7)] == [False] * 6 + [True]


def test_addresses_do_not_pay_for_each_other() -> None:
    attempts = Attempts(1, Clock())
    assert not refused(attempts, "192.0.2.1")
    assert not refused(attempts, "192.0.2.2")
    assert refused(attempts, "192.0.2.1")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
    ],
)
def test_what_is_one_address(first: str, second: str, same: bool) -> None:
    attempts = Attempts(1, Clock())
    attempts.admit(first)
    assert refused(attempts, second) is same


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", None, "testclient"])
def test_the_machine_itself_is_not_counted(address: str | None) -> None:
    attempts = Attempts(1, Clock())
    assert [refused(attempts, address) for _ in range(3)] == [False] * 3
