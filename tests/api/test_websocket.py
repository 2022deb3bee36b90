"""graphql-transport-ws: text frames, strict messages, the protocol's codes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.api.conftest import Person, Service, Town

from guanjia.view import View

INIT = {"type": "connection_init"}
ACK = {"type": "connection_ack"}


@dataclass
class Socket:
    """A client's end of a socket on the ASGI application."""

    incoming: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    outgoing: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)

    async def send(self, message: Any) -> None:
        await self.raw(text=message if isinstance(message, str) else json.dumps(message))

    async def raw(self, **frame: Any) -> None:
        await self.incoming.put({"type": "websocket.receive", **frame})

    async def receive(self) -> Any:
        event = await asyncio.wait_for(self.outgoing.get(), 5)
        if event["type"] == "websocket.close":
            return event["code"]
        assert event.get("bytes") is None, "browsers read text frames"
        return json.loads(event["text"])


@asynccontextmanager
async def connected(
    api: Service, subprotocols: tuple[str, ...] = ("graphql-transport-ws",), **headers: str
) -> AsyncIterator[Socket]:
    socket = Socket()
    scope = {
        "type": "websocket",
        "path": "/graphql",
        "query_string": b"",
        "headers": [(k.encode(), v.encode()) for k, v in {"host": "test", **headers}.items()],
        "subprotocols": list(subprotocols),
    }
    await socket.incoming.put({"type": "websocket.connect"})
    view = View(api.schema, api.world)
    task = asyncio.create_task(view(scope, socket.incoming.get, socket.outgoing.put))
    try:
        first = await asyncio.wait_for(socket.outgoing.get(), 5)
        if first["type"] == "websocket.close":
            await socket.outgoing.put(first)
        yield socket
    finally:
        await socket.incoming.put({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(task, 5)


@asynccontextmanager
async def initialised(person: Person) -> AsyncIterator[Socket]:
    async with connected(person.api) as socket:
        said = {"Authorization": f"Bearer {person.token}", "X-Tenant": person.slug}
        await socket.send({**INIT, "payload": said})
        assert await socket.receive() == ACK
        yield socket


def subscribe(query: str, identifier: Any = "1", **more: Any) -> dict[str, Any]:
    return {"id": identifier, "type": "subscribe", "payload": {"query": query, **more}}


MALFORMED: list[Any] = [
    "not json",
    [],
    "1",
    "null",
    '"text"',
    {},
    {"type": 1},
    {"type": "start"},
    {"type": "connection_init", "payload": []},
    {"type": "ping", "payload": "x"},
    {"type": "pong", "payload": 1},
    {"type": "subscribe"},
    {"type": "subscribe", "id": "1"},
    {"type": "subscribe", "id": "1", "payload": []},
    {"type": "subscribe", "id": "1", "payload": {}},
    {"type": "complete"},
    subscribe("{ __typename }", 1),
    subscribe("{ __typename }", ""),
    # The frame is wrong on purpose.
    subscribe(1),  # type: ignore[arg-type]
    subscribe("{ __typename }", variables="x"),
    subscribe("{ __typename }", variables=[]),
    subscribe("{ __typename }", operationName=1),
    subscribe("{ __typename }", extensions="x"),
]


@pytest.mark.parametrize("message", MALFORMED)
async def test_a_malformed_message_closes_with_4400(api: Service, message: Any) -> None:
    async with connected(api) as socket:
        await socket.send(INIT)
        assert await socket.receive() == ACK
        await socket.send(message)
        assert await socket.receive() == 4400


async def test_a_binary_frame_closes_with_4400(api: Service) -> None:
    async with connected(api) as socket:
        await socket.raw(bytes=b"{}")
        assert await socket.receive() == 4400


async def test_no_operation_before_the_connection_is_acknowledged(api: Service) -> None:
    async with connected(api) as socket:
        await socket.send(subscribe("{ __typename }"))
        assert await socket.receive() == 4401


async def test_a_connection_is_initialised_once(api: Service) -> None:
    async with connected(api) as socket:
        await socket.send({**INIT, "payload": None})
        assert await socket.receive() == ACK
        await socket.send(INIT)
        assert await socket.receive() == 4429


async def test_another_protocol_is_not_spoken(api: Service) -> None:
    async with connected(api, ("graphql-ws",)) as socket:
        assert await socket.receive() == 4406


async def test_a_page_elsewhere_cannot_connect(api: Service) -> None:
    async with connected(api, origin="https://elsewhere.example") as socket:
        assert await socket.receive() == 1008


async def test_a_developers_own_page_can_connect(api: Service) -> None:
    async with connected(api, origin="http://localhost:5173") as socket:
        await socket.send(INIT)
        assert await socket.receive() == ACK


async def test_a_ping_is_answered(api: Service) -> None:
    async with connected(api) as socket:
        await socket.send({"type": "ping", "payload": {"a": 1}})
        assert (await socket.receive())["type"] == "pong"


async def test_completing_what_is_unknown_is_harmless(api: Service) -> None:
    async with connected(api) as socket:
        await socket.send(INIT)
        assert await socket.receive() == ACK
        await socket.send({"type": "complete", "id": "9"})
        await socket.send({"type": "ping"})
        assert (await socket.receive())["type"] == "pong"


async def test_an_id_in_use_closes_with_4409(town: Town) -> None:
    person = await town.person("CSEC", "north1")
    async with initialised(person) as socket:
        await socket.send(subscribe("subscription { caseChanged { id } }"))
        await socket.send(subscribe("subscription { caseChanged { id } }"))
        assert await socket.receive() == 4409


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "BAD_USER_INPUT"),
        ("{ absent }", "BAD_USER_INPUT"),
        ("subscription { caseChanged { absent } }", "BAD_USER_INPUT"),
        ("query A { __typename } query B { __typename }", "BAD_USER_INPUT"),
        ("{ " + "a " * 100 + "}", "LIMIT_EXCEEDED"),
    ],
)
async def test_a_refused_operation_leaves_the_socket_open(
    town: Town, query: str, code: str
) -> None:
    person = await town.person("CSEC", "north1")
    async with initialised(person) as socket:
        await socket.send(subscribe(query))
        answer = await socket.receive()
        assert (answer["type"], answer["id"]) == ("error", "1")
        assert answer["payload"][0]["extensions"]["code"] == code
        await socket.send(subscribe("{ viewer { id } }"))
        answer = await socket.receive()
        assert answer["payload"]["data"] == {"viewer": {"id": str(person.membership)}}
        assert await socket.receive() == {"type": "complete", "id": "1"}


async def test_a_mutation_on_a_socket_is_one_transaction(town: Town) -> None:
    person = await town.person("CSEC", "north1")
    async with initialised(person) as socket:
        await socket.send(subscribe("mutation { logout { loggedOut } }"))
        assert (await socket.receive())["payload"]["data"] == {"logout": {"loggedOut": True}}
        assert (await socket.receive())["type"] == "complete"
        await socket.send(subscribe("{ viewer { id } }"))
        assert (await socket.receive())["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_subscription_hears_of_a_case(town: Town) -> None:
    person = await town.person("COMM", "north1")
    async with initialised(person) as socket:
        await socket.send(subscribe("subscription { caseChanged { title } }"))
        await socket.send(subscribe("{ viewer { id } }", "2"))
        assert (await socket.receive())["id"] == "2"
        assert (await socket.receive())["type"] == "complete"
        await town.opened(person, "north1")
        answer = await socket.receive()
        assert answer["id"] == "1"
        assert answer["payload"] == {"data": {"caseChanged": {"title": "井盖缺失"}}}
