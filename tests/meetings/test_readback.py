"""What a meeting begins with: how that ended which was sent away, and what is still open."""

from __future__ import annotations

import datetime as dt
from typing import Any

from tests.api.test_reading import agreed, both
from tests.meetings.conftest import Parlour

from guanjia.graph.times import CHINA

RESULT = """query ($id: ID!) { meeting(id: $id) { items { title
  resolutions { outcome ownersVote { id adopted } } } } }"""


async def test_the_next_meeting_opens_with_what_is_not_settled(parlour: Parlour) -> None:
    first = await parlour.held("路灯不亮", "停车棚", "无人表决", days=7)
    first = await parlour.decided(
        first, parlour.decision(first, 0), parlour.decision(first, 1, outcome="DEFERRED")
    )
    second = await parlour.held("新议题", days=1)
    assert [(back["item"]["title"], back["outcome"]) for back in second["readBacks"]["nodes"]] == [
        ("停车棚", "DEFERRED"), ("无人表决", None),
    ]  # fmt: skip
    step = {"meetingId": second["id"], "version": second["version"]}
    carried = {"title": "停车棚(续)", "source": "CARRIED"}
    settled = {**carried, "carriedFromId": first["items"][0]["id"]}
    said = await parlour.refused("addAgendaItems", items=[settled], **step)
    assert said == "BAD_USER_INPUT 该议题不是本会议主体未了结的事项,或已列入。"
    again = {**carried, "carriedFromId": first["items"][1]["id"]}
    said = await parlour.refused("addAgendaItems", items=[again, again], **step)
    assert said.startswith("BAD_USER_INPUT")
    second = await parlour.do("addAgendaItems", items=[again], **step)
    second = await parlour.decided(second, parlour.decision(second, 0), parlour.decision(second, 1))
    third = await parlour.held("再下一次")
    assert [back["item"]["title"] for back in third["readBacks"]["nodes"]] == ["无人表决"]


async def test_the_next_meeting_is_told_once_how_its_case_and_its_vote_ended(
    parlour: Parlour, admin: Any
) -> None:
    first = await parlour.held("井盖", "路灯", days=3)
    second = await parlour.do(
        "addAgendaItems", meetingId=first["id"], version=first["version"],
        items=[{"title": "屋面防水", "source": "RESIDENT", "matter": "FUND_USE"}],
    )  # fmt: skip
    first = await parlour.decided(
        second,
        parlour.decision(second, 0, outcome="TO_CASE", categoryId=await parlour.category()),
        parlour.decision(second, 1),
        parlour.decision(second, 2, outcome="TO_OWNERS_VOTE"),
    )

    async def read(days: float) -> Any:
        held = await parlour.held("新议题", days=days)
        return [(back["item"]["title"], back["caseState"]) for back in held["readBacks"]["nodes"]]

    async def case_is(state: str) -> None:
        await admin.execute(
            "update cases set state = $2, stage = 'EVALUATING', closed_at = now()"
            " where id::text = $1",
            first["items"][0]["resolutions"][0]["case"]["id"], state,
        )  # fmt: skip

    vote, item = ("屋面防水", None), "井盖"
    new = ("新议题", None)
    assert await read(2.5) == [(item, "REPORTED"), vote]
    await case_is("EVALUATING")
    assert await read(2) == [(item, "EVALUATING"), vote, new], "what came of it is not known yet"
    sent = await admin.fetchval(
        "select r.id from resolutions r join agenda_items i on i.id = r.item_id"
        " where r.outcome = 'TO_OWNERS_VOTE' and i.meeting_id::text = $1",
        first["id"],
    )
    opens = dt.datetime.now(CHINA) + dt.timedelta(days=16)
    made = await parlour.secretary.done(
        "openOwnersVote", "vote { id version }", compoundId=parlour.house.place.compound,
        matter="FUND_USE", title="防水", question="是否同意?", opensAt=opens.isoformat(),
        closesAt=(opens + dt.timedelta(days=9)).isoformat(), resolutionId=str(sent),
    )  # fmt: skip
    of_vote = " where resolution_id = $1"
    await admin.execute(
        "update owners_votes set announced_at = announced_at - interval '40 days', opens_at ="
        f" opens_at - interval '40 days', closes_at = closes_at - interval '40 days'{of_vote}",
        sent,
    )
    await parlour.secretary.done("closeOwnersVote", **made["vote"])
    await admin.execute(
        f"update owners_votes set closed_at = now() - interval '45 hours'{of_vote}", sent
    )
    asked = {"id": first["id"]}
    assert agreed(RESULT, await both(parlour.secretary, RESULT, asked))
    seen = (await parlour.secretary.data(RESULT, asked))["meeting"]["items"]
    (result,) = [
        resolution["ownersVote"]
        for part in seen
        for resolution in part["resolutions"]
        if resolution["ownersVote"]
    ]
    assert (result["id"], result["adopted"]) == (made["vote"]["id"], False)
    await case_is("EVALUATED")
    assert await read(1.5) == [(item, "EVALUATED"), vote, new, new], "what has ended comes first"
    assert await read(1) == [new, new, new], "and is not told again"
