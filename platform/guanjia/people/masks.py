"""The masked forms in which protected values are shown by default (domain §9.3).

They are stored beside the encrypted value when it is written, so that no reader ever decrypts.
"""

from __future__ import annotations

import re

from guanjia.people.identity import Document, DocumentKind, Phone, PhoneKind

_SURNAMES = """
欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 濮阳 公冶
太叔 申屠 公孙 慕容 仲孙 钟离 长孙 宇文 司徒 鲜于 司空 闾丘 子车 亓官 司寇 巫马 公西 颛孙 壤驷 公良
漆雕 乐正 宰父 谷梁 拓跋 夹谷 轩辕 令狐 段干 百里 呼延 东郭 南门 羊舌 微生 梁丘 左丘 东门 西门 南荣
第五
"""
COMPOUND_SURNAMES = frozenset(_SURNAMES.split())
_COMPOUND = re.compile(r"小区|新村|花园|家园|公寓|山庄|[苑府里台园庭湾城]")
_HOME = re.compile(r"[0-9A-Za-z一二三四五六七八九十百]+\s*(?:号楼|幢|栋|座|单元|室|层|楼|户)")
_NUMBER = re.compile(r"[0-9一二三四五六七八九十百]+")
HIDDEN = "***"


def mask_name(name: str) -> str:
    """张三 → 张*, 张小三 → 张*三, 欧阳修 → 欧阳*; a name of one character is hidden."""
    if len(name) < 2:
        return "*"
    if not re.fullmatch(r"[\u3400-\u9fff\U00020000-\U0003ffff]+", name):
        return name[0] + "*"
    surname = 2 if len(name) > 2 and name[:2] in COMPOUND_SURNAMES else 1
    given = name[surname:]
    return name[:surname] + ("*" if len(given) == 1 else "*" * (len(given) - 1) + given[-1])


def mask_document(document: Document) -> str:
    """350702********9972. A 残疾人证 keeps its region only: its end names the disability."""
    number = document.number
    if document.kind is DocumentKind.CITIZEN_ID:
        return number[:6] + "*" * 8 + number[-4:]
    if document.kind is DocumentKind.DISABILITY_CARD:
        return number[:6] + "*" * 14
    if len(number) < 7:
        return "*" * len(number)
    return number[:2] + "*" * (len(number) - 4) + number[-2:]


def mask_phone(phone: Phone) -> str:
    """139****0001; a landline keeps its area code and two digits."""
    if phone.kind is PhoneKind.MOBILE:
        return phone.number[:3] + "****" + phone.number[-4:]
    area, local = phone.number.split("-")
    return f"{area}-{'*' * (len(local) - 2)}{local[-2:]}"


def mask_digits(number: str) -> str:
    """A number of no known form: its last two digits, or nothing of a short one."""
    return "*" * len(number) if len(number) < 7 else "*" * (len(number) - 2) + number[-2:]


def mask_address(address: str) -> str:
    """The address down to the compound or the road; building, unit and room are hidden."""
    home = _HOME.search(address)
    outside = address[: home.start()] if home else address
    compounds = list(_COMPOUND.finditer(outside))
    if compounds:
        return outside[: compounds[-1].end()] + HIDDEN
    number = _NUMBER.search(outside)
    if number:
        return outside[: number.start()] + HIDDEN
    return (outside if home else "") + HIDDEN
