"""graphql-transport-ws, strictly: text frames, every message checked, one context an operation.

What the library lets through or dies of, closes the socket with the protocol's own code here. A
syntax error is an `error` message of its operation, because other operations on the socket go on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from json import JSONDecodeError
from typing import Any, Protocol, cast

from graphql import GraphQLError, OperationType, get_operation_ast
from starlette.websockets import WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import (
    NonJsonMessageReceived,
    NonTextMessageReceived,
    WebSocketDisconnected,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    CompleteMessage,
    ConnectionInitMessage,
)
from strawberry.types import ExecutionResult

from guanjia.graph.errors import INTERNAL, UNAUTHENTICATED, UNAVAILABLE
from guanjia.graph.journal import Journal
from guanjia.graph.journal import Operation as Told
from guanjia.graph.limits import parse
from guanjia.graph.masking import code_of, coded, outcome
from guanjia.graph.transport import Asked, kind_and_name

REJECTED = 4403
"""A client of the protocol connects again after this code; after 4401 it would give up."""
TRY_AGAIN = 1013
OURS = (INTERNAL, UNAVAILABLE)
MAX_REASON_BYTES = 120  # of 123 that a close frame holds
TYPES = ("connection_init", "ping", "pong", "subscribe", "complete")


class TextSocket(ASGIWebSocketAdapter):
    """Messages as text frames, which is what browsers' clients read."""

    async def iter_json(
        self, *, ignore_parsing_errors: bool = False
    ) -> AsyncGenerator[object, None]:
        while self.ws.application_state != WebSocketState.DISCONNECTED:
            try:
                text = await self.ws.receive_text()
            except WebSocketDisconnect:
                return
            except KeyError as error:
                raise NonTextMessageReceived from error
            try:
                message = self.view.decode_json(text)
            except (JSONDecodeError, RecursionError, ValueError) as error:
                raise NonJsonMessageReceived from error
            yield message

    async def send_json(self, message: Mapping[str, object]) -> None:
        try:
            await self.ws.send_text(self.view.encode_json_string(message))
        except (WebSocketDisconnect, RuntimeError) as gone:
            raise WebSocketDisconnected from gone

    async def close(self, code: int, reason: str) -> None:
        short = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
        if self.ws.application_state != WebSocketState.DISCONNECTED:
            # The other side may have gone meanwhile.
            with suppress(RuntimeError, WebSocketDisconnect):
                await self.ws.close(code=code, reason=short)


def fault_of(message: Any) -> str | None:
    """What is wrong with the form of a message."""
    if type(message) is not dict:
        return "Message must be a JSON object"
    kind = message.get("type")
    if kind not in TYPES:
        return "Unknown message type"
    payload = message.get("payload")
    if kind in ("connection_init", "ping", "pong"):
        return None if payload is None or type(payload) is dict else "Invalid payload"
    identifier = message.get("id")
    if type(identifier) is not str or not identifier:
        return "Message id must be a non-empty string"
    if kind == "complete":
        return None
    if type(payload) is not dict or type(payload.get("query")) is not str:
        return "Subscribe payload must have a query"
    if type(payload.get("operationName")) not in (str, type(None)):
        return "operationName must be a string"
    for name in ("variables", "extensions"):
        if type(payload.get(name)) not in (dict, type(None)):
            return f"{name} must be an object"
    return None


class Serving(Protocol):
    """What a socket needs of the view that it is a part of."""

    journal: Journal

    async def admit(self, context: Any) -> float: ...
    def fork(self, context: Any) -> Any: ...
    def told_by(self, context: Any) -> Told: ...
    async def execute_asked(self, context: Any, asked: Asked) -> ExecutionResult: ...


