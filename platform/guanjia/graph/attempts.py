"""How often somebody nobody knows yet may try, by address: logins, and secrets of links.

The lock of an account stops guesses at one person; this stops one address from trying everybody,
and from keeping the processor busy with passwords or the database with look-ups.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable

from guanjia.graph.errors import LIMIT_EXCEEDED, Refusal
from guanjia.reading.documents import Lru

MAX_ADDRESSES = 10_000
IPV6_PREFIX = 64  # what one household or office is given


class Attempts:
    """At most `per_minute` attempts a minute from one address, as many at once. The machine
    itself is not counted: a proxy on it must pass the addresses on."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._left = Lru(MAX_ADDRESSES)

    def admit(self, address: str | None) -> None:
        """Counts an attempt; Refusal LIMIT_EXCEEDED when the address has none left."""
        if self.spent(address):
            raise Refusal(LIMIT_EXCEEDED, "登录尝试过于频繁,请一分钟后再试。")
        self.count(address)

    def spent(self, address: str | None) -> bool:
        """Whether the address has no attempt left."""
        source = _source(address)
        return source is not None and self._of(source) < 1

    def count(self, address: str | None) -> None:
        """The address has one attempt less."""
        source = _source(address)
        if source is not None:
            self._left.put(source, (self._of(source) - 1, self._clock()))

    def _of(self, source: str) -> float:
        now = self._clock()
        left, since = self._left.get(source) or (float(self._per_minute), now)
        return min(self._per_minute, left + (now - since) * self._per_minute / 60)


def _source(address: str | None) -> str | None:
    """What counts as one address; None for the machine itself."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return None  # a socket file: only a proxy on this machine can use it
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if found.is_loopback:
        return None
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, IPV6_PREFIX), strict=False))
