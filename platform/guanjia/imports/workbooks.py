"""Workbooks that go out: templates, files that come back with what is wrong, exports.

Rows are written as they come (constant memory) and every cell as text or number, never as a
formula. What is read back by a spreadsheet is what was meant.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from guanjia.imports.columns import Column, Kind
from guanjia.imports.files import DATA_SHEET, LISTS_SHEET, NOTES_SHEET
from guanjia.imports.reading import RESULT

_VALIDATED_ROWS = 5_000
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_KINDS = {
    Kind.TEXT: "文本",
    Kind.CODE: "文本(号码)",
    Kind.INTEGER: "整数",
    Kind.DATE: "日期",
    Kind.CHOICE: "从下拉列表选择",
}


def neutral(text: str) -> str:
    """The text so that no spreadsheet computes it, even after it was saved as CSV."""
    return "'" + text if text.startswith(_FORMULA_STARTS) else text


class Book:
    """A workbook being written to a file, sheet after sheet."""

    def __init__(self, target: BinaryIO) -> None:
        self._book = xlsxwriter.Workbook(
            target,
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
                "default_date_format": "yyyy-mm-dd",
            },
        )
        self.text = self._book.add_format({"num_format": "@"})
        self.head = self._book.add_format(
            {"bold": True, "num_format": "@", "bg_color": "#DDEBF7", "border": 1}
        )
        self.must = self._book.add_format(
            {"bold": True, "num_format": "@", "bg_color": "#FCE4D6", "border": 1}
        )
        self.wrong = self._book.add_format({"num_format": "@", "bg_color": "#FFC7CE"})
        self.told = self._book.add_format({"font_color": "#C00000"})

    def sheet(self, name: str) -> Any:
        return self._book.add_worksheet(name)

    def close(self) -> None:
        self._book.close()


def template(
    target: BinaryIO, title: str, columns: Sequence[Column], choices: Mapping[str, Sequence[str]]
) -> None:
    """An empty workbook with the columns' headers, and their choices in drop-downs."""
    book = Book(target)
    data = book.sheet(DATA_SHEET)
    data.freeze_panes(1, 0)
    for at, column in enumerate(columns):
        data.set_column(at, at, max(14, len(column.header) * 2 + 4), book.text)
        data.write_string(0, at, column.header, book.must if column.required else book.head)
    _notes(book, title, columns)
    lists = book.sheet(LISTS_SHEET)
    lists.hide()
    listed = [list(column.choices or choices.get(column.name, ())) for column in columns]
    for row in range(max(map(len, listed), default=0)):
        for at, values in enumerate(listed):
            if row < len(values):
                lists.write_string(row, at, values[row])
    for at, values in enumerate(listed):
        if values:
            name = xl_col_to_name(at)
            data.data_validation(
                1, at, _VALIDATED_ROWS, at,
                {
                    "validate": "list",
                    "source": f"='{LISTS_SHEET}'!${name}$1:${name}${len(values)}",
                    "error_title": columns[at].header,
                    "error_message": "请从下拉列表中选择。",
                },
            )  # fmt: skip
    book.close()


def _notes(book: Book, title: str, columns: Sequence[Column]) -> None:
    notes = book.sheet(NOTES_SHEET)
    notes.set_column(0, 5, 24)
    lines = [
        f"{title}导入模板",
        f"请在“{DATA_SHEET}”表中填写,每行一条;橙色表头为必填。不要改动表头,不要合并单元格,不要用公式。",
        "身份证号、电话等号码请保持“文本”格式,以免丢失数字。",
    ]
    for row, line in enumerate(lines):
        notes.write_string(row, 0, line)
    row = len(lines) + 1
    for at, head in enumerate(("列", "必填", "格式", "说明", "示例")):
        notes.write_string(row, at, head, book.head)
    for column in columns:
        row += 1
        cells = (
            column.header,
            "是" if column.required else "",
            f"{column.digits} 位数字" if column.digits else _KINDS[column.kind],
            column.note,
            column.example,
        )
        for at, cell in enumerate(cells):
            notes.write_string(row, at, cell, book.text)


