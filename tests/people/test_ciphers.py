"""Sealing: what was sealed opens in its place, with its key, unaltered, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from guanjia.people.ciphers import Key, Place, Suite, Unreadable

PLACE = Place(uuid4(), "person_documents", "cipher", uuid4())
PLAIN = b"350702198811029972"


@pytest.mark.parametrize("suite", list(Suite))
def test_what_is_sealed_opens_and_tells_nothing(suite: Suite) -> None:
    key = Key.new()
    sealed, again = key.seal(suite, PLAIN, PLACE), key.seal(suite, PLAIN, PLACE)
    assert key.open(sealed, PLACE) == PLAIN
    assert sealed != again
    assert PLAIN not in sealed
    assert len(sealed) == 1 + 12 + len(PLAIN) + 16


@pytest.mark.parametrize("suite", list(Suite))
@pytest.mark.parametrize(
    "elsewhere",
    [
        replace(PLACE, tenant_id=uuid4()), replace(PLACE, table="person_phones"),
        replace(PLACE, column="legacy_cipher"), replace(PLACE, row_id=uuid4()),
    ],
)  # fmt: skip
def test_a_value_that_was_moved_does_not_open(suite: Suite, elsewhere: Place) -> None:
    key = Key.new()
    sealed = key.seal(suite, PLAIN, PLACE)
    with pytest.raises(Unreadable):
        key.open(sealed, elsewhere)
    with pytest.raises(Unreadable):
        Key.new().open(sealed, PLACE)


@hypothesis_settings(max_examples=60, deadline=None)
@given(st.sampled_from(list(Suite)), st.binary(max_size=200), st.data())
def test_any_altered_byte_is_noticed(suite: Suite, plain: bytes, data: st.DataObject) -> None:
    key = Key(b"k" * 32)
    sealed = bytearray(key.seal(suite, plain, PLACE))
    assert key.open(bytes(sealed), PLACE) == plain
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Unreadable):
        key.open(bytes(sealed), PLACE)


@pytest.mark.parametrize("given_", [b"", b"\x01", b"\x03" * 60, PLAIN])
def test_what_was_never_sealed_is_unreadable(given_: bytes) -> None:
    with pytest.raises(Unreadable) as error:
        Key.new().open(given_, PLACE)
    assert PLAIN.decode() not in str(error.value)


def test_an_index_is_equal_for_equal_values_of_one_noun_and_key() -> None:
    key, other = Key.new(), Key.new()
    indexes = {
        key.index(suite, noun, value)
        for suite in Suite
        for noun in ("phone", "document:CITIZEN_ID")
        for value in ("1", "2")
    }
    assert len(indexes) == 8
    assert key.index(Suite.NATIONAL, "phone", "1") in indexes
    assert other.index(Suite.NATIONAL, "phone", "1") not in indexes


def test_keys_do_not_show_themselves() -> None:
    key = Key(b"hunter2" * 4 + b"!!!!")
    assert "hunter2" not in repr(key) + str(key) + key.fingerprint
