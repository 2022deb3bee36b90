"""What an identity document or a phone says, and whether it can be right. Pure rules.

A value is brought to one form first (NFKC, upper case, no blanks). What cannot be right is a
Refusal whose sentence never repeats the value; what is only odd is a `DataWarning`, listed with the
person. 公民身份号码: GB 11643-1999.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from stdnum import numdb
from stdnum.cn import ric

from guanjia.graph.errors import BAD_USER_INPUT, Refusal

EARLIEST_BIRTH = dt.date(1880, 1, 1)
"""No holder can be older: the parameter of GB 11643's date part."""
_CITIZEN = re.compile(r"[0-9]{17}[0-9X]")
_LEGACY = re.compile(r"[0-9]{15}")
_DISABILITY = re.compile(r"([0-9]{17}[0-9X])([1-7])([1-4])")
_OTHER = re.compile(r"[A-Z0-9()/-]{5,30}")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_LANDLINE = re.compile(r"(0[0-9]{2,3})-?([0-9]{7,8})")


class DocumentKind(StrEnum):
    """居民身份证、残疾人证、护照、港澳台居民居住证、港澳居民来往内地通行证、台湾居民来往大陆通行证、
    外国人永久居留身份证、出生医学证明、其他"""

    CITIZEN_ID = "CITIZEN_ID"
    DISABILITY_CARD = "DISABILITY_CARD"
    PASSPORT = "PASSPORT"
    HMT_RESIDENCE_PERMIT = "HMT_RESIDENCE_PERMIT"
    HM_TRAVEL_PERMIT = "HM_TRAVEL_PERMIT"
    TAIWAN_TRAVEL_PERMIT = "TAIWAN_TRAVEL_PERMIT"
    FOREIGN_RESIDENT_CARD = "FOREIGN_RESIDENT_CARD"
    BIRTH_CERTIFICATE = "BIRTH_CERTIFICATE"
    OTHER = "OTHER"


class Sex(StrEnum):
    """男、女、未说明"""

    MALE = "MALE"
    FEMALE = "FEMALE"
    UNKNOWN = "UNKNOWN"


class PhoneKind(StrEnum):
    """手机、固定电话"""

    MOBILE = "MOBILE"
    LANDLINE = "LANDLINE"


class DataWarning(StrEnum):
    """数据质量提示:性别与证件不符、出生日期与证件不符、证件地区码未知"""

    SEX_MISMATCH = "SEX_MISMATCH"
    BIRTH_DATE_MISMATCH = "BIRTH_DATE_MISMATCH"
    UNKNOWN_REGION_PREFIX = "UNKNOWN_REGION_PREFIX"


