"""Who is told what of a meeting: each notice once, in the transaction of its occasion."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from guanjia.access.tenantpolicy import current_policy
from guanjia.audit.service import Recorded
from guanjia.cases.service.independence import holding
from guanjia.compounds.models.butlers import HOLDERS, HOLDS
from guanjia.compounds.service.opening import local_day
from guanjia.db.pools import Transaction
from guanjia.meetings import notices
from guanjia.meetings.decisions import Quorum
from guanjia.notifications.notices import kind_of, tell

_DAY = "$2::date"
_OF_BODY = (
    "{compound}.tenant_id = $1 and {compound}.active"
    " and case when $3::uuid is not null then {compound}.id = $3 else {compound}.region_id = $4 end"
)
_SEATS = (
    f"select distinct h.membership_id from ({HOLDERS.format(tenant='$1', day=_DAY)}) h"
    " join compounds c on c.id = h.compound_id"
    f" where h.tenant_id = $1 and {HOLDS.format(row='h', tenant='$1', day=_DAY)}"
    f" and {_OF_BODY.format(compound='c')} and h.membership_id is not null"
)
_ATTENDED = """
select coalesce(a.membership_id, p.membership_id) as membership_id from attendances a
left join persons p on p.tenant_id = $1 and p.id = a.person_id
where a.tenant_id = $1 and a.meeting_id = $2
  and coalesce(a.membership_id, p.membership_id) is not null
"""
# Whoever was invited for a unit stands for it: all of the unit are told.
_INVITED = f"""{_ATTENDED} union
select o.membership_id from attendances a join organisation_members o
  on o.tenant_id = $1 and o.organisation_id = a.organisation_id and o.valid_from <= $3
  and (o.valid_to is null or o.valid_to > $3)
