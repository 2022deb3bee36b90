"""The hash that ties an event to the one before it in its case's timeline."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

GENESIS = b"\0" * 32
UNHASHED = frozenset({"tenant_id", "prev_hash", "hash", "current_path"})
"""`current_path` follows the case; all else is as it was written."""
LATER = frozenset(
    {"not_duplicate_of", "answer_by", "attachments_sha256", "handling_minutes", "salt"}
)
"""Columns younger than the oldest events: part of the text only where they say something, so that
the hashes of old events stay what they were."""


def event_hash(previous: bytes, event: Mapping[str, Any]) -> bytes:
    """Over the previous hash and every column, in the order of their names. Each value is written
    with its length, so that no two events have one text."""
    names = sorted(
        name
        for name in event
        if name not in UNHASHED and not (name in LATER and event[name] is None)
    )
    parts = "".join(f"{name}={_part(event[name])};" for name in names)
    return hashlib.sha256(previous + parts.encode()).digest()


def chain_fault(events: Sequence[Mapping[str, Any]]) -> int | None:
    """The number of the first event that was altered, exchanged or is missing; None if all hold."""
    previous = GENESIS
    for number, event in enumerate(events, 1):
        if event["seq"] != number or bytes(event["prev_hash"]) != previous:
            return number
        if bytes(event["hash"]) != event_hash(previous, event):
            return number
        previous = bytes(event["hash"])
    return None


def _part(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        value = value.astimezone(UTC).isoformat(timespec="microseconds")
    elif isinstance(value, list | tuple):
        value = ",".join(map(str, value))
    written = str(value)
    return f"{len(written)}:{written}"
