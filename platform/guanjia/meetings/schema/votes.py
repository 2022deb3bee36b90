"""Owners' votes and household polls in the API: two types, two sets of mutations."""

import datetime as dt
from enum import Enum
from typing import Any

import strawberry

from guanjia.compounds.schema.writing import writes
from guanjia.graph.filters import IdFilter, by, enum_filter, filters
from guanjia.graph.nodes import (
    Connection,
    column,
    derived,
    node,
    root_connection,
    root_lookup,
)
from guanjia.graph.payloads import payload
from guanjia.meetings.models import votes as models
from guanjia.meetings.schema.kinds import Majority
from guanjia.meetings.service import votes as service
from guanjia.reading.mapping import elsewhere, newest

Choice = strawberry.enum(models.Choice, name="BallotChoice", description="赞成、反对、弃权")
VoteState = strawberry.enum(models.VoteState, name="VoteState", description="进行中、已截止")
VoteStateFilter = enum_filter(VoteState)
UNSET: Any = strawberry.UNSET
_NEWEST = newest("opens_at")
_COMPOUND = elsewhere("compounds", "name", "compound_id")
_CAST = (
    "(select count(*)::int from %s vb where vb.tenant_id = {tenant} and vb.vote_id = {row}.id"
    " and vb.choice is not null)"
)


def _square_metres(name: str) -> str:
    return f"({{row}}.{name} / 100)::int"


@filters
class OwnersVoteFilter:
    """业主共同决定筛选"""

    compound: IdFilter = by("compound_id")
    state: VoteStateFilter = by("state")


@filters
class HouseholdPollFilter:
    """入户表决筛选"""

    compound: IdFilter = by("compound_id")
    state: VoteStateFilter = by("state")


@node(
    models.OwnersVote,
    read="vote:read",
    reach=models.VOTE_REACH,
    orders=_NEWEST,
    filters=OwnersVoteFilter,
)
class OwnersVote:
    """业主共同决定(民法典第 278 条):按专有部分面积与业主人数双重计票;截止之后才有结果"""

    id: strawberry.ID = column()
    title: str = column("标题")
    question: str = column("表决内容")
    matter: str = column("事项代码,见 meetingMatters")
    majority: Majority = column("须何种多数")
    announced_at: dt.datetime = column("何时通知")
    opens_at: dt.datetime = column("开始")
    closes_at: dt.datetime = column("截止")
    state: VoteState = column("状态")
    closed_at: dt.datetime | None = column("何时计票;尚未计票或不详的为空")
    compound_name: str = derived(_COMPOUND, "小区")
    cast_count: int = derived(_CAST % "owners_ballots", "已投票的房屋数")
    total_area_m2: int = derived(_square_metres("total_area_dm2"), "专有部分总面积(㎡,舍去小数)")
    total_owners: int = column("业主总人数:一人多套按一人计")
    participating_area_m2: int | None = derived(
        _square_metres("participating_area_dm2"), "参与表决的面积(㎡,舍去小数)"
    )
    participating_owners: int | None = column("参与表决的人数")
    for_area_m2: int | None = derived(_square_metres("for_area_dm2"), "同意的面积(㎡,舍去小数)")
    for_owners: int | None = column("同意的人数")
    against_area_m2: int | None = derived(
        _square_metres("against_area_dm2"), "反对的面积(㎡,舍去小数)"
    )
    against_owners: int | None = column("反对的人数:其全部房屋均投反对")
    abstained_area_m2: int | None = derived(
        "(({row}.participating_area_dm2 - {row}.for_area_dm2 - {row}.against_area_dm2) / 100)::int",
        "弃权的面积(㎡,舍去小数)",
    )
    abstained_owners: int | None = derived(
        "({row}.participating_owners - {row}.for_owners - {row}.against_owners)",
        "弃权的人数,含一人多套而各票不一的",
    )
    valid: bool | None = column("参与表决的面积与人数是否都达到三分之二")
    adopted: bool | None = column("是否通过;截止之前为空")
    version: int = column("版本")


