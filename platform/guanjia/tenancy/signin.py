"""How people sign in at a tenant: passwords, lock-out, sessions.

The platform's settings are the floor (等保2.0 level 3, GB/T 22239-2019 8.1.4.1; our values). A
tenant may be stricter, never weaker: not in its file, and not by a row from before the floor rose.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from guanjia.settings import Settings

KEPT_AS = "sign_in"
"""The key of a tenant's own values in its settings."""


@dataclass(frozen=True, slots=True)
class SignInRules:
    """What holds at one tenant. Seconds, days, characters, character classes (of four)."""

    password_min_length: int
    password_classes: int
    password_max_age_days: int
    lock_failures: int
    lock_seconds: int
    idle_seconds: int
    absolute_seconds: int
    resident_idle_seconds: int
    resident_absolute_seconds: int

    def idle(self, *, staff: bool) -> dt.timedelta:
        """A session ends when it was not refreshed for longer than this."""
        return dt.timedelta(seconds=self.idle_seconds if staff else self.resident_idle_seconds)

    def absolute(self, *, staff: bool) -> dt.timedelta:
        """A session ends this long after the login, whatever happens."""
        return dt.timedelta(
            seconds=self.absolute_seconds if staff else self.resident_absolute_seconds
        )

    def password_due(self, changed: dt.datetime) -> dt.datetime:
        """When a password set at that moment has to be changed."""
        return changed + dt.timedelta(days=self.password_max_age_days)

    def locked(self) -> str:
        """The sentence for somebody whose guesses are used up."""
        minutes = -(-self.lock_seconds // 60)
        return f"连续失败 {self.lock_failures} 次,已锁定 {minutes} 分钟。"


NAMES = tuple(field.name for field in fields(SignInRules))
_MORE_IS_STRICTER = frozenset({"password_min_length", "password_classes", "lock_seconds"})


def stricter(name: str) -> Callable[[int, int], int]:
    """Of two values of a rule, the stricter one."""
    return max if name in _MORE_IS_STRICTER else min


def rules(floor: Settings, own: Mapping[str, int]) -> SignInRules:
    """The platform's rules, tightened by a tenant's own values."""
    chosen = {}
    for name in NAMES:
        value: int = getattr(floor, name)
        chosen[name] = stricter(name)(value, own.get(name, value))
    return SignInRules(**chosen)


async def rules_of_tenant(connection: Any, floor: Settings) -> SignInRules | None:
    """The rules of the tenant whose transaction this is; None when there is no such tenant."""
    row = await connection.fetchrow(f"select settings->>'{KEPT_AS}' as own from tenants")
    return rules(floor, json.loads(row["own"] or "{}")) if row is not None else None
