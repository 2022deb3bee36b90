"""The clients and towns of the API tests, and what a clerk does with a workbook."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
from collections.abc import Sequence
from typing import Any

import httpx
import xlsxwriter
from tests.api.conftest import api, make_town, town

__all__ = ["api", "make_town", "town"]

BATCH = (
    "id state done total rows wrong added changed removed unchanged message undoUntil"
    " findings(first: 100) { totalCount nodes { rowNumber change columnTitle message } }"
)
WORKING = {"READING", "APPLYING", "UNDOING"}
HEADERS = ("网格代码", "网格名称", "所属社区", "网格类别", "停用")


def workbook(*sheets: tuple[str, Sequence[Sequence[Any]]], **options: Any) -> bytes:
    """A workbook with these sheets of rows: the same ones are the same file, whatever the clock."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True, **options})
    book.set_properties({"created": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)})
    for name, rows in sheets:
        sheet = book.add_worksheet(name)
        for at, row in enumerate(rows):
            sheet.write_row(at, 0, row)
    book.close()
    return target.getvalue()


def grids(*rows: Sequence[Any], headers: Sequence[str] = HEADERS) -> bytes:
    """A workbook of grids."""
    return workbook(("数据", [headers, *rows]))


async def settled(person: Any, response: httpx.Response) -> dict[str, Any]:
    """The batch of an upload, when the step it is in has ended."""
    assert response.status_code == 202, response.text
    return await when_settled(person, response.json()["id"])


async def when_settled(person: Any, batch: str) -> dict[str, Any]:
    for _ in range(600):
        found = await person.data(
            f"query ($id: ID!) {{ importBatch(id: $id) {{ {BATCH} }} }}", {"id": batch}
        )
        if found["importBatch"]["state"] not in WORKING:
            answer: dict[str, Any] = found["importBatch"]
            return answer
        await asyncio.sleep(0.05)
    raise AssertionError(found)


async def uploaded(person: Any, body: bytes, name: str = "网格.xlsx", **query: str) -> Any:
    return await settled(
        person, await person.send("POST", "/imports/grids", body, name=name, **query)
    )


async def stepped(person: Any, step: str, batch: str) -> dict[str, Any]:
    """The answer of applyImport, undoImport or discardImport."""
    answer = await person.data(
        f"mutation ($i: ImportStepInput!) {{ {step}(input: $i)"
        " { importBatch { id state } userErrors { code message } } }",
        {"i": {"id": batch}},
    )
    found: dict[str, Any] = answer[step]
    return found


async def done(person: Any, step: str, batch: str) -> dict[str, Any]:
    answer = await stepped(person, step, batch)
    assert answer["userErrors"] == [], answer
    return await when_settled(person, batch)
