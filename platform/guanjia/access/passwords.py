"""Passwords: argon2id, and the rules of 等保2.0 level 3 (GB/T 22239-2019 8.1.4.1; our values)."""

from __future__ import annotations

import asyncio
import secrets
import string
import unicodedata
from collections.abc import Sequence

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from guanjia.graph.errors import Refusal

MINIMUM = 10
MAXIMUM = 128
CLASSES = 3
REMEMBERED = 5
_hasher = PasswordHasher()
# Verified against when there is no such user, so that an answer takes as long.
_NOBODY = _hasher.hash(secrets.token_urlsafe(16))


def check_new(password: str, login_name: str) -> None:
    """Refusal WEAK_PASSWORD unless long and mixed enough and free of the login name."""
    classes = {_class(character) for character in password}
    if not MINIMUM <= len(password) <= MAXIMUM:
        raise _weak(f"密码须为 {MINIMUM} 到 {MAXIMUM} 位。")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in password):
        raise _weak("密码不能包含控制字符。")
    if len(classes) < CLASSES:
        raise _weak("密码须含大写字母、小写字母、数字、符号中的至少三类。")
    if login_name.casefold() in password.casefold():
        raise _weak("密码不能包含登录名。")


def _weak(message: str) -> Refusal:
    return Refusal("WEAK_PASSWORD", message, ("newPassword",))


def _class(character: str) -> str:
    category = unicodedata.category(character)
    return category if category in ("Lu", "Ll", "Nd") else "other"


async def hashed(password: str) -> str:
    return await asyncio.to_thread(_hasher.hash, password)


async def matches(stored: str | None, password: str) -> bool:
    """Whether the password is the stored one; as slow for nobody as for somebody."""
    right = await asyncio.to_thread(_verify, stored or _NOBODY, password)
    return right and stored is not None


async def used_before(previous: Sequence[str], password: str) -> bool:
    for stored in previous[-REMEMBERED:]:
        if await matches(stored, password):
            return True
    return False


def one_time() -> str:
    """A password for a first login, which has to be changed."""
    alphabet = "".join(c for c in string.ascii_letters + string.digits if c not in "0OIl1")
    return "Gj-" + "".join(secrets.choice(alphabet) for _ in range(13)) + "7a"


def _verify(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False
