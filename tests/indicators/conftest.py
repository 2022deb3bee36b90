"""A town with a month of cases, loaded by the thousand through their events."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from tests.api.conftest import Town, api, make_town, town

from guanjia.db.ids import new_id
from guanjia.graph.times import CHINA

__all__ = ["api", "make_town", "town"]
CASES = """
insert into cases (id, number, title, category_id, level, state, stage, state_since, urgent, source,
  region_id, region_path, location, search_text, reporter_id, created_at, reported_at, handler_id)
select id, $2 || '-' || n, '案件 ' || n, $3, 'COMMUNITY', 'REPORTED', 'REPORTING', $4, false,
  'COMMUNITY', $5, $6, '某处', '案件', $7, $4, $4, $8
from unnest($1::uuid[]) with ordinality c(id, n)
"""
EVENT = """
insert into case_events (id, case_id, seq, code, action, title, from_state, to_state, at,
  actor_name, actor_role, category_id, organisation_id, due_at, first_due_at, region_path,
  current_path, reporter_id, prev_hash, hash, handling_minutes)
select gen_random_uuid(), id, $2, 'T', $3, '步骤', $4, $5, $6, '某人', 'COMM', $7, $8, $9, $9, $10,
  $10, $11, decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex'), $12::int + n
from unnest($1::uuid[]) with ordinality c(id, n)
"""
AFTER = {
    "report_case": "REPORTED",
    "file_case": "FILED",
    "dispatch_case": "DISPATCHED",
    "give_feedback": "FEEDBACK",
    "send_to_check": "CHECKING",
    "fail_check": "REWORK",
    "return_case": "RETURNED",
    "close_case": "CLOSED",
    "reopen_case": "CHECKING",
    "void_case": "VOIDED",
}


@dataclass
class Ledger:
    """Writes the events of many cases at once; the rows follow as for any event."""

    town: Town
    reporter: UUID
    category: UUID
    handler: UUID

    async def report(self, count: int, region: str, at: dt.datetime) -> list[UUID]:
        """So many cases that were reported at the moment."""
        place, ids = self.town.tenant.regions[region], [new_id() for _ in range(count)]
        async with self.town.api.world.database.tenant_transaction(self.town.tenant.id) as opened:
            await opened.connection.execute(
                CASES, ids, str(new_id()), self.category, at, place.id, place.path, self.reporter,
                self.handler,
            )  # fmt: skip
        await self.step(ids, 1, "report_case", region, at)
        return ids

    async def step(
        self,
        ids: list[UUID],
        seq: int,
        action: str,
        region: str,
        at: dt.datetime,
        due: dt.datetime | None = None,
        minutes: int | None = None,
    ) -> None:
        async with self.town.api.world.database.tenant_transaction(self.town.tenant.id) as opened:
            await opened.connection.execute(
                EVENT, ids, seq, action, "REPORTED" if seq > 1 else None, AFTER[action], at,
                self.category, self.handler if action == "dispatch_case" else None, due,
                self.town.tenant.regions[region].path, self.reporter, minutes,
            )  # fmt: skip


@pytest.fixture
async def ledger(town: Town) -> Ledger:
    clerk = await town.person("COMM", "north1")
    assert clerk.membership is not None
    async with town.api.world.database.tenant_transaction(town.tenant.id) as opened:
        category = await opened.connection.fetchval("select id from case_categories limit 1")
    handler = await town.organisation("甲物业", "PROPERTY_COMPANY", "north1")
    return Ledger(town, clerk.membership, category, handler)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=CHINA)


async def month(ledger: Any) -> dict[str, list[Any]]:
    """December 2016 with the numbers of 天门: 1,054 reported, 996 filed, 972 due, 911 closed, 737
    of them on time. Those on time lie in the north, the others in the south."""
    reported, due = at("2016-12-02"), at("2016-12-20")
    groups = {
        "unfiled": (58, "north1"), "waiting": (24, "north1"), "prompt": (737, "north1"),
        "late": (174, "south1"), "open": (61, "south1"),
    }  # fmt: skip
    made = {}
    for name, (count, region) in groups.items():
        ids = made[name] = await ledger.report(count, region, reported)
        if name == "unfiled":
            continue
        await ledger.step(ids, 2, "file_case", region, at("2016-12-03"))
        if name == "waiting":
            continue
        await ledger.step(ids, 3, "dispatch_case", region, at("2016-12-04"), due)
        if name == "prompt":
            await ledger.step(ids, 4, "close_case", region, due, due)
        elif name == "late":
            await ledger.step(ids, 4, "close_case", region, at("2016-12-30"), due)
    return made
