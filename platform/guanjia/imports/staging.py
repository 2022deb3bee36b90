"""What is kept of a batch between its steps: cells, findings and effects, chunk by chunk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.seals import Holder, Open, Seal, Sealing, StoredKey
from guanjia.imports.kinds import Change, Effect, Finding, ImportKind
from guanjia.imports.reading import StagedRow, packed, staged, unpacked

T = TypeVar("T")
LISTED = 1_000
"""So many findings of a batch can be read over the API; all of them are in the workbook."""


class Unsealed(Exception):
    """A kind with protected columns, and nothing that seals them."""


async def new_seal(
    connection: Any, sealing: Sealing | None, kind: ImportKind, tenant_id: UUID, batch_id: UUID
) -> tuple[Seal, StoredKey | None]:
    """The seal of a new batch; Unsealed rather than in clear."""
    if not kind.protected:
        return Open(), None
    if sealing is None:
        raise Unsealed(kind.code)
    return await sealing.new(connection, tenant_id, _holder(batch_id))


def _holder(batch_id: UUID) -> Holder:
    return Holder("import_batches", batch_id, "import_chunks")


async def seal_of(connection: Any, sealing: Sealing | None, batch: Any) -> Seal:
    """The seal of a batch that is there."""
    if batch["sealed_key"] is None:
        return Open()
    if sealing is None:
        raise Unsealed(batch["kind"])
    key = StoredKey(bytes(batch["sealed_key"]), batch["key_version"])
    return await sealing.existing(connection, batch["tenant_id"], _holder(batch["id"]), key)


@dataclass(frozen=True, slots=True)
class Piece:
    """One chunk: its rows and what was found of them."""

    position: int
    rows: list[StagedRow]
    findings: list[Finding]


async def stage(
    transaction: Transaction,
    batch_id: UUID,
    seal: Seal,
    position: int,
    cells: bytes,
    findings: Sequence[Finding],
) -> None:
    """The chunk is kept. cells: packed staged rows."""
    said = packed([[f.row, f.change, f.message, f.column] for f in findings])
    await transaction.connection.execute(
        "insert into import_chunks (batch_id, position, cells, findings) values ($1, $2, $3, $4)",
        batch_id,
        position,
        seal.seal(cells, f"{position}:cells"),
        seal.seal(said, f"{position}:findings"),
    )


async def packed_cells(
    connection: Any, tenant_id: UUID, batch_id: UUID, seal: Seal
) -> AsyncIterator[tuple[bytes, list[Finding]]]:
    """Each chunk's packed rows with its findings, in order."""
    async for chunk in _chunks(connection, tenant_id, batch_id):
        yield _cells(chunk, seal), _findings(chunk, seal)


async def pieces(
    connection: Any, tenant_id: UUID, batch_id: UUID, seal: Seal, made: Callable[[Piece], T]
) -> AsyncIterator[T]:
    """What is made of each chunk, in order: of the next one in a thread, while one is worked on."""
    ahead: asyncio.Future[T] | None = None
    try:
        async for chunk in _chunks(connection, tenant_id, batch_id):
            ready, ahead = (
                ahead,
                asyncio.ensure_future(asyncio.to_thread(_made, dict(chunk), seal, made)),
            )
            if ready is not None:
                yield await ready
        if ahead is not None:
            yield await ahead
    finally:
        if ahead is not None:
            ahead.cancel()


async def _chunks(connection: Any, tenant_id: UUID, batch_id: UUID) -> AsyncIterator[Any]:
    position = -1
    while chunk := await connection.fetchrow(
        "select position, cells, findings from import_chunks where tenant_id = $1"
        " and batch_id = $2 and position > $3 and cells is not null order by position limit 1",
        tenant_id,
        batch_id,
        position,
    ):
        position = chunk["position"]
        yield chunk


def _made(chunk: Any, seal: Seal, made: Callable[[Piece], T]) -> T:
    return made(_piece(chunk, seal))


def _piece(chunk: Any, seal: Seal) -> Piece:
    return Piece(chunk["position"], staged(_cells(chunk, seal)), _findings(chunk, seal))


def _cells(chunk: Any, seal: Seal) -> bytes:
    return seal.open(bytes(chunk["cells"]), f"{chunk['position']}:cells")


def _findings(chunk: Any, seal: Seal) -> list[Finding]:
    said = unpacked(seal.open(bytes(chunk["findings"]), f"{chunk['position']}:findings"))
    return [Finding(row, Change(change), message, column) for row, change, message, column in said]


async def settle(
    transaction: Transaction, batch_id: UUID, seal: Seal, position: int, effects: Sequence[Effect]
) -> None:
    """Of an applied chunk only what undoing needs stays."""
    said = packed([[e.row, str(e.id), e.change, e.before] for e in effects])
    await transaction.connection.execute(
        "update import_chunks set cells = null, findings = null, effects = $3"
        " where batch_id = $1 and position = $2",
        batch_id,
        position,
        seal.seal(said, f"{position}:effects"),
    )


async def effects_of(
    connection: Any, tenant_id: UUID, batch_id: UUID, seal: Seal
) -> AsyncIterator[list[Effect]]:
    """What an applied batch did, the last chunk first."""
    position: int | None = await connection.fetchval(
        "select max(position) from import_chunks where tenant_id = $1 and batch_id = $2",
        tenant_id,
        batch_id,
    )
    for at in range(-1 if position is None else position, -1, -1):
        blob = await connection.fetchval(
            "select effects from import_chunks where tenant_id = $1 and batch_id = $2"
            " and position = $3",
            tenant_id,
            batch_id,
            at,
        )
        said = unpacked(seal.open(bytes(blob), f"{at}:effects"))
        yield [Effect(row, UUID(id_), Change(change), before) for row, id_, change, before in said]


async def drop(transaction: Transaction, batch_id: UUID) -> None:
    """Nothing of what the file held is kept any more."""
    for table in ("import_chunks", "import_findings"):
        await transaction.connection.execute(f"delete from {table} where batch_id = $1", batch_id)


async def list_findings(
    transaction: Transaction, batch: Any, first: int, findings: Sequence[tuple[Finding, str | None]]
) -> None:
    """The findings can be read over the API, from position `first`, with their column's header."""
    await transaction.connection.execute(
        "insert into import_findings (id, batch_id, uploader_id, region_path, position, row_number,"
        " change, column_title, message) select i, $2, $3, $4, p, r, c, t, m from"
        " unnest($1::uuid[], $5::int[], $6::int[], $7::text[], $8::text[], $9::text[])"
        " u(i, p, r, c, t, m)",
        [new_id() for _ in findings],
        batch["id"],
        batch["uploader_id"],
        batch["region_path"],
        list(range(first, first + len(findings))),
        [finding.row for finding, _ in findings],
        [finding.change for finding, _ in findings],
        [title for _, title in findings],
        [finding.message for finding, _ in findings],
    )
