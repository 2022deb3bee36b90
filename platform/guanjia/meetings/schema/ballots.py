"""What a resident may vote on now, and for which home: the ballots of their own."""

import datetime as dt

import strawberry
from strawberry.types import Info

from guanjia.graph.marks import requires
from guanjia.meetings.schema.votes import Choice, HouseholdPoll, OwnersVote
from guanjia.meetings.service.votes import HOUSEHOLDS, OWNERS, ballots_of
from guanjia.reading.mapping import METADATA, Unplanned


@strawberry.type(description="本人作为投票代表的一户在一次进行中的表决里的一票")
class MyBallot:
    owners_vote: OwnersVote | None = strawberry.field(description="业主共同决定;入户表决时为空")
    household_poll: HouseholdPoll | None = strawberry.field(
        description="入户表决;业主共同决定时为空"
    )
    house_unit_id: strawberry.ID = strawberry.field(description="房屋,投票时用")
    house_unit_label: str = strawberry.field(description="房号")
    choice: Choice | None = strawberry.field(description="所投;未投为空")
    cast_at: dt.datetime | None = strawberry.field(description="何时投的")


async def _my_ballots(self: None, info: Info) -> list[MyBallot]:
    context, found = info.context, []
    for box in (OWNERS, HOUSEHOLDS):
        async with context.reader.alone() as connection:
            rows = await ballots_of(connection, context.tenant_id, context.actor.membership_id, box)
        for row in rows:
            vote = await context.reader.by_id(box.node, row["vote_id"])
            found.append(
                MyBallot(
                    owners_vote=vote if box is OWNERS else None,
                    household_poll=vote if box is HOUSEHOLDS else None,
                    house_unit_id=strawberry.ID(str(row["house_unit_id"])),
                    house_unit_label=row["label"],
                    choice=row["choice"] and Choice(row["choice"]),
                    cast_at=row["cast_at"],
                )
            )
    return found


@strawberry.type
class Query:
    my_ballots: list[MyBallot] = strawberry.field(
        resolver=_my_ballots,
        description="进行中的表决里本人所代表的各户的票,先截止的在前;choice 为空的还没有投",
        metadata={METADATA: Unplanned("the ballots of whoever asks, found by their homes")},
        extensions=requires("vote:cast"),
    )
