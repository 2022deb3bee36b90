"""A thousand invented people, and a search for any trace of them in clear.

Numbers are of the block that no living person has (sequence 996–999), telephones and addresses are
made up. Births lie in years that no other row of the tests mentions.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from stdnum.cn import ric

_DIGITS = re.compile(r"[0-9]{8,}[Xx]?")
# Eight digits in a row are a date only by themselves: any long enough hash holds some.
_DATES = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|(?<![0-9A-Za-z])[0-9]{8}(?![0-9A-Za-z])")
_TOKENS = re.compile(r"暗号[0-9]{4}")
_HEX = re.compile(r"(?:[0-9a-f]{2}){8,}")


@dataclass(frozen=True, slots=True)
class Canary:
    """Somebody who does not exist."""

    ordinal: int

    @property
    def born(self) -> dt.date:
        return dt.date(1901, 1, 1) + dt.timedelta(days=self.ordinal)

    @property
    def number(self) -> str:
        body = f"350702{self.born:%Y%m%d}{996 + self.ordinal % 4}"
        return body + ric.calc_check_digit(body + "0")

    @property
    def legacy(self) -> str:
        return self.number[:6] + self.number[8:17]

    @property
    def wrong_number(self) -> str:
        """The number with another check character."""
        return self.number[:-1] + ("1" if self.number[-1] != "1" else "2")

    @property
    def phone(self) -> str:
        return f"1390001{self.ordinal:04}"

    @property
    def wrong_phone(self) -> str:
        """One digit too many: nobody's, and still nobody's business."""
        return self.phone + "9"

    @property
    def token(self) -> str:
        return f"暗号{self.ordinal:04}"

    @property
    def address(self) -> str:
        return f"北门路1号阳光小区3幢{self.token}室"

    def given(self, region: Any, **more: Any) -> dict[str, Any]:
        return {
            "name": f"金丝雀{self.ordinal}",
            "regionId": str(region.id),
            "documents": [
                {"kind": "CITIZEN_ID", "number": self.number},
                {"kind": "DISABILITY_CARD", "number": self.number + "42"},
            ],
            "phones": [self.phone],
            "address": self.address,
            **more,
        }


class Scanner:
    """Finds what would give a canary away, in text of any origin."""

    def __init__(self, canaries: Iterable[Canary]) -> None:
        self._numbers: dict[int, set[str]] = {}
        self._dates: set[str] = set()
        self._tokens: set[str] = set()
        for canary in canaries:
            # The body without its check character is the number as well.
            for form in (canary.number[:17], canary.legacy, canary.phone):
                self._numbers.setdefault(len(form), set()).add(form)
            self._dates |= {canary.born.isoformat(), f"{canary.born:%Y%m%d}"}
            self._tokens.add(canary.token)

    def found(self, text: str) -> set[str]:
        """Every canary value in the text, in clear or as the hexadecimal of its bytes."""
        runs = (bytes.fromhex(run).decode("latin-1") for run in _HEX.findall(text))
        hits: set[str] = set()
        # A line's end is no part of a value, so that nothing is found across two of them.
        for part in (text, "\n".join(runs)):
            hits |= set(_DATES.findall(part)) & self._dates
            hits |= set(_TOKENS.findall(part)) & self._tokens
            for run in _DIGITS.findall(part):
                hits |= self._in_run(run)
        return hits

    def _in_run(self, run: str) -> set[str]:
        return {
            run[start : start + length]
            for length, known in self._numbers.items()
            for start in range(len(run) - length + 1)
            if run[start : start + length] in known
        }
