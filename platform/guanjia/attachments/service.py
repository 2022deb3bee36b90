"""Uploading, hanging on a row, and clearing what nobody hung up."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from guanjia.attachments.media import Kept
from guanjia.attachments.models import Purpose
from guanjia.attachments.owners import owner_of
from guanjia.attachments.store import Store
from guanjia.audit.service import Recorded, record
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.graph.errors import LIMIT_EXCEEDED, Refusal, not_found

WAITING = dt.timedelta(hours=24)
MOST_WAITING = 50
MAX_NAME = 120
# A sweep waits for uploads under way, and they for it: bytes do not go before their row comes.
_UPLOADING = "select pg_advisory_xact_lock_shared(hashtextextended($1::uuid::text, 13))"
_SWEEPING = "select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 13))"


async def upload(
    transaction: Transaction,
    actor: Recorded,
    store: Store,
    *,
    kept: Kept,
    file_name: str,
    now: dt.datetime,
) -> UUID:
    """The file waits to be hung on a row, for a day. Returns its id."""
    connection, tenant = transaction.connection, transaction.tenant_id
    waiting = await connection.fetchval(
        "select count(*) from attachments where tenant_id = $1 and uploader_id = $2"
        " and owner_id is null and uploaded_at > $3",
        tenant,
        actor.membership_id,
        now - WAITING,
    )
    if waiting >= MOST_WAITING:
        raise Refusal(
            LIMIT_EXCEEDED,
            f"已有 {MOST_WAITING} 个文件上传后尚未使用,请先使用它们,或明天再试。",
            ("file",),
        )
    sha256 = hashlib.sha256(kept.content).digest()
    await connection.execute(_UPLOADING, tenant)
    await store.put(tenant, sha256, "content", kept.content)
    if kept.thumbnail is not None:
        await store.put(tenant, sha256, "thumbnail", kept.thumbnail)
    made = new_id()
    await connection.execute(
        "insert into attachments (id, uploader_id, uploaded_at, file_name, media_type, size,"
        " sha256, width, height) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        made,
        actor.membership_id,
        now,
        _name(file_name),
        kept.media_type,
        len(kept.content),
        sha256,
        kept.width,
        kept.height,
    )
    await record(
        transaction, actor=actor, action="attachment.upload", permission="attachment:write",
        object_type="Attachment", object_id=made,
        detail={"media_type": kept.media_type, "size": len(kept.content)},
    )  # fmt: skip
    return made


async def attach(
    transaction: Transaction,
    actor: Recorded,
    *,
    noun: str,
    owner_id: UUID,
    attachment_ids: Sequence[UUID],
    purpose: Purpose,
    now: dt.datetime,
) -> None:
    """The files, which the actor uploaded and nobody used, hang on the row. Who may change the row
    is the caller's to know."""
    owner = owner_of(noun)
    assert owner is not None, noun
    ids = list(dict.fromkeys(attachment_ids))
    if not ids:
        return
    hung = await transaction.connection.fetchval(
        "select count(*) from attachments where owner_id = $1 and owner_noun = $2", owner_id, noun
    )
    if hung + len(ids) > owner.most:
        raise Refusal(
            LIMIT_EXCEEDED, f"附件最多 {owner.most} 个,已有 {hung} 个。", ("attachmentIds",)
        )
    done = await transaction.connection.fetch(
        "update attachments set owner_noun = $2, owner_id = $3, purpose = $4, attached_at = $5"
        " where id = any($1) and uploader_id = $6 and owner_id is null returning id",
        ids,
        noun,
        owner_id,
        purpose,
        now,
        actor.membership_id,
    )
    if len(done) != len(ids):
        raise not_found("附件", "attachmentIds")


async def pictured(
    transaction: Transaction, actor: Recorded, attachment_ids: Sequence[UUID]
) -> int:
    """How many of the actor's waiting uploads are pictures."""
    count: int = await transaction.connection.fetchval(
        "select count(*) from attachments where id = any($1) and uploader_id = $2"
        " and owner_id is null and width is not null",
        list(attachment_ids),
        actor.membership_id,
    )
    return count


async def found(connection: Any, tenant_id: UUID, attachment_id: UUID | None) -> Any:
    """The attachment's row, whoever may read it."""
    row = await connection.fetchrow(
        "select id, uploader_id, file_name, media_type, sha256, width, owner_noun, owner_id"
        " from attachments where tenant_id = $1 and id = $2",
        tenant_id,
        attachment_id,
    )
    if row is None:
        raise not_found("附件", "id")
    return row


async def sweep(transaction: Transaction, store: Store, now: dt.datetime) -> tuple[int, int]:
    """What waited longer than a day is gone, and so are bytes that no row has. Returns how many
    rows and how many files."""
    connection, tenant = transaction.connection, transaction.tenant_id
    await connection.execute(_SWEEPING, tenant)
    gone = await connection.fetch(
        "delete from attachments where owner_id is null and uploaded_at <= $1 returning id",
        now - WAITING,
    )
    rows = await connection.fetch("select distinct sha256 from attachments")
    used = {bytes(row["sha256"]) for row in rows}
    unused = [sha256 async for sha256 in store.hashes(tenant) if sha256 not in used]
    for sha256 in unused:
        await store.delete(tenant, sha256)
    return len(gone), len(unused)


def _name(given: str) -> str:
    printable = "".join(c for c in given.replace("\\", "/").rpartition("/")[2] if c.isprintable())
    return printable.strip()[-MAX_NAME:] or "未命名"
