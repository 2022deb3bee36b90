"""Login, refresh, logout, passwords: on the database, with their clocks."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from typing import Any
from uuid import UUID

import pytest

from guanjia import settings
from guanjia.access import passwords
from guanjia.access.desk import Desk
from guanjia.access.models import MemberKind
from guanjia.access.sessions import logout
from guanjia.db.ids import new_id
from guanjia.db.pools import Database
from guanjia.graph.errors import Denied, Refusal

NOW = dt.datetime(2026, 11, 24, 2, 0, tzinfo=dt.UTC)


def after(seconds: float) -> dt.datetime:
    return NOW + dt.timedelta(seconds=seconds)


async def epoch(database: Database, tenant: Any) -> int:
    async with database.snapshot(tenant.id) as connection:
        found: int = await connection.fetchval(
            "select epoch from access_epochs where tenant_id = $1", tenant.id
        )
        return found


def session_of(login: Any) -> UUID:
    return UUID(login.refresh_token.split(".")[0])


async def code_of(attempt: Any) -> str:
    with pytest.raises(Refusal) as refused:
        await attempt
    return refused.value.code


async def test_five_failures_lock_for_fifteen_minutes_exactly(
    desk: Desk, tenant: Any, person: Any
) -> None:
    made = await person("locked")
    for _ in range(5):
        assert await code_of(desk.login(tenant.id, "locked", "wrong", NOW)) == "LOGIN_FAILED"
    right = made.one_time_password
    assert await code_of(desk.login(tenant.id, "locked", right, NOW)) == "LOGIN_LOCKED"
    assert await code_of(desk.login(tenant.id, "locked", right, after(899))) == "LOGIN_LOCKED"
    assert (await desk.login(tenant.id, "locked", right, after(900))).must_change_password


async def test_after_a_lock_five_guesses_are_free_again(
    desk: Desk, tenant: Any, person: Any
) -> None:
    made = await person("again")
    for _ in range(5):
        await code_of(desk.login(tenant.id, "again", "wrong", NOW))
    for _ in range(4):
        assert await code_of(desk.login(tenant.id, "again", "wrong", after(900))) == "LOGIN_FAILED"
    await desk.login(tenant.id, "again", made.one_time_password, after(901))


async def test_guesses_at_the_same_moment_are_counted_one_by_one(
    desk: Desk, tenant: Any, person: Any
) -> None:
    await person("guessed")
    codes = await asyncio.gather(
        *(code_of(desk.login(tenant.id, "guessed", f"wrong{n}", NOW)) for n in range(8))
    )
    assert sorted(codes) == ["LOGIN_FAILED"] * 5 + ["LOGIN_LOCKED"] * 3


async def test_a_name_that_nobody_has_is_locked_like_any_other(
    desk: Desk, tenant: Any, person: Any, database: Database
) -> None:
    """The same answers, audit rows and statements: only the account's id tells them apart."""
    await person("somebody")
    answers = {}
    for name in ("somebody", "nobody"):
        answers[name] = [
            await code_of(desk.login(tenant.id, name, "Some-Password1", after(n))) for n in range(7)
        ] + [await code_of(desk.login(tenant.id, name, "Some-Password1", after(905)))]
    expected = ["LOGIN_FAILED"] * 5 + ["LOGIN_LOCKED"] * 2 + ["LOGIN_FAILED"]
    assert answers == {"somebody": expected, "nobody": expected}
    async with database.snapshot(tenant.id) as connection:
        rows = await connection.fetch(
            "select object_id is null as nobody, action, count(*) from audit_records"
            " where tenant_id = $1 and action like 'login.%' group by 1, 2 order by 1, 2",
            tenant.id,
        )
    assert [tuple(row) for row in rows] == [
        (False, "login.failed", 5), (False, "login.locked", 1),
        (True, "login.failed", 5), (True, "login.locked", 1),
    ]  # fmt: skip