@dataclass(frozen=True, slots=True)
class Document:
    """A document in its one form. `legacy` is the 15-digit number it was given as."""

    kind: DocumentKind
    number: str
    legacy: str | None = None
    birth_date: dt.date | None = None
    sex: Sex | None = None
    warnings: tuple[DataWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class Phone:
    kind: PhoneKind
    number: str


def normal_number(given: str) -> str:
    """The one form of a number: half width, upper case, without blanks."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", given)).upper()


def document(
    kind: DocumentKind,
    given: str,
    today: dt.date,
    *,
    imported: bool = False,
    own_regions: Collection[str] = (),
    citizen_id: str | None = None,
    field: tuple[str, ...] = ("number",),
) -> Document:
    """The document; a Refusal when it cannot be right.

    today: the local date. imported: 15-digit numbers are accepted and upgraded. own_regions: the
    tenant's six-digit codes, known beside the historic ones. citizen_id: the same person's
    18-digit number, which a 残疾人证 must contain.
    """
    number = normal_number(given)
    match kind:
        case DocumentKind.CITIZEN_ID:
            return _citizen(number, today, imported, own_regions, field)
        case DocumentKind.DISABILITY_CARD:
            return _disability(number, today, own_regions, citizen_id, field)
    if not _OTHER.fullmatch(number):
        raise _refused("证件号码应为 5 到 30 位的字母和数字。", field)
    return Document(kind, number)


def phone(given: str, *field: str) -> Phone:
    """A mobile or landline number; `+86`, blanks and hyphens in a mobile number are dropped."""
    number = normal_number(given)
    mobile = re.sub(r"^(\+86|0086)", "", number).replace("-", "")
    if _MOBILE.fullmatch(mobile):
        return Phone(PhoneKind.MOBILE, mobile)
    landline = _LANDLINE.fullmatch(number)
    if landline:
        return Phone(PhoneKind.LANDLINE, f"{landline[1]}-{landline[2]}")
    raise _refused("电话应为 11 位手机号,或带区号的固定电话(如 0599-0000000)。", field)


def disagreements(
    found: Document, sex: Sex | None, birth_date: dt.date | None
) -> tuple[DataWarning, ...]:
    """Where what was declared differs from what the document says. Neither is overwritten."""
    odd: list[DataWarning] = []
    if found.sex and sex in (Sex.MALE, Sex.FEMALE) and sex is not found.sex:
        odd.append(DataWarning.SEX_MISMATCH)
    if found.birth_date and birth_date and birth_date != found.birth_date:
        odd.append(DataWarning.BIRTH_DATE_MISMATCH)
    return tuple(odd)


def upgraded(legacy: str) -> str:
    """The 18-digit number of a 15-digit one: the century is 19, the check character appended."""
    body = legacy[:6] + "19" + legacy[6:]
    return body + ric.calc_check_digit(body + "0")


def _citizen(
    number: str,
    today: dt.date,
    imported: bool,
    own_regions: Collection[str],
    field: tuple[str, ...],
) -> Document:
    legacy = None
    if _LEGACY.fullmatch(number):
        if not imported:
            raise _refused("15 位旧号码只在导入时接受,请录入 18 位公民身份号码。", field)
        legacy, number = number, upgraded(number)
    if len(number) != 18:
        raise _refused(f"公民身份号码应为 18 位,现有 {len(number)} 位。", field)
    if not _CITIZEN.fullmatch(number):
        raise _refused("公民身份号码前 17 位应为数字,末位为数字或 X。", field)
    if ric.calc_check_digit(number) != number[-1]:
        raise _refused("公民身份号码的校验码不符,请核对是否录错。", field)
    born = _birth_date(number, today, field)
    sex = Sex.MALE if int(number[16]) % 2 else Sex.FEMALE
    odd = () if _known_region(number[:6], own_regions) else (DataWarning.UNKNOWN_REGION_PREFIX,)
    return Document(DocumentKind.CITIZEN_ID, number, legacy, born, sex, odd)


def _birth_date(number: str, today: dt.date, field: tuple[str, ...]) -> dt.date:
    try:
        born = dt.date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise _refused("公民身份号码中的出生日期不存在。", field) from None
    if not EARLIEST_BIRTH <= born <= today:
        raise _refused("公民身份号码中的出生日期应在 1880 年以后、今天以前。", field)
    return born


def _disability(
    number: str,
    today: dt.date,
    own_regions: Collection[str],
    citizen_id: str | None,
    field: tuple[str, ...],
) -> Document:
    """18 digits of the holder, 类别 1–7 (1视力 2听力 3言语 4肢体 5智力 6精神 7多重), 等级 1–4."""
    parts = _DISABILITY.fullmatch(number)
    if parts is None:
        raise _refused("残疾人证号应为 20 位:公民身份号码加类别(1–7)和等级(1–4)。", field)
    holder = _citizen(parts[1], today, False, own_regions, field)
    if citizen_id is not None and holder.number != citizen_id:
        raise _refused("残疾人证号的前 18 位与本人的公民身份号码不一致。", field)
    return Document(
        DocumentKind.DISABILITY_CARD, number, None, holder.birth_date, holder.sex, holder.warnings
    )


def _known_region(prefix: str, own_regions: Collection[str]) -> bool:
    """Whether some edition of GB/T 2260 had the code: many hold one that is abolished since."""
    return prefix in own_regions or _listed_region(prefix)


@lru_cache(maxsize=10_000)
def _listed_region(prefix: str) -> bool:
    found: Callable[[str], list[tuple[str, dict[str, str]]]] = numdb.get("cn/loc").info
    return any(properties.get("county") for _, properties in found(prefix))


def _refused(sentence: str, field: tuple[str, ...]) -> Refusal:
    return Refusal(BAD_USER_INPUT, sentence, field)
