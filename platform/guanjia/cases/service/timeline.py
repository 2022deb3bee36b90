"""Writing and reading a case's timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any
from uuid import UUID

from guanjia.cases.chain import GENESIS, event_hash
from guanjia.cases.facts import Event, Payload
from guanjia.cases.reasons import Level
from guanjia.cases.states import State
from guanjia.db.ids import new_id
from guanjia.db.pools import Transaction
from guanjia.surveys.models import Satisfaction

_PAYLOAD = tuple(f.name for f in fields(Payload))
_EVENT = tuple(f.name for f in fields(Event) if f.name != "payload")
_COLUMNS = (
    "id", "case_id", "region_path", "current_path", "reporter_id", "seq", "title", "actor_name",
    "actor_role",
    *_EVENT, *_PAYLOAD, "prev_hash", "hash",
)  # fmt: skip
_INSERT = (
    f"insert into case_events ({', '.join(_COLUMNS)})"
    f" values ({', '.join(f'${n}' for n in range(1, len(_COLUMNS) + 1))})"
)


async def append_event(
    transaction: Transaction,
    case: Mapping[str, Any],
    event: Event,
    *,
    title: str,
    actor_name: str,
    actor_role: str,
) -> UUID:
    """The event is the last of the case's timeline; its id. The case is locked by the caller."""
    last = await transaction.connection.fetchrow(
        "select seq, hash from case_events where tenant_id = $1 and case_id = $2"
        " order by seq desc limit 1",
        transaction.tenant_id,
        case["id"],
    )
    previous = bytes(last["hash"]) if last else GENESIS
    event_id = new_id()
    values: dict[str, Any] = {
        "id": event_id,
        "case_id": case["id"],
        "region_path": case["region_path"],
        "current_path": case["region_path"],
        "reporter_id": case["reporter_id"],
        "seq": last["seq"] + 1 if last else 1,
        "title": title,
        "actor_name": actor_name,
        "actor_role": actor_role,
        **{name: getattr(event, name) for name in _EVENT},
        **asdict(event.payload),
        "prev_hash": previous,
    }
    values["hash"] = event_hash(previous, values)
    await transaction.connection.execute(_INSERT, *(values[name] for name in _COLUMNS))
    return event_id


async def timeline_rows(transaction: Transaction, case_id: UUID) -> Sequence[Mapping[str, Any]]:
    """All events of a case in order; the caller has reached the case through its scope."""
    rows = await transaction.connection.fetch(
        "select * from case_events where tenant_id = $1 and case_id = $2 order by seq",
        transaction.tenant_id,
        case_id,
    )
    return [dict(row) for row in rows]


def event_of(row: Mapping[str, Any]) -> Event:
    """An event as a value, to be replayed."""
    said = {name: row[name] for name in _PAYLOAD}
    said["assistant_ids"] = tuple(said["assistant_ids"])
    if said["not_duplicate_of"] is not None:
        said["not_duplicate_of"] = tuple(said["not_duplicate_of"])
    said["level"] = Level(said["level"]) if said["level"] else None
    said["choice"] = Satisfaction(said["choice"]) if said["choice"] else None
    values = {name: row[name] for name in _EVENT}
    values["from_state"] = State(values["from_state"]) if values["from_state"] else None
    values["to_state"] = State(values["to_state"])
    return Event(**values, payload=Payload(**said))
