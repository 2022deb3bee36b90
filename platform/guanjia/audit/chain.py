"""Verifying the record: every hash recomputed outside the database that made it."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

GENESIS = b"\0" * 32
BATCH = 5_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_TEXTS = (
    "id", "actor_id", "actor_name", "session_id", "action", "permission", "object_type",
    "object_id", "region_path", "result", "detail",
)  # fmt: skip


@dataclass(frozen=True)
class Verification:
    """What verifying a tenant's chain found. `fault` names the first bad row, None if all hold."""

    count: int
    head_seq: int
    head_hash: str
    fault: str | None = None

    @property
    def anchor(self) -> str:
        """The head in one word, to be kept outside the database."""
        return f"{self.head_seq}:{self.head_hash}"


def row_hash(row: Mapping[str, Any], previous: bytes) -> bytes:
    """The hash of a row behind another one. Each value is written with its length, so that no two
    rows have one text; an absent value is '-'."""
    micros = (row["at"] - _EPOCH) // dt.timedelta(microseconds=1)
    parts = [_part(str(row["seq"])), _part(str(micros)), *(_part(_text(row[k])) for k in _TEXTS)]
    return hashlib.sha256(previous + "".join(parts).encode()).digest()


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _part(text: str | None) -> str:
    return "-" if text is None else f"{len(text)}:{text}"


async def verify(connection: Any, tenant_id: UUID, anchor: str | None = None) -> Verification:
    """Walks the tenant's chain from its first row. The connection's role may read the record.

    An `anchor` from an earlier run shows rows that were cut off or rewritten since.
    """
    previous, seq, anchored = GENESIS, 0, anchor is None
    async with connection.transaction():
        await connection.execute("select set_config('app.tenant_id', $1, true)", str(tenant_id))
        cursor = connection.cursor(
            "select * from audit_records where tenant_id = $1 order by seq",
            tenant_id,
            prefetch=BATCH,
        )
        async for row in cursor:
            fault = _fault(row, seq, previous)
            if fault:
                return Verification(seq, seq, previous.hex(), fault)
            seq, previous = row["seq"], row["hash"]
            anchored = anchored or anchor == f"{seq}:{previous.hex()}"
    fault = None if anchored else f"锚点 {anchor} 不在链上:其后的记录被截断或改写。"
    return Verification(seq, seq, previous.hex(), fault)


def _fault(row: Mapping[str, Any], seq: int, previous: bytes) -> str | None:
    if row["seq"] != seq + 1:
        return f"第 {seq + 1} 条缺失(其后是第 {row['seq']} 条)。"
    where = f"第 {row['seq']} 条(标识 {row['id']},操作 {row['action']})"
    if bytes(row["prev_hash"]) != previous:
        return f"{where}与前一条不相接:曾被插入、调换或改写。"
    if bytes(row["hash"]) != row_hash(row, previous):
        return f"{where}的内容被改动。"
    return None
