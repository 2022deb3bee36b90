"""The password rules of 等保2.0 level 3."""

from __future__ import annotations

import pytest

from guanjia.access import passwords
from guanjia.graph.errors import Refusal


@pytest.mark.parametrize(
    "password",
    [
        "Ab3-xyz90",
        "abcdefghij12",
        "ABCDEFGHIJ12",
        "Wang.Li-2026x",
        "Ab3-" + "x" * 200,
        "Ab3-xyz90\0k",
        "Ab3-xyz90\ud800k",
    ],
)
def test_a_weak_password_is_refused(password: str) -> None:
    with pytest.raises(Refusal) as refused:
        passwords.check_new(password, "wang.li")
    assert refused.value.code == "WEAK_PASSWORD"


def test_three_classes_of_four_and_ten_characters_are_enough() -> None:
    passwords.check_new("Abcdefgh12", "wang.li")
    passwords.check_new("abcdefgh-1", "wang.li")
    passwords.check_new(passwords.one_time(), "wang.li")


async def test_only_the_right_password_matches() -> None:
    stored = await passwords.hashed("Abcdefgh12")
    assert stored.startswith("$argon2id$")
    assert await passwords.matches(stored, "Abcdefgh12")
    for wrong in ("abcdefgh12", "", "\0", "\ud800"):
        assert not await passwords.matches(stored, wrong)
    assert not await passwords.matches(None, "Abcdefgh12")
