"""The GraphQL endpoint: the compiled path first, the stock executor for everything it declines."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import orjson
import strawberry
from graphql import GraphQLError, OperationType, get_operation_ast, parse
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, Response
from starlette.types import Message, Receive, Send
from starlette.types import Scope as AsgiScope
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.execution import ExecutionResult

from guanjia.context import Context, Request, World
from guanjia.graph import explorer
from guanjia.graph.errors import BAD_USER_INPUT, INTERNAL, Denied, unauthenticated
from guanjia.graph.masking import INTERNAL_MESSAGE
from guanjia.reading.values import Decline
from guanjia.schema import sdl

logger = logging.getLogger("guanjia.view")
MAX_BODY_BYTES = 1_000_000
GRAPHQL_JSON = "application/graphql-response+json"
JSON = "application/json"


class BadRequest(Exception):
    """The body is not a GraphQL request."""


class TooLarge(Exception):
    """The request body is over the limit."""


class View(GraphQL[Context, None]):
    """POST, WebSocket (graphql-transport-ws), and the query page on GET in development."""

    def __init__(self, schema: strawberry.Schema, world: World) -> None:
        development = world.settings.environment == "development"
        super().__init__(
            schema,
            graphql_ide="graphiql" if development else None,
            allow_queries_via_get=False,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
        )
        self._world = world
        self._development = development
        self._permissions = explorer.permissions(sdl(schema)) if development else None

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await super().__call__(scope, receive, send)
            return
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        try:
            body = await _body(receive)
        except TooLarge:
            await _send(send, 413, _error("LIMIT_EXCEEDED", "请求过大,最多 1 MB。"), headers)
            return
        reason = "body"
        if headers.get("content-type", "").startswith("application/json"):
            try:
                await _send(send, 200, await self._compiled(headers, body), headers, "fast")
                return
            except Decline as decline:
                reason = decline.reason
            except BadRequest as bad:
                await _send(send, 400, _error(BAD_USER_INPUT, str(bad)), headers)
                return
            except Denied as denied:
                await _send(send, 200, _error(denied.code, denied.message), headers)
                return
            except Exception:
                logger.exception("the compiled path failed")
                await _send(send, 200, _error(INTERNAL, INTERNAL_MESSAGE), headers)
                return
        if self._development:
            send = _with_header(send, b"x-plan", f"slow:{reason}".encode())
        await super().__call__(scope, _replay(body), send)

    async def _compiled(self, headers: Mapping[str, str], body: bytes) -> bytes:
        """The whole response of a compiled query, or Decline."""
        world = self._world
        query, operation_name, variables = _operation(body)
        claims = await world.identify(Request.of(headers, world.settings.host_suffix))
        if claims is None:
            raise Decline("anonymous")
        for fresh in (False, True):
            caller = await world.caller(claims, fresh=fresh)
            data = await world.engine.run(
                world.database.fetch_json, caller, query, operation_name, variables
            )
            if data is not None:
                return b'{"data":' + data + b"}"
        raise unauthenticated("登录已失效,请重新登录。")

    async def get_context(self, request: Any, response: Any) -> Context:
        headers = dict(request.headers)
        return Context(self._world, Request.of(headers, self._world.settings.host_suffix))

    async def execute_single(
        self,
        request: Any,
        request_adapter: Any,
        sub_response: Any,
        context: Context,
        root_value: Any,
        request_data: Any,
    ) -> ExecutionResult:
        """One operation in one snapshot (query) or one transaction (mutation)."""
        opened = context.writing() if _is_mutation(request_data) else context.reading()
        try:
            async with opened:
                result = await super().execute_single(
                    request, request_adapter, sub_response, context, root_value, request_data
                )
        except Denied as denied:
            return ExecutionResult(data=None, errors=[_graphql_error(denied)])
        await context.record_denials()
        return result

    def encode_json(self, data: object) -> bytes:
        return orjson.dumps(data)

    async def render_graphql_ide(self, request: HttpRequest) -> Response:
        html, headers = explorer.page(request.url.path, self._permissions)
        return HTMLResponse(html, headers=headers)


def _operation(body: bytes) -> tuple[str, str | None, Any]:
    """The query, operation name and variables of a request body, or BadRequest."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest("请求体不是有效的 JSON。") from None
    if type(data) is not dict or type(data.get("query")) is not str:
        raise BadRequest("请求体须为 JSON 对象,其中 query 为文本。")
    name, variables = data.get("operationName"), data.get("variables")
    if name is not None and type(name) is not str:
        raise BadRequest("operationName 须为文本。")
    if variables is not None and type(variables) is not dict:
        raise BadRequest("variables 须为 JSON 对象。")
    return data["query"], name, variables


def _is_mutation(request_data: Any) -> bool:
    try:
        operation = get_operation_ast(parse(request_data.query or ""), request_data.operation_name)
    except GraphQLError:
        return False
    return operation is not None and operation.operation is OperationType.MUTATION


def _graphql_error(denied: Denied) -> GraphQLError:
    return GraphQLError(denied.message, extensions={"code": denied.code})


def _error(code: str, message: str) -> bytes:
    return orjson.dumps(
        {"data": None, "errors": [{"message": message, "extensions": {"code": code}}]}
    )


async def _body(receive: Receive) -> bytes:
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise TooLarge
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


async def _send(
    send: Send, status: int, body: bytes, headers: Mapping[str, str], plan: str | None = None
) -> None:
    kind = GRAPHQL_JSON if GRAPHQL_JSON in headers.get("accept", "") else JSON
    answer = [
        (b"content-type", f"{kind}; charset=utf-8".encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    if plan:
        answer.append((b"x-plan", plan.encode()))
    await send({"type": "http.response.start", "status": status, "headers": answer})
    await send({"type": "http.response.body", "body": body})
