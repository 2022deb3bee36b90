"""Residents of 珑樾台, registered by those whose work it is.

Names are invented and the numbers are of the block that no living person has (sequence 996–999).
One resident was registered twice, for `personDuplicates`; one differs from the document.
"""

from __future__ import annotations

from typing import Any

from guanjia.demo.people import GRID_XIMENQIAO, Places, members_of
from guanjia.demo.stage import Stage

COMPOUND = "西门桥路碧桂园·珑樾台"
RESIDENTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "wang.fang",
        "居敏",
        {
            "documents": [{"kind": "CITIZEN_ID", "number": "350702198811029972"}],
            "phones": ["13900000001"],
            "address": f"{COMPOUND}1幢101室",
        },
    ),
    (
        "wang.fang",
        "林菊",
        {
            "documents": [{"kind": "CITIZEN_ID", "number": "35070219560315998X"}],
            "phones": ["13900000002", "0599-0000000"],
            "address": f"{COMPOUND}2幢301室",
        },
    ),
    ("shen.lan", "林菊", {"phones": ["13900000002"], "address": f"{COMPOUND}2幢301室"}),
    (
        "shen.lan",
        "欧阳小满",
        {
            "documents": [{"kind": "CITIZEN_ID", "number": "23128220150601999X"}],
            "address": f"{COMPOUND}3幢502室",
            "birthDate": "2015-06-02",
        },
    ),
)
ACCOUNT = "居敏"
"""This resident logs in, and reads their own record."""


async def register(stage: Stage, places: Places) -> str:
    """The residents are in the register; a line for the person at the terminal."""
    for number, (who, name, given) in enumerate(RESIDENTS):
        made = await stage.do(
            who,
            "registerPerson",
            {
                "name": name,
                "regionId": places.regions[GRID_XIMENQIAO],
                "idempotencyKey": f"demo-resident-{number}",
                **given,
            },
            "person { id version }",
        )
        if name == ACCOUNT and made["person"]["version"] == 1:
            member, _ = (await members_of(stage))[ACCOUNT]
            await stage.do("wang.fang", "linkPersonMember", {**made["person"], "memberId": member})
    return f"演示居民:{len(RESIDENTS)} 人,其中一对待合并(personDuplicates),一人有数据质量提示"
