"""`notificationReceived` over a real WebSocket: each hears of their own, and of what was missed."""

from __future__ import annotations

import datetime as dt
from contextlib import AsyncExitStack
from typing import Any

from tests.api.test_subscriptions import joined, listeners, serving, until

from guanjia.db.ids import new_id
from guanjia.notifications.notices import RECEIVED, NoticeKind, register, tell

HELLO = NoticeKind("test.hello", "测试问候", "您好,{name}。", facts=("name",))
RECEIVING = "subscription { notificationReceived { body unread } }"


async def told(town: Any, person: Any, name: str) -> None:
    async with town.api.world.database.tenant_transaction(town.tenant.id) as transaction:
        await tell(
            transaction, HELLO.code, recipients=[person.membership], facts={"name": name},
            key=name, now=dt.datetime.now(dt.UTC),
        )  # fmt: skip


async def test_each_hears_of_their_own_notices(town: Any, admin: Any) -> None:
    register(HELLO)
    one, other = await town.person("COMM", "north1"), await town.person("COMM", "north1")
    nobody = await town.person(None)
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(serving(town.api))
        hears = await stack.enter_async_context(joined(address, one))
        elsewhere = await stack.enter_async_context(joined(address, other))
        refused = await stack.enter_async_context(joined(address, nobody))
        for socket in (hears, elsewhere):
            await socket.ask(RECEIVING)
        await until(lambda: listeners(town.api) == 2)
        await refused.ask(RECEIVING)
        assert (await refused.next())["payload"][0]["extensions"]["code"] == "FORBIDDEN"

        async def body() -> str:
            message = await hears.next()
            said: dict[str, Any] = message["payload"]["data"]["notificationReceived"]
            assert said["unread"]
            return str(said["body"])

        await told(town, one, "甲")
        assert await body() == "您好,甲。"
        # What came while the server did not listen is found again.
        await admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and query ilike 'listen%'"
        )
        await told(town, one, "乙")
        missed = {await body(), await body()}
        assert missed == {"您好,甲。", "您好,乙。"}
        # A forged notification of another's row shows nothing: it is read in one's own scope.
        theirs = (await one.data("{ notifications { nodes { id } } }"))["notifications"]["nodes"]
        for row in (theirs[0]["id"], str(new_id())):
            town.api.world.hub.heard(RECEIVED.name, f"{town.tenant.id}:{row}:{other.membership}")
        await elsewhere.silent()
    assert listeners(town.api) == 0