class Handler(BaseGraphQLTransportWSHandler[Any, None]):
    """One socket. A token in `connection_init` must be valid, and the socket is closed when it
    ends. Its view gives each operation a context and runs what is no subscription."""

    _ending: asyncio.TimerHandle | None = None
    _closing: asyncio.Task[None] | None = None

    @property
    def _serving(self) -> Serving:
        """The view: the library types it as any of its own, but only ours has these handlers."""
        return cast(Serving, self.view)

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        if not self.connection_init_received:
            self.context.connection_params = message.get("payload")
            try:
                ends = await self._serving.admit(self.context)
            except Exception as error:
                code = outcome(error).code
                self.connection_init_received = True
                await self.websocket.close(TRY_AGAIN if code in OURS else REJECTED, code)
                return
            loop = asyncio.get_running_loop()
            self._ending = loop.call_later(max(0.0, ends - time.time()), self._end)
        await super().handle_connection_init(message)

    def _end(self) -> None:
        self._closing = asyncio.create_task(self._close())

    async def _close(self) -> None:
        """The token ended: nothing more is sent."""
        for operation_id in list(self.operations):
            await self.cleanup_operation(operation_id)
        await self.websocket.close(REJECTED, UNAUTHENTICATED)

    async def shutdown(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
        await super().shutdown()

    async def handle_message(self, message: Any) -> None:
        fault = fault_of(message)
        if fault is not None:
            await self.handle_invalid_message(fault)
            return
        if message.get("payload") is None:
            message = {key: value for key, value in message.items() if key != "payload"}
        await super().handle_message(message)

    async def run_operation(self, operation: Operation[Any, None]) -> None:
        journal, told = self._serving.journal, self._serving.told_by(self.context)
        try:
            await self._run(operation, told)
        except WebSocketDisconnected:
            self.operations.pop(operation.id, None)
        except Exception as fault:
            told.outcome = INTERNAL
            await self._refuse(operation, coded(GraphQLError(str(fault), original_error=fault)))
        finally:
            journal.end(told)

    async def _run(self, operation: Operation[Any, None], told: Told) -> None:
        told.kind, told.name = kind_and_name(operation.query, operation.operation_name)
        try:
            document = parse(operation.query)
        except GraphQLError as error:
            await self._refuse(operation, coded(error), told)
            return
        chosen = get_operation_ast(document, operation.operation_name)
        context = self._serving.fork(self.context)
        if chosen is None or chosen.operation is not OperationType.SUBSCRIPTION:
            await self._answer(operation, context, told)
            return
        source = await self.schema.stream(
            operation.query,
            variable_values=operation.variables,
            context_value=context,
            root_value=None,
            operation_name=operation.operation_name,
        )
        async with aclosing(source):
            await self._send_events(operation, source, context, told)
        await operation.send_operation_message(CompleteMessage(id=operation.id, type="complete"))

    async def _send_events(
        self, operation: Operation[Any, None], source: Any, context: Any, told: Told
    ) -> None:
        """Each event as it was read; an event that could not be read ends the subscription."""
        async for result in source:
            # A reader that is slow to take it must not keep a connection meanwhile.
            await context.release()
            if result.data is None and result.errors:
                told.outcome = code_of(result.errors[0])
                await context.record_denials()
                await operation.send_initial_errors(result.errors)
                return
            await operation.send_next(result)

    async def _answer(self, operation: Operation[Any, None], context: Any, told: Told) -> None:
        """A query or mutation: one result, in one snapshot or transaction as over HTTP."""
        result = await self._serving.execute_asked(
            context, Asked(operation.query, operation.operation_name, operation.variables)
        )
        if result.errors:
            told.outcome = code_of(result.errors[0])
        if result.data is None and result.errors and all(e.path is None for e in result.errors):
            await operation.send_initial_errors(result.errors)
            return
        await operation.send_next(result)
        await operation.send_operation_message(CompleteMessage(id=operation.id, type="complete"))

    async def _refuse(
        self, operation: Operation[Any, None], error: GraphQLError, told: Told | None = None
    ) -> None:
        if told is not None:
            told.outcome = code_of(error)
        with suppress(WebSocketDisconnected, KeyError):
            await operation.send_initial_errors([error])

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:
        return None
