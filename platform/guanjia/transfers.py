"""Files in and out over HTTP, beside the endpoint: for a bearer token and nothing else, but for
the calendar under its secret address.

A file that comes in is the body of the request. Who asks, and whether they may, is settled before
the body is read. Errors have the form of the endpoint's.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, BinaryIO
from urllib.parse import quote

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from guanjia.access.tokens import Claims
from guanjia.attachments import media, owners
from guanjia.attachments import service as attachments
from guanjia.audit.service import record
from guanjia.context import Context, Request, World
from guanjia.db import seals
from guanjia.db.ids import new_id
from guanjia.graph import transport
from guanjia.graph.errors import (
    CONFLICT,
    LIMIT_EXCEEDED,
    NOT_FOUND,
    Denied,
    not_found,
    unauthenticated,
)
from guanjia.graph.filters import row_id
from guanjia.graph.journal import Journal, Operation
from guanjia.graph.masking import outcome
from guanjia.imports import outgoing, service
from guanjia.imports.exports import Taking, export_of
from guanjia.imports.files import MAX_BYTES
from guanjia.imports.kinds import ImportKind, Place, kind_of
from guanjia.imports.workbooks import Watermark
from guanjia.meetings.service import feeds
from guanjia.tenancy.models import LOCAL, tenant_id

_STATUS = {**transport.STATUS, NOT_FOUND: 404, CONFLICT: 409, LIMIT_EXCEEDED: 413}
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FOLDERS = ("/imports/", "/exports/", "/attachments", "/calendars/")
_BLOCK = 1 << 18
Handler = Callable[[HttpRequest, Context], Awaitable[Response]]


def routes(world: Callable[[], World], journal: Journal) -> list[Route]:
    """The routes; the world is asked for at each request, and each is counted and logged."""

    def route(path: str, handler: Handler, method: str) -> Route:
        async def endpoint(request: HttpRequest) -> Response:
            operation = Operation(request.headers, "transfer")
            operation.name = handler.__name__
            try:
                return await _answered(request, world(), handler, operation)
            finally:
                journal.end(operation)

        return Route(path, endpoint, methods=[method])

    return [
        route("/imports/{kind}", upload_import, "POST"),
        route("/imports/{kind}/template", import_template, "GET"),
        route("/imports/batches/{id}/workbook", import_workbook, "GET"),
        route("/exports/{kind}", export_workbook, "GET"),
        route("/attachments", upload_attachment, "POST"),
        route("/attachments/{id}", attachment, "GET"),
        route("/attachments/{id}/thumbnail", attachment_thumbnail, "GET"),
        route("/calendars/meetings.ics", own_calendar, "GET"),
        route("/calendars/{tenant}/{secret}.ics", secret_calendar, "GET"),
    ]


async def _answered(
    request: HttpRequest, world: World, handler: Handler, operation: Operation
) -> Response:
    """The handler's answer, or what it refused in the form of the endpoint's errors."""
    address = request.client.host if request.client else None
    asking = Request.of(request.headers, world.settings.host_suffix, address)
    context = Context(world, asking)
    try:
        response = await handler(request, context)
    except Exception as fault:
        shown = outcome(fault, handler.__name__)
        operation.outcome = shown.code
        body = transport.error(shown.code, shown.message, shown.more.get("requestId"))
        status = _STATUS.get(shown.code, 400)
        response = Response(body, status, media_type="application/json")
    await context.record_denials()
    operation.status = response.status_code
    response.headers["x-request-id"] = operation.request_id
    return response


async def body_of(request: HttpRequest, limit: int) -> bytes:
    """The body; LIMIT_EXCEEDED as soon as it is known to be longer than the limit in bytes."""
    too_large = Denied(LIMIT_EXCEEDED, f"文件过大,最多 {limit // 1_000_000} MB。")
    announced = request.headers.get("content-length", "0")
    if not announced.isdigit() or int(announced) > limit:
        raise too_large
    body = bytearray()
    async for block in request.stream():
        body += block
        if len(body) > limit:
            raise too_large
    return bytes(body)


def download(name: str, media_type: str, content: bytes | BinaryIO) -> Response:
    """A file that a browser saves and does not show, under its name."""
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name)}",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }
    if isinstance(content, bytes):
        return Response(content, media_type=media_type, headers=headers)
    return StreamingResponse(_blocks(content), media_type=media_type, headers=headers)


async def _blocks(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while block := file.read(_BLOCK):
            yield block


# --- imports -----------------------------------------------------------------------------------


async def upload_import(request: HttpRequest, context: Context) -> Response:
    """The body is being read as a batch of the kind; answers its id at once."""
    world = context.world
    kind, _ = await _importing(request, context)
    data = await body_of(request, MAX_BYTES)
    previous: str | None = request.query_params.get("previous")
    previous_id = row_id(previous) if previous is not None else None
    if previous is not None and previous_id is None:
        raise not_found("导入批次", "previous")
    async with context.writing():
        run = await service.hand_in(
            context.transaction,
            context.actor,
            kind,
            await context.scope("import:write"),
            file_name=request.query_params.get("name", ""),
            sha256=hashlib.sha256(data).digest(),
            size=len(data),
            previous_id=previous_id,
            settings=world.settings,
            now=context.now,
        )
    world.imports.start(world.imports.read(run, data))
    return JSONResponse({"id": str(run.batch["id"]), "state": run.batch["state"]}, 202)


async def import_template(request: HttpRequest, context: Context) -> Response:
    """An empty workbook of the kind."""
    kind, place = await _importing(request, context)
    content = await outgoing.template_of(context.world.database, kind, place)
    return download(f"{kind.title}导入模板.xlsx", XLSX, content)


async def import_workbook(request: HttpRequest, context: Context) -> Response:
    """What was handed in, with what was found: for whoever handed it in."""
    world, batch_id = context.world, row_id(request.path_params["id"])
    async with context.reading():
        scope = await _held(context, "import:write")
        if batch_id is None:
            raise not_found("导入批次", "id")
        async with context.reader.alone() as connection:
            batch = await service.reached(connection, context.tenant_id, scope, batch_id)
    kind = kind_of(batch["kind"])
    if kind is None or batch["uploader_id"] != context.actor.membership_id:
        raise not_found("导入批次", "id")
    file = await outgoing.returned(world.database, seals.sealing(world.settings), kind, batch)
    return download(f"{kind.title}导入检查结果.xlsx", XLSX, file)


async def export_workbook(request: HttpRequest, context: Context) -> Response:
    """The export, after it was recorded who took it."""
    export = export_of(request.path_params["kind"])
    if export is None:
        raise not_found("导出类别", "kind")
    number = new_id()
    async with context.writing():
        scope = await _held(context, export.permission)
        given = export.asked(request.query_params)
        await record(
            context.transaction,
            actor=context.actor,
            action="export",
            permission=export.permission,
            object_type="Export",
            object_id=number,
            region_path=service.ancestor(scope.paths) if scope.paths else None,
            result="READ",
            detail={"kind": export.code, **given},
        )
    now = context.now.astimezone(LOCAL)
    settings, scope_of = context.world.settings, context.actor.scope
    place = Taking(context.tenant_id, scope, now.date(), settings, scope_of, given)
    mark = Watermark(context.actor.display_name, now, str(number))
    file = await outgoing.exported(context.world.database, export, place, mark)
    return download(f"{export.title}{now:%Y%m%d}.xlsx", XLSX, file)


async def _importing(request: HttpRequest, context: Context) -> tuple[ImportKind, Place]:
    """The kind of the path, for somebody who may import it."""
    async with context.reading():
        await _held(context, "import:write")
        kind = kind_of(request.path_params["kind"])
        if kind is None:
            raise not_found("导入类别", "kind")
        await _held(context, kind.permission)
    return kind, service.place_of(context.actor, kind, context.world.settings, context.now)


async def _held(context: Context, permission: str) -> Any:
    """The scope of the permission; UNAUTHENTICATED for nobody."""
    if context.caller is None:
        raise unauthenticated()
    return await context.scope(permission)


# --- attachments -------------------------------------------------------------------------------


async def upload_attachment(request: HttpRequest, context: Context) -> Response:
    """The body is kept as an attachment that waits to be hung on a row."""
    async with context.reading():
        await _held(context, "attachment:write")
    name = request.query_params.get("name", "")
    data = await body_of(request, media.MAX_BYTES)
    kept = await asyncio.to_thread(media.kept, data, name)
    async with context.writing():
        await context.scope("attachment:write")
        made = await attachments.upload(
            context.transaction,
            context.actor,
            context.world.store,
            kept=kept,
            file_name=name,
            now=context.now,
        )
    return JSONResponse(
        {"id": str(made), "mediaType": kept.media_type, "size": len(kept.content)}, 201
    )


async def attachment(request: HttpRequest, context: Context) -> Response:
    """The attachment's bytes, for whoever may read what it hangs on."""
    row = await _attachment(request, context)
    content = await context.world.store.get(context.tenant_id, bytes(row["sha256"]), "content")
    return download(row["file_name"], row["media_type"], content)


