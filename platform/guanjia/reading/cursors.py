"""Cursors: a signed place in an ordered list.

A cursor holds the sort key values of its row and an HMAC-SHA256 over them, made with a key that is
derived per tenant, connection and order: a cursor of another tenant, of another list or of another
order does not verify. The same bytes are made in SQL (for compiled pages) and in Python.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.reading.mapping import Order, SortKey

SEPARATOR = "\x1f"
MAC_BYTES = 16
MAX_CURSOR = 1_000
_BLOCK = 64


class BadCursor(ValueError):
    """The cursor was not made by this list, order and tenant, or was altered."""


@dataclass(frozen=True, slots=True)
class CursorKey:
    """The two padded keys of HMAC-SHA256, so that SQL needs nothing but sha256()."""

    inner: bytes
    outer: bytes

    def sign(self, payload: bytes) -> bytes:
        inner = hashlib.sha256(self.inner + payload).digest()
        return hashlib.sha256(self.outer + inner).digest()[:MAC_BYTES]


def key_for(secret: bytes, tenant_id: UUID, connection: str, order: Order) -> CursorKey:
    message = f"cursor:{tenant_id}:{connection}:{order.name}".encode()
    derived = hmac.digest(secret, message, "sha256").ljust(_BLOCK, b"\0")
    return CursorKey(
        inner=bytes(byte ^ 0x36 for byte in derived), outer=bytes(byte ^ 0x5C for byte in derived)
    )


def encode(key: CursorKey, order: Order, row: Mapping[str, Any]) -> str:
    payload = SEPARATOR.join(_text(row[part.column]) for part in order.keys).encode()
    return _base64(payload) + "." + _base64(key.sign(payload))


def decode(key: CursorKey, order: Order, cursor: str) -> list[Any]:
    """The sort key values in the cursor, as Python values of their kinds."""
    if len(cursor) > MAX_CURSOR:
        raise BadCursor("too long")
    head, _, tail = cursor.partition(".")
    try:
        payload, mac = _bytes(head), _bytes(tail)
        if not hmac.compare_digest(mac, key.sign(payload)):
            raise BadCursor("signature")
        parts = payload.decode().split(SEPARATOR)
        if len(parts) != len(order.keys):
            raise BadCursor("keys")
        return [_value(text, part) for text, part in zip(parts, order.keys, strict=True)]
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise BadCursor("malformed") from error


def sql(order: Order, row: str, inner: str, outer: str) -> str:
    """The cursor of `row` as an SQL expression; `inner` and `outer` are bytea placeholders."""
    texts = " || E'\\x1f' || ".join(_sql_text(part, row) for part in order.keys)
    payload = f"convert_to({texts}, 'UTF8')"
    mac = f"substr(sha256({outer} || sha256({inner} || {payload})), 1, {MAC_BYTES})"
    return f"{_sql_base64(payload)} || '.' || {_sql_base64(mac)}"


def after(order: Order, row: str, placeholders: Sequence[str], *, backwards: bool) -> str:
    """The rows behind a cursor in reading direction.

    All keys of an order run in one direction, so a row comparison says it and an index on exactly
    these columns answers it.
    """
    columns = ", ".join(f"{row}.{part.column}" for part in order.keys)
    down = order.keys[0].descending != backwards
    return f"({columns}) {'<' if down else '>'} ({', '.join(placeholders)})"


def sql_order(order: Order, row: str, *, backwards: bool) -> str:
    return ", ".join(
        f"{row}.{part.column} {'desc' if part.descending != backwards else 'asc'}"
        for part in order.keys
    )


SQL_TYPES = {"time": "timestamptz", "uuid": "uuid", "text": "text", "int": "bigint", "date": "date"}


def _text(value: Any) -> str:
    if isinstance(value, dt.datetime):
        moment = value.astimezone(dt.UTC)
        return str(int((moment - _EPOCH) / dt.timedelta(microseconds=1)))
    return str(value)


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def _value(text: str, key: SortKey) -> Any:
    if key.kind == "time":
        return _EPOCH + dt.timedelta(microseconds=int(text))
    if key.kind == "uuid":
        return UUID(text)
    if key.kind == "int":
        return int(text)
    if key.kind == "date":
        return dt.date.fromisoformat(text)
    return text


def _sql_text(key: SortKey, row: str) -> str:
    if key.kind == "time":
        return f"(extract(epoch from {row}.{key.column}) * 1000000)::bigint::text"
    return f"{row}.{key.column}::text"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _sql_base64(data: str) -> str:
    return f"translate(encode({data}, 'base64'), E'+/=\\n', '-_')"
