"""The password rules of 等保2.0 level 3."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher, extract_parameters

from guanjia import settings
from guanjia.access import passwords
from guanjia.graph.errors import Refusal
from guanjia.tenancy.signin import rules

RULES = rules(settings.Settings(), {})
STRICT = rules(settings.Settings(), {"password_min_length": 14, "password_classes": 4})


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
        passwords.check_new(password, "wang.li", RULES)
    assert refused.value.code == "WEAK_PASSWORD"


def test_three_classes_of_four_and_ten_characters_are_enough() -> None:
    passwords.check_new("Abcdefgh12", "wang.li", RULES)
    passwords.check_new("abcdefgh-1", "wang.li", RULES)
    passwords.check_new(passwords.one_time(), "wang.li", RULES)


@pytest.mark.parametrize("password", ["Abcdefgh-1234", "Abcdefghij1234"])
def test_a_tenant_may_ask_for_more(password: str) -> None:
    passwords.check_new(password, "wang.li", RULES)
    with pytest.raises(Refusal):
        passwords.check_new(password, "wang.li", STRICT)
    passwords.check_new(password + "-5", "wang.li", STRICT)


async def test_only_the_right_password_matches() -> None:
    stored = await passwords.hashed("Abcdefgh12")
    assert stored.startswith("$argon2id$")
    assert await passwords.matches(stored, "Abcdefgh12")
    for wrong in ("abcdefgh12", "", "\0", "\ud800"):
        assert not await passwords.matches(stored, wrong)
    assert not await passwords.matches(None, "Abcdefgh12")


async def test_the_real_hash_is_dear_and_as_dear_for_nobody(cheap_hashing: PasswordHasher) -> None:
    """argon2id with the second set of parameters that RFC 9106 recommends."""
    stored = extract_parameters(cheap_hashing.hash("Abcdefgh12"))
    assert (stored.memory_cost, stored.time_cost, stored.parallelism) == (65_536, 3, 4)
    assert extract_parameters(passwords._of_nobody(cheap_hashing)) == stored