@node(
    models.HouseholdPoll,
    read="vote:read",
    reach=models.VOTE_REACH,
    orders=_NEWEST,
    filters=HouseholdPollFilter,
)
class HouseholdPoll:
    """入户表决:一户一票;不产生业主共同决定的效力"""

    id: strawberry.ID = column()
    title: str = column("标题")
    question: str = column("表决内容")
    opens_at: dt.datetime = column("开始")
    closes_at: dt.datetime = column("截止")
    state: VoteState = column("状态")
    closed_at: dt.datetime | None = column("何时计票;尚未计票或不详的为空")
    compound_name: str = derived(_COMPOUND, "小区")
    cast_count: int = derived(_CAST % "household_ballots", "已投票的户数")
    homes: int = column("应答户数")
    answered: int | None = column("答复户数;截止之前为空")
    in_favour: int | None = column("赞成户数")
    against: int | None = column("反对户数")
    abstained: int | None = derived(
        "({row}.answered - {row}.in_favour - {row}.against)", "弃权户数"
    )
    version: int = column("版本")


@strawberry.enum(description="表决排序:最近的在前")
class VoteOrder(Enum):
    NEWEST = "NEWEST"


@strawberry.type
class Query:
    owners_votes: Connection[OwnersVote] = root_connection(
        OwnersVote,
        permission="vote:read",
        filter_type=OwnersVoteFilter,
        order_type=VoteOrder,
        description="业主共同决定",
    )
    owners_vote: OwnersVote | None = root_lookup(
        OwnersVote, permission="vote:read", description="一次业主共同决定"
    )
    household_polls: Connection[HouseholdPoll] = root_connection(
        HouseholdPoll,
        permission="vote:read",
        filter_type=HouseholdPollFilter,
        order_type=VoteOrder,
        description="入户表决",
    )
    household_poll: HouseholdPoll | None = root_lookup(
        HouseholdPoll, permission="vote:read", description="一次入户表决"
    )  # fmt: skip


@strawberry.input(description="提请业主共同决定")
class OpenOwnersVoteInput:
    compound_id: strawberry.ID
    matter: str
    title: str
    question: str
    opens_at: dt.datetime = strawberry.field(description="开始;须提前 15 天通知")
    closes_at: dt.datetime
    resolution_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="由哪一项决议提请"
    )
    developer_house_unit_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list,
        description="尚未出售、或已出售而未交付的房屋:合按建设单位一人计,面积照计",
    )
    idempotency_key: str | None = None


@strawberry.input(description="入户表决")
class OpenHouseholdPollInput:
    compound_id: strawberry.ID
    title: str
    question: str
    closes_at: dt.datetime
    idempotency_key: str | None = None


@strawberry.input(description="投票:由该房屋的投票代表;纸质票由社区登记")
class CastBallotInput:
    vote_id: strawberry.ID
    house_unit_id: strawberry.ID
    choice: Choice
    on_paper: bool = False
    idempotency_key: str | None = None


@strawberry.input(description="截止并计票")
class CloseVoteInput:
    id: strawberry.ID
    version: int


@payload
class OwnersVotePayload:
    """业主共同决定"""

    vote: OwnersVote | None


@payload
class HouseholdPollPayload:
    """入户表决"""

    poll: HouseholdPoll | None


_VOTE = (OwnersVotePayload, "vote", "OwnersVote")
_POLL = (HouseholdPollPayload, "poll", "HouseholdPoll")


@strawberry.type
class Mutation:
    open_owners_vote: OwnersVotePayload = writes(
        service.open_owners_vote, OpenOwnersVoteInput, *_VOTE, "vote:manage", "提请业主共同决定"
    )
    cast_owners_ballot: OwnersVotePayload = writes(
        service.cast_owners_ballot, CastBallotInput, *_VOTE, "vote:cast", "业主投票,不能更改"
    )
    close_owners_vote: OwnersVotePayload = writes(
        service.close_owners_vote, CloseVoteInput, *_VOTE, "vote:manage", "截止并计票"
    )
    open_household_poll: HouseholdPollPayload = writes(
        service.open_household_poll, OpenHouseholdPollInput, *_POLL, "vote:manage", "入户表决"
    )
    cast_household_ballot: HouseholdPollPayload = writes(
        service.cast_household_ballot, CastBallotInput, *_POLL, "vote:cast", "一户一票,不能更改"
    )
    close_household_poll: HouseholdPollPayload = writes(
        service.close_household_poll, CloseVoteInput, *_POLL, "vote:manage", "截止并计票"
    )
