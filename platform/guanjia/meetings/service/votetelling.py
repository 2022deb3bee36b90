"""Who is told what of a vote, by the worker: an owners' vote is told to every owner."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any
from uuid import UUID

from guanjia.db.pools import Transaction
from guanjia.meetings.models.votes import VoteState
from guanjia.meetings.notices import POLL, VOTE
from guanjia.meetings.service.telling import entrusted
from guanjia.meetings.service.votes import HOUSEHOLDS, OWNERS, Box
from guanjia.notifications.notices import kind_of, tell

_CODES = {OWNERS.votes: VOTE, HOUSEHOLDS.votes: POLL}
_VOTERS = (
    "select distinct p.membership_id from {ballots} b join vote_holdings v on v.tenant_id = $1"
    " and v.house_unit_id = b.house_unit_id and v.ended_at is null"
    " join persons p on p.tenant_id = $1 and p.id = v.person_id"
    " where b.tenant_id = $1 and b.vote_id = $2 and p.membership_id is not null"
    " and (b.choice is null or not $3::boolean)"
)
_ALL_OWNERS = (
    " union select p.membership_id from {ballots} b join house_bindings o on o.tenant_id = $1"
    " and o.house_unit_id = b.house_unit_id and o.relation = 'OWNER' and o.valid_to is null"
    " join persons p on p.tenant_id = $1 and p.id = o.person_id"
    " where b.tenant_id = $1 and b.vote_id = $2 and p.membership_id is not null"
)


class Occasion(StrEnum):
    """What a vote comes to in its time."""

    ANNOUNCED = "announced"
    OPENED = "opened"
    CLOSING = "closing"
    OVER = "over"
    COUNTED = "counted"


_TO_ALL_OWNERS = frozenset({Occasion.ANNOUNCED, Occasion.COUNTED})


async def tell_of_vote(
    transaction: Transaction, box: Box, occasion: Occasion, vote_id: UUID, now: dt.datetime
) -> bool:
    """Those whom the occasion concerns are told of it, once: all owners, the one who votes for each
    home, those of them who have not yet, or who has to count. False when it has passed."""
    vote = await transaction.connection.fetchrow(
        f"select v.*, c.name as body from {box.votes} v join compounds c on c.tenant_id = $1"
        " and c.id = v.compound_id where v.tenant_id = $1 and v.id = $2",
        transaction.tenant_id,
        vote_id,
    )
    if (vote["state"] == VoteState.CLOSED) != (occasion is Occasion.COUNTED):
        return False
    kind = kind_of(f"{_CODES[box.votes]}.{occasion}")
    said = {
        "body": vote["body"], "title": vote["title"], "from": vote["opens_at"],
        "until": vote["closes_at"], "result": _result(vote),
    }  # fmt: skip
    await tell(
        transaction, kind.code, recipients=await _recipients(transaction, box, occasion, vote, now),
        facts={name: said[name] for name in kind.declared}, subject=(box.node, vote_id),
        key=str(vote_id), now=now,
    )  # fmt: skip
    return True


async def _recipients(
    transaction: Transaction, box: Box, occasion: Occasion, vote: Any, now: dt.datetime
) -> set[UUID]:
    if occasion is Occasion.OVER:
        return await entrusted(transaction, "vote:manage", vote["region_path"], now)
    everybody = box is OWNERS and occasion in _TO_ALL_OWNERS
    rows = await transaction.connection.fetch(
        (_VOTERS + (_ALL_OWNERS if everybody else "")).format(ballots=box.ballots),
        transaction.tenant_id,
        vote["id"],
        occasion is Occasion.CLOSING,
    )
    return {row["membership_id"] for row in rows}


def _result(vote: Any) -> str:
    if vote["state"] != VoteState.CLOSED:
        return ""
    if "valid" not in vote:
        return f"赞成{vote['in_favour']}户,反对{vote['against']}户"
    if not vote["valid"]:
        return "参与表决的面积或人数不足三分之二,表决无效"
    return "通过" if vote["adopted"] else "未通过"
