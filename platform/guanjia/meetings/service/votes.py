"""Owners' votes and household polls: opened with their roll, one ballot a home, closed, counted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.compounds.service.opening import (
    local_day,
    open_compound,
    open_row,
    record_write,
    store,
)
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal, not_found
from guanjia.meetings.models.votes import VOTE_REACH, Choice, VoteState
from guanjia.meetings.rules import DecidedBy, Majority, matters, number
from guanjia.meetings.service.opening import needed, needed_line
from guanjia.meetings.service.series import insert
from guanjia.meetings.tally import Tally, Weight, is_adopted, is_valid

ALREADY_VOTED = "ALREADY_VOTED"
AREA_UNKNOWN = "AREA_UNKNOWN"
NOT_VOTE_HOLDER = "NOT_VOTE_HOLDER"
VOTE_NOT_OPEN = "VOTE_NOT_OPEN"
TITLE_LENGTH, QUESTION_LENGTH = 100, 1000
_LONGEST = dt.timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Box:
    """One of the two kinds of vote, which share nothing but how a ballot is cast."""

    votes: str
    ballots: str
    noun: str
    node: str


OWNERS = Box("owners_votes", "owners_ballots", "业主共同决定", "OwnersVote")
HOUSEHOLDS = Box("household_polls", "household_ballots", "入户表决", "HouseholdPoll")


async def open_owners_vote(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    compound_id: UUID,
    matter: str,
    title: str,
    question: str,
    opens_at: dt.datetime,
    closes_at: dt.datetime,
    now: dt.datetime,
    resolution_id: UUID | None = None,
    developer_house_unit_ids: Sequence[UUID] = (),
) -> UUID:
    """The vote is announced to all owners, the days of the rule ahead (物业管理条例 14). Its roll
    is every home in force with its area; while one has none, there is no vote. An owner of several
    homes is one owner, and so is the developer with what is not sold or not handed over yet
    (建筑物区分所有权司法解释 9); any other home without a known owner has one of its own."""
    compound = await open_compound(transaction, scope, compound_id)
    of_law = {each.code: each for each in matters() if each.holds_on(local_day(opens_at))}
    asked = of_law.get(matter)
    if asked is None or asked.decided_by != DecidedBy.OWNERS_VOTE or asked.majority is None:
        raise Refusal(BAD_USER_INPUT, "此事项不由业主共同决定。", ("matter",))
    notice = number("VOTE_NOTICE", local_day(now))
    if local_day(opens_at) - local_day(now) < dt.timedelta(days=notice):
        raise Refusal(BAD_USER_INPUT, f"须提前 {notice} 天通知全体业主。", ("opensAt",))
    if resolution_id is not None:
        await _sent(transaction, compound_id, resolution_id, matter)
    homes = await transaction.connection.fetch(
        "select h.id, h.area_dm2, coalesce((select min(b.person_id::text)::uuid from house_bindings"
        " b where b.tenant_id = $1 and b.house_unit_id = h.id and b.relation = 'OWNER'"
        " and b.valid_to is null), h.id) as owner_key from house_units h"
        " where h.tenant_id = $1 and h.compound_id = $2 and h.valid_to is null",
        transaction.tenant_id,
        compound_id,
    )
    developers = set(developer_house_unit_ids)
    if not developers <= {home["id"] for home in homes}:
        raise not_found("房屋", "developerHouseUnitIds")
    unknown = sum(not home["area_dm2"] for home in homes)
    if unknown or not homes:
        raise Refusal(
            AREA_UNKNOWN,
            f"{unknown} 套房屋没有面积,无法按面积计票。" if unknown else "该小区没有房屋。",
            ("compoundId",),
        )
    vote = _asked(compound, title, question, now, opens_at, closes_at) | {
        "resolution_id": resolution_id, "matter": matter, "majority": asked.majority,
        "total_area_dm2": sum(home["area_dm2"] for home in homes),
    }  # fmt: skip
    # What is the developer's has one owner, for whom the vote's own id stands.
    owners = [vote["id"] if h["id"] in developers else h["owner_key"] for h in homes]
    vote["total_owners"] = len(set(owners))
    await insert(transaction, OWNERS.votes, vote)
    await transaction.connection.executemany(
        "insert into owners_ballots (vote_id, house_unit_id, owner_key, area_dm2)"
        " values ($1, $2, $3, $4)",
        [
            (vote["id"], home["id"], owner, home["area_dm2"])
            for home, owner in zip(homes, owners, strict=True)
        ],
    )
    return await record_write(
        transaction, actor, scope, "owners_vote.open", vote["id"], compound["region_path"],
        matter=matter, homes=len(homes), developers=len(developers),
    )  # fmt: skip


async def open_household_poll(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    compound_id: UUID,
    title: str,
    question: str,
    closes_at: dt.datetime,
    now: dt.datetime,
) -> UUID:
    """Each home of the compound is asked from now on, and counts once. It decides nothing that
    belongs to the owners."""
    compound = await open_compound(transaction, scope, compound_id)
    poll = _asked(compound, title, question, now, now, closes_at)
    homes = await transaction.connection.fetchval(
        "select count(*) from house_units where tenant_id = $1 and compound_id = $2"
        " and valid_to is null",
        transaction.tenant_id,
        compound_id,
    )
    if not homes:
        raise Refusal(BAD_USER_INPUT, "该小区没有房屋。", ("compoundId",))
    await insert(transaction, HOUSEHOLDS.votes, poll | {"homes": homes})
    await transaction.connection.execute(
        "insert into household_ballots (vote_id, house_unit_id) select $3, h.id from house_units h"
        " where h.tenant_id = $1 and h.compound_id = $2 and h.valid_to is null",
        transaction.tenant_id,
        compound_id,
        poll["id"],
    )
    return await record_write(
        transaction, actor, scope, "household_poll.open", poll["id"], compound["region_path"],
        homes=homes,
    )  # fmt: skip


async def ballots_of(connection: Any, tenant_id: UUID, membership_id: UUID, box: Box) -> list[Any]:
    """The ballots, in votes that are not closed, of the homes that the member votes for."""
    found: list[Any] = await connection.fetch(
        "select b.vote_id, b.house_unit_id, h.label, b.choice, b.cast_at from persons p"
        " join vote_holdings d on d.tenant_id = $1 and d.person_id = p.id and d.ended_at is null"
        " join house_units h on h.tenant_id = $1 and h.id = d.house_unit_id"
        f" join {box.votes} v on v.tenant_id = $1 and v.compound_id = h.compound_id"
        f" and v.state = 'OPEN' join {box.ballots} b on b.tenant_id = $1 and b.vote_id = v.id"
        " and b.house_unit_id = h.id where p.tenant_id = $1 and p.membership_id = $2"
        " order by v.closes_at, v.id, h.label",
        tenant_id,
        membership_id,
    )
    return found


async def cast_owners_ballot(
    transaction: Transaction, actor: Actor, scope: Scope, **given: Any
) -> UUID:
    """The home has voted, through the one person who votes for it. The vote's id."""
    return await _cast(transaction, actor, scope, OWNERS, **given)


