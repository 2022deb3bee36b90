"""Looking at a protected value in full: counted, limited, recorded."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from guanjia.access.actor import Actor
from guanjia.audit.service import record
from guanjia.db.pools import Transaction
from guanjia.db.scope import Scope
from guanjia.graph.errors import BAD_USER_INPUT, LIMIT_EXCEEDED, Refusal
from guanjia.graph.texts import line
from guanjia.people.service.opening import Opened, open_person
from guanjia.people.vault import Vault

NOTE_LENGTH = 200
SHORTEST_NOTE = 4
_WINDOW = dt.timedelta(hours=1)
_NUMBER = re.compile(r"[0-9\uff10-\uff19]{6,}")
_LOCK = "select pg_advisory_xact_lock(hashtextextended($1, 17))"
_LOOKS = (
    "select coalesce(sum(looks), 0) from person_looks"
    " where tenant_id = $1 and membership_id = $2 and minute > $3"
)
_COUNT = (
    "insert into person_looks (membership_id, minute, looks) values ($1, $2, 1)"
    " on conflict (tenant_id, membership_id, minute)"
    " do update set looks = person_looks.looks + 1"
)
_ITEMS = {
    "DOCUMENTS": ("person_documents", "kind <> 'DISABILITY_CARD'", "recorded_at, id"),
    "DISABILITY_CARD": ("person_documents", "kind = 'DISABILITY_CARD'", "recorded_at, id"),
    "PHONES": ("person_phones", "true", "position, id"),
}


class PersonField(StrEnum):
    """证件、电话、住址、出生日期、残疾人证"""

    DOCUMENTS = "DOCUMENTS"
    PHONES = "PHONES"
    ADDRESS = "ADDRESS"
    BIRTH_DATE = "BIRTH_DATE"
    DISABILITY_CARD = "DISABILITY_CARD"


SENSITIVE = frozenset({PersonField.DISABILITY_CARD})
"""Fields of class S3."""


class RevealPurpose(StrEnum):
    """核对身份、联系本人、入户走访、办理业务、更正信息、紧急情况、本人查阅"""

    VERIFY_IDENTITY = "VERIFY_IDENTITY"
    CONTACT = "CONTACT"
    HOME_VISIT = "HOME_VISIT"
    SERVICE = "SERVICE"
    CORRECTION = "CORRECTION"
    EMERGENCY = "EMERGENCY"
    OWN_DATA = "OWN_DATA"


@dataclass(frozen=True, slots=True)
class Revealed:
    """One value in clear; `id` is its document or phone."""

    value: str
    kind: str | None = None
    id: UUID | None = None


class TooManyLooks(Refusal):
    """The actor has looked at as many values within the hour as anybody may."""

    def __init__(self, limit: int) -> None:
        sentence = f"一小时内最多查看 {limit} 次受保护信息,请稍后再试。"
        super().__init__(LIMIT_EXCEEDED, sentence)


async def reveal_field(
    transaction: Transaction,
    vault: Vault,
    actor: Actor,
    scope: Scope,
    *,
    person_id: UUID,
    field: PersonField,
    purpose: RevealPurpose,
    note: str,
    limit: int,
    now: dt.datetime,
) -> list[Revealed]:
    """The field's values in clear, with an audit row that says who looked, at what and why, and
    never what was seen. TooManyLooks beyond `limit` within an hour."""
    said = checked_note(note)
    opened = await open_person(transaction, vault, scope, person_id, None, "personId")
    await record_look(
        transaction,
        actor,
        action="person.reveal",
        permission=scope.permission,
        object_type="Person",
        object_id=person_id,
        region_path=opened.row["region_path"],
        detail={"field": field, "purpose": purpose, "note": said},
        limit=limit,
        now=now,
    )
    return await _values(transaction, opened, field)


async def record_look(
    transaction: Transaction,
    actor: Actor,
    *,
    action: str,
    permission: str,
    object_type: str,
    object_id: UUID,
    region_path: str,
    detail: Mapping[str, object],
    limit: int,
    now: dt.datetime,
) -> None:
    """A look at protected values of any object is counted and on record; TooManyLooks beyond
    `limit` within an hour."""
    await count_look(transaction, actor, limit, now)
    await record(
        transaction,
        actor=actor,
        action=action,
        permission=permission,
        object_type=object_type,
        object_id=object_id,
        region_path=region_path,
        result="READ",
        detail=detail,
    )


async def count_look(transaction: Transaction, actor: Actor, limit: int, now: dt.datetime) -> None:
    """One more look of this actor is on record; TooManyLooks when the hour is full."""
    me = actor.membership_id
    await transaction.connection.execute(_LOCK, f"{transaction.tenant_id}:{me}")
    looks = await transaction.connection.fetchval(_LOOKS, transaction.tenant_id, me, now - _WINDOW)
    if looks >= limit:
        raise TooManyLooks(limit)
    await transaction.connection.execute(_COUNT, me, now.replace(second=0, microsecond=0))


async def _values(transaction: Transaction, opened: Opened, field: PersonField) -> list[Revealed]:
    if field in (PersonField.ADDRESS, PersonField.BIRTH_DATE):
        column = "address_cipher" if field is PersonField.ADDRESS else "birth_cipher"
        value = opened.value(column)
        return [Revealed(value)] if value else []
    table, condition, order = _ITEMS[field]
    rows = await transaction.connection.fetch(
        f"select id, kind, cipher from {table} where tenant_id = $1 and person_id = $2"
        f" and {condition} order by {order}",
        transaction.tenant_id,
        opened.id,
    )
    return [
        Revealed(opened.key.open(row["cipher"], table, "cipher", row["id"]), row["kind"], row["id"])
        for row in rows
    ]


def checked_note(given: str, field: str = "note") -> str:
    """What somebody looks for, in words and without a number; a Refusal that names the field."""
    note = line(given, "用途说明", field, NOTE_LENGTH)
    if len(note) < SHORTEST_NOTE:
        raise Refusal(BAD_USER_INPUT, f"请用 {SHORTEST_NOTE} 个字以上说明用途。", (field,))
    if _NUMBER.search(note):
        raise Refusal(BAD_USER_INPUT, "用途说明中不要填写证件号码或电话。", (field,))
    return note
