"""A meeting of the demo from its agenda to its publication, by those whose work each step is, from
wherever a run before left it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from guanjia.demo.stage import Stage

MEETING = (
    "id version state items { id title open resolutions { outcome case { id number title } } }"
    " attendance { nodes { id chair kind } } signatures { attendance { id } }"
)
WANTED = f"meeting {{ {MEETING} }}"
SHOWN_DAYS = 180

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Sitting:
    """One meeting: who convenes, writes down and publishes it, when it is prepared and over, who
    attends, and, once it comes to that, what is brought in and what is decided. A decision is
    given without its item, which is the one at its place, and its votes: all seats are for it."""

    convener: str
    clerk: str
    secretary: str
    prepared: str
    over: str
    minutes: str
    attendees: Rows
    items: Callable[[], Awaitable[Rows]]
    decisions: Callable[[], Awaitable[Rows]]


SEATED = "query ($c: ID!) { butler(compound: $c) { seats { seat holders { id since } } } }"


async def seats_of(stage: Stage, who: str, compound: str, until: str) -> Rows:
    """The compound's seats that were held by the day, each by whoever holds it longest; the party
    of the community has the chair."""
    butler = (await stage.ask(who, SEATED, {"c": compound}))["butler"]
    return [
        {
            "kind": "SEAT", "holderId": seat["holders"][0]["id"],
            "chair": seat["seat"] == "COMMUNITY_PARTY",
        }
        for seat in butler["seats"]
        if seat["holders"] and seat["holders"][0]["since"] <= until
    ]  # fmt: skip


async def sit(stage: Stage, meeting: dict[str, Any], sitting: Sitting) -> dict[str, Any]:
    """The meeting as it stands once it is published."""

    async def step(name: str, who: str = sitting.convener, key: str = "id", **more: Any) -> None:
        nonlocal meeting
        said = {key: meeting["id"], "version": meeting["version"], **more}
        meeting = (await stage.do(who, name, said, WANTED))["meeting"]

    stage.move_to(sitting.prepared)
    early = meeting["state"] in ("PLANNED", "HELD")
    if early and not meeting["items"]:
        await step("addAgendaItems", sitting.clerk, "meetingId", items=await sitting.items())
    if early and not meeting["attendance"]["nodes"]:
        await step("recordAttendance", sitting.clerk, "meetingId", attendees=sitting.attendees)
    stage.move_to(sitting.over)
    if meeting["state"] == "PLANNED":
        await step("holdMeeting")
    if meeting["state"] == "HELD":
        if not all(item["resolutions"] for item in meeting["items"]):
            seats = sum(each["kind"] == "SEAT" for each in meeting["attendance"]["nodes"])
            decided = _on(meeting["items"], await sitting.decisions(), seats)
            await step("decideItems", key="meetingId", decisions=decided)
        await step("writeMinutes", minutes=sitting.minutes)
    signed = {signature["attendance"]["id"] for signature in meeting["signatures"]}
    signers = sorted(meeting["attendance"]["nodes"], key=lambda each: not each["chair"])[:3]
    for signer in signers:
        if meeting["state"] == "MINUTED" and signer["id"] not in signed:
            await step("signMinutes", attendanceId=signer["id"], onPaper=True)
    if meeting["state"] == "SIGNED":
        await step("publishMeeting", sitting.secretary, days=SHOWN_DAYS)
    return meeting


def _on(items: Rows, decisions: Sequence[dict[str, Any]], seats: int) -> Rows:
    return [
        {"itemId": item["id"], "votesFor": seats, **decision}
        for item, decision in zip(items, decisions, strict=True)
    ]
