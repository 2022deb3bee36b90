"""The rules of identity numbers, credit codes and phones: every example of the field reference."""

from __future__ import annotations

import datetime as dt

import pytest

from guanjia.graph.errors import Refusal
from guanjia.people import identity
from guanjia.people.identity import (
    DataWarning,
    DocumentKind,
    PhoneKind,
    Sex,
    disagreements,
    document,
)
from guanjia.tenancy.creditcodes import credit_code

TODAY = dt.date(2026, 11, 23)
CITIZEN, CARD = DocumentKind.CITIZEN_ID, DocumentKind.DISABILITY_CARD


def full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) for c in text)


def citizen(number: str, **more: object) -> identity.Document:
    # What a test passes on is of whatever type the test is about.
    return document(CITIZEN, number, TODAY, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("number", "born", "sex"),
    [
        ("11010519491231002X", dt.date(1949, 12, 31), Sex.FEMALE),
        ("440524188001010014", dt.date(1880, 1, 1), Sex.MALE),
        ("35070219560315998X", dt.date(1956, 3, 15), Sex.FEMALE),
        ("350702198811029972", dt.date(1988, 11, 2), Sex.MALE),
        ("23128219470922996X", dt.date(1947, 9, 22), Sex.FEMALE),
        ("23128220150601999X", dt.date(2015, 6, 1), Sex.MALE),
    ],
)
def test_right_numbers_say_birth_and_sex(number: str, born: dt.date, sex: Sex) -> None:
    found = citizen(number)
    assert (found.number, found.birth_date, found.sex) == (number, born, sex)
    assert found.warnings == ()


@pytest.mark.parametrize(
    "given",
    ["11010519491231002x", " 110105 19491231 002X ", full_width("11010519491231002X")],
)
def test_one_form_however_it_is_typed(given: str) -> None:
    assert citizen(given).number == "11010519491231002X"


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        ("350702198811029973", "校验码"),
        ("350702198802309972", "出生日期不存在"),
        ("35070219881102997", "18 位,现有 17 位"),
        ("", "现有 0 位"),
        ("35070219881102997A", "末位为数字或 X"),
        ("X50702198811029972", "前 17 位应为数字"),
        ("350702-198811029972", "现有 19 位"),
        ("350702561135998", "只在导入时"),
    ],
)
def test_wrong_numbers_are_refused_without_repeating_them(number: str, sentence: str) -> None:
    with pytest.raises(Refusal) as refused:
        citizen(number)
    assert sentence in refused.value.message
    assert refused.value.code == "BAD_USER_INPUT"
    assert not number or number not in refused.value.message


@pytest.mark.parametrize("body", ["35070218791231998", "35070220261124998"])
def test_nobody_is_born_before_1880_or_tomorrow(body: str) -> None:
    from stdnum.cn import ric

    number = body + ric.calc_check_digit(body + "0")
    with pytest.raises(Refusal, match="1880 年以后"):
        citizen(number)


def test_an_unknown_region_is_only_a_warning() -> None:
    assert citizen("99999919881102997X").warnings == (DataWarning.UNKNOWN_REGION_PREFIX,)
    assert citizen("99999919881102997X", own_regions={"999999"}).warnings == ()


def test_fifteen_digits_are_upgraded_on_import_only() -> None:
    found = citizen("350702560315998", imported=True)
    assert (found.number, found.legacy) == ("35070219560315998X", "350702560315998")
    with pytest.raises(Refusal, match="只在导入时"):
        citizen("350702560315998")
    # Everyone with a 15-digit number was born before 2000: 19 is always the century.
    assert citizen("350702150601999", imported=True).birth_date == dt.date(1915, 6, 1)


def test_a_disability_card_contains_the_holders_number() -> None:
    holder = "350702198811029972"
    found = document(CARD, holder + "42", TODAY, citizen_id=holder)
    assert (found.number, found.birth_date) == (holder + "42", dt.date(1988, 11, 2))
    for wrong in (holder + "82", holder + "45", holder + "4", "35070219881102997342"):
        with pytest.raises(Refusal):
            document(CARD, wrong, TODAY, citizen_id=holder)
    with pytest.raises(Refusal, match="不一致"):
        document(CARD, "35070219560315998X11", TODAY, citizen_id=holder)


def test_other_documents_have_a_form_and_no_checksum() -> None:
    assert document(DocumentKind.PASSPORT, "e12345678", TODAY).number == "E12345678"
    for wrong in ("E1", "护照一二三四五", "E123'; drop table persons"):
        with pytest.raises(Refusal, match="5 到 30 位"):
            document(DocumentKind.PASSPORT, wrong, TODAY)


def test_what_is_declared_is_compared_and_not_overwritten() -> None:
    found = citizen("350702198811029972")
    assert disagreements(found, Sex.MALE, dt.date(1988, 11, 2)) == ()
    assert disagreements(found, None, None) == ()
    assert disagreements(found, Sex.UNKNOWN, None) == ()
    assert disagreements(found, Sex.FEMALE, dt.date(1988, 11, 3)) == (
        DataWarning.SEX_MISMATCH,
        DataWarning.BIRTH_DATE_MISMATCH,
    )


@pytest.mark.parametrize(
    ("given", "kind", "number"),
    [
        ("13900000001", PhoneKind.MOBILE, "13900000001"),
        ("+86 139 0000 0001", PhoneKind.MOBILE, "13900000001"),
        ("139-0000-0001", PhoneKind.MOBILE, "13900000001"),
        (full_width("13900000001"), PhoneKind.MOBILE, "13900000001"),
        ("0599-0000000", PhoneKind.LANDLINE, "0599-0000000"),
        ("059900000000", PhoneKind.LANDLINE, "0599-00000000"),
    ],
)
def test_phones(given: str, kind: PhoneKind, number: str) -> None:
    found = identity.phone(given)
    assert (found.kind, found.number) == (kind, number)


@pytest.mark.parametrize(
    "given", ["", "1390000000", "12900000001", "5550000", "无此号码", "139000000011"]
)
def test_no_phones(given: str) -> None:
    with pytest.raises(Refusal, match="11 位手机号") as refused:
        identity.phone(given)
    assert not given or given not in refused.value.message


@pytest.mark.parametrize("code", ["91350702MA99999965", "51350702MJ88888832", "11231282000999993Q"])
def test_right_credit_codes(code: str) -> None:
    found = credit_code(code.lower())
    assert found.text == code
    assert found.organisation_code_holds
    assert found.registered_in in ("350702", "231282")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("91350702MA99999966", "校验码"),
        ("91350702IA99999965", "不使用"),
        ("91350702MA9999996", "17 位"),
        ("9135070XMA99999965", "不使用"),
    ],
)
def test_wrong_credit_codes(code: str, sentence: str) -> None:
    with pytest.raises(Refusal, match=sentence):
        credit_code(code)


def test_departments_with_letters_are_in_the_standard() -> None:
    from stdnum.cn import uscc

    body = "N2350702MA9999996"
    assert credit_code(body + uscc.calc_check_digit(body + "0")).text.startswith("N2")
