"""What meetings and votes tell whom: each once, and nothing of what people wrote into items."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from tests.meetings.conftest import Parlour
from tests.meetings.test_votes import POLL, VOTE, ahead, asked, moved

from guanjia import settings
from guanjia.graph.times import CHINA
from guanjia.jobs.kinds import load_kinds
from guanjia.jobs.queue import Outcome, drain

INBOX = (
    "{ notifications(first: 100, orderBy: OLDEST) { nodes { id kind body subject { type id } } } }"
)
SECRET = "李四家漏水"
KINDS = [kind for kind in load_kinds() if kind.code.startswith(("meeting.", "vote.", "poll."))]


@dataclass
class Neighbours:
    """A parlour whose seats and first owner have accounts: `chair` (seat 1, and the community's
    party secretary), `branch` (seat 3), `steward` (seat 4), `owner`."""

    parlour: Parlour
    chair: Any
    branch: Any
    steward: Any
    owner: Any

    async def told(self, person: Any) -> list[str]:
        """The kinds of what somebody was told since they were last asked."""
        nodes = (await person.data(INBOX))["notifications"]["nodes"]
        assert not [node for node in nodes if SECRET in node["body"]]
        seen = getattr(person, "seen", {})
        person.seen = {node["id"]: node for node in nodes}
        person.new = [node for node in nodes if node["id"] not in seen]
        return [node["kind"] for node in person.new]

    async def all_told(self) -> list[list[str]]:
        people = (self.chair, self.branch, self.steward, self.owner)
        return [await self.told(person) for person in people]

    async def tick(self, moment: dt.datetime | None = None) -> Counter[str]:
        """What the worker did at the moment."""
        town = self.parlour.town
        tried = await drain(
            town.api.world.database, town.tenant.id, KINDS, settings.load(),
            moment or dt.datetime.now(dt.UTC),
        )  # fmt: skip
        assert {how for _, how in tried} <= {Outcome.DONE, Outcome.NOTHING}
        return Counter({code: n for (code, how), n in tried.items() if how is Outcome.DONE})


@pytest.fixture
async def neighbours(parlour: Parlour, admin: Any) -> Neighbours:
    town, house = parlour.town, parlour.house
    made = Neighbours(
        parlour,
        await town.person("CSEC", "north1"),
        await town.person("PPB", "north1"),
        await town.person("BLD", "north1grid"),
        await town.person("RES", "north1"),
    )
    for person, member in (
        (house.secretary, made.chair), (house.grid_secretary, made.branch),
        (parlour.owners[0], made.owner),
    ):  # fmt: skip
        await admin.execute(
            "update persons set membership_id = $2 where id = $1", UUID(person), member.membership
        )
    return made


async def test_a_meeting_is_told_to_seats_and_invited(neighbours: Neighbours) -> None:
    parlour, town = neighbours.parlour, neighbours.parlour.town
    bureau = await town.person("DEPT", "district", "住建局")
    outsider = await town.person("COMM", "south1")
    starts = dt.datetime.now(CHINA) + dt.timedelta(days=5)
    meeting = await parlour.do(
        "planMeeting", typeId=parlour.types["TEA_TALK"], title="吃茶话事", place="凉亭", minutes=60,
        startsAt=starts.isoformat(), compoundId=parlour.house.place.compound,
    )  # fmt: skip
    planned = ["meeting.planned"]
    assert await neighbours.all_told() == [planned, planned, planned, []]
    note = neighbours.branch.new[-1]
    assert note["body"].startswith("珑樾台吃茶话事“吃茶话事”定于")
    assert note["body"].endswith(f"{starts:%H:%M}在凉亭召开,请到会。")
    assert note["subject"] == {"type": "Meeting", "id": meeting["id"]}
    invited = {
        "kind": "INVITED", "name": "王某", "capacity": "业务科室",
        "organisationId": str(town.organisations["住建局"]),
    }  # fmt: skip
    meeting = await parlour.do(
        "recordAttendance", meetingId=meeting["id"], version=meeting["version"],
        attendees=[*parlour.seats(), *parlour.residents(1), invited],
    )  # fmt: skip
    assert await neighbours.all_told() == [[], [], [], planned], "each is told once"
    assert await neighbours.told(bureau) == planned
    for days in (6, 5, 6):
        meeting = await parlour.do(
            "moveMeeting", id=meeting["id"], version=meeting["version"],
            startsAt=(starts + dt.timedelta(days=days - 5)).isoformat(),
        )  # fmt: skip
    assert await neighbours.all_told() == [["meeting.moved"] * 3] * 4
    later = starts + dt.timedelta(days=1)
    assert await neighbours.tick(later - dt.timedelta(hours=25)) == Counter()
    assert await neighbours.tick(later - dt.timedelta(hours=24)) == {"meeting.remind": 1}
    assert await neighbours.tick(later - dt.timedelta(hours=23)) == Counter()
    assert await neighbours.all_told() == [["meeting.reminded"]] * 4
    # The chair calls it off, and is not told of their own step; everybody else is.
    await parlour.do(
        "cancelMeeting", neighbours.chair, id=meeting["id"], version=meeting["version"],
        reason=SECRET,
    )  # fmt: skip
    off = ["meeting.cancelled"]
    assert await neighbours.all_told() == [[], off, off, off]
    assert await neighbours.told(outsider) == []


async def test_a_series_is_told_once_and_what_waits_to_who_can_help(
    neighbours: Neighbours, admin: Any
) -> None:
    parlour, town = neighbours.parlour, neighbours.parlour.town
    system = await town.person("SYS")
    year = dt.datetime.now(CHINA).year + 1
    await admin.execute("delete from workdays where tenant_id = $1", town.tenant.id)

    async def load(loaded: int) -> None:
        await admin.execute(
            "insert into workdays (tenant_id, day, is_workday, source) select $1, d::date, true,"
            " '测试' from generate_series(make_date($2, 1, 1), make_date($2, 12, 31),"
            " interval '1 day') d",
            town.tenant.id, loaded,
        )  # fmt: skip

    await load(year)
    series = await parlour.secretary.done(
        "createMeetingSeries", "series { id heldBack }", typeId=parlour.types["TEA_TALK"],
        title="每日一议", place="凉亭", compoundId=parlour.house.place.compound, minutes=60,
        startsOn=f"{year}-12-31", startsAt="23:00", rule="FREQ=DAILY;COUNT=5",
    )  # fmt: skip
    assert series["series"]["heldBack"] == 4
    waits = ["meeting.held_back"]
    assert await neighbours.told(system) == waits
    body = system.new[-1]["body"]
    assert body == f"珑樾台“每日一议”自{year + 1}年1月1日起的4次会期待排:该年的工作日历尚未导入。"
    planned = ["meeting.series_planned"]
    assert await neighbours.all_told() == [[*planned, *waits], planned, planned, []]
    # The night after the year is loaded the worker plans on, and says so.
    await load(year + 1)
    night = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    assert await neighbours.tick(night) == {"meeting.plan_series": 1}
    assert await neighbours.tick(night) == Counter()
    found = await parlour.secretary.data("{ meetingSeries { nodes { id version heldBack } } }")
    [shown] = found["meetingSeries"]["nodes"]
    assert shown["heldBack"] == 0
    assert await neighbours.all_told() == [planned, planned, planned, []]
    assert "已排4次,首次" in neighbours.branch.new[-1]["body"]
    await parlour.secretary.done(
        "endMeetingSeries", id=shown["id"], version=shown["version"], reason=SECRET,
        on=f"{year + 1}-01-02",
    )  # fmt: skip
    assert await neighbours.all_told() == [["meeting.series_ended"]] * 3 + [[]]


async def test_from_the_minutes_to_the_display(neighbours: Neighbours) -> None:
    parlour, town = neighbours.parlour, neighbours.parlour.town
    chair, branch, owner = neighbours.chair, neighbours.branch, neighbours.owner
    few = await parlour.held(SECRET, days=2, attendees=[*parlour.seats()[:2]])
    few = await parlour.do(
        "writeMinutes", id=few["id"], version=few["version"], minutes="人数不足。"
    )
    assert await neighbours.all_told() == [
        ["meeting.to_sign", "meeting.no_quorum"], ["meeting.to_sign", "meeting.no_quorum"],
        ["meeting.no_quorum"], [],
    ]  # fmt: skip
    body = neighbours.branch.new[-1]["body"]
    assert body.endswith("未达到会人数(席位2/3,居民代表0/3户),没有形成决议。")

    meeting = await parlour.held(SECRET, proposerId=parlour.owners[0])
    to_case = parlour.decision(meeting, outcome="TO_CASE", categoryId=await parlour.category())
    meeting = await parlour.decided(meeting, to_case)
    assert await neighbours.all_told() == [[], [], [], []], "a meeting that began is not announced"
    clerk = await town.person("COMM", "north1")
    [row] = (await clerk.data("{ cases { nodes { id version number } } }"))["cases"]["nodes"]
    await clerk.done("declineCase", id=row["id"], version=row["version"], reason="CIVIL_MATTER",
                     answer="属民事纠纷")  # fmt: skip
    case = ["meeting.item_case"]
    assert await neighbours.all_told() == [case, [], [], case]
    note = owner.new[-1]
    assert note["body"].endswith(f"第1项议题转办的案件{row['number']}:不予立案。")
    assert note["subject"]["type"] == "AgendaItem"

    wrote = {"id": meeting["id"], "minutes": "记录。"}
    meeting = await parlour.do("writeMinutes", version=meeting["version"], **wrote)
    assert await neighbours.all_told() == [["meeting.to_sign"]] * 2 + [[], ["meeting.to_sign"]]
    there = meeting["attendance"]["nodes"]
    mine = next(each["id"] for each in there if each["seat"] == "PROPERTY_PARTY")
    step = {"id": meeting["id"], "version": meeting["version"]}
    meeting = await parlour.do("signMinutes", branch, attendanceId=mine, **step)
    step["version"] = meeting["version"]
    meeting = await parlour.do("reopenMinutes", chair, reason="笔误", **step)
    assert await neighbours.all_told() == [[], ["meeting.signature_void"], [], []]
    meeting = await parlour.signed(meeting)
    assert await neighbours.told(chair) == ["meeting.to_sign", "meeting.to_publish"]
    meeting = await parlour.do(
        "publishMeeting", chair, id=meeting["id"], version=meeting["version"]
    )
    now = dt.datetime.now(dt.UTC)
    assert await neighbours.tick(now) == {"meeting.display": 1}
    assert await neighbours.told(owner) == ["meeting.to_sign", "meeting.displayed"]
    assert await neighbours.tick(now + dt.timedelta(days=15)) == Counter()
    assert await neighbours.tick(now + dt.timedelta(days=16)) == {"meeting.display_end": 1}
    assert await neighbours.told(chair) == ["meeting.display_ended"]


async def test_votes_are_told_in_their_time(neighbours: Neighbours, admin: Any) -> None:
    parlour, owner, chair = neighbours.parlour, neighbours.owner, neighbours.chair
    clerk = parlour.secretary
    vote = (await clerk.done("openOwnersVote", VOTE, **await asked(parlour)))["vote"]
    now = dt.datetime.now(dt.UTC)
    assert await neighbours.tick(now) == {"vote.announced": 1}
    assert await neighbours.tick(now) == Counter()
    assert await neighbours.told(owner) == ["vote.announced"]
    note = owner.new[-1]
    assert note["body"].startswith("珑樾台将就“屋面防水”由业主共同决定,")
    assert note["subject"] == {"type": "OwnersVote", "id": vote["id"]}
    for days, code in ((17, "opened"), (28, "closing"), (31, "over")):
        assert await neighbours.tick(now + dt.timedelta(days=days)) == {f"vote.{code}": 1}
    assert await neighbours.told(owner) == ["vote.opened", "vote.closing"]
    assert await neighbours.told(chair) == ["vote.over"]
    await moved(parlour, admin, vote["id"], "owners_votes", 40)
    await clerk.done("closeOwnersVote", VOTE, id=vote["id"], version=vote["version"])
    await neighbours.tick()
    assert await neighbours.told(owner) == ["vote.counted"]
    assert owner.new[-1]["body"].endswith("不足三分之二,表决无效。")

    poll = (
        await clerk.done(
            "openHouseholdPoll", POLL, compoundId=parlour.house.place.compound, title="停车棚",
            question="是否同意?", closesAt=ahead(7),
        )
    )["poll"]  # fmt: skip
    await neighbours.tick()
    await owner.done(
        "castHouseholdBallot", voteId=poll["id"], houseUnitId=parlour.homes[0], choice="FOR"
    )
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(days=5)
    assert await neighbours.tick(soon) == {"poll.closing": 1}
    assert await neighbours.told(owner) == ["poll.opened"], "who voted is not reminded"
    await moved(parlour, admin, poll["id"], "household_polls", 8)
    await clerk.done("closeHouseholdPoll", POLL, id=poll["id"], version=poll["version"])
    await neighbours.tick()
    assert await neighbours.told(owner) == ["poll.counted"]
    assert owner.new[-1]["body"] == ("珑樾台入户表决“停车棚”已计票:赞成1户,反对0户。")