async def cast_household_ballot(
    transaction: Transaction, actor: Actor, scope: Scope, **given: Any
) -> UUID:
    """The home has answered, through the one person who votes for it. The poll's id."""
    return await _cast(transaction, actor, scope, HOUSEHOLDS, **given)


async def close_owners_vote(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: dt.datetime,
) -> UUID:
    """The vote is counted, after its time. An owner of several homes is for it when all of their
    ballots are, against it when all are, and abstains otherwise."""
    vote = await _open(transaction, scope, OWNERS, id, version)
    _refuse_early(vote, now)
    row = await transaction.connection.fetchrow(
        "select coalesce(sum(area), 0)::bigint as area, count(*)::int as owners,"
        " coalesce(sum(for_area), 0)::bigint as for_area,"
        " (count(*) filter (where agrees))::int as for_owners,"
        " coalesce(sum(against_area), 0)::bigint as against_area,"
        " (count(*) filter (where refuses))::int as against_owners from (select"
        " sum(area_dm2) as area, sum(area_dm2) filter (where choice = 'FOR') as for_area,"
        " sum(area_dm2) filter (where choice = 'AGAINST') as against_area,"
        " bool_and(choice = 'FOR') as agrees, bool_and(choice = 'AGAINST') as refuses"
        " from owners_ballots where tenant_id = $1 and vote_id = $2"
        " and choice is not null group by owner_key) o",
        transaction.tenant_id,
        id,
    )
    tally = Tally(
        Weight(vote["total_area_dm2"], vote["total_owners"]),
        Weight(row["area"], row["owners"]),
        Weight(row["for_area"], row["for_owners"]),
    )
    values = {
        "state": VoteState.CLOSED, "closed_at": now, "participating_area_dm2": row["area"],
        "participating_owners": row["owners"], "for_area_dm2": row["for_area"],
        "for_owners": row["for_owners"], "against_area_dm2": row["against_area"],
        "against_owners": row["against_owners"], "valid": is_valid(tally),
        "adopted": is_adopted(tally, Majority(vote["majority"])),
    }  # fmt: skip
    await store(transaction, OWNERS.votes, id, values)
    return await record_write(
        transaction, actor, scope, "owners_vote.close", id, vote["region_path"],
        adopted=values["adopted"],
    )  # fmt: skip


