"""How a tenant tells its members: its words, the channels it offers, its quiet hours; and which of
the channels a member declines. What was said before stays on record: each change is a new row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.audit.service import record
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, CONFLICT, Refusal
from guanjia.notifications.models import NoticeChannel

CHANGED = "已被他人修改,请刷新后再试。"
FEWEST_DAYS, MOST_DAYS = 30, 3650


@dataclass(frozen=True, slots=True)
class Ways:
    """A tenant's settings. The values of a tenant that has set none are a design of ours, not a
    rule of anybody: no channel but the inbox, quiet from 21:00 to 08:00, kept for a year."""

    version: int = 0
    channels: tuple[NoticeChannel, ...] = ()
    quiet_from: dt.time = dt.time(21)
    quiet_until: dt.time = dt.time(8)
    keep_days: int = 365


async def ways_of(connection: Any, tenant_id: UUID) -> Ways:
    row = await connection.fetchrow(
        "select version, channels, quiet_from, quiet_until, keep_days from notice_settings"
        " where tenant_id = $1 order by version desc limit 1",
        tenant_id,
    )
    if row is None:
        return Ways()
    channels = tuple(NoticeChannel(each) for each in row["channels"])
    return Ways(row["version"], channels, row["quiet_from"], row["quiet_until"], row["keep_days"])


async def templates_of(connection: Any, tenant_id: UUID) -> dict[str, tuple[int, str | None]]:
    """The tenant's own words by kind, each with its version; None where it went back to ours."""
    rows = await connection.fetch(
        "select distinct on (kind) kind, version, template from notice_templates"
        " where tenant_id = $1 order by kind, version desc",
        tenant_id,
    )
    return {row["kind"]: (row["version"], row["template"]) for row in rows}


async def set_template(
    transaction: Transaction,
    actor: Actor,
    scope: Scope,
    *,
    kind: str,
    template: str | None,
    version: int,
    now: dt.datetime,
) -> None:
    """The tenant says it so from now on; with None in the kind's own words. CONFLICT when
    `version` is not the one in force, 0 before there was any."""
    current = await transaction.connection.fetchval(
        "select coalesce(max(version), 0) from notice_templates where tenant_id = $1 and kind = $2",
        transaction.tenant_id,
        kind,
    )
    if current != version:
        raise Refusal(CONFLICT, f"该模板{CHANGED}", ("version",))
    made = new_id()
    await transaction.connection.execute(
        "insert into notice_templates (id, kind, version, template, created_at, created_by)"
        " values ($1, $2, $3, $4, $5, $6)",
        made, kind, version + 1, template, now, actor.membership_id,
    )  # fmt: skip
    await record(
        transaction, actor=actor, action="notice.set_template", permission=scope.permission,
        object_type="NoticeTemplate", object_id=made,
        detail={"kind": kind, "version": version + 1, "own": template is not None},
    )  # fmt: skip


async def set_ways(
    transaction: Transaction, actor: Actor, scope: Scope, ways: Ways, *, now: dt.datetime
) -> None:
    """The settings hold from now on; CONFLICT when `ways.version` is not the one in force."""
    if not FEWEST_DAYS <= ways.keep_days <= MOST_DAYS:
        sentence = f"保存天数应在 {FEWEST_DAYS} 至 {MOST_DAYS} 之间。"
        raise Refusal(BAD_USER_INPUT, sentence, ("keepDays",))
    if (await ways_of(transaction.connection, transaction.tenant_id)).version != ways.version:
        raise Refusal(CONFLICT, f"通知设置{CHANGED}", ("version",))
    made = new_id()
    await transaction.connection.execute(
        "insert into notice_settings (id, version, channels, quiet_from, quiet_until, keep_days,"
        " created_at, created_by) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        made, ways.version + 1, _once(ways.channels), ways.quiet_from, ways.quiet_until,
        ways.keep_days, now, actor.membership_id,
    )  # fmt: skip
    await record(
        transaction, actor=actor, action="notice.set_settings", permission=scope.permission,
        object_type="NoticeSettings", object_id=made,
        detail={"version": ways.version + 1, "channels": _once(ways.channels)},
    )  # fmt: skip


async def set_preference(
    transaction: Transaction,
    actor: Actor,
    *,
    kind: str,
    channels: Sequence[NoticeChannel],
    now: dt.datetime,
) -> None:
    """Of this kind the member wants these channels only, as far as the tenant offers them; the
    inbox always."""
    await transaction.connection.execute(
        "insert into notice_preferences (id, membership_id, kind, channels, changed_at)"
        " values ($1, $2, $3, $4, $5) on conflict (tenant_id, membership_id, kind)"
        " do update set channels = excluded.channels, changed_at = excluded.changed_at",
        new_id(), actor.membership_id, kind, _once(channels), now,
    )  # fmt: skip


async def preferences_of(connection: Any, tenant_id: UUID, member: UUID) -> dict[str, list[str]]:
    rows = await connection.fetch(
        "select kind, channels from notice_preferences where tenant_id = $1 and membership_id = $2",
        tenant_id,
        member,
    )
    return {row["kind"]: list(row["channels"]) for row in rows}


def _once(channels: Sequence[NoticeChannel]) -> list[str]:
    return [str(each) for each in NoticeChannel if each in channels]
