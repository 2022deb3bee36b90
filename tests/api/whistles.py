"""What a walked town has of whistles: one in each street, and a joint meeting with its task."""

from __future__ import annotations

import datetime as dt
from typing import Any


async def populate_whistles(town: Any) -> None:
    """In the north and in the south: a whistle of the street to a department, with a sign-in; and
    an escalation that a joint meeting has answered."""
    district = await town.person("DCMD", "district")
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
        made = await chief.done(
            "raiseEscalation", "escalation { id version }", caseId=case["id"], level="L4",
            trigger="DISPUTE", reason="部门意见不一",
        )  # fmt: skip
        now = dt.datetime.now(dt.UTC)
        await district.done(
            "recordJointMeeting", **made["escalation"], metAt=now.isoformat(), minutes="纪要",
            tasks=[{
                "organisationId": str(town.organisations[department]), "task": "牵头整改",
                "dueAt": (now + dt.timedelta(days=5)).isoformat(),
            }],
        )  # fmt: skip
