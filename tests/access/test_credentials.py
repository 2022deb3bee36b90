"""Changing, resetting and locking: what holds of password, sessions and guesses after it."""

from __future__ import annotations

import asyncio
import datetime as dt
from contextvars import Context
from typing import Any

import pytest
from tests.access.test_sessions import NOW, after, code_of, epoch, session_of

from guanjia import settings
from guanjia.access import credentials
from guanjia.access.credentials import Change
from guanjia.access.desk import Desk
from guanjia.db.pools import Database
from guanjia.graph.errors import Denied, Refusal


async def change(database: Database, actor: Any, old: str, new: str) -> None:
    await credentials.change_password(database, settings.load(), actor, Change(old, new, NOW))


async def test_a_new_password_ends_the_other_sessions_and_is_none_of_the_last_five(
    desk: Desk, tenant: Any, person: Any, actor_of: Any, database: Database
) -> None:
    made = await person("changer")
    other = await desk.login(tenant.id, "changer", made.one_time_password, NOW)
    login = await desk.login(tenant.id, "changer", made.one_time_password, NOW)
    actor = await actor_of(made.membership_id, session_of(login))
    old = made.one_time_password
    assert await code_of(change(database, actor, "wrong", "Fresh-Word-1")) == "WRONG_PASSWORD"
    for n in range(5):
        await change(database, actor, old, f"Fresh-Word-{n}")
        old = f"Fresh-Word-{n}"
    assert await code_of(change(database, actor, old, "Fresh-Word-0")) == "PASSWORD_REUSED"
    assert await epoch(database, tenant) > actor.epoch
    await actor_of(made.membership_id, session_of(login))
    with pytest.raises(Denied):
        await actor_of(made.membership_id, session_of(other))


async def test_the_duty_to_change_holds_to_the_second(
    desk: Desk, tenant: Any, person: Any, actor_of: Any, database: Database
) -> None:
    made = await person("aged", ("COMM", "north1"))
    login = await desk.login(tenant.id, "aged", made.one_time_password, NOW)
    actor = await actor_of(made.membership_id, session_of(login))
    assert login.must_change_password
    assert actor.must_change_password
    assert actor.permissions() == frozenset()
    assert not actor.scope("case:read")
    await change(database, actor, made.one_time_password, "Fresh-Word-1")
    actor = await actor_of(made.membership_id, session_of(login))
    assert actor.scope("case:read")

    eve = NOW + dt.timedelta(days=90) - dt.timedelta(seconds=60)
    late = await desk.login(tenant.id, "aged", "Fresh-Word-1", eve)
    assert not late.must_change_password
    actor = await actor_of(made.membership_id, session_of(late), eve)
    # The cached actor is let go at that moment.
    assert actor.expires_at == NOW + dt.timedelta(days=90)
    actor = await actor_of(made.membership_id, session_of(late), actor.expires_at)
    assert actor.must_change_password
    over = eve + dt.timedelta(seconds=61)
    assert (await desk.refresh(tenant.id, late.refresh_token, over)).must_change_password


async def test_wrong_old_passwords_lock_the_account_like_wrong_logins(
    desk: Desk, tenant: Any, person: Any, actor_of: Any, database: Database
) -> None:
    made = await person("guessing")
    login = await desk.login(tenant.id, "guessing", made.one_time_password, NOW)
    actor = await actor_of(made.membership_id, session_of(login))
    await code_of(desk.login(tenant.id, "guessing", "wrong", NOW))
    codes = await asyncio.gather(
        *(code_of(change(database, actor, f"wrong{n}", "Fresh-Word-1")) for n in range(6))
    )
    assert sorted(codes) == ["LOGIN_LOCKED"] * 2 + ["WRONG_PASSWORD"] * 4
    right = made.one_time_password
    assert await code_of(change(database, actor, right, "Fresh-Word-1")) == "LOGIN_LOCKED"
    assert await code_of(desk.login(tenant.id, "guessing", right, NOW)) == "LOGIN_LOCKED"
    async with database.snapshot(tenant.id) as connection:
        row = await connection.fetchrow(
            "select actor_id, session_id, result from audit_records where tenant_id = $1"
            " and action = 'login.locked'",
            tenant.id,
        )
    assert tuple(row) == (made.membership_id, session_of(login), "DENIED")


async def test_of_two_changes_at_once_one_holds(
    desk: Desk, tenant: Any, person: Any, actor_of: Any, database: Database
) -> None:
    made = await person("racing")
    login = await desk.login(tenant.id, "racing", made.one_time_password, NOW)
    actor = await actor_of(made.membership_id, session_of(login))
    words = ["Fresh-Word-1", "Fresh-Word-2"]
    results = await asyncio.gather(
        *(change(database, actor, made.one_time_password, word) for word in words),
        return_exceptions=True,
    )
    refused = [result.code for result in results if isinstance(result, Refusal)]
    assert refused == ["WRONG_PASSWORD"]
    holds = words[results.index(None)]
    assert (await desk.login(tenant.id, "racing", holds, NOW)).access_token


async def test_a_lock_that_overtakes_a_login_leaves_no_session(
    desk: Desk, tenant: Any, person: Any, actor_of: Any, database: Database
) -> None:
    """The password was right before the lock; the session would come after it."""
    made, boss = await person("locking"), await person("boss", ("SYS", "district"))
    actor = await actor_of(boss.membership_id)
    async with database.tenant_transaction(tenant.id) as transaction:
        await credentials.lock_user(
            transaction, actor, membership_id=made.membership_id, reason=None, now=NOW
        )
        login = asyncio.create_task(
            desk.login(tenant.id, "locking", made.one_time_password, NOW), context=Context()
        )
        await asyncio.wait({login}, timeout=0.5)
        assert not login.done()
    assert await code_of(login) == "ACCOUNT_LOCKED"
    async with database.snapshot(tenant.id) as connection:
        assert not await connection.fetchval(
            "select count(*) from sessions where tenant_id = $1 and revoked_at is null", tenant.id
        )


async def test_only_who_knows_the_password_hears_of_an_administrators_lock(
    desk: Desk, tenant: Any, person: Any, actor_of: Any, database: Database
) -> None:
    made, boss = await person("told"), await person("boss2", ("SYS", "district"))
    async with database.tenant_transaction(tenant.id) as transaction:
        await credentials.lock_user(
            transaction, await actor_of(boss.membership_id),
            membership_id=made.membership_id, reason="离岗", now=NOW,
        )  # fmt: skip
    assert await code_of(desk.login(tenant.id, "told", "Wrong-Word-1", NOW)) == "LOGIN_FAILED"
    assert await code_of(desk.login(tenant.id, "told", made.one_time_password, after(1))) == (
        "ACCOUNT_LOCKED"
    )
    with pytest.raises(Refusal):
        await desk.open_locally(tenant.id, "told", after(2))
    async with database.tenant_transaction(tenant.id) as transaction:
        password = await credentials.reset_locally(transaction, "told", after(3))
    assert (await desk.login(tenant.id, "told", password, after(4))).must_change_password
    async with database.tenant_transaction(tenant.id) as transaction:
        with pytest.raises(Refusal):
            await credentials.reset_locally(transaction, "nobody", NOW)
