"""A file as it was handed in, opened as rows of cells: what it is, and whether it may be read.

Everything that costs memory is asked of the archive's directory and of the sheet's text first; a
file that is refused was not read. Nothing is believed from its name.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree

from python_calamine import (
    CalamineError,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from guanjia.imports.columns import Cell, letter

MAX_BYTES = 40_000_000
MAX_ROWS = 180_000
MAX_WIDTH = 100
DATA_SHEET = "数据"
NOTES_SHEET = "说明"
LISTS_SHEET = "选项"
"""The hidden sheet that the template's drop-downs refer to."""

_MAX_PARTS = 1_000
_MAX_UNPACKED = 400_000_000
_MAX_RATIO = 100
_RATIO_FROM = 20_000_000
_BLOCK = 1 << 20
_MAX_ROW_BYTES = 16 << 20
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_ROW = re.compile(rb'<(?:\w+:)?row\b[^>]*?\br="(\d+)"')
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s>/]")
_FORMULA_CELL = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})(\d+)"[^>]*>\s*<(?:\w+:)?f[\s>/]')
# Columns from DA on: the 105th and later.
_FAR_CELL = re.compile(rb'\br="(?:[A-Z]{3}|[D-Z][A-Z])(\d+)"')
_VALUE = re.compile(rb"<(?:\w+:)?(?:v|is|f)[\s>]")
_WIDE_COMMA = "\uff0c"
_DELIMITERS = (",", ";", "\t", _WIDE_COMMA)
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


class BadFile(Exception):
    """The file as a whole cannot be used; a Chinese sentence with the place."""


@dataclass
class Table:
    """Rows of cells with their numbers in the file, from 1.

    formulas: the cells that hold one. merged: ranges of merged cells as first row, last row, name.
    """

    rows: Iterable[tuple[int, Sequence[Cell]]]
    total: int
    formulas: set[tuple[int, int]] = field(default_factory=set)
    merged: list[tuple[int, int, str]] = field(default_factory=list)


def opened(data: bytes, name: str) -> Table:
    """The rows of an .xlsx or .csv file; BadFile when it is something else or unsafe."""
    if not data:
        raise BadFile("文件是空的。")
    extension = name.lower().rpartition(".")[2]
    if data.startswith(_OLE):
        if _ENCRYPTED in data:
            raise BadFile("工作簿有密码保护。请在 Excel 中取消密码后另存,再上传。")
        raise BadFile("这是旧格式的 .xls 工作簿。请在 Excel 中另存为 .xlsx,再上传。")
    if data.startswith(b"PK"):
        table = _workbook(data)
        if extension != "xlsx":
            raise BadFile("内容是 Excel 工作簿,文件名却不以 .xlsx 结尾。请改正文件名后再上传。")
        return table
    if extension not in ("csv", "txt"):
        if extension == "xlsx":
            raise BadFile("文件名以 .xlsx 结尾,内容却不是 Excel 工作簿。")
        raise BadFile("只能上传 .xlsx 或 .csv 文件。")
    return _text(data)


# --- workbooks ---------------------------------------------------------------------------------


def _workbook(data: bytes) -> Table:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_archive(archive)
            workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
            name = _data_sheet(workbook)
            formulas = _scan(archive, _part_of(archive, name))
        sheet = workbook.get_sheet_by_name(name)
        merged = [
            (top + 1, bottom + 1, f"{letter(left)}{top + 1}:{letter(right)}{bottom + 1}")
            for (top, left), (bottom, right) in sheet.merged_cell_ranges or ()
        ]
        return Table(enumerate(sheet.iter_rows(), 1), sheet.total_height, formulas, merged)
    except PasswordError:
        raise BadFile("工作簿有密码保护。请在 Excel 中取消密码后另存,再上传。") from None
    except (zipfile.BadZipFile, CalamineError, ElementTree.ParseError, EOFError, KeyError):
        raise BadFile("工作簿已损坏,无法读取。请在 Excel 中打开并另存为 .xlsx 后再上传。") from None