async def test_as_many_hashes_are_made_for_nobody_as_for_somebody(
    desk: Desk, tenant: Any, person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await person("hashed")
    made: list[str] = []
    verify = passwords._verify

    def counted(stored: str, password: str) -> bool:
        made.append(stored.split("$")[1])
        return verify(stored, password)

    monkeypatch.setattr(passwords, "_verify", counted)
    for name in ("hashed", "nobody", "x@nowhere", "a\0b"):
        made.clear()
        assert await code_of(desk.login(tenant.id, name, "Wrong-Word-1", NOW)) == "LOGIN_FAILED"
        assert made == ["argon2id"], name


async def test_invented_names_leave_no_rows_behind(
    desk: Desk, tenant: Any, database: Database
) -> None:
    for n in range(3):
        await code_of(desk.login(tenant.id, f"invented{n}", "Wrong-Word-1", NOW))
    later = NOW + dt.timedelta(days=1, seconds=1)
    await code_of(desk.login(tenant.id, "another", "Wrong-Word-1", later))
    nowhere = new_id()
    await code_of(desk.login(nowhere, "invented", "Wrong-Word-1", NOW))
    async with database.snapshot(tenant.id) as connection:
        rows = "select count(*) from login_failures where tenant_id = $1"
        assert await connection.fetchval(rows, tenant.id) == 1
    async with database.snapshot(nowhere) as connection:
        assert await connection.fetchval(rows, nowhere) == 0


async def test_hashing_holds_up_nobody_else(
    desk: Desk, tenant: Any, person: Any, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While twenty passwords are being hashed, others read and write as if nothing were."""
    await person("slow")
    done = threading.Event()

    def slow(stored: str, password: str) -> bool:
        done.wait(20)
        return False

    monkeypatch.setattr(passwords, "_verify", slow)
    guesses = [
        asyncio.create_task(desk.login(tenant.id, f"slow{n}", "Wrong-Word-1", NOW))
        for n in range(20)
    ]
    try:
        async with asyncio.timeout(5):
            while passwords._waiting < 20:  # noqa: ASYNC110  # nothing tells of it
                await asyncio.sleep(0.01)
            for _ in range(20):
                async with database.tenant_transaction(tenant.id) as transaction:
                    await transaction.connection.execute("select 1")
    finally:
        done.set()
        results = await asyncio.gather(*guesses, return_exceptions=True)
    assert {result.code for result in results if isinstance(result, Refusal)} == {"LOGIN_FAILED"}


async def test_when_too_many_wait_the_next_is_asked_to_come_again(
    desk: Desk, tenant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_waiting", passwords.MAX_WAITING)
    with pytest.raises(Denied) as denied:
        await desk.login(tenant.id, "anyone", "Some-Password1", NOW)
    assert denied.value.code == "LIMIT_EXCEEDED"


@pytest.mark.parametrize("name", ["nobody", "a\0b", "\ud800", "x@nowhere", "@", "", "x" * 10_000])
async def test_an_unknown_name_fails_as_a_wrong_password_does(
    desk: Desk, tenant: Any, name: str
) -> None:
    assert await code_of(desk.login(tenant.id, name, "Some-Password1", NOW)) == "LOGIN_FAILED"


async def test_a_guest_needs_a_membership(
    desk: Desk, tenant: Any, person: Any, database: Database, other_tenant: Any
) -> None:
    made = await person("guest")
    name, password = f"guest@{tenant.slug}", made.one_time_password
    assert await code_of(desk.login(other_tenant.id, name, password, NOW)) == "LOGIN_FAILED"
    async with database.tenant_transaction(tenant.id) as transaction:
        user = await transaction.connection.fetchval(
            "select user_id from memberships where id = $1", made.membership_id
        )
    async with database.tenant_transaction(other_tenant.id) as transaction:
        await transaction.connection.execute(
            "insert into memberships (id, home_tenant_id, user_id, display_name, kind)"
            " values ($1, $2, $3, '客座', 'STAFF')",
            made.membership_id, tenant.id, user,
        )  # fmt: skip
    assert (await desk.login(other_tenant.id, name, password, NOW)).access_token


async def test_a_refresh_token_works_once_and_its_copy_ends_the_session(
    desk: Desk, tenant: Any, person: Any, actor_of: Any, database: Database
) -> None:
    made = await person("copied")
    first = await desk.login(tenant.id, "copied", made.one_time_password, NOW)
    second = await desk.refresh(tenant.id, first.refresh_token, after(60))
    await actor_of(made.membership_id, session_of(first))
    before = await epoch(database, tenant)

    reused = desk.refresh(tenant.id, first.refresh_token, after(90))
    assert await code_of(reused) == "REFRESH_REUSED"
    assert await code_of(desk.refresh(tenant.id, second.refresh_token, after(91))) == (
        "SESSION_EXPIRED"
    )
    with pytest.raises(Denied):
        await actor_of(made.membership_id, session_of(first), after(92))
    # A cached actor is out of date too.
    assert await epoch(database, tenant) > before


async def test_refreshes_at_once_and_a_retry_soon_after_give_the_same_next_token(
    desk: Desk, tenant: Any, person: Any
) -> None:
    """A phone in a lift asks again when the answer was lost: it stays logged in."""
    made = await person("twice")
    login = await desk.login(tenant.id, "twice", made.one_time_password, NOW)
    results = await asyncio.gather(
        *(desk.refresh(tenant.id, login.refresh_token, after(1)) for _ in range(6))
    )
    results.append(await desk.refresh(tenant.id, login.refresh_token, after(30)))
    successor = {result.refresh_token for result in results}
    assert len(successor) == 1
    assert successor != {login.refresh_token}
    assert (await desk.refresh(tenant.id, successor.pop(), after(31))).access_token


@pytest.mark.parametrize(("used", "seconds"), [("predecessor", 31), ("older", 2)])
async def test_beyond_the_grace_a_used_token_ends_the_session(
    desk: Desk, tenant: Any, person: Any, used: str, seconds: int
) -> None:
    made = await person("stolen")
    first = await desk.login(tenant.id, "stolen", made.one_time_password, NOW)
    latest = await desk.refresh(tenant.id, first.refresh_token, after(1))
    if used == "older":
        latest = await desk.refresh(tenant.id, latest.refresh_token, after(1))
    reused = desk.refresh(tenant.id, first.refresh_token, after(seconds))
    assert await code_of(reused) == "REFRESH_REUSED"
    ended = desk.refresh(tenant.id, latest.refresh_token, after(seconds))
    assert await code_of(ended) == "SESSION_EXPIRED"


async def test_a_thief_within_the_grace_is_found_out_at_the_next_refresh(
    desk: Desk, tenant: Any, person: Any
) -> None:
    made = await person("robbed")
    login = await desk.login(tenant.id, "robbed", made.one_time_password, NOW)
    owner = await desk.refresh(tenant.id, login.refresh_token, after(1))
    thief = await desk.refresh(tenant.id, login.refresh_token, after(2))
    await desk.refresh(tenant.id, owner.refresh_token, after(300))
    late = desk.refresh(tenant.id, thief.refresh_token, after(600))
    assert await code_of(late) == "REFRESH_REUSED"


async def test_without_a_grace_every_second_use_ends_the_session(
    desk: Desk, tenant: Any, person: Any
) -> None:
    strict = settings.load().model_copy(update={"refresh_grace_seconds": 0})
    desk = Desk(desk.database, strict, desk.tokens, desk.policy)
    made = await person("strict")
    login = await desk.login(tenant.id, "strict", made.one_time_password, NOW)
    await desk.refresh(tenant.id, login.refresh_token, after(1))
    assert await code_of(desk.refresh(tenant.id, login.refresh_token, after(1))) == (
        "REFRESH_REUSED"
    )


async def test_a_session_ends_idle_after_15_minutes_and_always_after_8_hours(
    desk: Desk, tenant: Any, person: Any, actor_of: Any
) -> None:
    made = await person("idle")
    login = await desk.login(tenant.id, "idle", made.one_time_password, NOW)
    assert await code_of(desk.refresh(tenant.id, login.refresh_token, after(901))) == (
        "SESSION_EXPIRED"
    )
    token, moment = login.refresh_token, 0
    while moment + 900 < 28_800:
        moment += 900
        token = (await desk.refresh(tenant.id, token, after(moment))).refresh_token
    assert await code_of(desk.refresh(tenant.id, token, after(28_800))) == "SESSION_EXPIRED"
    actor = await actor_of(made.membership_id, session_of(login), after(28_799))
    assert actor.expires_at == after(28_800)
    with pytest.raises(Denied):
        await actor_of(made.membership_id, session_of(login), after(28_800))


@pytest.mark.parametrize("token", ["", ".", "x.y", "\0", "0" * 10_000, "\ud800"])
async def test_a_refresh_token_that_is_none_is_refused(desk: Desk, tenant: Any, token: str) -> None:
    assert await code_of(desk.refresh(tenant.id, token, NOW)) == "SESSION_EXPIRED"


@pytest.mark.parametrize("secret", ["", "x", "中", "\ud800", "\0", "x" * 10_000])
async def test_a_made_up_secret_ends_nobodys_session(
    desk: Desk, tenant: Any, person: Any, secret: str
) -> None:
    made = await person("steady")
    login = await desk.login(tenant.id, "steady", made.one_time_password, NOW)
    made_up = f"{session_of(login)}.{secret}"
    assert await code_of(desk.refresh(tenant.id, made_up, after(1))) == "SESSION_EXPIRED"
    assert (await desk.refresh(tenant.id, login.refresh_token, after(1))).access_token


async def test_after_logout_the_session_and_every_cached_actor_are_over(
    desk: Desk, tenant: Any, person: Any, actor_of: Any, database: Database
) -> None:
    made = await person("leaver")
    login = await desk.login(tenant.id, "leaver", made.one_time_password, NOW)
    actor = await actor_of(made.membership_id, session_of(login))
    await logout(database, actor, after(5))
    assert await epoch(database, tenant) > actor.epoch
    with pytest.raises(Denied):
        await actor_of(made.membership_id, session_of(login), after(6))
    assert await code_of(desk.refresh(tenant.id, login.refresh_token, after(7))) == (
        "SESSION_EXPIRED"
    )


async def test_a_resident_stays_longer_and_a_role_of_staff_ends_that(
    desk: Desk, tenant: Any, person: Any, database: Database
) -> None:
    week = 7 * 86_400
    made = await person("resident", ("RES", "north1"), kind=MemberKind.RESIDENT)
    login = await desk.login(tenant.id, "resident", made.one_time_password, NOW)
    assert login.session_expires_at == NOW + dt.timedelta(days=30)
    login = await desk.refresh(tenant.id, login.refresh_token, after(week))
    assert await code_of(desk.refresh(tenant.id, login.refresh_token, after(2 * week + 1))) == (
        "SESSION_EXPIRED"
    )
    # A volunteer who becomes a grid worker is staff at the next refresh.
    fresh = await desk.login(tenant.id, "resident", made.one_time_password, NOW)
    region = tenant.regions["north1grid"]
    async with database.tenant_transaction(tenant.id) as transaction:
        await transaction.connection.execute(
            "insert into grants (id, membership_id, role, region_id, region_path, valid_from)"
            " values ($1, $2, 'GRID', $3, $4, $5)",
            new_id(), made.membership_id, region.id, region.path, NOW,
        )  # fmt: skip
    assert await code_of(desk.refresh(tenant.id, fresh.refresh_token, after(901))) == (
        "SESSION_EXPIRED"
    )
    next_one = await desk.refresh(tenant.id, fresh.refresh_token, after(900))
    assert next_one.session_expires_at == after(28_800)


async def test_a_guests_session_ends_when_the_account_is_locked_at_home(
    desk: Desk, tenant: Any, person: Any, database: Database, other_tenant: Any
) -> None:
    made = await person("guest")
    async with database.tenant_transaction(tenant.id) as transaction:
        user = await transaction.connection.fetchval(
            "update users set password_changed_at = $1, must_change_password = false"
            " where login_name = 'guest' returning id",
            NOW,
        )
    async with database.tenant_transaction(other_tenant.id) as transaction:
        await transaction.connection.execute(
            "insert into memberships (id, home_tenant_id, user_id, display_name, kind)"
            " values ($1, $2, $3, '客座', 'STAFF')",
            new_id(), tenant.id, user,
        )  # fmt: skip
    name = f"guest@{tenant.slug}"
    login = await desk.login(other_tenant.id, name, made.one_time_password, after(1))
    login = await desk.refresh(other_tenant.id, login.refresh_token, after(2))
    async with database.tenant_transaction(tenant.id) as transaction:
        await transaction.connection.execute(
            "update users set disabled_at = $2 where id = $1", user, after(3)
        )
    assert await code_of(desk.refresh(other_tenant.id, login.refresh_token, after(4))) == (
        "SESSION_EXPIRED"
    )