where a.tenant_id = $1 and a.meeting_id = $2 and a.kind = 'INVITED'
"""
_HOMES = (
    "select distinct p.membership_id from house_bindings b"
    " join compounds c on c.id = b.compound_id"
    " join persons p on p.tenant_id = $1 and p.id = b.person_id"
    " where b.tenant_id = $1 and b.valid_from <= $2 and (b.valid_to is null or b.valid_to > $2)"
    f" and {_OF_BODY.format(compound='c')} and p.membership_id is not null"
)
_NAMES = (
    "select t.name as type, coalesce(c.name, r.name) as body from meeting_types t"
    " join regions r on r.tenant_id = $1 and r.id = $4"
    " left join compounds c on c.tenant_id = $1 and c.id = $3"
    " where t.tenant_id = $1 and t.id = $2"
)
_MEETING = "select * from meetings where tenant_id = $1 and id = $2"


async def seats_of(transaction: Transaction, body: Any, day: dt.date) -> set[UUID]:
    """The members who hold a seat of the body that day: of its compound, or of all compounds of
    its community."""
    return await _members(transaction, _SEATS, day, body["compound_id"], body["region_id"])


async def residents_of(transaction: Transaction, body: Any, day: dt.date) -> set[UUID]:
    """The members who have a home at the body that day."""
    return await _members(transaction, _HOMES, day, body["compound_id"], body["region_id"])


async def invited_to(transaction: Transaction, meeting_id: UUID, now: dt.datetime) -> set[UUID]:
    """The members who are on the list of those who attend, or belong to a unit that is."""
    return await _members(transaction, _INVITED, meeting_id, now)


async def attended(transaction: Transaction, meeting_id: UUID) -> set[UUID]:
    """The members who are on the list themselves, and so may sign."""
    return await _members(transaction, _ATTENDED, meeting_id)


async def concerned(transaction: Transaction, meeting: Any, now: dt.datetime) -> set[UUID]:
    """Whoever has a seat on the day of the meeting, or is on its list."""
    seats = await seats_of(transaction, meeting, local_day(meeting["starts_at"]))
    return seats | await invited_to(transaction, meeting["id"], now)


async def entrusted(
    transaction: Transaction, permission: str, path: str, now: dt.datetime
) -> set[UUID]:
    """The members who hold the permission where the body is."""
    return await holding(transaction, await current_policy(transaction), permission, path, now)


async def tell_of_meeting(
    transaction: Transaction,
    code: str,
    meeting: Any,
    recipients: Iterable[UUID],
    *,
    now: dt.datetime,
    actor: Recorded | None = None,
    key: str | None = None,
    **more: Any,
) -> None:
    """The recipients are told of the meeting as it is in `meeting`; whoever did it knows already.
    Once for the meeting, or for the occasion that `key` names."""
    said = await _facts(transaction, meeting) | {"at": meeting["starts_at"], **more}
    await _tell(transaction, code, recipients, said, ("Meeting", meeting["id"]), actor, key, now)


async def tell_of_series(
    transaction: Transaction,
    code: str,
    series: Any,
    recipients: Iterable[UUID],
    *,
    now: dt.datetime,
    actor: Recorded | None = None,
    key: str | None = None,
    **more: Any,
) -> None:
    """The recipients are told of the series."""
    said = await _facts(transaction, series) | more
    subject = ("MeetingSeries", series["id"])
    await _tell(transaction, code, recipients, said, subject, actor, key, now)


async def tell_planned(
    transaction: Transaction, actor: Recorded, meeting_id: UUID, now: dt.datetime
) -> None:
    """Seats and invited know of the meeting, each once; nobody of one that has begun."""
    meeting = await transaction.connection.fetchrow(_MEETING, transaction.tenant_id, meeting_id)
    if meeting["starts_at"] > now:
        recipients = await concerned(transaction, meeting, now)
        await tell_of_meeting(
            transaction, notices.PLANNED, meeting, recipients, actor=actor, now=now
        )


async def tell_changed(
    transaction: Transaction, actor: Recorded, code: str, meeting_id: UUID, now: dt.datetime
) -> None:
    """Seats and invited know that the meeting was moved or is off, each time it happens."""
    meeting = await transaction.connection.fetchrow(_MEETING, transaction.tenant_id, meeting_id)
    if meeting["starts_at"] > now or code == notices.CANCELLED:
        recipients = await concerned(transaction, meeting, now)
        key = f"{meeting_id}:{meeting['version']}"
        await tell_of_meeting(transaction, code, meeting, recipients, actor=actor, key=key, now=now)


async def tell_held_back(transaction: Transaction, series: Any, now: dt.datetime) -> None:
    """Who convenes and who loads the calendar know that meetings wait for it, once for a year."""
    if not series["held_back"]:
        return
    path = series["region_path"]
    recipients = await entrusted(transaction, "meeting:convene", path, now)
    recipients |= await entrusted(transaction, "calendar:manage", path, now)
    await tell_of_series(
        transaction, notices.HELD_BACK, series, recipients, now=now,
        key=f"{series['id']}:{series['planned_until']}", on=series["planned_until"],
        count=series["held_back"],
    )  # fmt: skip


async def tell_minuted(
    transaction: Transaction, actor: Recorded, meeting: Any, there: Quorum, now: dt.datetime
) -> None:
    """Who attended is asked to sign what was minuted; who is concerned knows that nothing was
    decided where too few came. `meeting` is the row before the step."""
    key = f"{meeting['id']}:{meeting['version']}"
    there_were = await attended(transaction, meeting["id"])
    await tell_of_meeting(
        transaction, notices.TO_SIGN, meeting, there_were, actor=actor, key=key, now=now
    )
    needed = Quorum(meeting["seat_quorum"], meeting["resident_quorum"])
    if there.seats >= needed.seats and there.residents >= needed.residents:
        return
    recipients = await concerned(transaction, meeting, now)
    await tell_of_meeting(
        transaction, notices.NO_QUORUM, meeting, recipients, actor=actor, now=now,
        seats=there.seats, seats_needed=needed.seats, residents=there.residents,
        residents_needed=needed.residents,
    )  # fmt: skip


async def _facts(transaction: Transaction, row: Any) -> dict[str, Any]:
    names = await transaction.connection.fetchrow(
        _NAMES, transaction.tenant_id, row["type_id"], row["compound_id"], row["region_id"]
    )
    return {**names, "title": row["title"], "place": row["place"]}


async def _tell(
    transaction: Transaction,
    code: str,
    recipients: Iterable[UUID],
    said: dict[str, Any],
    subject: tuple[str, UUID],
    actor: Recorded | None,
    key: str | None,
    now: dt.datetime,
) -> None:
    others = set(recipients) - {actor.membership_id if actor else None}
    if not others:
        return
    facts = {name: said[name] for name in kind_of(code).declared}
    await tell(
        transaction, code, recipients=others, facts=facts, subject=subject,
        key=key or str(subject[1]), now=now,
    )  # fmt: skip


async def _members(transaction: Transaction, statement: str, *arguments: Any) -> set[UUID]:
    rows = await transaction.connection.fetch(statement, transaction.tenant_id, *arguments)
    return {row["membership_id"] for row in rows}