class Returned:
    """The clerk's own rows in their order, with what was found of each in a last column."""

    def __init__(self, target: BinaryIO, titles: Sequence[str]) -> None:
        self._book = Book(target)
        self._data = self._book.sheet(DATA_SHEET)
        self._data.freeze_panes(1, 0)
        self._width = len(titles)
        self._row = 0
        for at, title in enumerate(titles):
            self._data.set_column(at, at, max(12, len(title) * 2 + 2), self._book.text)
            self._data.write_string(0, at, title, self._book.head)
        self._data.set_column(self._width, self._width, 60)
        self._data.write_string(0, self._width, RESULT, self._book.must)

    def add(self, cells: Sequence[str], wrong: Iterable[int], said: str) -> None:
        self._row += 1
        coloured = set(wrong)
        for at, cell in enumerate(cells):
            if cell or at in coloured:
                form = self._book.wrong if at in coloured else self._book.text
                self._data.write_string(self._row, at, cell, form)
        if said:
            self._data.write_string(self._row, self._width, said, self._book.told)

    def close(self, summary: Sequence[str]) -> None:
        notes = self._book.sheet(NOTES_SHEET)
        notes.set_column(0, 0, 80)
        for row, line in enumerate(summary):
            notes.write_string(row, 0, line)
        self._book.close()


@dataclass(frozen=True)
class Watermark:
    """Who took the data out, when, and under which number it is in the audit record."""

    name: str
    at: dt.datetime
    number: str

    @property
    def text(self) -> str:
        return f"{self.name} {self.at:%Y-%m-%d %H:%M} 导出 编号 {self.number}"


class Exported:
    """An export: the rows, a dictionary of their columns, and whose copy it is on every page."""

    def __init__(
        self,
        target: BinaryIO,
        title: str,
        columns: Sequence[tuple[str, str]],
        mark: Watermark,
    ) -> None:
        """columns: header and meaning of each."""
        self._book = Book(target)
        self._title, self._columns, self._mark = title, columns, mark
        self._data = self._book.sheet(DATA_SHEET)
        self._data.freeze_panes(1, 0)
        # '&' begins a code in headers and footers.
        said = mark.text.replace("&", "&&")
        self._data.set_header(f"&L{title}&R{said}")
        self._data.set_footer(f"&L{said}&R第 &P 页,共 &N 页")
        self._row = 0
        for at, (header, _) in enumerate(columns):
            self._data.set_column(at, at, max(14, len(header) * 2 + 4), self._book.text)
            self._data.write_string(0, at, header, self._book.head)

    def add(self, cells: Sequence[str | int | None]) -> None:
        self._row += 1
        for at, cell in enumerate(cells):
            if isinstance(cell, int):
                self._data.write_number(self._row, at, cell)
            elif cell:
                self._data.write_string(self._row, at, neutral(cell), self._book.text)

    def close(self) -> None:
        dictionary = self._book.sheet("数据字典")
        dictionary.set_column(0, 0, 20)
        dictionary.set_column(1, 1, 80)
        for row, (header, meaning) in enumerate((("列", "含义"), *self._columns)):
            dictionary.write_string(row, 0, header, self._book.head)
            dictionary.write_string(row, 1, meaning)
        origin = self._book.sheet("来源")
        origin.set_column(0, 0, 20)
        origin.set_column(1, 1, 60)
        facts = (
            ("名称", self._title),
            ("导出人", self._mark.name),
            ("导出时间", f"{self._mark.at:%Y-%m-%d %H:%M:%S}"),
            ("编号", self._mark.number),
            ("行数", str(self._row)),
            ("提示", "仅供导出人因工作需要使用;导出已记入审计。"),
        )
        for row, (label, fact) in enumerate(facts):
            origin.write_string(row, 0, label, self._book.head)
            origin.write_string(row, 1, neutral(fact))
        self._book.close()
