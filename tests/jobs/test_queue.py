"""The queue of a tenant: listed once, done once, tried again, left to a person."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator
from contextvars import Context
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from tests.conftest import make_tenant

from guanjia import settings
from guanjia.db.ids import new_id
from guanjia.db.pools import Database
from guanjia.graph.errors import Refusal
from guanjia.jobs import kinds, queue
from guanjia.jobs.kinds import JobKind, Work, daily, load_kinds, register
from guanjia.jobs.queue import CLAIM, LISTED, Outcome, drain, list_due, next_at, pause, run_some
from guanjia.jobs.service import retry_job, status_of

NOON = dt.datetime(2026, 3, 2, 4, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
LEAVERS = """
select id as subject_id, split_part(external_subject, ' ', 2)::timestamptz as due_at
from memberships where tenant_id = $1 and active and external_issuer = 'leavers'
  and split_part(external_subject, ' ', 2)::timestamptz <= $2
"""


class Leavers:
    """A kind whose jobs end memberships at their hour; some of them fail on purpose."""

    def __init__(self) -> None:
        self.kind = JobKind("test.leave", "到期离开", LEAVERS, self.run, attempts=3)
        self.failing: dict[UUID, BaseException] = {}
        self.waiting = False
        self.ran: list[UUID] = []

    async def run(self, work: Work) -> bool:
        self.ran.append(work.subject_id)
        await work.transaction.connection.execute(
            "insert into idempotency_keys (membership_id, operation, key, request_hash, result_id)"
            " values ($1, 'left', $2, sha256(''), $1)", work.subject_id, str(new_id()),
        )  # fmt: skip
        if error := self.failing.get(work.subject_id):
            raise error
        if self.waiting:
            return False
        await work.transaction.connection.execute(
            "update memberships set active = false where id = $1", work.subject_id
        )
        return True


@pytest.fixture
def leavers() -> Iterator[Leavers]:
    made = Leavers()
    known = dict(kinds._KINDS)
    kinds._KINDS.clear()
    register(made.kind)
    yield made
    kinds._KINDS.clear()
    kinds._KINDS.update(known)


class Place:
    """One tenant's queue at a time that the test says."""

    def __init__(self, database: Database, tenant: Any, leavers: Leavers) -> None:
        self.database, self.tenant, self.leavers = database, tenant, leavers

    async def leaver(self, at: dt.datetime = NOON) -> UUID:
        made = new_id()
        async with self.database.tenant_transaction(self.tenant.id) as transaction:
            await transaction.connection.execute(
                "insert into memberships (id, home_tenant_id, display_name, kind, external_issuer,"
                " external_subject) values ($1, $1, '某', 'STAFF', 'leavers', $2)",
                made, f"{made} {at.isoformat()}",
            )  # fmt: skip
        return made

    async def look(self, now: dt.datetime = NOON) -> int:
        async with self.database.tenant_transaction(self.tenant.id) as transaction:
            return (await list_due(transaction, [self.leavers.kind], now, now))[0]

    async def some(self, now: dt.datetime = NOON) -> list[Outcome]:
        tried = await run_some(self.database, self.tenant.id, settings.load(), now)
        return [each.outcome for each in tried]

    async def rows(self, what: str = "state") -> list[Any]:
        async with self.database.snapshot(self.tenant.id) as connection:
            found = await connection.fetch(f"select {what} from jobs order by due_at, id")
        return [tuple(row) if len(row) > 1 else row[0] for row in found]

    async def effects(self) -> dict[UUID, int]:
        """How often each membership ended, as what was committed says."""
        async with self.database.tenant_transaction(self.tenant.id) as transaction:
            rows = await transaction.connection.fetch(
                "select membership_id, count(*) from idempotency_keys where operation = 'left'"
                " group by 1"
            )
        return {row[0]: row[1] for row in rows}


