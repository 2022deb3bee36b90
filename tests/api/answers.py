"""What holds of every answer, whatever was sent."""

from __future__ import annotations

import json
from typing import Any

SECRET = "11010119000101123X"
"""A number of the reserved block, sent where it does not belong: no answer may repeat it."""


def chinese(text: str) -> bool:
    return any("\u4e00" <= c <= "\u9fff" for c in text)


def check(answer: dict[str, Any], what: Any) -> bool:
    """Whether it was refused; how it was refused is right in any case."""
    text = json.dumps(answer, ensure_ascii=False)
    assert SECRET not in text, what
    errors = list(answer.get("errors", ()))
    for error in errors:
        assert error["extensions"]["code"] not in ("INTERNAL", "UNAVAILABLE"), (what, answer)
        assert chinese(error["message"]), (what, error)
        assert len(error["message"]) < 500, what
    for field in (answer.get("data") or {}).values():
        for error in (field or {}).get("userErrors", ()) if isinstance(field, dict) else ():
            assert error["code"], what
            assert chinese(error["message"]), (what, error)
            errors.append(error)
    return bool(errors)
