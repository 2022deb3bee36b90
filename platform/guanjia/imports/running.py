"""The long steps of a batch: reading and checking, applying, undoing.

They run as tasks beside the requests. What a step changes is one transaction that also sets the
batch's state, so that after a killed server it was either done or not begun, and the state says
which. While a step runs it is heard of every second; one that falls silent counts as interrupted.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import struct
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any

import orjson
from asyncpg.exceptions import IntegrityConstraintViolationError

from guanjia.audit.service import record
from guanjia.db import seals
from guanjia.db.pools import Database, Transaction
from guanjia.graph.errors import CONFLICT, Refusal
from guanjia.graph.journal import log_fault
from guanjia.imports import staging
from guanjia.imports.files import BadFile
from guanjia.imports.kinds import Change, Finding, Part, Row
from guanjia.imports.process import WorkerFailed, worker
from guanjia.imports.reading import StagedRow, staged
from guanjia.imports.service import Run, ancestor
from guanjia.imports.worker import CHUNK, HEADER, REFUSED
from guanjia.settings import Settings

AT_ONCE = 2
HEARD_SECONDS = 1.0
_COUNT = struct.Struct(">I")
_FAULT = "系统出错,没有保存任何内容。请稍后再试;仍不成功时请联系管理员。"
_BROKEN = "文件无法读取:内容已损坏,或展开后超过允许的内存。请在 Excel 中打开并另存后再上传。"
_OTHERWISE = "预览之后,相关数据已被他人修改。请重新上传文件,核对新的预览后再应用。"

_KEPT = "已撤销;其中 {} 条登记此后已在别处使用或有改动,予以保留。"


class GivenUp(Exception):
    """Another run has taken the batch over, or it was discarded."""


@dataclass
class Progress:
    done: int = 0
    total: int | None = None
    counts: dict[Change, int] = field(default_factory=lambda: dict.fromkeys(Change, 0))


Work = Callable[[Progress], Awaitable[None]]


class Runner:
    """Runs steps, at most two at once in this process."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._sealing = seals.sealing(settings)
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, step: Coroutine[Any, Any, None]) -> None:
        """The step runs when the transaction that began it has committed: it waits for the lock
        on the batch. An empty context knows no open transaction."""
        task = asyncio.create_task(step, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Steps under way are given up; they change nothing."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- reading ---------------------------------------------------------------------------------

    async def read(self, run: Run, data: bytes) -> None:
        """The batch is READY or INVALID with its rows staged, or REFUSED with a sentence."""

        async def work(progress: Progress) -> None:
            try:
                header = await self._stage(run, data, progress)
            except WorkerFailed:
                raise BadFile(_BROKEN) from None
            counts = progress.counts
            ignored = "、".join(header["ignored"][:10])
            async with self._database.tenant_transaction(run.place.tenant_id) as transaction:
                await self._finished(
                    transaction,
                    run,
                    "state = $3, message = $4, rows = $5, done = $5, total = $5, wrong = $6,"
                    " added = $7, changed = $8, removed = $9, unchanged = $10, header = $11",
                    "INVALID" if counts[Change.PROBLEM] else "READY",
                    f"未导入的列:{ignored}。" if ignored else None,
                    progress.done,
                    *(counts[change] for change in Change),
                    orjson.dumps(header).decode(),
                )

        await self._step(run, "REFUSED", work)

    async def _stage(self, run: Run, data: bytes, progress: Progress) -> dict[str, Any]:
        tenant, kind, batch = run.place.tenant_id, run.kind, run.batch
        async with self._database.snapshot(tenant) as connection:
            choices = await kind.choices(connection, run.place)
        async with self._database.tenant_transaction(tenant) as transaction:
            await self._hold(transaction, run)
            await staging.drop(transaction, batch["id"])
            seal, key = await staging.new_seal(
                transaction.connection, self._sealing, kind, tenant, batch["id"]
            )
            if key is not None:
                await transaction.connection.execute(
                    "update import_batches set sealed_key = $2, key_version = $3 where id = $1",
                    batch["id"],
                    key.sealed,
                    key.version,
                )
        job = {"do": "read", "kind": kind.home, "name": batch["file_name"], "choices": choices}
        header: dict[str, Any] = {}
        position = listed = 0
        async with worker(job) as reader:
            await reader.send(data)
            async for mark, payload in reader.answers():
                if mark == REFUSED:
                    raise BadFile(payload.decode())
                if mark == HEADER:
                    header = orjson.loads(payload)
                    progress.total = header["total"]
                elif mark == CHUNK:
                    cells = payload[_COUNT.size :]
                    listed = await self._check(run, seal, position, cells, progress, listed)
                    progress.done += _COUNT.unpack_from(payload)[0]
                    position += 1
        return {name: header[name] for name in ("titles", "places", "ignored")}

    async def _check(
        self,
        run: Run,
        seal: seals.Seal,
        position: int,
        cells: bytes,
        progress: Progress,
        listed: int,
    ) -> int:
        """The chunk is staged with its findings. Returns how many findings are listed by now."""
        rows = staged(cells)
        async with self._database.snapshot(run.place.tenant_id) as connection:
            findings = await examined(run, connection, rows)
        for change in statuses(findings).values():
            progress.counts[change] += 1
        titles = {column.name: column.header for column in run.kind.columns}
        told = [
            (finding, titles.get(finding.column or ""))
            for finding in findings
            if finding.change is not Change.UNCHANGED
        ][: staging.LISTED - listed]
        async with self._database.tenant_transaction(run.place.tenant_id) as transaction:
            await self._hold(transaction, run)
            await staging.stage(transaction, run.batch["id"], seal, position, cells, findings)
            if told:
                await staging.list_findings(transaction, run.batch, listed, told)
        return listed + len(told)

    # --- applying and undoing --------------------------------------------------------------------

    async def apply(self, run: Run) -> None:
        """All rows are applied and the batch is APPLIED; or none is, and it says why."""

        async def work(progress: Progress) -> None:
            async with self._database.tenant_transaction(run.place.tenant_id) as transaction:
                await _planned(transaction)
                await run.kind.prepare(transaction)
                await self._apply(transaction, run, progress)
                until = dt.datetime.now(dt.UTC) + dt.timedelta(days=run.kind.undo_days)
                await self._finished(
                    transaction,
                    run,
                    "state = 'APPLIED', applied_at = now(), undo_until = $3, done = rows,"
                    " total = rows",
                    until,
                )
                await self._recorded(transaction, run, "applied")

        await self._step(run, "READY", work)

    async def _apply(self, transaction: Transaction, run: Run, progress: Progress) -> None:
        """First everything is found as it was when it was checked, then everything is done."""
        connection, tenant, batch = transaction.connection, transaction.tenant_id, run.batch["id"]
        seal = await staging.seal_of(connection, self._sealing, run.batch)
        progress.total = run.batch["rows"] * 2
        async for piece in staging.pieces(connection, tenant, batch, seal, lambda piece: piece):
            if await examined(run, connection, piece.rows) != piece.findings:
                raise Refusal(CONFLICT, _OTHERWISE)
            progress.done += len(piece.rows)
        ahead = await run.kind.ahead(transaction, run.place)

        def readied(piece: staging.Piece) -> tuple[staging.Piece, Part, Any]:
            found = statuses(piece.findings)
            doing = [
                (row.row(run.kind.names), found[row.number])
                for row in piece.rows
                if found[row.number] is not Change.UNCHANGED
            ]
            return piece, doing, ahead(doing)

        async for piece, doing, ready in staging.pieces(connection, tenant, batch, seal, readied):
            effects = await run.kind.apply(transaction, run.place, doing, ready) if doing else ()
            await staging.settle(transaction, batch, seal, piece.position, effects)
            progress.done += len(piece.rows)
            await _replanned(transaction, piece.position + 1)

    async def undo(self, run: Run) -> None:
        """Everything the batch did is taken back; or nothing is, and the batch says why."""

        async def work(progress: Progress) -> None:
            async with self._database.tenant_transaction(run.place.tenant_id) as transaction:
                connection, batch = transaction.connection, run.batch["id"]
                await _planned(transaction)
                await run.kind.prepare(transaction)
                seal = await staging.seal_of(connection, self._sealing, run.batch)
                kept = 0
                async for part in staging.effects_of(
                    connection, transaction.tenant_id, batch, seal
                ):
                    if part:
                        kept += await run.kind.undo(transaction, run.place, part)
                    progress.done += len(part)
                await staging.drop(transaction, batch)
                await self._finished(
                    transaction,
                    run,
                    "state = 'UNDONE', undone_at = now(), done = rows, message = $3",
                    _KEPT.format(kept) if kept else None,
                )
                await self._recorded(transaction, run, "undone")

        await self._step(run, "APPLIED", work)

    async def _recorded(self, transaction: Transaction, run: Run, verb: str) -> None:
        await record(
            transaction,
            actor=run.actor,
            action=f"import.{verb}",
            permission=run.kind.permission,
            object_type="ImportBatch",
            object_id=run.batch["id"],
            region_path=ancestor(run.place.scope.paths),
            detail={
                name: run.batch[name]
                for name in ("kind", "rows", "added", "changed", "removed", "unchanged")
            },
        )

    # --- the frame of a step ---------------------------------------------------------------------

    async def _step(self, run: Run, otherwise: str, work: Work) -> None:
        """A step that fails leaves the batch in the state `otherwise`, with a sentence."""
        progress = Progress()
        beat = asyncio.create_task(self._heard(run, progress), context=Context())
        try:
            async with self._slots:
                # Waits until the transaction that began the step has committed.
                async with self._database.tenant_transaction(run.place.tenant_id) as transaction:
                    await self._hold(transaction, run)
                await work(progress)
        except (BadFile, Refusal) as refused:
            await self._failed(run, otherwise, str(refused))
        except IntegrityConstraintViolationError:
            # Somebody else's row came in between the look and the write.
            await self._failed(run, otherwise, _OTHERWISE)
        except GivenUp:
            return
        except Exception as fault:
            log_fault(fault, f"import batch {run.batch['id']}")
            await self._failed(run, otherwise, _FAULT)
        finally:
            beat.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beat

    async def _heard(self, run: Run, progress: Progress) -> None:
        while True:
            await asyncio.sleep(HEARD_SECONDS)
            async with self._database.tenant_transaction(run.place.tenant_id) as transaction:
                await transaction.connection.execute(
                    "update import_batches set heard_at = now(), done = $3,"
                    " total = coalesce($4, total) where id = $1 and run_id = $2"
                    " and state in ('READING', 'APPLYING', 'UNDOING')",
                    run.batch["id"],
                    run.batch["run_id"],
                    progress.done,
                    progress.total,
                )

    async def _hold(self, transaction: Transaction, run: Run) -> None:
        """The batch is this run's until the transaction ends; GivenUp when it is not."""
        # By id alone: the row is waited for, and read as it is then.
        run_id = await transaction.connection.fetchval(
            "select run_id from import_batches where id = $1 for update", run.batch["id"]
        )
        if run_id != run.batch["run_id"]:
            raise GivenUp

    async def _finished(
        self, transaction: Transaction, run: Run, changes: str, *values: Any
    ) -> None:
        await self._hold(transaction, run)
        await transaction.connection.execute(
            f"update import_batches set {changes}, heard_at = now() where id = $1 and run_id = $2",
            run.batch["id"],
            run.batch["run_id"],
            *values,
        )

    async def _failed(self, run: Run, state: str, message: str) -> None:
        with contextlib.suppress(GivenUp):
            async with self._database.tenant_transaction(run.place.tenant_id) as transaction:
                if state == "REFUSED":
                    await staging.drop(transaction, run.batch["id"])
                changes = "state = $3, message = $4, done = 0"
                await self._finished(transaction, run, changes, state, message)


async def _planned(transaction: Transaction) -> None:
    """Statements are planned for any tenant: of one whose first list this is the statistics know
    nothing, the planner takes it for one row, and any index that begins with it will do. What was
    small when it was last analysed is read by its keys all the same: it grows while the list is
    written."""
    await transaction.connection.execute(
        "set local plan_cache_mode = force_generic_plan; set local enable_seqscan = off"
    )


async def _replanned(transaction: Transaction, parts: int) -> None:
    """Whenever the list has doubled, statements are planned anew for tables as large as they are by
    now: foreign keys, too, are checked with a plan that is kept, made while they were empty."""
    if parts.bit_count() == 1:
        await transaction.connection.execute("discard plans")


async def examined(run: Run, connection: Any, rows: list[StagedRow]) -> list[Finding]:
    """What is found of each row: what is wrong with its cells, else what the kind says."""
    findings: list[Finding] = []
    readable: list[Row] = []
    names = run.kind.names
    for row in rows:
        if row.problems:
            findings += [
                Finding(row.number, Change.PROBLEM, said, column) for column, said in row.problems
            ]
        else:
            readable.append(row.row(names))
    findings += await run.kind.examine(connection, run.place, readable)
    return sorted(findings, key=lambda finding: finding.row)


def statuses(findings: list[Finding]) -> dict[int, Change]:
    """What each row comes to: a problem outweighs everything."""
    found: dict[int, Change] = {}
    for finding in findings:
        if found.get(finding.row) is not Change.PROBLEM:
            found[finding.row] = finding.change
    return found