@pytest.fixture
def place(database: Database, tenant: Any, leavers: Leavers) -> Place:
    return Place(database, tenant, leavers)


async def test_what_is_due_is_listed_once_and_done_once(place: Place) -> None:
    who = [await place.leaver(NOON - MINUTE * n) for n in range(3)]
    later = await place.leaver(NOON + MINUTE)
    assert (await place.look(), await place.look()) == (3, 0)
    assert await place.some() == [Outcome.DONE] * 3
    assert await place.some() == []
    assert (await place.look(), await place.some()) == (0, [])
    assert await place.effects() == dict.fromkeys(who, 1)
    # A look that was missed is made up for.
    assert await place.look(NOON + dt.timedelta(days=3)) == 1
    assert await place.some(NOON + dt.timedelta(days=3)) == [Outcome.DONE]
    assert await place.effects() == dict.fromkeys([*who, later], 1)
    # So is a clock that went back: what was done stays done.
    assert (await place.look(NOON - MINUTE), await place.some(NOON - MINUTE)) == (0, [])


async def test_what_is_listed_ahead_starts_at_its_moment(place: Place) -> None:
    await place.leaver(NOON + MINUTE)
    async with place.database.tenant_transaction(place.tenant.id) as transaction:
        kind = place.leavers.kind
        assert await list_due(transaction, [kind], NOON + 2 * MINUTE, NOON) == (1, False)
        assert await next_at(transaction.connection, place.tenant.id) == NOON + MINUTE
    assert await place.some() == []
    assert await place.some(NOON + MINUTE) == [Outcome.DONE]


async def test_what_is_done_needs_no_mark_in_the_queue(place: Place) -> None:
    """The effect itself says that nothing is due: the record in the queue may go."""
    who = await place.leaver()
    await place.look()
    await place.some()
    async with place.database.tenant_transaction(place.tenant.id) as transaction:
        await transaction.connection.execute("delete from jobs")
    assert await place.look() == 0
    assert await place.effects() == {who: 1}


async def test_two_workers_do_each_job_once(place: Place) -> None:
    who = [await place.leaver() for _ in range(60)]
    await asyncio.gather(*(place.look() for _ in range(4)))

    async def work() -> list[Outcome]:
        found: list[Outcome] = []
        while some := await place.some():
            found += some
        return found

    outcomes = [
        each for found in await asyncio.gather(*(work() for _ in range(4))) for each in found
    ]
    assert outcomes == [Outcome.DONE] * 60
    assert await place.effects() == dict.fromkeys(who, 1)


