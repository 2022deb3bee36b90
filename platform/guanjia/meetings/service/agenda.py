"""The agenda: items with where they come from and the homes they affect."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.cases.models import CASE_REACH
from guanjia.cases.service.affected import Affected
from guanjia.cases.states import FINISHED, State
from guanjia.compounds.service.opening import known_person, local_day, open_row
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph import texts
from guanjia.graph.errors import BAD_USER_INPUT, LIMIT_EXCEEDED, Refusal, not_found
from guanjia.meetings.models.kinds import WAS_HELD, MeetingState
from guanjia.meetings.models.records import OPEN, ItemSource, Outcome
from guanjia.meetings.rules import matters
from guanjia.meetings.service.opening import needed_line, open_meeting, touch
from guanjia.meetings.service.series import insert
from guanjia.surveys.service.opening import Asked

_EARLIER = (
    "m.id <> $2 and m.starts_at <= $3 and m.compound_id is not distinct from $4"
    " and (m.compound_id is not null or m.region_id = $5)"
)
"""`m` is an earlier meeting of the same body: of the compound, or else of the region."""
_UNDER_SURVEY = frozenset({State.CLOSED, State.EVALUATING})

MOST_ITEMS = 50
MOST_HOMES = 2_000
TITLE_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Item:
    """An item as it is brought in. `matter` is the code of what others decide, if it is that."""

    title: str
    source: ItemSource
    detail: str = ""
    matter: str | None = None
    proposer_id: UUID | None = None
    proposer_public: bool = False
    case_id: UUID | None = None
    carried_from_id: UUID | None = None
    house_unit_ids: Sequence[UUID] = ()


async def add_agenda_items(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    meeting_id: UUID,
    version: int,
    items: Sequence[Item],
    now: dt.datetime,
) -> UUID:
    """The items stand at the end of the agenda, which is open until the minutes are written."""
    meeting = await open_meeting(
        transaction, scope, meeting_id, version, MeetingState.PLANNED, MeetingState.HELD,
        field="meetingId",
    )  # fmt: skip
    if not items:
        raise Refusal(BAD_USER_INPUT, "请给出至少一项议题。", ("items",))
    last: int = await transaction.connection.fetchval(
        "select coalesce(max(position), 0) from agenda_items where tenant_id = $1"
        " and meeting_id = $2",
        transaction.tenant_id,
        meeting_id,
    )
    if last + len(items) > MOST_ITEMS:
        raise Refusal(LIMIT_EXCEEDED, f"一次会议最多{MOST_ITEMS}项议题。", ("items",))
    for position, item in enumerate(items, last + 1):
        await _add(transaction, actor, scope, meeting, position, item)
    return await touch(transaction, actor, scope, "meeting.add_items", meeting, items=len(items))


async def remove_agenda_item(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    now: dt.datetime,
) -> UUID:
    """The item is off the agenda, as long as nothing was decided about it. The meeting's id."""
    item = await item_of(transaction, id)
    meeting = await open_meeting(
        transaction, scope, item["meeting_id"], version, MeetingState.PLANNED, MeetingState.HELD
    )
    if item["decided"]:
        raise Refusal(BAD_USER_INPUT, "该议题已有决议,不能移除。", ("id",))
    for table, key in (("agenda_households", "item_id"), ("agenda_items", "id")):
        await transaction.connection.execute(
            f"delete from {table} where tenant_id = $1 and {key} = $2", transaction.tenant_id, id
        )
    return await touch(transaction, actor, scope, "meeting.remove_item", meeting)


async def item_of(transaction: Transaction, item_id: UUID, field: str = "id") -> Any:
    """The item, and whether something was decided about it; its meeting has yet to be opened."""
    row = await transaction.connection.fetchrow(
        "select i.*, exists (select 1 from resolutions r where r.tenant_id = $1"
        " and r.item_id = i.id) as decided from agenda_items i"
        " where i.tenant_id = $1 and i.id = $2",
        transaction.tenant_id,
        item_id,
    )
    if row is None:
        raise not_found("议题", field)
    return row


async def homes_of(transaction: Transaction, item_id: UUID) -> Affected:
    """Whom the item affects, as far as those homes are still there."""
    rows = await transaction.connection.fetch(
        "select h.id, h.label from agenda_households a join house_units h on h.tenant_id = $1"
        " and h.id = a.house_unit_id and h.valid_to is null where a.tenant_id = $1"
        " and a.item_id = $2 order by h.label, h.id",
        transaction.tenant_id,
        item_id,
    )
    homes = tuple(Asked(row["id"], None, row["label"]) for row in rows)
    return Affected(house_unit_ids=tuple(row["id"] for row in rows), homes=homes)


async def open_items(transaction: Transaction, meeting: Any) -> list[Any]:
    """What the body that meets still has to do something about, from meetings before this one."""
    found: list[Any] = await transaction.connection.fetch(
        "select i.id, r.outcome, (select c.state from cases c where c.tenant_id = $1"
        " and c.id = r.case_id) as case_state from agenda_items i"
        " join meetings m on m.tenant_id = $1 and m.id = i.meeting_id"
        " left join resolutions r on r.tenant_id = $1 and r.item_id = i.id"
        f" where i.tenant_id = $1 and {_EARLIER} and {OPEN.format(row='i', tenant='$1')}"
        " order by m.starts_at, i.position, i.id",
        *_body(transaction, meeting),
    )
    return found


