"""The worker's health and figures over HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from guanjia.app import readiness
from guanjia.db.connections import Connections
from guanjia.settings import Settings
from guanjia.worker.running import Worker


class Quiet(uvicorn.Server):
    """A server that leaves signals to the process it is a part of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def health(worker: Worker, connections: Connections) -> Starlette:
    """`/healthz`: the clock is looked at. `/readyz`: database, migrations, roles. `/metrics`."""

    async def alive(_: Request) -> JSONResponse:
        if worker.alive:
            return JSONResponse({"status": "ok"})
        return JSONResponse({"status": "stuck"}, status_code=503)

    async def ready(_: Request) -> JSONResponse:
        return await readiness(connections)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(worker.figures.registry), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[Route("/healthz", alive), Route("/readyz", ready), Route("/metrics", metrics)]
    )


def server(worker: Worker, connections: Connections, settings: Settings) -> Quiet:
    return Quiet(
        uvicorn.Config(
            health(worker, connections),
            host=settings.host,
            port=settings.worker_port,
            access_log=False,
            server_header=False,
            log_config=None,
            timeout_graceful_shutdown=5,
        )
    )
