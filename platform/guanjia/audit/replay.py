"""Idempotency keys: a request that is sent again takes effect once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from guanjia.db.pools import Transaction
from guanjia.graph.errors import BAD_USER_INPUT, Refusal

IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
MAX_KEY = 100

_LOCK = (
    "select pg_advisory_xact_lock(hashtextextended(jsonb_build_array"
    "($1::uuid, $2::uuid, $3::text, $4::text)::text, 11))"
)
_FIND = (
    "select request_hash, result_id from idempotency_keys"
    " where tenant_id = $1 and membership_id = $2 and operation = $3 and key = $4"
)
_KEEP = (
    "insert into idempotency_keys (membership_id, operation, key, request_hash, result_id)"
    " values ($1, $2, $3, $4, $5)"
)


def request_hash(payload: Mapping[str, Any]) -> bytes:
    """One value for one request, however its fields are ordered."""
    text = json.dumps(payload, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).digest()


async def keyed(
    transaction: Transaction,
    membership_id: UUID,
    operation: str,
    given: Any,
    effect: Callable[[], Awaitable[UUID]],
) -> UUID:
    """As `once`, for an input whose `idempotency_key` may be absent."""
    if given.idempotency_key is None:
        return await effect()
    sent = request_hash(asdict(given))
    key = given.idempotency_key
    return await once(transaction, membership_id, operation, key, sent, effect)


async def once(
    transaction: Transaction,
    membership_id: UUID,
    operation: str,
    key: str,
    request_hash: bytes,
    effect: Callable[[], Awaitable[UUID]],
) -> UUID:
    """The id that `effect` gave when this member first sent the key with this operation.

    Retries at the same moment wait for the first to commit; if it rolls back, the next one takes
    its place. The key with another request is a Refusal, and so is one that is no key.
    """
    if not 1 <= len(key) <= MAX_KEY or not key.isprintable():
        raise Refusal(
            BAD_USER_INPUT, f"幂等键须为 1 到 {MAX_KEY} 个可见字符。", ("idempotencyKey",)
        )
    named = (transaction.tenant_id, membership_id, operation, key)
    await transaction.connection.execute(_LOCK, *named)
    # A statement of its own: it must see what was committed while this one waited for the lock.
    known = await transaction.connection.fetchrow(_FIND, *named)
    if known is not None:
        if bytes(known["request_hash"]) != request_hash:
            raise Refusal(
                IDEMPOTENCY_KEY_REUSED,
                "该幂等键已用于另一个内容不同的请求,请更换后重试。",
                ("idempotencyKey",),
            )
        result: UUID = known["result_id"]
        return result
    result = await effect()
    await transaction.connection.execute(_KEEP, *named[1:], request_hash, result)
    return result
