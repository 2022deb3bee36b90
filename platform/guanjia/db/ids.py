"""Row identifiers: UUID version 7 (RFC 9562), so that new rows land at the end of an index."""

from __future__ import annotations

import secrets
import threading
import time
from uuid import UUID

_RANDOM_BITS = 74
_STEP_BITS = 40

_lock = threading.Lock()
_last_millisecond = 0
_last_tail = 0


def new_id() -> UUID:
    """A UUIDv7 that is greater than every other one this process has made.

    Within a millisecond, or while the clock stands still or runs backwards, the random tail grows
    by a random step instead of being drawn anew: ids stay ordered and stay unguessable.
    """
    global _last_millisecond, _last_tail
    with _lock:
        millisecond = time.time_ns() // 1_000_000
        if millisecond > _last_millisecond:
            _last_millisecond = millisecond
            # The top bit stays free, so that steps have room before the tail overflows.
            _last_tail = secrets.randbits(_RANDOM_BITS - 1)
        else:
            _last_tail += 1 + secrets.randbits(_STEP_BITS)
            if _last_tail >> _RANDOM_BITS:
                _last_millisecond += 1
                _last_tail = secrets.randbits(_RANDOM_BITS - 1)
        head, tail = _last_millisecond, _last_tail
    high, low = tail >> 62, tail & ((1 << 62) - 1)
    return UUID(int=head << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)
