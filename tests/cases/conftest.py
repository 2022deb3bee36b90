"""A small town: people with roles, organisations, categories, and a clock that tests move."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID

import pytest

import guanjia.cases.schema  # noqa: F401  # makes cases known to attachments
from guanjia import settings
from guanjia.access.actor import Actor, Held
from guanjia.access.policy import Policy
from guanjia.cases import service
from guanjia.cases.models import Case
from guanjia.cases.reasons import Source
from guanjia.cases.seeding import seed_cases
from guanjia.cases.service.casefile import facts_of
from guanjia.cases.service.timeline import event_of, timeline_rows
from guanjia.db.ids import new_id
from guanjia.db.pools import Database
from guanjia.graph.errors import Denied, Refusal
from guanjia.graph.times import CHINA
from guanjia.people.vault import vault_of

LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
PERMISSIONS = {
    "submit_case": "case:report", "report_case": "case:report", "verify_case": "case:verify",
    "file_case": "case:file", "decline_case": "case:file", "link_duplicate": "case:link_duplicate",
    "dispatch_case": "case:dispatch", "rule_return": "case:dispatch", "accept_case": "case:handle",
    "assign_part": "case:dispatch", "release_part": "case:dispatch",
    "return_case": "case:handle", "start_case": "case:handle", "complete_part": "case:handle",
    "give_feedback": "case:handle", "request_suspension": "case:handle",
    "resume_case": "case:handle", "request_extension": "case:handle",
    "approve_suspension": "case:approve_suspension",
    "approve_extension": "case:approve_extension", "check_case": "case:check",
    "close_case": "case:close", "finish_evaluation": "case:close", "evaluate_case": "case:evaluate",
    "reopen_case": "case:reopen", "archive_case": "case:archive", "void_case": "case:void",
    "add_correction_note": "case:correct",
    "escalate_case": "case:escalate", "supervise_case": "case:supervise",
    "release_supervision": "case:supervise", "load_calendar_year": "calendar:manage",
}  # fmt: skip
UNVERSIONED = {"evaluate_case", "add_correction_note"}


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=CHINA)


@dataclass
class Town:
    """A tenant with people. `now` is the time at which the next step happens."""

    database: Database
    tenant: Any
    policy: Policy
    people: dict[str, Actor] = field(default_factory=dict)
    organisations: dict[str, UUID] = field(default_factory=dict)
    categories: dict[str, UUID] = field(default_factory=dict)
    now: dt.datetime = field(default_factory=lambda: at("2026-03-02 09:00"))
    _places: Iterator[int] = field(default_factory=lambda: count(1))

    def later(self, **by: float) -> None:
        self.now += dt.timedelta(**by)

    async def refused(self, code: str, step: Awaitable[Any]) -> Refusal:
        with pytest.raises(Refusal) as found:
            await step
        assert found.value.code == code, found.value.message
        return found.value

    async def denied(self, step: Awaitable[Any]) -> None:
        with pytest.raises(Denied) as found:
            await step
        assert found.value.code == "FORBIDDEN"

    @asynccontextmanager
    async def open(self) -> Any:
        async with self.database.tenant_transaction(self.tenant.id) as transaction:
            yield transaction

    async def report(self, who: str = "grid", **given: Any) -> Case:
        values = {
            "category_id": self.categories["E01-02"],
            "region_id": self.tenant.regions["north1grid"].id,
            "title": "暴露垃圾",
            "location": f"三号楼东侧{next(self._places)}号门",
            "source": Source.GRID_PATROL,
            "no_photo_reason": "夜间",
        }
        return await self._do(who, "report_case", {**values, **given})

    async def do(self, who: str, action: str, case: Case, **given: Any) -> Case:
        """The step on the case as it is now, by its use-case and in its own transaction."""
        if "version" not in given and action not in UNVERSIONED:
            given["version"] = (await self.stored(case.id))["version"]
        return await self._do(who, action, {"id": case.id, **given})

    async def _do(self, who: str, action: str, given: dict[str, Any]) -> Any:
        actor = self.people[who]
        use_case: Callable[..., Awaitable[Any]] = getattr(service, action)
        scope = actor.scope(PERMISSIONS[action])
        if action == "report_case":
            given = {"vault": vault_of(settings.load()), **given}
        async with self.open() as transaction:
            return await use_case(transaction, actor, scope, now=self.now, **given)

    async def stored(self, case_id: UUID) -> Any:
        async with self.open() as transaction:
            return await transaction.connection.fetchrow(
                "select * from cases where id = $1", case_id
            )

    async def facts(self, case: Case) -> Any:
        return facts_of(await self.stored(case.id))

    async def rows(self, case: Case) -> Any:
        async with self.open() as transaction:
            return await timeline_rows(transaction, case.id)

    async def events(self, case: Case) -> list[Any]:
        return [event_of(row) for row in await self.rows(case)]

    async def appoint(self, name: str, role: str, place: str, member_of: str | None = None) -> None:
        """Somebody more with a role at a place, known by the name from now on."""
        async with self.open() as transaction:
            self.people[name] = await _person(
                transaction, self, name, role, self.tenant.regions[place], member_of
            )

    async def dismiss(self, *names: str) -> None:
        """Their grants are revoked; whoever of them still acts, acts from before."""
        async with self.open() as transaction:
            await transaction.connection.execute(
                "update grants set revoked_at = $1 where membership_id = any($2)",
                self.now,
                [self.people[name].membership_id for name in names],
            )

    async def to_feedback(self, case: Case, lead: str = "company", **limit: Any) -> Case:
        """From REPORTED to CHECKING by the ordinary way."""
        if (await self.stored(case.id))["verify_first"]:
            await self.do("clerk", "verify_case", case)
        await self.do("clerk", "file_case", case)
        await self.do(
            "clerk", "dispatch_case", case, organisation_id=self.organisations[lead], **limit
        )
        await self.do("worker", "accept_case", case)
        await self.do("worker", "start_case", case, plan="先清理,后恢复")
        return await self.feedback(case)

    async def feedback(self, case: Case) -> Case:
        return await self.do(
            "worker", "give_feedback", case, result="已清理", no_photo_reason="无相机"
        )


@pytest.fixture
async def town(database: Database, tenant: Any, policy: Policy) -> Town:
    made = Town(database, tenant, policy)
    async with made.open() as transaction:
        await seed_cases(transaction.connection)
        rows = await transaction.connection.fetch("select code, id from case_categories")
        made.categories = {row["code"]: row["id"] for row in rows}
        for name, kind, place in (
            ("company", "PROPERTY_COMPANY", "north1"),
            ("helper", "PROPERTY_COMPANY", "north1"),
            ("committee", "COMMUNITY", "north1"),
            ("office", "STREET_OFFICE", "north"),
            ("bureau", "DEPARTMENT", "district"),
            ("builder", "EXTERNAL_PARTY", "district"),
            ("far", "PROPERTY_COMPANY", "south1"),
        ):
            region = tenant.regions[place]
            made.organisations[name] = new_id()
            await transaction.connection.execute(
                "insert into organisations (id, kind, name, region_id, region_path)"
                " values ($1, $2, $3, $4, $5)",
                made.organisations[name], kind, name, region.id, region.path,
            )  # fmt: skip
        for name, role, place, member_of in (
            ("grid", "GRID", "north1grid", None),
            ("grid_two", "GRID", "north1grid", None),
            ("resident", "RES", "north1", None),
            ("neighbour", "RES", "north1", None),
            ("clerk", "COMM", "north1", None),
            ("second_clerk", "COMM", "north1", None),
            ("stranger", "COMM", "south1", None),
            ("street", "SCMD", "north", None),
            ("street_lead", "SLEAD", "north", None),
            ("dispatcher", "DCMD", "district", None),
            ("supervisor", "DSUP", "district", None),
            ("auditor", "AUD", "district", None),
            ("system", "SYS", "district", None),
            ("worker", "PROP", "north1", "company"),
            ("assistant", "PROP", "north1", "helper"),
            ("official", "DEPT", "district", "bureau"),
            ("committee_clerk", "COMM", "north1", "committee"),
        ):
            made.people[name] = await _person(
                transaction, made, name, role, tenant.regions[place], member_of
            )
    return made


async def _person(
    transaction: Any, town: Town, name: str, role: str, region: Any, member_of: str | None
) -> Actor:
    membership = new_id()
    await transaction.connection.execute(
        "insert into memberships (id, home_tenant_id, display_name, kind, external_issuer,"
        " external_subject) values ($1, $2, $3, 'STAFF', 'test', $4)",
        membership, town.tenant.id, name, name,
    )  # fmt: skip
    held = Held(new_id(), role, region.id, region.path, LONG_AGO, None)
    await transaction.connection.execute(
        "insert into grants (id, membership_id, role, region_id, region_path, valid_from)"
        " values ($1, $2, $3, $4, $5, $6)",
        held.id, membership, role, region.id, region.path, LONG_AGO,
    )  # fmt: skip
    organisations = (town.organisations[member_of],) if member_of else ()
    return Actor(
        tenant_id=town.tenant.id, membership_id=membership, user_id=None, session_id=None,
        display_name=name, kind="STAFF", grants=(held,), organisation_ids=organisations, epoch=1,
        expires_at=dt.datetime(9999, 1, 1, tzinfo=dt.UTC), policy=town.policy,
    )  # fmt: skip