async def concluded_items(transaction: Transaction, meeting: Any) -> list[Any]:
    """What was open when the body met before, or was sent away by it, and has come to an end since,
    as a case or as a vote. How a case ended is not known before its survey is over: it is read
    until it was read so."""
    found: list[Any] = await transaction.connection.fetch(
        "with before as (select m.id, m.starts_at from meetings m where m.tenant_id = $1"
        f" and {_EARLIER} and m.state in {WAS_HELD} order by m.starts_at desc, m.id desc limit 1),"
        " known as (select i.id, null as case_state from agenda_items i, before b"
        " where i.tenant_id = $1 and i.meeting_id = b.id union all select k.item_id, k.case_state"
        " from read_backs k, before b where k.tenant_id = $1 and k.meeting_id = b.id)"
        " select k.id, r.outcome, c.state as case_state from known k"
        " join agenda_items i on i.tenant_id = $1 and i.id = k.id"
        " join meetings m on m.tenant_id = $1 and m.id = i.meeting_id"
        " join resolutions r on r.tenant_id = $1 and r.item_id = k.id and r.adopted"
        " left join cases c on c.tenant_id = $1 and c.id = r.case_id"
        " left join owners_votes v on v.tenant_id = $1 and v.resolution_id = r.id"
        f" where (r.outcome = '{Outcome.TO_CASE}' and c.state = any($6)"
        " and (k.case_state is null or k.case_state <> all($7))"
        f" or r.outcome = '{Outcome.TO_OWNERS_VOTE}' and v.state = 'CLOSED'"
        " and v.closed_at > (select starts_at from before))"
        " order by m.starts_at, i.position, i.id",
        *_body(transaction, meeting), sorted(FINISHED), sorted(FINISHED - _UNDER_SURVEY),
    )  # fmt: skip
    return found


def _body(transaction: Transaction, meeting: Any) -> tuple[Any, ...]:
    """The parameters of `_EARLIER`."""
    return (
        transaction.tenant_id,
        meeting["id"],
        meeting["starts_at"],
        meeting["compound_id"],
        meeting["region_id"],
    )


async def _add(
    transaction: Transaction, actor: Actor, scope: Scope, meeting: Any, position: int, item: Item
) -> None:
    day = local_day(meeting["starts_at"])
    if item.matter is not None and item.matter not in {
        each.code for each in matters() if each.holds_on(day)
    }:
        raise Refusal(BAD_USER_INPUT, f"没有“{item.matter[:40]}”这一项事项。", ("items", "matter"))
    for given, source, label in (
        (item.case_id, ItemSource.CASE, "案件"),
        (item.carried_from_id, ItemSource.CARRIED, "遗留议题"),
    ):
        if (given is not None) != (item.source == source):
            raise Refusal(BAD_USER_INPUT, f"来源与{label}须一致。", ("items", "source"))
    if item.proposer_public and item.proposer_id is None:
        raise Refusal(BAD_USER_INPUT, "没有提出人,不能公开姓名。", ("items", "proposerId"))
    if item.proposer_id is not None:
        await known_person(transaction, scope, item.proposer_id, "proposerId")
    if item.case_id is not None:
        reading = actor.scope("case:read")
        await open_row(transaction, reading, "cases", CASE_REACH, item.case_id, "案件", "caseId")
    if item.carried_from_id is not None:
        await _refuse_not_open(transaction, meeting, item.carried_from_id)
    made = new_id()
    row = {
        "id": made,
        "meeting_id": meeting["id"],
        "position": position,
        "title": needed_line(item.title, "议题", "items", TITLE_LENGTH),
        "detail": texts.text(item.detail, "说明", "items"),
        "source": item.source,
        "matter": item.matter,
        "proposer_id": item.proposer_id,
        "proposer_public": item.proposer_public,
        "case_id": item.case_id,
        "carried_from_id": item.carried_from_id,
    }
    await insert(transaction, "agenda_items", row)
    await _affect(transaction, meeting, made, item.house_unit_ids)


async def _refuse_not_open(transaction: Transaction, meeting: Any, item_id: UUID) -> None:
    """What is taken up again is open at this body, and not on this agenda already."""
    twice = await transaction.connection.fetchval(
        "select exists (select 1 from agenda_items where tenant_id = $1 and meeting_id = $2"
        " and carried_from_id = $3)",
        transaction.tenant_id,
        meeting["id"],
        item_id,
    )
    open_now = {row["id"] for row in await open_items(transaction, meeting)}
    if twice or item_id not in open_now:
        raise Refusal(
            BAD_USER_INPUT, "该议题不是本会议主体未了结的事项,或已列入。", ("carriedFromId",)
        )


async def _affect(
    transaction: Transaction, meeting: Any, item_id: UUID, homes: Sequence[UUID]
) -> None:
    """The item affects these homes, which are in force and of the body that meets."""
    wanted = list(dict.fromkeys(homes))
    if len(wanted) > MOST_HOMES:
        raise Refusal(LIMIT_EXCEEDED, f"一项议题最多{MOST_HOMES}户。", ("items", "houseUnitIds"))
    found = await transaction.connection.fetch(
        "insert into agenda_households (meeting_id, item_id, house_unit_id)"
        " select $2, $3, h.id from house_units h join compounds c on c.tenant_id = $1"
        " and c.id = h.compound_id where h.tenant_id = $1 and h.id = any($4::uuid[])"
        " and h.valid_to is null and case when $5::uuid is not null then c.id = $5"
        " else c.region_id = $6 end returning house_unit_id",
        transaction.tenant_id,
        meeting["id"],
        item_id,
        wanted,
        meeting["compound_id"],
        meeting["region_id"],
    )
    if len(found) != len(wanted):
        raise not_found("房屋", "items", "houseUnitIds")
