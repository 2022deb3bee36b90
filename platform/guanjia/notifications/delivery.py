"""From the inbox outwards: one delivery for each channel, sent by the worker when it is due."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from guanjia.audit.service import record
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.graph.times import CHINA
from guanjia.jobs.kinds import Work
from guanjia.notifications.addresses import phone_of
from guanjia.notifications.channels import Message
from guanjia.notifications.models import GATEWAYS, Dropped, NoticeChannel
from guanjia.notifications.owngateways import channel_of
from guanjia.notifications.wording import Ways

DUE = """
select id as subject_id, due_at from notification_deliveries
where tenant_id = $1 and sent_at is null and dropped is null and due_at <= $2
"""
_MESSAGE = """
select n.kind, n.title, n.body, n.created_at, d.channel, d.recipient_id,
  (select slug from tenants where tenant_id = $1) as slug
from notification_deliveries d join notifications n
  on n.tenant_id = $1 and n.id = d.notification_id
where d.tenant_id = $1 and d.id = $2 and d.sent_at is null and d.dropped is null
"""
_MARK = (
    "update notification_deliveries set sent_at = $3, dropped = $4 where tenant_id = $1 and id = $2"
)


async def enqueue(
    transaction: Transaction,
    kind: str,
    told: Sequence[Mapping[str, Any]],
    ways: Ways,
    *,
    urgent: bool,
    now: dt.datetime,
) -> None:
    """Each notice that was told goes out on the tenant's channels that its recipient has not
    declined for the kind; quiet hours hold up what rings, unless it is urgent."""
    if not ways.channels or not told:
        return
    rows = await transaction.connection.fetch(
        "select membership_id, channels from notice_preferences where tenant_id = $1"
        " and kind = $2 and membership_id = any($3)",
        transaction.tenant_id,
        kind,
        [row["recipient_id"] for row in told],
    )
    chosen = {row["membership_id"]: set(row["channels"]) for row in rows}
    later = now if urgent else after_quiet_hours(now, ways.quiet_from, ways.quiet_until)
    await transaction.connection.executemany(
        "insert into notification_deliveries (id, notification_id, recipient_id, channel, due_at)"
        " values ($1, $2, $3, $4, $5)",
        [
            (new_id(), row["id"], row["recipient_id"], channel,
             later if channel in GATEWAYS else now)
            for row in told
            for channel in ways.channels
            if channel in chosen.get(row["recipient_id"], ways.channels)
        ],
    )  # fmt: skip


def after_quiet_hours(now: dt.datetime, begin: dt.time, end: dt.time) -> dt.datetime:
    """The first moment from now on that is not quiet; the hours are China's, and may cross
    midnight. Hours that begin when they end are none."""
    local = now.astimezone(CHINA)
    crossing = begin > end
    quiet = (local.time() >= begin or local.time() < end) if crossing else (
        begin <= local.time() < end
    )  # fmt: skip
    if not quiet:
        return now
    day = local.date() + dt.timedelta(days=crossing and local.time() >= begin)
    return dt.datetime.combine(day, end, CHINA).astimezone(dt.UTC)


async def deliver(work: Work) -> bool:
    """The message was taken by its channel, or never can be; DeliveryFailed to try again. A
    worker that is killed in between sends it again, under the same key."""
    transaction = work.transaction
    row = await transaction.connection.fetchrow(_MESSAGE, transaction.tenant_id, work.subject_id)
    if row is None:
        return False
    sent, dropped = await _sent(work, row, work.subject_id)
    await transaction.connection.execute(
        _MARK, transaction.tenant_id, work.subject_id, sent, dropped
    )
    return True


async def _sent(
    work: Work, row: Mapping[str, Any], delivery: UUID
) -> tuple[dt.datetime | None, Dropped | None]:
    channel = await channel_of(work.transaction, work.settings, NoticeChannel(row["channel"]))
    if channel is None:
        return None, Dropped.CHANNEL_OFF
    phone = None
    if channel.needs_phone:
        phone = await phone_of(work.transaction, row["recipient_id"], work.settings)
        if phone is None:
            return None, Dropped.NO_ADDRESS
    await channel.send(
        Message(
            key=str(delivery), tenant=row["slug"], recipient=row["recipient_id"],
            kind=row["kind"], title=row["title"], text=row["body"], told_at=row["created_at"],
            sent_at=work.now, phone=phone.number if phone else None,
        )
    )  # fmt: skip
    if phone is not None:
        # Only now: the tenant's audit chain waits for whoever has written to it.
        await record(
            work.transaction, action="person.message", object_type="Person",
            object_id=phone.person_id, region_path=phone.region_path, result="READ",
            detail={"field": "PHONE"},
        )  # fmt: skip
    return work.now, None