async def test_a_job_whose_row_is_held_for_a_moment_is_not_lost(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker that looks for jobs holds the rows it finds claimed until it is done."""
    who = [await place.leaver() for _ in range(3)]
    await place.look()
    run, held = queue._run, asyncio.Event()

    async def hold() -> None:
        async with place.database.tenant_transaction(place.tenant.id) as other:
            await other.connection.fetch("select id from jobs for update")
            held.set()
            await asyncio.sleep(0.2)

    async def later(*given: Any) -> Any:
        async with asyncio.TaskGroup() as group:
            group.create_task(hold(), context=Context())  # else it is in our transaction
            await held.wait()
            return await run(*given)

    monkeypatch.setattr(queue, "_run", later)
    assert await place.some() == [Outcome.DONE] * 3
    assert await place.effects() == dict.fromkeys(who, 1)


async def test_a_failure_leaves_nothing_and_holds_up_nobody(place: Place) -> None:
    who = [await place.leaver() for _ in range(4)]
    place.leavers.failing[who[2]] = asyncpg.RaiseError("select secret from persons")
    await place.look()
    # None of the batch happened; each is tried alone then.
    assert await place.some() == [Outcome.APART] * 4
    assert await place.effects() == {}
    alone = [await place.some() for _ in range(4)]
    assert sorted(str(each) for each in alone) == sorted(
        str(each) for each in [[Outcome.DONE]] * 3 + [[Outcome.FAILED]]
    )
    assert await place.effects() == dict.fromkeys(set(who) - {who[2]}, 1)
    state, code, sentence, run_at = next(
        row for row in await place.rows("state, error_code, error_message, run_at, subject_id")
        if row[4] == who[2]
    )[:4]  # fmt: skip
    assert (state, code) == ("WAITING", "INTERNAL")
    assert "secret" not in sentence
    assert run_at == NOON + pause(2)


async def test_a_job_that_fails_again_and_again_is_left_to_a_person(place: Place) -> None:
    who = await place.leaver()
    place.leavers.failing[who] = Refusal("NOT_FOUND", "找不到该区域。")
    await place.look()
    now = NOON
    for wanted in (Outcome.FAILED, Outcome.FAILED, Outcome.DEAD):
        assert await place.some(now) == [wanted]
        assert await place.some(now) == [], "it rests"
        now += dt.timedelta(hours=1)
    assert await place.rows("state, attempts, error_code, error_message") == [
        ("DEAD", 3, "NOT_FOUND", "找不到该区域。")
    ]
    assert (await place.look(now), await place.some(now)) == (0, [])
    async with place.database.snapshot(place.tenant.id) as connection:
        status = await status_of(connection, place.tenant.id, now)
    assert (status.dead, status.ready, status.retrying, status.lag) == (1, 0, 0, 0)
    # Mended, and tried again on demand.
    place.leavers.failing.clear()
    (job,) = await place.rows("id")
    async with place.database.tenant_transaction(place.tenant.id) as transaction:
        await retry_job(transaction, None, job, now)
    assert await place.some(now) == [Outcome.DONE]
    assert await place.effects() == {who: 1}


async def test_a_job_that_takes_its_worker_down_is_found_out(place: Place) -> None:
    who, other = await place.leaver(), await place.leaver()
    place.leavers.failing[who] = SystemExit()  # as if the process went away in the middle
    await place.look()
    found = []
    for n in range(3):
        now = NOON + n * CLAIM
        with pytest.raises(SystemExit):
            await place.some(now)
        found.append(await place.some(now))
    # The first time nothing is left but to wait; then each is alone, and the innocent one happens.
    assert found == [[], [Outcome.DONE], []]
    assert await place.some(NOON + 3 * CLAIM) == [Outcome.DEAD]
    assert await place.effects() == {other: 1}
    assert ("DEAD", "WORKER_LOST") in await place.rows("state, error_code")


async def test_a_claim_that_lapsed_is_not_finished_by_the_first(place: Place) -> None:
    """Two that believe to have the job: whoever holds its row does it, the other finds it gone."""
    who = await place.leaver()
    await place.look()
    begun, go = asyncio.Event(), asyncio.Event()
    run = place.leavers.run

    async def slow(work: Work) -> bool:
        begun.set()
        await go.wait()
        return await run(work)

    kinds._KINDS["test.leave"] = replace(place.leavers.kind, run=slow)
    first = asyncio.create_task(place.some())
    await begun.wait()
    # Its claim has lapsed, its transaction has not: the row is not to be had.
    assert await place.some(NOON + 2 * CLAIM) == []
    go.set()
    assert await first == [Outcome.DONE]
    assert await place.some(NOON + 2 * CLAIM) == []
    assert await place.effects() == {who: 1}


async def test_what_cannot_happen_yet_is_looked_at_again(place: Place) -> None:
    await place.leaver()
    place.leavers.waiting = True
    await place.look()
    assert await place.some() == [Outcome.NOTHING]
    assert await place.rows() == []
    place.leavers.waiting = False
    assert await place.look() == 1
    assert await place.some() == [Outcome.DONE]


async def test_only_what_is_running_or_done_cannot_be_retried(place: Place) -> None:
    await place.leaver()
    await place.look()
    (job,) = await place.rows("id")
    await place.some()
    async with place.database.tenant_transaction(place.tenant.id) as transaction:
        with pytest.raises(Refusal, match="已完成"):
            await retry_job(transaction, None, job, NOON)
        with pytest.raises(Refusal, match="找不到"):
            await retry_job(transaction, None, new_id(), NOON)


async def test_one_tenant_knows_nothing_of_anothers_jobs(place: Place) -> None:
    await place.leaver()
    await place.look()
    (job,) = await place.rows("id")
    elsewhere = Place(place.database, await make_tenant(place.database), place.leavers)
    assert (await elsewhere.look(), await elsewhere.some(), await elsewhere.rows()) == (0, [], [])
    async with place.database.tenant_transaction(elsewhere.tenant.id) as transaction:
        with pytest.raises(Refusal, match="找不到"):
            await retry_job(transaction, None, job, NOON)
    assert await place.some() == [Outcome.DONE]


async def test_more_than_a_page_is_listed_in_the_end(place: Place) -> None:
    async with place.database.tenant_transaction(place.tenant.id) as transaction:
        await transaction.connection.execute(
            "insert into memberships (id, home_tenant_id, display_name, kind, external_issuer,"
            " external_subject) select gen_random_uuid(), $1, '某', 'STAFF', 'leavers',"
            " n || ' ' || $2 from generate_series(1, $3) n",
            place.tenant.id, NOON.isoformat(), LISTED + 5,
        )  # fmt: skip
    async with place.database.tenant_transaction(place.tenant.id) as transaction:
        kind = [place.leavers.kind]
        assert await list_due(transaction, kind, NOON, NOON) == (LISTED, True)
        assert await list_due(transaction, kind, NOON, NOON) == (5, False)


def test_pauses_grow_up_to_an_hour() -> None:
    seconds = [pause(n).total_seconds() for n in range(1, 9)]
    assert seconds == [10, 30, 90, 270, 810, 2430, 3600, 3600]


async def test_a_day_that_was_missed_is_made_up_for_once(database: Database, tenant: Any) -> None:
    async with database.snapshot(tenant.id) as connection:
        for said, wanted in (
            ("2026-03-02 02:59", "2026-03-01 03:00"),
            ("2026-03-02 03:00", "2026-03-02 03:00"),
            ("2026-03-09 23:59", "2026-03-09 03:00"),
        ):
            now = dt.datetime.fromisoformat(f"{said}+08:00")
            row = await connection.fetchrow(daily(3), tenant.id, now)
            assert row["subject_id"] == tenant.id
            assert row["due_at"] == dt.datetime.fromisoformat(f"{wanted}+08:00")


async def test_every_kind_finds_what_is_due_by_an_index(database: Database, tenant: Any) -> None:
    """With sequential scans priced out none is left: each look costs what is due, not the table."""
    found = load_kinds()
    assert len(found) >= 8
    for kind in found:
        async with database.tenant_transaction(tenant.id) as transaction:
            await transaction.connection.execute("set local enable_seqscan = off")
            lines = await transaction.connection.fetch(
                f"explain {kind.due}", tenant.id, dt.datetime.now(dt.UTC)
            )
        plan = "\n".join(line[0] for line in lines)
        assert "Seq Scan" not in plan, (kind.code, plan)


async def test_the_jobs_of_every_module_bring_about_what_they_say(
    database: Database, tenant: Any
) -> None:
    """All that is nightly runs in a tenant that has nothing, once, and leaves nothing due."""
    now = dt.datetime.now(dt.UTC)
    tried = await drain(database, tenant.id, load_kinds(), settings.load(), now)
    nightly = {
        "attachment.sweep", "indicator.reconcile", "job.sweep", "look.sweep", "notice.sweep",
        "session.sweep", "tally.fold",
    }  # fmt: skip
    assert tried == {(code, Outcome.DONE): 1 for code in nightly}
    assert await drain(database, tenant.id, load_kinds(), settings.load(), now) == {}
