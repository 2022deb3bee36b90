"""Workbooks on their way out, written by the process apart into a file that has no name."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO

import orjson

from guanjia.db.pools import Database
from guanjia.db.seals import Sealing
from guanjia.graph.errors import CONFLICT, Refusal
from guanjia.imports import staging
from guanjia.imports.exports import Export, Taking
from guanjia.imports.kinds import Change, Finding, ImportKind, Place
from guanjia.imports.models import State
from guanjia.imports.process import worker
from guanjia.imports.workbooks import Watermark, template

_TOLD = {State.INVALID, State.READY}


async def template_of(database: Database, kind: ImportKind, place: Place) -> bytes:
    """An empty workbook of the kind, with the choices of the person's own scope."""
    async with database.snapshot(place.tenant_id) as connection:
        choices = await kind.choices(connection, place)
    target = io.BytesIO()
    template(target, kind.title, kind.columns, choices)
    return target.getvalue()


async def returned(
    database: Database, sealing: Sealing | None, kind: ImportKind, batch: Any
) -> BinaryIO:
    """The clerk's rows as they were handed in, each with what was found of it; at its start."""
    if batch["state"] not in _TOLD:
        raise Refusal(CONFLICT, "该批次没有可下载的检查结果。", ("id",))
    header = orjson.loads(batch["header"])
    with _file() as target:
        job = {
            "do": "return", "target": target.fileno(), "titles": header["titles"],
            "summary": _summary(kind, batch),
        }  # fmt: skip
        async with database.snapshot(batch["tenant_id"]) as connection:
            seal = await staging.seal_of(connection, sealing, batch)
            async with worker(job, [target.fileno()]) as writer:
                async for cells, findings in staging.packed_cells(
                    connection, batch["tenant_id"], batch["id"], seal
                ):
                    await writer.send(cells)
                    if batch["state"] == State.INVALID:
                        findings = [f for f in findings if f.change is Change.PROBLEM]
                    await writer.send(orjson.dumps(_by_row(findings, header["places"])))
                await writer.finish()
    return target


@contextmanager
def _file() -> Iterator[BinaryIO]:
    """A file to be written, at its start afterwards: the answer closes it, or whatever went wrong
    before there was one."""
    with ExitStack() as opened:
        target = opened.enter_context(tempfile.TemporaryFile())
        yield target
        target.seek(0)
        opened.pop_all()


def _by_row(findings: Sequence[Finding], places: Mapping[str, int]) -> dict[str, Any]:
    """What is said of each row, and which of its cells are wrong."""
    said: dict[str, tuple[list[int], str]] = {}
    for finding in findings:
        wrong, before = said.get(str(finding.row), ([], ""))
        if finding.change is Change.PROBLEM and finding.column and finding.column in places:
            wrong = [*wrong, places[finding.column]]
        said[str(finding.row)] = (wrong, f"{before} {finding.message}".strip())
    return {row: told for row, told in said.items() if told[1] or told[0]}


def _summary(kind: ImportKind, batch: Any) -> list[str]:
    lines = [
        f"{kind.title}导入的检查结果",
        f"文件:{batch['file_name']}",
        f"共 {batch['rows']} 行。",
    ]
    if batch["state"] == State.INVALID:
        lines.append(
            f"其中 {batch['wrong']} 行有错误,见最后一列;错误的单元格为红色。没有导入任何一行。"
        )
        lines.append("请直接在本文件中改正后重新上传;最后一列不必删除。")
    else:
        lines.append(
            f"将新增 {batch['added']} 行,修改 {batch['changed']} 行,停用 {batch['removed']} 行,"
            f"不变 {batch['unchanged']} 行。确认后在系统中点“应用”。"
        )
    return lines


async def exported(database: Database, export: Export, place: Taking, mark: Watermark) -> BinaryIO:
    """The export's workbook; at its start. All rows are from one moment."""
    with _file() as target:
        job = {
            "do": "export", "target": target.fileno(), "title": export.title,
            "columns": export.columns,
            "mark": {"name": mark.name, "at": mark.at.isoformat(), "number": mark.number},
        }  # fmt: skip
        async with database.snapshot(place.tenant_id) as connection:
            async with worker(job, [target.fileno()]) as writer:
                async for page in export.rows(connection, place):
                    await writer.send(orjson.dumps(page))
                await writer.finish()
    return target
