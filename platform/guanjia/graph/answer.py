"""One HTTP answer: its form, its status and the headers that every answer carries."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import Message, Send

from guanjia.graph.journal import Operation
from guanjia.graph.transport import JSON, KEPT, error, status_of


class Answer:
    """Sends at most one answer, marks it with the request's id and notes its status."""

    def __init__(self, send: Send, operation: Operation, form: str | None) -> None:
        self._send = send
        self._operation = operation
        self._form = form or JSON
        self._begun = False

    async def send(self, message: Message) -> None:
        """An ASGI message of an answer that somebody else made."""
        if message["type"] == "http.response.start":
            self._begun = True
            self._operation.status = message["status"]
            identifier = (b"x-request-id", self._operation.request_id.encode())
            message["headers"] = [*message["headers"], *KEPT, identifier]
        await self._send(message)

    async def data(self, data: bytes, *, plan: bool) -> None:
        """The answer of an operation that ran."""
        more = ((b"x-plan", self._operation.plan.encode()),) if plan else ()
        await self._whole(200, data, more)

    async def refuse(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        more: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        """The answer of an operation that did not run. An answer that has begun cannot be
        replaced: the client sees it cut off."""
        self._operation.outcome = code
        if not self._begun:
            body = error(code, message, self._operation.request_id)
            await self._whole(status or status_of(self._form, code), body, more)

    async def _whole(
        self, status: int, body: bytes, more: Iterable[tuple[bytes, bytes]] = ()
    ) -> None:
        headers = [
            (b"content-type", f"{self._form}; charset=utf-8".encode()),
            (b"content-length", str(len(body)).encode()),
            *more,
        ]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})
