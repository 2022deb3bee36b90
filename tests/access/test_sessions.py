"""Login, refresh, logout, passwords: on the database, with their clocks."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any
from uuid import UUID

import pytest

from guanjia.access.sessions import Desk, change_password, logout
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

    reused = desk.refresh(tenant.id, first.refresh_token, after(61))
    assert await code_of(reused) == "REFRESH_REUSED"
    assert await code_of(desk.refresh(tenant.id, second.refresh_token, after(62))) == (
        "SESSION_EXPIRED"
    )
    with pytest.raises(Denied):
        await actor_of(made.membership_id, session_of(first), after(63))
    # A cached actor is out of date too.
    assert await epoch(database, tenant) > before


async def test_two_refreshes_at_once_give_one_pair(desk: Desk, tenant: Any, person: Any) -> None:
    made = await person("twice")
    login = await desk.login(tenant.id, "twice", made.one_time_password, NOW)
    results = await asyncio.gather(
        *(desk.refresh(tenant.id, login.refresh_token, after(1)) for _ in range(2)),
        return_exceptions=True,
    )
    refused = [result for result in results if isinstance(result, Refusal)]
    assert [r.code for r in refused] == ["REFRESH_REUSED"]


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


async def test_a_new_password_ends_the_other_sessions_and_is_none_of_the_last_five(
    desk: Desk, tenant: Any, person: Any, actor_of: Any, database: Database
) -> None:
    made = await person("changer")
    other = await desk.login(tenant.id, "changer", made.one_time_password, NOW)
    login = await desk.login(tenant.id, "changer", made.one_time_password, NOW)
    actor = await actor_of(made.membership_id, session_of(login))
    old = made.one_time_password
    assert await code_of(change_password(database, actor, "wrong", "Fresh-Word-1", NOW)) == (
        "WRONG_PASSWORD"
    )
    for n in range(5):
        new = f"Fresh-Word-{n}"
        await change_password(database, actor, old, new, NOW)
        old = new
    again = change_password(database, actor, old, "Fresh-Word-0", NOW)
    assert await code_of(again) == "PASSWORD_REUSED"
    assert not (await desk.login(tenant.id, "changer", old, NOW)).must_change_password
    late = await desk.login(tenant.id, "changer", old, NOW + dt.timedelta(days=91))
    assert late.must_change_password
    assert await epoch(database, tenant) > actor.epoch
    await actor_of(made.membership_id, session_of(login))
    with pytest.raises(Denied):
        await actor_of(made.membership_id, session_of(other))
