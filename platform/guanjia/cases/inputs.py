"""What people type, made safe to store: a Refusal with a sentence, or the cleaned value."""

from __future__ import annotations

import re
import unicodedata
from typing import overload

from guanjia.graph.errors import BAD_USER_INPUT, Refusal

TITLE_LENGTH = 100
DESCRIPTION_LENGTH = 2000
LINE_LENGTH = 200
NAME_LENGTH = 50
NOTE_LENGTH = 2000
_PHONE = re.compile(r"^\+?[0-9]{5,20}$")
_LINE_BREAKS = "\n\t"


def _broken(character: str) -> bool:
    # Control characters and halves of surrogate pairs cannot be stored or shown.
    return unicodedata.category(character) in ("Cc", "Cs") and character not in _LINE_BREAKS


@overload
def line(value: str, label: str, name: str, longest: int = ...) -> str: ...
@overload
def line(value: str | None, label: str, name: str, longest: int = ...) -> str | None: ...
def line(value: str | None, label: str, name: str, longest: int = LINE_LENGTH) -> str | None:
    """One line without outer blanks; None stays None."""
    cleaned = text(value, label, name, longest)
    return None if cleaned is None else " ".join(cleaned.split())


@overload
def text(value: str, label: str, name: str, longest: int = ...) -> str: ...
@overload
def text(value: str | None, label: str, name: str, longest: int = ...) -> str | None: ...
def text(value: str | None, label: str, name: str, longest: int = NOTE_LENGTH) -> str | None:
    """Text without outer blanks, of at most `longest` characters; None stays None."""
    if value is None:
        return None
    cleaned = unicodedata.normalize("NFC", value.replace("\r\n", "\n")).strip(" \n\t\u3000")
    if any(map(_broken, cleaned)):
        raise Refusal(BAD_USER_INPUT, f"{label}含有不能保存的控制字符。", (name,))
    if len(cleaned) > longest:
        raise Refusal(BAD_USER_INPUT, f"{label}最长{longest}个字,现有{len(cleaned)}个字。", (name,))
    return cleaned


def phone(value: str | None, name: str) -> str | None:
    """A telephone number: full-width digits, blanks and hyphens are accepted, digits are kept."""
    if value is None or not value.strip():
        return None
    digits = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", value))
    if not _PHONE.match(digits) or not digits.isascii():
        raise Refusal(BAD_USER_INPUT, "联系电话只能是数字。", (name,))
    return digits


def household(value: str | None, name: str) -> str | None:
    """The label of a household, in one form: 3栋 501 and 3栋501 are the same."""
    cleaned = line(value, "住户", name, NAME_LENGTH)
    return "".join(unicodedata.normalize("NFKC", cleaned).split()) or None if cleaned else None


def positive(value: int | None, label: str, name: str, most: int) -> int | None:
    """A whole number from 1 to `most`; None stays None."""
    if value is not None and not 1 <= value <= most:
        raise Refusal(BAD_USER_INPUT, f"{label}须在1到{most}之间。", (name,))
    return value
