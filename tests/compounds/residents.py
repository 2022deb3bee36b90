"""Lists of homes and residents for tests and benchmarks: invented names, numbers of the block that
no living person has (sequence 996–999, domain §2.1)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from tests.imports.synthetic import check_character

from guanjia.compounds.homesheet.columns import COLUMNS

HEADERS = tuple(column.header for column in COLUMNS)
_FIRST_BIRTH = dt.date(1941, 1, 1)
_SURNAMES, _GIVEN = "赵钱孙李周吴郑王冯陈", "一二三四五六七八九十春夏秋冬东南西北山水"


def number(n: int) -> str:
    """The n-th of 120,000 numbers of men (odd sequence) and women."""
    born = _FIRST_BIRTH + dt.timedelta(days=n // 8)
    stem = f"{('350702', '231282')[n % 2]}{born:%Y%m%d}{996 + n // 2 % 4}"
    return stem + check_character(stem)


def name(n: int) -> str:
    return _SURNAMES[n % 10] + _GIVEN[n // 10 % 20] + _GIVEN[n // 200 % 20]


def row(**given: Any) -> list[Any]:
    """A row with these values by column name, in the order of the template."""
    assert set(given) <= {column.name for column in COLUMNS}
    return [given.get(column.name, "") for column in COLUMNS]


def homes(compounds: int, buildings: int, wrong_every: int = 0) -> Iterator[list[Any]]:
    """Compounds of buildings of 100 homes, 12 residents in 5 homes: an owner, the spouse who votes
    for every third home, and in two of five a child."""
    n = at = 0
    for home in range(compounds * buildings * 100):
        compound, rest = divmod(home, buildings * 100)
        building, rest = divmod(rest, 100)
        unit, rest = divmod(rest, 50)
        floor, room = divmod(rest, 2)
        place = {
            "compound": f"小区{compound + 1}", "building": f"{building + 1}幢",
            "unit": f"{unit + 1}单元", "floor": floor + 1, "room": f"{floor + 1}{room + 1:02}",
        }  # fmt: skip
        for relation in ("产权人", "配偶", "同住家属")[: 3 if home % 5 < 2 else 2]:
            proven, right = number(n), not wrong_every or at % wrong_every
            yield row(
                **place,
                area=f"{80 + home % 60}.5" if relation == "产权人" else "",
                name=name(n),
                number=proven if right else proven[:-1] + ("1" if proven[-1] != "1" else "2"),
                phone=f"139{n:08}",
                sex="男" if int(proven[16]) % 2 else "女",
                relation=relation,
                proof="不动产登记核对" if relation == "产权人" else "物业前台核对",
                voter="是" if relation == "配偶" and home % 3 == 0 else "",
                since=f"{2015 + home % 10}-06-01",
            )
            n += 1
            at += 1
