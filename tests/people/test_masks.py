"""The masked forms of the field reference, and that none shows more than it may."""

from __future__ import annotations

import datetime as dt

import pytest

from guanjia.people.identity import DocumentKind, document, phone
from guanjia.people.masks import mask_address, mask_document, mask_name, mask_phone

TODAY = dt.date(2026, 11, 23)


@pytest.mark.parametrize(
    ("name", "mask"),
    [
        ("张三", "张*"), ("张小三", "张*三"), ("欧阳修", "欧阳*"), ("欧阳小修", "欧阳*修"),
        ("欧阳", "欧*"), ("张", "*"), ("张一二三", "张**三"), ("阿依古丽·买买提", "阿*"),
        ("John", "J*"),
    ],
)  # fmt: skip
def test_names(name: str, mask: str) -> None:
    assert mask_name(name) == mask


@pytest.mark.parametrize(
    ("kind", "number", "mask"),
    [
        (DocumentKind.CITIZEN_ID, "350702198811029972", "350702********9972"),
        (DocumentKind.DISABILITY_CARD, "35070219881102997242", "350702**************"),
        (DocumentKind.PASSPORT, "E12345678", "E1*****78"),
        (DocumentKind.OTHER, "A1234", "*****"),
    ],
)
def test_documents(kind: DocumentKind, number: str, mask: str) -> None:
    assert mask_document(document(kind, number, TODAY)) == mask


def test_phones() -> None:
    assert mask_phone(phone("13900000001")) == "139****0001"
    assert mask_phone(phone("0599-0000000")) == "0599-*****00"


@pytest.mark.parametrize(
    ("address", "mask"),
    [
        ("西门桥路12号碧桂园·珑樾台3幢2单元501室", "西门桥路12号碧桂园·珑樾台***"),
        ("四鹤街道阳光小区十二栋301", "四鹤街道阳光小区***"),
        ("西门桥社区和平路12号", "西门桥社区和平路***"),
        ("朝阳路5号楼301室", "朝阳路***"),
        ("巨口乡老槐树东头", "***"),
        ("碧桂园3幢501室里间", "碧桂园***"),
        ("", "***"),
    ],
)
def test_addresses(address: str, mask: str) -> None:
    assert mask_address(address) == mask
