"""The GraphQL endpoint: the compiled path first, the stock executor for everything it declines."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import orjson
import strawberry
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, Response
from starlette.types import Message, Receive, Send
from starlette.types import Scope as AsgiScope
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.execution import ExecutionResult

from guanjia.context import Context, Request, World
from guanjia.db.faults import Fault, fault
from guanjia.graph import explorer, transport
from guanjia.graph.answer import Answer
from guanjia.graph.errors import unauthenticated
from guanjia.graph.journal import Journal, Operation, current
from guanjia.graph.masking import outcome
from guanjia.graph.transport import LOCAL_PAGE, Asked, NotAnOperation
from guanjia.graph.websocket import Handler, TextSocket
from guanjia.operation import run
from guanjia.reading.values import Decline
from guanjia.schema import sdl

INIT_SECONDS = 10


class View(GraphQL[Context, None]):
    """POST, WebSocket (graphql-transport-ws), and the query page on GET in development."""

    websocket_adapter_class = TextSocket
    graphql_transport_ws_handler_class = Handler

    def __init__(
        self, schema: strawberry.Schema, world: World, journal: Journal | None = None
    ) -> None:
        development = world.settings.environment == "development"
        super().__init__(
            schema,
            graphql_ide="graphiql" if development else None,
            allow_queries_via_get=False,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=timedelta(seconds=INIT_SECONDS),
            allowed_origins=world.settings.origins(),
        )
        self.journal = journal or Journal()
        self.journal.watch(lambda: (world.engine.planned, world.engine.declined))
        self._world = world
        self._development = development
        self._allowed = "GET, POST" if development else "POST"
        self._permissions = explorer.permissions(sdl(schema)) if development else None

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (
            self._development and scope["method"] == "GET" and not scope["query_string"]
        ):
            await super().__call__(scope, receive, send)
            return
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        operation = Operation(headers)
        answer = Answer(send, operation, transport.form_of(headers.get("accept", "")))
        try:
            async with asyncio.timeout(self._world.settings.operation_seconds):
                await self._answer(scope, receive, headers, operation, answer)
        except NotAnOperation as bad:
            await answer.refuse(bad.code, bad.message, status=bad.status, more=bad.headers)
        except Exception as error:
            shown = outcome(error)
            await answer.refuse(shown.code, shown.message)
        finally:
            self.journal.end(operation)

    async def _answer(
        self,
        scope: AsgiScope,
        receive: Receive,
        headers: Mapping[str, str],
        operation: Operation,
        answer: Answer,
    ) -> None:
        transport.asked(scope["method"], headers, self._allowed)
        body = await _body(receive)
        asked = transport.read(body)
        operation.kind, operation.name = transport.kind_and_name(asked.query, asked.name)
        try:
            client = scope.get("client")
            asking = Request.of(
                headers, self._world.settings.host_suffix, client[0] if client else None
            )
            data = await self._compiled(asking, asked, operation)
        except Decline as decline:
            operation.plan = f"slow:{decline.reason}"
        else:
            operation.plan = "fast"
            await answer.data(data, plan=self._development)
            return
        if self._development:
            send = _with_header(answer.send, b"x-plan", operation.plan.encode())
        else:
            send = answer.send
        await super().__call__(scope, _replay(body), send)

    async def _compiled(self, request: Request, asked: Asked, operation: Operation) -> bytes:
        """The whole response of a compiled query, or Decline."""
        world = self._world
        claims = await world.identify(request)
        if claims is None:
            raise world.engine.decline("anonymous")
        if operation.tenant is None:
            operation.tenant = str(claims.tenant_id)
        try:
            for fresh in (False, True):
                caller = await world.caller(claims, fresh=fresh)
                data = await world.engine.run(
                    world.database.fetch_json, caller, asked.query, asked.name, asked.variables
                )
                if data is not None:
                    return b'{"data":' + data + b"}"
        except Exception as error:
            if fault(error) is not Fault.UNAVAILABLE:
                raise
            # The stock executor tries again, and says so if the database is still away.
            raise Decline("fault") from error
        raise unauthenticated("登录已失效,请重新登录。")

    async def get_context(self, request: Any, response: Any) -> Context:
        headers = dict(request.headers)
        address = request.client.host if request.client else None
        asking = Request.of(headers, self._world.settings.host_suffix, address)
        return Context(self._world, asking)

    async def execute_single(
        self,
        request: Any,
        request_adapter: Any,
        sub_response: Any,
        context: Context,
        root_value: Any,
        request_data: Any,
    ) -> ExecutionResult:
        """The answer of the stock executor to an HTTP request."""
        return await self.execute_asked(
            context,
            Asked(request_data.query or "", request_data.operation_name, request_data.variables),
        )

    async def execute_asked(self, context: Context, asked: Asked) -> ExecutionResult:
        """A query or mutation, for whoever the context stands for."""
        result: ExecutionResult = await run(self.schema, asked, lambda: self.fork(context))
        return result

    async def admit(self, context: Context) -> float:
        """Takes who connects from `connection_init`: the moment at which their token ends, in
        seconds since the epoch. Their session must be open; nobody may stay as long as a token."""
        world = self._world
        said, suffix = context.connection_params or {}, world.settings.host_suffix
        context.request = context.request.said(said, suffix)
        claims = await world.identify(context.request)
        if claims is None:
            return time.time() + world.settings.access_token_seconds
        await world.caller(claims, fresh=True)
        return claims.expires

    def is_websocket_origin_allowed(self, request: Any, origin: str) -> bool:
        local = self._development and re.fullmatch(LOCAL_PAGE, origin) is not None
        return local or super().is_websocket_origin_allowed(request, origin)

    def fork(self, context: Context) -> Context:
        """A context for one operation, or one attempt at it, for the same person."""
        forked = Context(context.world, context.request)
        forked.connection_params = context.connection_params
        return forked

    def told_by(self, context: Context) -> Operation:
        """The log entry of an operation on a socket."""
        given = context.connection_params or {}
        return Operation({str(k).lower(): v for k, v in given.items() if isinstance(v, str)})

    async def get_sub_response(self, request: Any) -> Response:
        # The only value that the library hands from the request to the answer.
        sub_response = await super().get_sub_response(request)
        sub_response.media_type = transport.form_of(request.headers.get("accept", ""))
        return sub_response

    async def process_result(self, request: Any, result: ExecutionResult) -> GraphQLHTTPResponse:
        answer = await super().process_result(request, result)
        if transport.refused({"data": result.data, "errors": answer.get("errors", [])}):
            answer.pop("data", None)
        return answer

    def create_response(self, response_data: Any, sub_response: Response) -> Response:
        form = sub_response.media_type or transport.JSON
        errors = response_data.get("errors") or ()
        code = errors[0]["extensions"]["code"] if errors else "OK"
        status = 200 if "data" in response_data else transport.status_of(form, code)
        told = current()
        if told is not None:
            told.outcome = code
        return Response(
            self.encode_json(response_data),
            status_code=status,
            headers={"content-type": f"{form}; charset=utf-8"},
        )

    def encode_json(self, data: object) -> bytes:
        return orjson.dumps(data)

    async def render_graphql_ide(self, request: HttpRequest) -> Response:
        html, headers = explorer.page(request.url.path, self._permissions)
        return HTMLResponse(html, headers=headers)


async def _body(receive: Receive) -> bytes:
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > transport.MAX_BODY_BYTES:
            raise transport.too_large()
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)


def _replay(body: bytes) -> Receive:
    """A receive that gives a body already read, once."""
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return pending.pop() if pending else {"type": "http.disconnect"}

    return receive


def _with_header(send: Send, name: bytes, value: bytes) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (name, value)]
        await send(message)

    return wrapped