async def close_household_poll(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: dt.datetime,
) -> UUID:
    """The poll is counted, after its time."""
    poll = await _open(transaction, scope, HOUSEHOLDS, id, version)
    _refuse_early(poll, now)
    row = await transaction.connection.fetchrow(
        "select count(choice)::int as answered, (count(*) filter (where choice = 'FOR'))::int"
        " as in_favour, (count(*) filter (where choice = 'AGAINST'))::int as against"
        " from household_ballots where tenant_id = $1 and vote_id = $2",
        transaction.tenant_id,
        id,
    )
    values = {"state": VoteState.CLOSED, "closed_at": now, **dict(row)}
    await store(transaction, HOUSEHOLDS.votes, id, values)
    return await record_write(
        transaction, actor, scope, "household_poll.close", id, poll["region_path"]
    )


async def _cast(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    box: Box,
    *,
    vote_id: UUID,
    house_unit_id: UUID,
    choice: Choice,
    now: dt.datetime,
    on_paper: bool = False,
) -> UUID:
    vote = await open_row(transaction, scope, box.votes, VOTE_REACH, vote_id, box.noun, "voteId")
    if vote["state"] != VoteState.OPEN or not vote["opens_at"] <= now < vote["closes_at"]:
        raise Refusal(VOTE_NOT_OPEN, f"{box.noun}不在投票时间内。", ("voteId",))
    ballot = await transaction.connection.fetchrow(
        "select b.choice, h.region_path, v.person_id, p.membership_id, exists (select 1"
        " from house_bindings n join persons q on q.tenant_id = $1 and q.id = n.person_id"
        " where n.tenant_id = $1 and n.house_unit_id = h.id and n.valid_to is null"
        f" and q.membership_id = $4) as at_home from {box.ballots} b"
        " join house_units h on h.tenant_id = $1 and h.id = b.house_unit_id"
        " left join vote_holdings v on v.tenant_id = $1 and v.house_unit_id = h.id"
        " and v.ended_at is null left join persons p on p.tenant_id = $1 and p.id = v.person_id"
        " where b.tenant_id = $1 and b.vote_id = $2 and b.house_unit_id = $3 for update of b",
        transaction.tenant_id,
        vote_id,
        house_unit_id,
        actor.membership_id,
    )
    trusted = ballot is not None and bool(scope.covering(ballot["region_path"]))
    own = ballot is not None and ballot["membership_id"] == actor.membership_id
    if ballot is None or not (own or trusted or ballot["at_home"]):
        raise not_found("房屋", "houseUnitId")
    if ballot["person_id"] is None or not (own or on_paper):
        raise Refusal(
            NOT_VOTE_HOLDER, "只有该房屋现任的投票代表可以投票;纸质票由社区登记。", ("houseUnitId",)
        )
    if on_paper and not trusted:
        raise Refusal(BAD_USER_INPUT, "纸质票由社区登记。", ("onPaper",))
    if ballot["choice"] is not None:
        raise Refusal(ALREADY_VOTED, "该房屋已经投票,一户一票,不能更改。", ("houseUnitId",))
    await transaction.connection.execute(
        f"update {box.ballots} set choice = $4, person_id = $5, on_paper = $6, recorded_by = $7,"
        " cast_at = $8 where tenant_id = $1 and vote_id = $2 and house_unit_id = $3",
        transaction.tenant_id, vote_id, house_unit_id, choice, ballot["person_id"], on_paper,
        actor.membership_id, now,
    )  # fmt: skip
    return await record_write(
        transaction, actor, scope, "ballot.cast", vote_id, vote["region_path"], of=box.node,
        home=house_unit_id, on_paper=on_paper,
    )  # fmt: skip