async def attachment_thumbnail(request: HttpRequest, context: Context) -> Response:
    """The small picture of a photo."""
    row = await _attachment(request, context)
    if row["width"] is None:
        raise not_found("缩略图", "id")
    content = await context.world.store.get(context.tenant_id, bytes(row["sha256"]), "thumbnail")
    return download("thumbnail.jpg", media.JPEG, content)


async def _attachment(request: HttpRequest, context: Context) -> Any:
    """The row, when it hangs on something that may be read, or waits and is the caller's own."""
    async with context.reading():
        own = await _held(context, "attachment:read")
        async with context.reader.alone() as connection:
            tenant = context.tenant_id
            row = await attachments.found(connection, tenant, row_id(request.path_params["id"]))
            noun = row["owner_noun"]
            if noun is None:
                allowed = own.mine and row["uploader_id"] == context.actor.membership_id
            else:
                scope = context.actor.scope(owners.permission_of(noun) or "")
                allowed = await owners.readable(connection, tenant, scope, noun, row["owner_id"])
    if not allowed:
        raise not_found("附件", "id")
    return row


# --- calendars ---------------------------------------------------------------------------------


async def own_calendar(request: HttpRequest, context: Context) -> Response:
    """The meetings that the caller may read, as an iCalendar file."""
    async with context.reading():
        scope = await _held(context, "meeting:read")
        async with context.reader.alone() as connection:
            found = await feeds.calendar(connection, context.tenant_id, scope, context.now)
    return _calendar(found)


async def secret_calendar(request: HttpRequest, context: Context) -> Response:
    """The meetings that the owner of the secret address may read by now. A wrong address, and one
    whose owner has left, is no address."""
    tenant, world = tenant_id(request.path_params["tenant"]), context.world
    async with world.database.snapshot(tenant) as connection:
        owner = await feeds.owner_of(connection, tenant, request.path_params["secret"])
        if owner is None:
            raise not_found("日历")
        try:
            actor = await world.load(connection, Claims(tenant, owner, None, 0))
        except Denied:
            raise not_found("日历") from None
        scope = actor.scope("meeting:read")
        found = await feeds.calendar(connection, tenant, scope, context.now)
    return _calendar(found)


def _calendar(content: bytes) -> Response:
    headers = {"cache-control": "private, no-store", "x-content-type-options": "nosniff"}
    return Response(content, media_type="text/calendar; charset=utf-8", headers=headers)
