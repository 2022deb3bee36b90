"""What a walked town has of whistles: one in each street, to a department that came."""

from __future__ import annotations

from typing import Any


async def populate_whistles(town: Any) -> None:
    """In the north and in the south: a whistle of the street to a department, with a sign-in."""
    for street, community, department in (
        ("north", "north1", "住建局"),
        ("south", "south1", "城管局"),
    ):
        await town.organisation(department)
        clerk, chief = await town.person("COMM", community), await town.person("SCMD", street)
        called = await town.person("DEPT", "district", department)
        case = await town.opened(clerk, community, f"{community} 吹哨")
        made = await chief.done(
            "soundWhistle", "whistle { calls { id } }", caseId=case["id"], level="L3",
            condition="ENFORCEMENT", reason="须综合执法",
            organisationIds=[str(town.organisations[department])],
        )  # fmt: skip
        (call,) = made["whistle"]["calls"]
        await called.done("signInOnSite", callId=call["id"], measures="现场勘查")
