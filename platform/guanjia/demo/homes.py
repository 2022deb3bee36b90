"""The homes of 珑樾台 with some of their residents, from the workbook that a clerk sends in.

One row is wrong at first and comes back with its sentence; the corrected workbook is applied. Names
are invented and the numbers are of the block that no living person has (sequence 996–999).
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from typing import Any

import xlsxwriter
from stdnum.cn import ric

from guanjia.compounds.homesheet.columns import COLUMNS
from guanjia.demo.stage import Failed, Stage
from guanjia.imports.files import DATA_SHEET

CLERK = "wang.fang"
COMPOUND = "碧桂园·珑樾台"
BUILDINGS, FLOORS, ROOMS = tuple(f"{n}幢" for n in range(1, 10)), 18, 2
INHABITED = range(4, 16)
"""The floors of 1幢 on whose first side somebody lives: an owner and the spouse."""
_NAMES = (
    "安泰", "白露", "常青", "杜若", "方圆", "高朗", "何田", "江流", "柯木", "林溪", "明川", "宁静",
    "欧晨", "彭湃", "秦岚", "任远", "苏禾", "唐棠", "文心", "夏至", "叶舟", "章台", "郑重", "钟声",
)  # fmt: skip
_ASK = (
    "query ($id: ID!) { importBatch(id: $id) { state rows wrong message"
    " findings(first: 50) { nodes { rowNumber message } } } }"
)


async def import_homes(stage: Stage) -> str:
    """The homes are there; what the clerk saw, for the person at the terminal."""
    wrong = list(_rows())
    at = next(n for n, row in enumerate(wrong) if row["name"])
    right = wrong[at]["number"]
    wrong[at]["number"] = right[:-1] + ("1" if right[-1] != "1" else "2")
    first = await _handed_in(stage, wrong, None)
    if first["state"] != "INVALID":
        raise Failed(f"{CLERK}:含错误的工作簿应被指出,现为 {first['state']}")
    found = next(n for n in first["findings"]["nodes"] if n["rowNumber"] == at + 2)
    wrong[at]["number"] = right
    again = await _handed_in(stage, wrong, first["id"])
    if again["state"] != "READY":
        raise Failed(f"{CLERK}:{again['findings']['nodes'] or again['message']}")
    await stage.do(CLERK, "applyImport", {"id": again["id"]})
    done = await _settled(stage, again["id"])
    if done["state"] != "APPLIED":
        raise Failed(f"{CLERK}:{done['message']}")
    residents = sum(bool(row["name"]) for row in wrong)
    return (
        f"演示住户:工作簿 {again['rows']} 行,第 {at + 2} 行先被指出“{found['message']}”,"
        f"改正后导入,住户 {residents} 人"
    )


def _rows() -> Iterator[dict[str, Any]]:
    """A row for each home, and one more for each spouse."""
    for building in BUILDINGS:
        for floor in range(1, FLOORS + 1):
            for room in range(1, ROOMS + 1):
                home = {
                    "compound": COMPOUND, "building": building, "floor": str(floor),
                    "room": f"{floor}{room:02}", "area": f"{88 + room}.50", "name": "",
                    "since": "2020-01-01",
                }  # fmt: skip
                if building != BUILDINGS[0] or room != 1 or floor not in INHABITED:
                    yield home
                    continue
                n = floor - INHABITED[0]
                yield home | _resident(2 * n, "产权人", "不动产登记核对")
                spouse = home | _resident(2 * n + 1, "配偶", "物业前台核对")
                yield spouse | {"area": "", "voter": "是" if n % 3 == 0 else ""}


def _resident(n: int, relation: str, proof: str) -> dict[str, Any]:
    stem = f"350702{1960 + n}{1 + n % 12:02}{1 + n % 28:02}{997 + n % 2}"
    return {
        "name": _NAMES[n],
        "number": stem + ric.calc_check_digit(stem + "0"),
        "phone": f"139000001{n:02}",
        "relation": relation,
        "proof": proof,
        "since": "2021-06-01",
    }


def _workbook(rows: list[dict[str, Any]]) -> bytes:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    sheet = book.add_worksheet(DATA_SHEET)
    sheet.write_row(0, 0, [column.header for column in COLUMNS])
    for number, row in enumerate(rows, 1):
        sheet.write_row(number, 0, [row.get(column.name, "") for column in COLUMNS])
    book.close()
    return target.getvalue()


async def _handed_in(
    stage: Stage, rows: list[dict[str, Any]], previous: str | None
) -> dict[str, Any]:
    batch = await stage.hand_in(CLERK, "homes", "珑樾台住户.xlsx", _workbook(rows), previous)
    return {"id": batch, **await _settled(stage, batch)}


async def _settled(stage: Stage, batch: str) -> dict[str, Any]:
    """The batch when its step has ended."""
    while True:
        found: dict[str, Any] = (await stage.ask(CLERK, _ASK, {"id": batch}))["importBatch"]
        if found["state"] not in ("READING", "APPLYING"):
            return found
        await asyncio.sleep(0.1)
