"""The ASGI application: the endpoint, health, and what lives as long as the process."""

from __future__ import annotations

import gc
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from guanjia import schema as schemas
from guanjia.access import policy
from guanjia.access.issuers import Issuers
from guanjia.access.tokens import Tokens
from guanjia.attachments.store import store_of
from guanjia.context import World
from guanjia.db.connections import Connections, connect
from guanjia.db.guard import check_server
from guanjia.db.pools import Database
from guanjia.graph import explorer, limits
from guanjia.graph.journal import Journal
from guanjia.graph.transport import LOCAL_PAGE
from guanjia.hub import Hub
from guanjia.imports.running import Runner
from guanjia.reading.documents import Documents
from guanjia.reading.engine import Engine
from guanjia.settings import MODULES, Settings
from guanjia.transfers import FOLDERS, routes
from guanjia.view import View

logger = logging.getLogger("guanjia")
ENDPOINT = "/graphql"


@asynccontextmanager
async def world(
    settings: Settings, connections: Connections, database: Database | None = None
) -> AsyncIterator[tuple[World, Any]]:
    """Everything operations share, checked and opened: the world and its schema. A database that
    is given stays open; there can be one in a process.

    UnsafeDatabase when a role or a setting of the server would make the wall a pretence.
    """
    await check_walls(connections)
    built = schemas.build(introspection=settings.environment == "development")
    given, database = database, database or await Database.open(connections, MODULES)
    hub = Hub(database)
    imports = Runner(database, settings)
    try:
        await hub.start()
        secret = settings.cursor_secret()
        documents = Documents(schemas.graphql_schema(built), limits)
        yield (
            World(
                settings=settings,
                database=database,
                policy=policy.load(settings.policies_dir),
                tokens=Tokens(
                    settings.signing_key_pem(),
                    settings.access_token_seconds,
                    Issuers(plain_loopback=settings.environment == "development"),
                ),
                engine=Engine(documents, secret),
                hub=hub,
                imports=imports,
                store=store_of(settings),
            ),
            built,
        )
    finally:
        await imports.stop()
        await hub.stop()
        if given is None:
            await database.close()


async def check_walls(connections: Connections, timeout: float = 60) -> None:  # noqa: ASYNC109  # passed on
    """Both roles, their server and the walls are as they must be, or UnsafeDatabase."""
    for role in ("app_rw", "app_ro"):
        connection = await connect(connections.require(role), timeout=timeout)
        try:
            await check_server(connection, MODULES)
        finally:
            await connection.close()


def create_app(
    settings: Settings, connections: Connections, journal: Journal | None = None
) -> ASGIApp:
    """The application; its world opens with the server's lifespan. The endpoint is asked before
    any routing: it has one path and most of the traffic."""
    held: dict[str, Any] = {}
    journal = journal or Journal()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with world(settings, connections) as (opened, built):
            held["world"] = opened
            held["view"] = View(built, opened, journal)
            settle()
            yield

    async def alive(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> JSONResponse:
        return await readiness(connections)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(journal.registry), media_type=CONTENT_TYPE_LATEST)

    own: list[BaseRoute] = [
        Route("/healthz", alive),
        Route("/readyz", ready),
        Route("/metrics", metrics),
    ]
    if settings.environment == "development":
        own.append(Mount(ENDPOINT + explorer.ASSETS, explorer.assets()))
    others = Starlette(routes=own, lifespan=lifespan)
    served = endpoints(
        lambda: held["view"], Starlette(routes=routes(lambda: held["world"], journal))
    )
    crossing = CORSMiddleware(
        served,
        allow_origins=settings.origins(),
        allow_origin_regex=LOCAL_PAGE if settings.environment == "development" else None,
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type", "x-tenant", "x-request-id"],
        expose_headers=["x-request-id", "x-plan", "content-disposition"],
        max_age=600,
    )

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and scope["path"] == ENDPOINT:
            await (crossing if scope["type"] == "http" else served)(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith(FOLDERS):
            await crossing(scope, receive, send)
        else:
            await others(scope, receive, send)

    return application


def endpoints(view: Callable[[], ASGIApp], files: ASGIApp) -> ASGIApp:
    """The endpoint's path goes to the view, every other one to the routes of files."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        await (view() if scope["path"] == ENDPOINT else files)(scope, receive, send)

    return served


def settle() -> None:
    """What the process was started with stays as long as it does. The collector need not walk these
    some 300,000 objects at every full collection (20 ms, within an answer), nor look after every
    700 new ones: an operation and a part of a list make more than that and drop nearly all."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


async def readiness(connections: Connections) -> JSONResponse:
    """200 when the database answers, is migrated, and the roles are as they must be."""
    try:
        await check_walls(connections, timeout=3)
    except Exception as error:
        logger.warning("not ready: %s", error)
        return JSONResponse({"status": "unavailable"}, status_code=503)
    return JSONResponse({"status": "ready"})
