"""Meetings as an iCalendar file, and the secret address under which a program subscribes to it.

What the file shows is what its owner may read at that moment: a right that ends, ends here too.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from typing import Any
from uuid import UUID

from icalendar import Calendar, Event

from guanjia.access.actor import Actor
from guanjia.audit.service import record
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.meetings.models.kinds import MEETING_REACH, MeetingState

SECRET_BYTES = 32
BEFORE, AHEAD = dt.timedelta(days=90), dt.timedelta(days=400)
MOST = 2_000


async def create_calendar_feed(
    transaction: Transaction, actor: Actor, scope: Scope, *, now: dt.datetime
) -> str:
    """The path of a new secret address, which is told this once; the member's address before it
    is REVOKED."""
    await _revoke(transaction, actor, now)
    secret, made = secrets.token_urlsafe(SECRET_BYTES), new_id()
    await transaction.connection.execute(
        "insert into calendar_feeds (id, membership_id, secret_hash, created_at)"
        " values ($1, $2, $3, $4)",
        made,
        actor.membership_id,
        hashed(secret),
        now,
    )
    slug = await transaction.connection.fetchval(
        "select slug from tenants where tenant_id = $1", transaction.tenant_id
    )
    await _record(transaction, actor, scope, "calendar_feed.create", made)
    return f"/calendars/{slug}/{secret}.ics"


async def revoke_calendar_feed(
    transaction: Transaction, actor: Actor, scope: Scope, *, now: dt.datetime
) -> None:
    """The member's secret address opens nothing any more."""
    revoked = await _revoke(transaction, actor, now)
    if revoked is not None:
        await _record(transaction, actor, scope, "calendar_feed.revoke", revoked)


async def owner_of(connection: Any, tenant_id: UUID, secret: str) -> UUID | None:
    """The membership whose calendar the secret opens."""
    found: UUID | None = await connection.fetchval(
        "select membership_id from calendar_feeds where tenant_id = $1 and secret_hash = $2"
        " and revoked_at is null",
        tenant_id,
        hashed(secret),
    )
    return found


async def calendar(connection: Any, tenant_id: UUID, scope: Scope, now: dt.datetime) -> bytes:
    """The meetings that the scope reaches, from three months ago on, as an iCalendar file
    (RFC 5545). A cancelled one is there as such, so that it goes from the reader's calendar."""
    arguments: list[Any] = [tenant_id, now - BEFORE, now + AHEAD]

    def bind(value: Any, kind: str) -> str:
        arguments.append(value)
        return f"${len(arguments)}::{kind}"

    rows = await connection.fetch(
        "select m.id, m.title, m.place, m.starts_at, m.ends_at, m.state, m.version, t.name,"
        " coalesce(c.name, r.name) as body from meetings m"
        " join meeting_types t on t.tenant_id = $1 and t.id = m.type_id"
        " join regions r on r.tenant_id = $1 and r.id = m.region_id"
        " left join compounds c on c.tenant_id = $1 and c.id = m.compound_id"
        " where m.tenant_id = $1 and m.starts_at >= $2 and m.starts_at < $3"
        f" and {scope.predicate(MEETING_REACH, 'm', '$1', bind)}"
        f" order by m.starts_at, m.id limit {MOST}",
        *arguments,
    )
    made = Calendar()
    made.add("prodid", "-//Guanjia//Meetings//ZH")
    made.add("version", "2.0")
    made.add("x-wr-calname", "议事日程")
    for row in rows:
        made.add_component(_event(row, now))
    written: bytes = made.to_ical()
    return written


def hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _event(row: Any, now: dt.datetime) -> Event:
    event = Event()
    event.add("uid", str(row["id"]))
    event.add("dtstamp", now)
    event.add("sequence", row["version"])
    event.add("dtstart", row["starts_at"].astimezone(dt.UTC))
    event.add("dtend", row["ends_at"].astimezone(dt.UTC))
    event.add("summary", f"{row['name']}:{row['title']}")
    event.add("location", f"{row['body']} {row['place']}")
    cancelled = row["state"] == MeetingState.CANCELLED
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    return event


async def _revoke(transaction: Transaction, actor: Actor, now: dt.datetime) -> UUID | None:
    found: UUID | None = await transaction.connection.fetchval(
        "update calendar_feeds set revoked_at = $3 where tenant_id = $1 and membership_id = $2"
        " and revoked_at is null returning id",
        transaction.tenant_id,
        actor.membership_id,
        now,
    )
    return found


async def _record(
    transaction: Transaction, actor: Actor, scope: Scope, action: str, feed_id: UUID
) -> None:
    await record(
        transaction,
        actor=actor,
        action=action,
        permission=scope.permission,
        object_type="CalendarFeed",
        object_id=feed_id,
    )
