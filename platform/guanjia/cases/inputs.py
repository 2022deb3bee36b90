"""What people type, made safe to store: a Refusal with a sentence, or the cleaned value."""

from __future__ import annotations

import re
import unicodedata

from guanjia.graph.errors import BAD_USER_INPUT, Refusal
from guanjia.graph.texts import LINE_LENGTH, NOTE_LENGTH, line, text

__all__ = ["LINE_LENGTH", "NOTE_LENGTH", "line", "text"]

TITLE_LENGTH = 100
DESCRIPTION_LENGTH = 2000
NAME_LENGTH = 50
MOST_COMPONENTS = 10_000
_PHONE = re.compile(r"^\+?[0-9]{5,20}$")


def phone(value: str | None, name: str) -> str | None:
    """A telephone number: full-width digits, blanks and hyphens are accepted, digits are kept."""
    if value is None or not value.strip():
        return None
    digits = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", value))
    if not _PHONE.match(digits) or not digits.isascii():
        raise Refusal(BAD_USER_INPUT, "联系电话只能是数字。", (name,))
    return digits


def components(kind: str | None, count: int | None) -> tuple[str | None, int | None]:
    """A kind of thing and how many of it, or neither; Refusal when one of them is missing."""
    said = line(kind, "设施", "component", NAME_LENGTH) or None
    if (said is None) != (count is None):
        raise Refusal(BAD_USER_INPUT, "设施和数量须一起填写。", ("componentCount",))
    return said, positive(count, "设施数量", "componentCount", MOST_COMPONENTS)


def positive(value: int | None, label: str, name: str, most: int) -> int | None:
    """A whole number from 1 to `most`; None stays None."""
    if value is not None and not 1 <= value <= most:
        raise Refusal(BAD_USER_INPUT, f"{label}须在1到{most}之间。", (name,))
    return value
