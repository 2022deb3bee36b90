"""`caseChanged` over a real WebSocket to a real server: who hears what, until when, how fast."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from guanjia.db.ids import new_id
from guanjia.hub import MAX_WAITING, Behind, Changes
from guanjia.view import View

CHANGED = "subscription ($r: ID) { caseChanged(region: $r) { id title state } }"
SOON, QUIET = 5.0, 0.4


@dataclass
class Socket:
    """A client of the protocol, for one person."""

    wire: ClientConnection

    async def init(self, person: Any, **changed: Any) -> None:
        said = {"Authorization": f"Bearer {person.token}", "X-Tenant": person.slug, **changed}
        if person.token is None:
            del said["Authorization"]
        await self.send({"type": "connection_init", "payload": said})

    async def send(self, message: Any) -> None:
        await self.wire.send(json.dumps(message))

    async def ask(self, query: str, variables: Any = None, id: str = "1") -> None:
        payload = {"query": query, "variables": variables}
        await self.send({"type": "subscribe", "id": id, "payload": payload})

    async def next(self, seconds: float = SOON) -> Any:
        received = await asyncio.wait_for(self.wire.recv(), seconds)
        assert isinstance(received, str), "the protocol has text frames"
        return json.loads(received)

    async def case(self) -> Any:
        message = await self.next()
        assert message["type"] == "next", message
        return message["payload"]["data"]["caseChanged"]

    async def silent(self) -> None:
        with pytest.raises(TimeoutError):
            await self.next(QUIET)

    async def closed(self, seconds: float = SOON) -> tuple[int, str]:
        await asyncio.wait_for(self.wire.wait_closed(), seconds)
        assert self.wire.close_code is not None
        return self.wire.close_code, self.wire.close_reason or ""


@asynccontextmanager
async def serving(api: Any) -> AsyncIterator[str]:
    """The view behind a server on a free port of the loopback."""
    config = uvicorn.Config(
        View(api.schema, api.world), port=0, lifespan="off", log_level="error", access_log=False
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server._serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"ws://127.0.0.1:{port}/graphql"
    finally:
        server.should_exit = True
        await running


@pytest.fixture
async def address(api: Any) -> AsyncIterator[str]:
    async with serving(api) as found:
        yield found


@asynccontextmanager
async def joined(address: str, person: Any, **options: Any) -> AsyncIterator[Socket]:
    async with connect(address, subprotocols=["graphql-transport-ws"], **options) as wire:
        socket = Socket(wire)
        await socket.init(person)
        assert (await socket.next())["type"] == "connection_ack"
        yield socket


@asynccontextmanager
async def following(
    api: Any, address: str, person: Any, variables: Any = None, **options: Any
) -> AsyncIterator[Socket]:
    """A subscriber that is listened for by now."""
    async with joined(address, person, **options) as socket:
        before = listeners(api)
        await socket.ask(CHANGED, variables)
        await until(lambda: listeners(api) > before)
        yield socket


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came true")


def listeners(api: Any) -> int:
    return sum(map(len, api.world.hub._waiting.values()))


async def test_a_change_reaches_those_in_whose_scope_it_is(
    town: Any, make_town: Any, address: str
) -> None:
    api, clerk = town.api, await town.person("COMM", "north1")
    near, far = await town.person("SCMD", "north"), await town.person("COMM", "south1")
    stranger = await (await make_town()).person("DCMD")
    async with (
        following(api, address, near) as hears,
        following(api, address, far) as elsewhere,
        following(api, address, stranger) as foreign,
    ):
        case = await town.opened(clerk, "north1")
        assert await hears.case() == {"id": case["id"], "title": "井盖缺失", "state": "REPORTED"}
        await elsewhere.silent()
        await foreign.silent()
    assert listeners(api) == 0


async def test_a_region_narrows_and_must_exist(town: Any, address: str) -> None:
    clerk, street = await town.person("COMM", "north1"), await town.person("SCMD", "north")
    second = await town.person("COMM", "north2")
    within = {"r": str(town.tenant.regions["north2"].id)}
    async with following(town.api, address, street, within) as hears:
        await town.opened(clerk, "north1")
        case = await town.opened(second, "north2grid")
        assert (await hears.case())["id"] == case["id"]
        await hears.ask(CHANGED, {"r": str(new_id())}, "2")
        refused = await hears.next()
        assert (refused["type"], refused["id"]) == ("error", "2")
        assert refused["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_only_who_may_read_subscribes_and_it_is_recorded(
    town: Any, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    nobody, auditor = await town.person(None), await town.person("AUD")
    async with joined(address, nobody) as socket:
        await socket.ask(CHANGED)
        refused = await socket.next()
        assert refused["payload"][0]["extensions"]["code"] == "FORBIDDEN"
    rows = await auditor.data("{ auditRecords(first: 1) { nodes { action permission } } }")
    assert rows["auditRecords"]["nodes"] == [{"action": "access.denied", "permission": "case:read"}]
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []


async def test_a_connection_is_somebodys(town: Any, make_town: Any, address: str) -> None:
    clerk = await town.person("COMM", "north1")
    other = await make_town()
    old = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    expired = town.api.world.tokens.issue(town.tenant.id, clerk.membership, clerk.session, old)
    gone = await town.person("COMM", "north1")
    await gone.data("mutation { logout { loggedOut } }")
    for said in (
        {"Authorization": "Bearer x.y.z"},
        {"Authorization": f"Bearer {expired}"},
        {"X-Tenant": other.tenant.slug},
        {"Authorization": f"Bearer {gone.token}"},
    ):
        async with connect(address, subprotocols=["graphql-transport-ws"]) as wire:
            socket = Socket(wire)
            await socket.init(clerk, **said)
            assert await socket.closed() == (4403, "UNAUTHENTICATED")


async def test_nobody_hears_nothing(town: Any, address: str) -> None:
    nobody = await town.person(None)
    nobody.token = None
    async with joined(address, nobody) as socket:
        await socket.ask(CHANGED)
        refused = await socket.next()
        assert refused["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_connection_ends_with_its_token_and_the_next_one_goes_on(
    town: Any, address: str
) -> None:
    clerk, world = await town.person("COMM", "north1"), town.api.world
    left = dt.timedelta(seconds=world.settings.access_token_seconds - 2)
    early = dt.datetime.now(dt.UTC) - left
    lasting, clerk.token = (
        clerk.token,
        world.tokens.issue(town.tenant.id, clerk.membership, clerk.session, early),
    )
    async with following(town.api, address, clerk) as hears:
        assert await hears.closed() == (4403, "UNAUTHENTICATED")
    clerk.token = lasting
    async with following(town.api, address, clerk) as hears:
        case = await town.opened(clerk, "north1")
        assert (await hears.case())["id"] == case["id"]


async def test_nothing_is_delivered_after_a_revocation(town: Any, address: str) -> None:
    clerk, street = await town.person("COMM", "north1"), await town.person("SCMD", "north")
    officer = await town.person("SEC")
    async with following(town.api, address, street) as hears:
        await town.opened(clerk, "north1")
        await hears.case()
        found = await officer.data(
            "query ($f: GrantsFilter) { grants(filter: $f) { nodes { id } } }",
            {"f": {"member": {"in": [str(street.membership)]}}},
        )
        await officer.data(
            "mutation ($i: RevokeRoleInput!) { revokeRole(input: $i) { userErrors { code } } }",
            {"i": {"grantId": found["grants"]["nodes"][0]["id"]}},
        )
        await town.opened(clerk, "north1", "撤权之后")
        ended = await hears.next()
        assert ended["type"] == "error"
        assert ended["payload"][0]["extensions"]["code"] == "FORBIDDEN"
        await hears.silent()


async def test_what_changed_while_nobody_listened_is_delivered(
    town: Any, address: str, admin: Any
) -> None:
    clerk = await town.person("COMM", "north1")
    async with following(town.api, address, clerk) as hears:
        await admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and query ilike 'listen%'"
        )
        missed = await town.opened(clerk, "north1", "断线期间")
        assert (await hears.case())["id"] == missed["id"]
        later = await town.opened(clerk, "north1", "恢复之后")
        assert (await hears.case())["id"] == later["id"]


async def test_a_restarted_server_is_found_again(town: Any) -> None:
    clerk = await town.person("COMM", "north1")
    async with AsyncExitStack() as server:
        address = await server.enter_async_context(serving(town.api))
        async with following(town.api, address, clerk) as hears:
            await server.aclose()
            # Service restart: a client of the protocol connects again.
            assert (await hears.closed())[0] == 1012
    async with serving(town.api) as address, following(town.api, address, clerk) as hears:
        case = await town.opened(clerk, "north1")
        assert (await hears.case())["id"] == case["id"]


async def test_slow_readers_keep_no_connection_and_no_memory(town: Any, address: str) -> None:
    api, clerk = town.api, await town.person("COMM", "north1")
    big = " ".join(f"d{n}: description" for n in range(28))
    case = await town.opened(clerk, "north1", description="长" * 2000)
    async with joined(address, clerk, max_queue=1, compression=None) as slow:
        for n in range(6):  # more than the read pool has connections
            await slow.ask(f"subscription {{ caseChanged {{ id {big} }} }}", id=str(n))
        await until(lambda: listeners(api) == 6)
        readers = [changes for group in api.world.hub._waiting.values() for changes in group]
        rounds = 0

        def stuck() -> bool:
            """All six have been waiting to send for a while."""
            nonlocal rounds
            rounds = rounds + 1 if all(map(len, readers)) else 0
            api.world.hub.heard("case_changed", f"{town.tenant.id}:{case['id']}")
            return rounds > 20

        await until(stuck)
        assert (await clerk.data("{ cases { totalCount } }"))["cases"]["totalCount"] == 1
        for _ in range(3 * MAX_WAITING):
            api.world.hub.heard("case_changed", f"{town.tenant.id}:{new_id()}")
        assert max(map(len, readers)) == 0
        ended = [m async for m in drained(slow, 6)]
        assert {m["payload"][0]["extensions"]["code"] for m in ended} == {"LIMIT_EXCEEDED"}


async def drained(socket: Socket, errors: int) -> AsyncIterator[Any]:
    while errors:
        message = await socket.next()
        if message["type"] == "error":
            errors -= 1
            yield message


async def test_queries_mutations_and_two_subscriptions_share_a_connection(
    town: Any, address: str
) -> None:
    clerk = await town.person("COMM", "north1")
    async with following(town.api, address, clerk) as socket:
        await socket.ask("{ cases { totalCount } }", id="q")
        answer = await socket.next()
        assert answer == {
            "id": "q", "type": "next", "payload": {"data": {"cases": {"totalCount": 0}}},
        }  # fmt: skip
        assert await socket.next() == {"id": "q", "type": "complete"}
        nested = "{ id region { name } timeline { nodes { title } } }"
        await socket.ask(f"subscription {{ caseChanged {nested} }}", id="2")
        await until(lambda: listeners(town.api) == 2)
        for _ in range(5):
            await town.opened(clerk, "north1")
        heard = [await socket.next() for _ in range(10)]
        assert {message["id"] for message in heard} == {"1", "2"}
        assert not any("errors" in message["payload"] for message in heard)
        await socket.ask("mutation { logout { loggedOut } }", id="m")
        assert (await socket.next())["payload"]["data"]["logout"]["loggedOut"]


async def test_a_row_waits_once_and_a_reader_that_is_too_slow_is_told() -> None:
    changes, first, second = Changes(), new_id(), new_id()
    for row in (first, second, first):
        changes.put(row)
    assert [await changes.next(), await changes.next()] == [first, second]
    for _ in range(MAX_WAITING + 1):
        changes.put(new_id())
    assert len(changes) == 0
    with pytest.raises(Behind):
        await changes.next()
