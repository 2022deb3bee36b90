"""The steps of a batch that people take: hand in, apply, undo, discard.

Each is one short transaction that checks and marks; the long work runs apart (`running`) and ends
in a transaction of its own. `run_id` says which run may finish a batch: a run that was given up
finds another one and keeps nothing.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.audit.service import record
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import PATH_SEGMENT, Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, forbidden, not_found
from guanjia.imports.kinds import ImportKind, Place, kind_of
from guanjia.imports.models import BATCH_REACH, STATE_SQL, State
from guanjia.imports.staging import drop
from guanjia.settings import Settings
from guanjia.tenancy.models import LOCAL

MAX_FILE_NAME = 120
_COLUMNS = (
    "b.tenant_id, b.id, b.kind, b.file_name, b.uploader_id, b.region_path, b.run_id, b.header,"
    " b.sealed_key, b.key_version, b.rows, b.wrong, b.added, b.changed, b.removed, b.unchanged,"
    f" b.undo_until, b.uploaded_at, {STATE_SQL.format(row='b')} as state"
)


@dataclass(frozen=True)
class Run:
    """A step that was begun: of which batch, for whom, and where they may."""

    batch: Any
    kind: ImportKind
    actor: Actor
    place: Place


def place_of(actor: Actor, kind: ImportKind, settings: Settings, now: dt.datetime) -> Place:
    """Where the actor may import the kind; FORBIDDEN for nowhere."""
    scope = actor.scope(kind.permission)
    if not scope.paths:
        raise forbidden(kind.permission)
    return Place(actor.tenant_id, scope, now.astimezone(LOCAL).date(), settings)


async def hand_in(
    transaction: Transaction,
    actor: Actor,
    kind: ImportKind,
    scope: Scope,
    *,
    file_name: str,
    sha256: bytes,
    size: int,
    previous_id: UUID | None,
    settings: Settings,
    now: dt.datetime,
) -> Run:
    """A batch is being read. With `previous_id` it takes the place of that batch, whose staged
    rows are gone. CONFLICT for a file that is waiting or applied already."""
    place = place_of(actor, kind, settings, now)
    previous = None
    if previous_id is not None:
        previous = await _reached(transaction, scope, previous_id)
        if previous["kind"] != kind.code or previous["state"] not in (
            State.INVALID, State.READY, State.INTERRUPTED, State.REFUSED, State.DISCARDED,
        ):  # fmt: skip
            raise Refusal(CONFLICT, "所改正的批次已应用或正在处理,不能再被替换。", ("previous",))
        await _close(transaction, previous_id)
    await _refuse_twice(transaction, actor, kind, sha256)
    batch_id = new_id()
    await transaction.connection.execute(
        "insert into import_batches (id, kind, state, file_name, sha256, size, uploader_id,"
        " region_path, previous_id, uploaded_at, heard_at, run_id)"
        " values ($1, $2, 'READING', $3, $4, $5, $6, $7, $8, $9, now(), $10)",
        batch_id,
        kind.code,
        _name(file_name),
        sha256,
        size,
        actor.membership_id,
        ancestor(place.scope.paths),
        previous_id,
        now,
        new_id(),
    )
    await _record(transaction, actor, "hand_in", kind, batch_id, place, {"size": size})
    return Run(await _reached(transaction, scope, batch_id), kind, actor, place)


async def _refuse_twice(
    transaction: Transaction, actor: Actor, kind: ImportKind, sha256: bytes
) -> None:
    same = await transaction.connection.fetchrow(
        f"select {_COLUMNS} from import_batches b where b.kind = $1 and b.sha256 = $2"
        " and b.state not in ('REFUSED', 'DISCARDED', 'UNDONE') for update",
        kind.code,
        sha256,
    )
    if same is None:
        return
    if same["state"] == State.INTERRUPTED:
        await _close(transaction, same["id"])
        return
    when = f"{same['uploaded_at'].astimezone(LOCAL):%Y-%m-%d %H:%M}"
    by = "您" if same["uploader_id"] == actor.membership_id else "其他人"
    done = "并已应用" if same["state"] == State.APPLIED else "尚未处理完"
    raise Refusal(CONFLICT, f"同一个文件已由{by}于 {when} 上传,{done};不会重复导入。", ("file",))


async def _close(transaction: Transaction, batch_id: UUID) -> None:
    await drop(transaction, batch_id)
    await transaction.connection.execute(
        "update import_batches set state = 'DISCARDED', run_id = $2 where id = $1",
        batch_id,
        new_id(),
    )


async def apply_import(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    batch_id: UUID,
    settings: Settings,
    now: dt.datetime,
) -> Run:
    """The batch is being applied, as it was checked."""
    batch = await _reached(transaction, scope, batch_id)
    interrupted = batch["state"] == State.INTERRUPTED and batch["rows"] and not batch["undo_until"]
    if batch["state"] != State.READY and not interrupted:
        raise Refusal(CONFLICT, _NOT_READY.get(batch["state"], _OTHERWISE), ("id",))
    return await _begun(transaction, actor, batch, "APPLYING", "apply", settings, now)


async def undo_import(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    batch_id: UUID,
    settings: Settings,
    now: dt.datetime,
) -> Run:
    """The applied batch is being taken back; CONFLICT after its window."""
    batch = await _reached(transaction, scope, batch_id)
    until = batch["undo_until"]
    if until is None or batch["state"] not in (State.APPLIED, State.INTERRUPTED):
        raise Refusal(CONFLICT, "只有已应用的批次可以撤销。", ("id",))
    if now > until:
        raise Refusal(
            CONFLICT, f"可撤销的期限已于 {until.astimezone(LOCAL):%Y-%m-%d %H:%M} 结束。", ("id",)
        )
    return await _begun(transaction, actor, batch, "UNDOING", "undo", settings, now)


async def discard_import(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    batch_id: UUID,
    settings: Settings,
    now: dt.datetime,
) -> UUID:
    """The batch was given up before it was applied; its staged rows are gone."""
    batch = await _reached(transaction, scope, batch_id)
    interrupted = batch["state"] == State.INTERRUPTED and not batch["undo_until"]
    if batch["state"] not in (State.INVALID, State.READY, State.REFUSED) and not interrupted:
        raise Refusal(CONFLICT, "已应用或正在处理的批次不能放弃。", ("id",))
    kind = _kind(batch)
    place = place_of(actor, kind, settings, now)
    await _close(transaction, batch_id)
    await _record(transaction, actor, "discard", kind, batch_id, place, {})
    return batch_id


_OTHERWISE = "该批次正在处理,请稍候。"
_NOT_READY = {
    State.INVALID: "该批次还有错误的行,请下载改正后重新上传。",
    State.REFUSED: "该批次的文件未被接受,不能应用。",
    State.APPLIED: "该批次已经应用。",
    State.UNDONE: "该批次已经撤销;需要时请重新上传。",
    State.DISCARDED: "该批次已被放弃或替换。",
    State.INTERRUPTED: "该批次的读取被中断,请重新上传。",
}


async def _begun(
    transaction: Transaction,
    actor: Actor,
    batch: Any,
    state: str,
    verb: str,
    settings: Settings,
    now: dt.datetime,
) -> Run:
    kind = _kind(batch)
    place = place_of(actor, kind, settings, now)
    run = new_id()
    await transaction.connection.execute(
        "update import_batches set state = $2, run_id = $3, heard_at = now(), done = 0,"
        " total = rows, message = null where id = $1",
        batch["id"],
        state,
        run,
    )
    await _record(transaction, actor, verb, kind, batch["id"], place, {"rows": batch["rows"]})
    return Run({**batch, "run_id": run, "state": state}, kind, actor, place)


def _kind(batch: Any) -> ImportKind:
    kind = kind_of(batch["kind"])
    if kind is None:
        raise Refusal(BAD_USER_INPUT, "这类导入已不再支持。", ("id",))
    return kind


async def reached(connection: Any, tenant_id: UUID, scope: Scope, batch_id: UUID) -> Any:
    """The batch, when it lies in the scope."""
    return await _found(connection, tenant_id, scope, batch_id, "")


async def _reached(transaction: Transaction, scope: Scope, batch_id: UUID) -> Any:
    """The same, held until the transaction ends."""
    return await _found(
        transaction.connection, transaction.tenant_id, scope, batch_id, " for update"
    )


async def _found(connection: Any, tenant_id: UUID, scope: Scope, batch_id: UUID, lock: str) -> Any:
    values: list[Any] = [tenant_id, batch_id]

    def bind(value: Any, kind: str) -> str:
        values.append(value)
        return f"${len(values)}::{kind}"

    reach = scope.predicate(BATCH_REACH, "b", "$1", bind)
    found = await connection.fetchrow(
        f"select {_COLUMNS} from import_batches b where b.tenant_id = $1 and b.id = $2"
        f" and {reach}{lock}",
        *values,
    )
    if found is None:
        raise not_found("导入批次", "id")
    return dict(found)


def ancestor(paths: tuple[str, ...]) -> str:
    """The path of the smallest region that holds all of them."""
    common = paths[0]
    while not all(path.startswith(common) for path in paths):
        common = common[:-PATH_SEGMENT]
    return common


def _name(given: str) -> str:
    printable = "".join(c for c in given.replace("\\", "/").rpartition("/")[2] if c.isprintable())
    return printable.strip()[-MAX_FILE_NAME:] or "未命名"


async def _record(
    transaction: Transaction,
    actor: Actor,
    verb: str,
    kind: ImportKind,
    batch_id: UUID,
    place: Place,
    detail: dict[str, Any],
) -> None:
    await record(
        transaction,
        actor=actor,
        action=f"import.{verb}",
        permission=kind.permission,
        object_type="ImportBatch",
        object_id=batch_id,
        region_path=ancestor(place.scope.paths),
        detail={"kind": kind.code, **detail},
    )
