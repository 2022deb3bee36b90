"""No notice carries what looks like an identity number, an account or a telephone number.

Declared facts never are protected fields; what people typed into one, a name of a place or of an
organisation, may still hold a number. It is hidden before the notice is stored.
"""

from __future__ import annotations

import re

HIDDEN = "***"
_ASCII = {0xFF10 + digit: str(digit) for digit in range(10)} | {
    ord("\uff38"): "X", ord("\uff58"): "x", ord("\uff0d"): "-", ord("\u2013"): "-",
    ord("\u2014"): "-", ord("\u00a0"): " ", ord("\u3000"): " ",
}  # fmt: skip
"""One character for one: what is found in the one text lies at the same place in the other."""
_ALONE, _ENDS = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
_FORMS = re.compile(
    "|".join(
        _ALONE + form + _ENDS
        for form in (
            # Identity numbers of 15, 18 and 20 places, mobile numbers and accounts in one piece;
            # a case number such as 350702-2026-000001 is none.
            r"[0-9]{11,19}[0-9Xx]?",
            r"[0-9]{6}[ -][0-9]{8}[ -][0-9]{3}[0-9Xx](?:[ -]?[0-9]{2})?",
            r"[0-9]{4}(?:[ -][0-9]{4}){3}(?:[ -]?[0-9]{1,3})?",
            r"(?:\+?86[ -]?)?1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}",
            r"(?:\(?0[0-9]{2,3}\)?)[ -]?[0-9]{7,8}",
        )
    )
)


def masked(text: str) -> str:
    """The text with every such number hidden; everything else stands as it was."""
    shown, end = [], 0
    for found in _FORMS.finditer(text.translate(_ASCII)):
        shown += [text[end : found.start()], HIDDEN]
        end = found.end()
    return "".join([*shown, text[end:]])


def is_clean(text: str) -> bool:
    """Whether nothing in the text looks like such a number."""
    return _FORMS.search(text.translate(_ASCII)) is None
