"""The columns of an import, and how a cell becomes a value. Pure.

A clerk's cell is forgiven what can be read in one way only: full-width digits, outer blanks,
dates as text or as serial numbers. What a spreadsheet has already destroyed (a leading zero, the
sixteenth digit of an identity number) is named, never guessed.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from guanjia.graph.errors import Refusal

Cell = str | int | float | bool | dt.date | dt.datetime | dt.time | dt.timedelta | None
Value = str | int | None

# Doubles keep every whole number below it; a longer number in a number cell has lost digits.
_EXACT = 10**15
_SCIENTIFIC = re.compile(r"[+-]?\d(?:\.\d+)?[eE]\+?\d+")
# Control characters and halves of surrogate pairs.
_BROKEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DATE = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:\s+00:00(?::00)?)?"
)
_EIGHT_DIGITS = re.compile(r"(\d{4})(\d{2})(\d{2})")
_INTEGER = re.compile(r"[+-]?\d{1,15}")
_SERIAL_ZERO = dt.date(1899, 12, 30)
"""Day 0 of the serial numbers from day 61 on (1 March 1900)."""
_SERIALS = range(61, 2_958_466)
_LOST = "请先把该列的格式设为“文本”,再重新填写。"
_EXCEL_TEXT = re.compile(r'="([^"]*)"')


class Kind(StrEnum):
    """文本、代码(号码)、整数、日期、选项"""

    TEXT = "TEXT"
    CODE = "CODE"
    INTEGER = "INTEGER"
    DATE = "DATE"
    CHOICE = "CHOICE"


class BadCell(Exception):
    """A cell that cannot be read; the Chinese sentence says why, without a protected value."""


@dataclass(frozen=True)
class Column:
    """One column: what it is called, what may stand in it, and what its value is.

    aliases: other headers that clerks use. digits: a code has exactly so many digits. choices: the
    values of a CHOICE; without them the kind names them per tenant. check: a sentence for a value
    that is wrong, else None. form: the one form of a value; a Refusal when it has none. protected:
    no sentence and no finding may show its value.
    """

    name: str
    header: str
    kind: Kind = Kind.TEXT
    aliases: tuple[str, ...] = ()
    required: bool = False
    digits: int | None = None
    choices: tuple[str, ...] = ()
    longest: int = 200
    check: Callable[[str], str | None] | None = None
    form: Callable[[str], Value] | None = None
    protected: bool = False
    example: str = ""
    note: str = ""

    def read(self, cell: Cell, choices: Sequence[str] = ()) -> Value:
        """The cell's value; None when it is empty. BadCell otherwise."""
        if blank(cell):
            if self.required:
                raise BadCell(f"缺少{self.header}。")
            return None
        match self.kind:
            case Kind.TEXT:
                return self._checked(_plain(shown(cell)))
            case Kind.CODE:
                return self._checked(self._code(cell))
            case Kind.INTEGER:
                return self._integer(cell)
            case Kind.DATE:
                return self._date(cell)
            case Kind.CHOICE:
                return self._choice(cell, self.choices or choices)

    def _checked(self, text: str) -> Value:
        if _BROKEN.search(text):
            raise BadCell(f"{self.header}含有不能保存的字符。")
        if len(text) > self.longest:
            raise BadCell(f"{self.header}最长 {self.longest} 个字,现有 {len(text)} 个字。")
        problem = self.check(text) if self.check else None
        if problem:
            raise BadCell(problem)
        if self.form is None:
            return text
        try:
            return self.form(text)
        except Refusal as refused:
            raise BadCell(str(refused)) from None

    def _code(self, cell: Cell) -> str:
        if isinstance(cell, bool | dt.date | dt.time | dt.timedelta):
            raise BadCell(f"{self.header}应为文本。{_LOST}")
        if isinstance(cell, int | float):
            return self._code_of_number(cell)
        text = unicodedata.normalize("NFKC", _unquoted(cell or "")).strip()
        if _SCIENTIFIC.fullmatch(text):
            raise BadCell(f"{self.header}成了科学计数法,原来的数字已丢失。{_LOST}")
        if self.digits is not None and not (
            len(text) == self.digits and text.isascii() and text.isdigit()
        ):
            raise BadCell(f"{self.header}应为 {self.digits} 位数字,现有 {len(text)} 个字符。")
        return text

    def _code_of_number(self, cell: int | float) -> str:
        if cell != cell or cell < 0 or cell != int(cell):
            raise BadCell(f"{self.header}应为文本。{_LOST}")
        text = str(int(cell))
        if cell >= _EXACT and (self.digits is None or self.digits > 15 or len(text) > 15):
            raise BadCell(f"{self.header}以数字格式保存,第 15 位以后的数字已丢失。{_LOST}")
        if self.digits is not None and len(text) < self.digits:
            raise BadCell(
                f"{self.header}应为 {self.digits} 位,现有 {len(text)} 位:"
                f"以数字格式保存,开头的 0 可能已丢失。{_LOST}"
            )
        if self.digits is not None and len(text) > self.digits:
            raise BadCell(f"{self.header}应为 {self.digits} 位数字,现有 {len(text)} 位。")
        return text

    def _integer(self, cell: Cell) -> int:
        if isinstance(cell, float) and cell == int(cell) and abs(cell) < _EXACT:
            return int(cell)
        if isinstance(cell, int) and not isinstance(cell, bool):
            return cell
        text = unicodedata.normalize("NFKC", shown(cell)).strip()
        if not _INTEGER.fullmatch(text):
            raise BadCell(f"{self.header}应为整数。")
        return int(text)

    def _date(self, cell: Cell) -> str:
        if isinstance(cell, dt.datetime):
            return cell.date().isoformat()
        if isinstance(cell, dt.date):
            return cell.isoformat()
        text = unicodedata.normalize("NFKC", shown(cell)).strip()
        found = _DATE.fullmatch(text) or _EIGHT_DIGITS.fullmatch(text)
        try:
            if found:
                year, month, day = map(int, found.groups())
                return dt.date(year, month, day).isoformat()
            if text.isascii() and text.isdigit() and int(text) in _SERIALS:
                return (_SERIAL_ZERO + dt.timedelta(days=int(text))).isoformat()
        except ValueError:
            raise BadCell(f"{self.header}不是存在的日期。") from None
        raise BadCell(f"{self.header}应为日期,例如 2026-03-01。")

    def _choice(self, cell: Cell, choices: Sequence[str]) -> str:
        text = _plain(shown(cell))
        if text in choices:
            return text
        said = self.header if self.protected else f"{self.header}“{text[:30]}”"
        near = _nearest(text, tuple(choices))
        if near:
            raise BadCell(f"{said}不在可选项中,是否应为“{near}”?")
        raise BadCell(f"{said}不在可选项中,请从下拉列表中选择。")


@lru_cache(maxsize=1_000)
def _nearest(text: str, choices: tuple[str, ...]) -> str | None:
    """The choice that was probably meant. What is misspelt in one row is so in many."""
    return next(iter(difflib.get_close_matches(text, choices, n=1)), None)


def blank(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip(" \t\r\n\u3000\u00a0"))


def shown(cell: Cell) -> str:
    """The cell as text, the way its clerk sees it."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and cell == cell and abs(cell) < _EXACT and cell == int(cell):
        return str(int(cell))
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        return cell.date().isoformat()
    return str(cell)


def header_key(cell: Cell) -> str:
    """What is compared of a header: without blanks, marks of a required column and widths."""
    text = unicodedata.normalize("NFKC", shown(cell))
    return re.sub(r"[\s*]|\(必填\)|\(选填\)", "", text)


def letter(position: int) -> str:
    """The spreadsheet's name of a column, from 0: A, B, …, Z, AA."""
    name = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", _unquoted(text)).split())


def _unquoted(text: str) -> str:
    """`="0123"` is how clerks keep a leading zero in a CSV file."""
    found = _EXCEL_TEXT.fullmatch(text.strip())
    return found.group(1) if found else text
