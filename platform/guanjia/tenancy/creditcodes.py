"""统一社会信用代码 (GB 32100-2015) and the 组织机构代码 (GB 11714) inside it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from stdnum.cn import uscc

from guanjia.graph.errors import BAD_USER_INPUT, Refusal

# The library takes only digits for the two leading characters; the standard has N and Y there too,
# so the form is checked here and the check character by the library.
_FORM = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
_INNER_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_LENGTH = 18


@dataclass(frozen=True, slots=True)
class CreditCode:
    """A code whose check character holds."""

    text: str

    @property
    def registered_in(self) -> str:
        """The six-digit code of the place whose authority registered it."""
        return self.text[2:8]

    @property
    def organisation_code(self) -> str:
        return self.text[8:17]

    @property
    def organisation_code_holds(self) -> bool:
        """Whether the inner code has its own check character (GB 11714); codes of old
        registrations may not, which is a matter for a warning."""
        return organisation_check(self.organisation_code[:8]) == self.organisation_code[8]


def credit_code(given: str, *field: str) -> CreditCode:
    """The code in its one form, upper case and half width; Refusal otherwise."""
    text = unicodedata.normalize("NFKC", given).replace(" ", "").upper()
    if len(text) != _LENGTH:
        raise _refused(f"统一社会信用代码应为 {_LENGTH} 位,现有 {len(text)} 位。", field)
    if not _FORM.fullmatch(text):
        raise _refused("统一社会信用代码只含数字和大写字母,不使用 I、O、S、V、Z。", field)
    if uscc.calc_check_digit(text) != text[-1]:
        raise _refused("统一社会信用代码的校验码不符,请核对是否录错。", field)
    return CreditCode(text)


def organisation_check(body: str) -> str:
    """The check character of an eight-character 组织机构代码 body (GB 11714)."""
    total = sum(int(c, 36) * w for c, w in zip(body, _INNER_WEIGHTS, strict=True))
    return "0123456789X0"[11 - total % 11]


def _refused(sentence: str, field: tuple[str, ...]) -> Refusal:
    return Refusal(BAD_USER_INPUT, sentence, field)
