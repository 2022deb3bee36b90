"""What was archived can be shown to be what it was: timelines, attachments and their bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from guanjia.attachments.store import Missing, Store
from guanjia.cases.chain import chain_fault
from guanjia.cases.service.timeline import timeline_rows
from guanjia.cases.states import State
from guanjia.db.pools import Transaction

BATCH = 200


async def attached(transaction: Transaction, case_id: UUID) -> Sequence[Mapping[str, Any]]:
    """What hangs on the case."""
    rows: Sequence[Mapping[str, Any]] = await transaction.connection.fetch(
        "select id, sha256, purpose, file_name from attachments"
        " where tenant_id = $1 and owner_id = $2 and owner_noun = 'Case'",
        transaction.tenant_id,
        case_id,
    )
    return rows


def manifest_hash(rows: Iterable[Mapping[str, Any]]) -> str:
    """The SHA-256, in hexadecimal, of all attachments: of each its id, the hash of its bytes, its
    purpose and its name, a line each, in the order of the ids. None at all has a hash as well."""
    lines = (
        f"{row['id']} {bytes(row['sha256']).hex()} {row['purpose']} {row['file_name']}\n"
        for row in sorted(rows, key=lambda row: row["id"])
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


async def archive_fault(transaction: Transaction, store: Store) -> tuple[int, str | None]:
    """How many archived cases of the tenant are as they were archived, and what is wrong with the
    first that is not. Cases archived before attachments were hashed are held to their timeline."""
    checked, after = 0, UUID(int=0)
    while True:
        cases = await transaction.connection.fetch(
            f"select id, number from cases where tenant_id = $1 and state = '{State.ARCHIVED}'"
            f" and id > $2 order by id limit {BATCH}",
            transaction.tenant_id,
            after,
        )
        for case in cases:
            fault = await _fault(transaction, store, case["id"])
            if fault is not None:
                return checked, f"案件 {case['number']}:{fault}"
            checked, after = checked + 1, case["id"]
        if len(cases) < BATCH:
            return checked, None


async def _fault(transaction: Transaction, store: Store, case_id: UUID) -> str | None:
    events = await timeline_rows(transaction, case_id)
    if (number := chain_fault(events)) is not None:
        return f"经过第 {number} 条被改动或缺失"
    archived = next(event for event in events if event["action"] == "archive_case")
    files = await attached(transaction, case_id)
    if archived["attachments_sha256"] not in (None, manifest_hash(files)):
        return "附件有增减或改动"
    for file in files:
        if not await _intact(store, transaction.tenant_id, bytes(file["sha256"])):
            return f"附件 {file['id']} 的文件缺失或被改动"
    return None


async def _intact(store: Store, tenant_id: UUID, sha256: bytes) -> bool:
    try:
        content = await store.get(tenant_id, sha256, "content")
    except Missing:
        return False
    return hashlib.sha256(content).digest() == sha256