def _check_archive(archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    unpacked = sum(part.file_size for part in parts)
    packed = max(1, sum(part.compress_size for part in parts))
    if len(parts) > _MAX_PARTS or unpacked > _MAX_UNPACKED:
        raise BadFile(f"工作簿解压后超过 {_MAX_UNPACKED // 1_000_000} MB 的上限,已拒绝读取。")
    if unpacked > _RATIO_FROM and unpacked / packed > _MAX_RATIO:
        raise BadFile("工作簿的压缩率异常(可能是压缩炸弹),已拒绝读取。")
    names = {part.filename for part in parts}
    if "xl/workbook.xml" not in names:
        raise BadFile("这个压缩文件不是 .xlsx 工作簿。")
    if any(part.flag_bits & 1 for part in parts):
        raise BadFile("工作簿有密码保护。请在 Excel 中取消密码后另存,再上传。")
    if "xl/vbaProject.bin" in names:
        raise BadFile("工作簿含有宏。请另存为不含宏的 .xlsx 后再上传。")


def _data_sheet(workbook: CalamineWorkbook) -> str:
    """The one sheet to read: called 数据, or the only visible one beside ours."""
    sheets = [s for s in workbook.sheets_metadata if s.typ == SheetTypeEnum.WorkSheet]
    hidden = [
        s.name for s in sheets if s.visible != SheetVisibleEnum.Visible and s.name != LISTS_SHEET
    ]
    if hidden:
        raise BadFile(f"工作簿含有隐藏的工作表:{'、'.join(hidden[:5])}。请显示或删除后再上传。")
    visible = [s.name for s in sheets if s.name not in (LISTS_SHEET, NOTES_SHEET)]
    if DATA_SHEET in visible:
        return DATA_SHEET
    if len(visible) == 1:
        return visible[0]
    if not visible:
        raise BadFile("工作簿中没有工作表。")
    raise BadFile(
        f"工作簿有 {len(visible)} 个工作表:{'、'.join(visible[:5])}。"
        f"请只保留一个,或把要导入的命名为“{DATA_SHEET}”。"
    )


def _part_of(archive: zipfile.ZipFile, sheet: str) -> str:
    """The part of the archive that holds the sheet."""
    relation = next(
        element.get(_RELATION)
        for element in _xml(archive, "xl/workbook.xml").iter()
        if element.tag.endswith("}sheet") and element.get("name") == sheet
    )
    target = next(
        element.get("Target", "")
        for element in _xml(archive, "xl/_rels/workbook.xml.rels").iter()
        if element.get("Id") == relation
    )
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _xml(archive: zipfile.ZipFile, part: str) -> ElementTree.Element:
    text = archive.read(part)
    if b"<!DOCTYPE" in text:
        raise BadFile("工作簿含有不允许的 XML 声明(DOCTYPE),已拒绝读取。")
    return ElementTree.fromstring(text)  # noqa: S314  # without a DTD there are no entities


def _scan(archive: zipfile.ZipFile, part: str) -> set[tuple[int, int]]:
    """The cells with formulas, after the sheet's extent was found to be within the limits."""
    formulas: set[tuple[int, int]] = set()
    for text in _rows_of_text(archive, part):
        _check_extent(text)
        found = [
            (int(row), _position(column.decode())) for column, row in _FORMULA_CELL.findall(text)
        ]
        if len(found) != len(_FORMULA.findall(text)):
            raise BadFile("工作表中含有公式。请全选、复制,再“选择性粘贴”为数值后上传。")
        formulas.update(found)
    return formulas


def _rows_of_text(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """The sheet's text in pieces of whole rows."""
    rest = b""
    with archive.open(part) as stream:
        while block := stream.read(_BLOCK):
            text = rest + block
            cut = text.rfind(b"row>") + 4
            if cut < 4:
                if len(text) > _MAX_ROW_BYTES:
                    raise BadFile("工作表中有一行过长,已拒绝读取。")
                cut = 0
            yield text[:cut]
            rest = text[cut:]
    yield rest


def _check_extent(text: bytes) -> None:
    if far := _FAR_CELL.search(text):
        raise BadFile(
            f"第 {int(far.group(1))} 行在第 {MAX_WIDTH} 列以后还有单元格。请删除右侧多余的列。"
        )
    for row in _ROW.finditer(text):
        if int(row.group(1)) > MAX_ROWS:
            end = text.find(b"row>", row.end())
            if _VALUE.search(text, row.end(), end if end > 0 else len(text)):
                raise BadFile(too_many_rows())


def too_many_rows(most: int | None = None) -> str:
    return f"一次最多导入 {most or MAX_ROWS:,} 行,文件超过此数。请拆成几个文件分别上传。"


def _position(column: str) -> int:
    number = 0
    for character in column:
        number = number * 26 + ord(character) - ord("A") + 1
    return number - 1


# --- text --------------------------------------------------------------------------------------


def _text(data: bytes) -> Table:
    text = _decoded(data)
    lines = text.count("\n") + 1
    if lines > MAX_ROWS * 2:
        raise BadFile(too_many_rows())
    formulas: set[tuple[int, int]] = set()
    return Table(_records(text, formulas), lines, formulas)


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings: tuple[str, ...] = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            break
        return text
    raise BadFile("文件不是文本:内容既不是 UTF-8 也不是 GB18030 编码的 CSV。")


def _records(text: str, formulas: set[tuple[int, int]]) -> Iterator[tuple[int, list[Cell]]]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    if delimiter == _WIDE_COMMA:
        raise BadFile("各列之间是全角逗号。请改用半角逗号,或另存为 .xlsx。")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    start = 1
    try:
        for record in reader:
            if len(record) > MAX_WIDTH:
                raise BadFile(f"第 {start} 行有 {len(record)} 列,最多 {MAX_WIDTH} 列。")
            for position, cell in enumerate(record):
                if cell.startswith("=") and not cell.startswith('="'):
                    formulas.add((start, position))
            yield start, list(record)
            start = reader.line_num + 1
    except csv.Error:
        raise BadFile(f"第 {start} 行不是有效的 CSV(引号未闭合或单元格过长)。") from None