async def _open(
    transaction: Transaction, scope: Scope, box: Box, vote_id: UUID, version: int
) -> Any:
    row = await open_row(
        transaction, scope, box.votes, VOTE_REACH, vote_id, box.noun, "id", version
    )
    if row["state"] != VoteState.OPEN:
        raise Refusal(CONFLICT, f"{box.noun}已截止。", ("id",))
    return row


async def _sent(
    transaction: Transaction, compound_id: UUID, resolution_id: UUID, matter: str
) -> None:
    """The resolution of a meeting of this compound has sent this matter to its owners."""
    sent = await transaction.connection.fetchval(
        "select exists (select 1 from resolutions r join agenda_items i on i.tenant_id = $1"
        " and i.id = r.item_id join meetings m on m.tenant_id = $1 and m.id = r.meeting_id"
        " where r.tenant_id = $1 and r.id = $2 and m.compound_id = $3 and i.matter = $4"
        " and r.adopted and r.outcome = 'TO_OWNERS_VOTE' and not exists (select 1"
        " from owners_votes v where v.tenant_id = $1 and v.resolution_id = r.id))",
        transaction.tenant_id,
        resolution_id,
        compound_id,
        matter,
    )
    if not sent:
        raise Refusal(
            BAD_USER_INPUT, "该决议没有将此事项提请本小区业主共同决定,或已提请。", ("resolutionId",)
        )


def _asked(
    compound: Any, title: str, question: str, now: dt.datetime, opens: dt.datetime,
    closes: dt.datetime,
) -> dict[str, Any]:  # fmt: skip
    if any(moment.tzinfo is None for moment in (opens, closes)):
        raise Refusal(BAD_USER_INPUT, "时间须带时区。", ("closesAt",))
    if not opens < closes <= opens + _LONGEST:
        raise Refusal(
            BAD_USER_INPUT, f"投票须在开始之后 {_LONGEST.days} 天之内截止。", ("closesAt",)
        )
    return {
        "id": new_id(), "compound_id": compound["id"], "region_id": compound["region_id"],
        "region_path": compound["region_path"],
        "title": needed_line(title, "标题", "title", TITLE_LENGTH),
        "question": needed(question, "表决内容", "question", QUESTION_LENGTH),
        "announced_at": now, "opens_at": opens, "closes_at": closes, "state": VoteState.OPEN,
    }  # fmt: skip


def _refuse_early(vote: Any, now: dt.datetime) -> None:
    if now < vote["closes_at"]:
        raise Refusal(VOTE_NOT_OPEN, "投票尚未截止。", ("id",))
