"""What people type, made safe to store: a Refusal with a sentence, or the cleaned text."""

from __future__ import annotations

import unicodedata
from typing import overload

from guanjia.graph.errors import BAD_USER_INPUT, Refusal

LINE_LENGTH = 200
NOTE_LENGTH = 2000
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
