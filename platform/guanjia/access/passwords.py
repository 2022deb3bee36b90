"""Passwords: argon2id, and the rules of 等保2.0 level 3 (GB/T 22239-2019 8.1.4.1; our values).

Hashing takes tens of milliseconds of a core and 64 MiB: it runs on a few threads of its own, and
never on the event loop.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import string
import unicodedata
from base64 import b64encode
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION

from guanjia.graph.errors import LIMIT_EXCEEDED, Denied, Refusal
from guanjia.tenancy.signin import SignInRules

MAXIMUM = 128
REMEMBERED = 5
MAX_WAITING = 100
"""Hashes under way or waiting in this process; whoever comes later is asked to try again."""
_hasher = PasswordHasher()


def _of_nobody(hasher: PasswordHasher) -> str:
    """The hash of a password that nobody knows: random bytes, with the hasher's parameters."""
    salt, digest = (
        b64encode(secrets.token_bytes(size)).decode().rstrip("=")
        for size in (hasher.salt_len, hasher.hash_len)
    )
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${cost}${salt}${digest}"


# Verified against when there is no such user, so that an answer takes as long.
_NOBODY = _of_nobody(_hasher)
_threads = ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2), thread_name_prefix="argon2")
_waiting = 0


def check_new(password: str, login_name: str, rules: SignInRules) -> None:
    """Refusal WEAK_PASSWORD unless long and mixed enough and free of the login name."""
    classes = {_class(character) for character in password}
    if not rules.password_min_length <= len(password) <= MAXIMUM:
        raise _weak(f"密码须为 {rules.password_min_length} 到 {MAXIMUM} 位。")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in password):
        raise _weak("密码不能包含控制字符。")
    if len(classes) < rules.password_classes:
        raise _weak(f"密码须含大写字母、小写字母、数字、符号中的至少 {rules.password_classes} 类。")
    if login_name.casefold() in password.casefold():
        raise _weak("密码不能包含登录名。")


def _weak(message: str) -> Refusal:
    return Refusal("WEAK_PASSWORD", message, ("newPassword",))


def _class(character: str) -> str:
    category = unicodedata.category(character)
    return category if category in ("Lu", "Ll", "Nd") else "other"


def check_room() -> None:
    """LIMIT_EXCEEDED when more hashes wait than can be made in a few seconds."""
    if _waiting >= MAX_WAITING:
        raise Denied(LIMIT_EXCEEDED, "登录繁忙,请稍后再试。")


async def hashed(password: str) -> str:
    made: str = await _apart(_hasher.hash, password)
    return made


async def matches(stored: str | None, password: str) -> bool:
    """Whether the password is the stored one; as slow for nobody as for somebody."""
    right = await _apart(_verify, stored or _NOBODY, password)
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


async def _apart(work: Callable[..., Any], *arguments: Any) -> Any:
    global _waiting
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, work, *arguments)
    finally:
        _waiting -= 1


def _verify(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False
