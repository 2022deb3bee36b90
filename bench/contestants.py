"""Those that Guanjia is measured against. All work behind the same row-level security."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.types import Info

from guanjia.access.tokens import Tokens
from guanjia.cases import models as cases
from guanjia.db.pools import Database
from guanjia.reading.plan import fence
from guanjia.tenancy import models as tenancy

Given = Callable[[bytes], list[Any]]
# The limit: what somebody would write by hand for this one list.
_HAND = fence(
    "(select row_to_json(x) from (select coalesce(array_to_json(array_agg(n)), '[]') nodes from"
    ' (select c.id, c.number, c.title, c.state, c.stage, c.due_at "dueAt",'
    ' c.created_at "createdAt", (select row_to_json(r) from (select g.name from regions g where'
    " g.tenant_id = $2 and g.id = c.region_id) r) region,"
    " (select row_to_json(line) from (select coalesce(array_to_json(array_agg(e)), '[]') nodes"
    " from (select v.seq, v.title, v.at from case_events v"
    " where v.tenant_id = $2 and v.case_id = c.id order by v.seq limit 3) e) line) timeline"
    " from cases c where c.tenant_id = $2 and s.t is not null"
    " order by c.created_at desc, c.id desc limit 50) n) x) as cases"
)


def hand_written(
    database: Database, tokens: Tokens, tenant: UUID, sql: str = _HAND, given: Given | None = None
) -> Any:
    """One SQL statement in a Starlette route; `given` makes $5 and up of the body. The token is
    verified (and remembered), the session and the access epoch are compared in the statement, on
    the same connections as Guanjia's. It has no document to understand, and whoever has a session
    may read everything."""

    async def endpoint(request: Request) -> Response:
        token = request.headers["authorization"].removeprefix("Bearer ")
        claims = await tokens.identify(token, tenant, database)
        body = await request.body()
        arguments = [str(tenant), tenant, 1, claims.session_id, *(given(body) if given else ())]
        found = await database.fetch_json(sql, arguments)
        return Response(b'{"data":' + (found or b"null") + b"}", media_type="application/json")

    return Starlette(routes=[Route("/graphql", endpoint, methods=["POST"])])


@strawberry.type
class Region:
    name: str


@strawberry.type
class Event:
    seq: int
    title: str
    at: dt.datetime


@strawberry.type
class EventConnection:
    nodes: list[Event]


@strawberry.type
class Case:
    id: strawberry.ID
    number: str
    title: str
    state: str
    stage: str
    due_at: dt.datetime | None
    created_at: dt.datetime
    region_id: strawberry.Private[UUID]

    @strawberry.field
    async def region(self, info: Info) -> Region | None:
        found: Region | None = await info.context.regions.load(self.region_id)
        return found

    @strawberry.field
    async def timeline(self, info: Info, first: int = 20) -> EventConnection:
        events: list[Event] = await info.context.events.load(UUID(self.id))
        return EventConnection(nodes=events[:first])


@strawberry.type
class CaseConnection:
    nodes: list[Case]


@strawberry.type
class Query:
    @strawberry.field
    async def cases(self, first: int = 20, after: str | None = None) -> CaseConnection:
        columns = ("id", "number", "title", "state", "stage", "due_at", "created_at", "region_id")
        newest = cases.Case.all().order_by("-created_at", "-id").limit(first).only(*columns)
        return CaseConnection(
            nodes=[
                Case(
                    id=strawberry.ID(str(row.id)),
                    number=row.number,
                    title=row.title,
                    state=row.state,
                    stage=row.stage,
                    due_at=row.due_at,
                    created_at=row.created_at,
                    region_id=row.region_id,
                )
                for row in await newest
            ]
        )


async def _regions(ids: list[UUID]) -> list[Region | None]:
    rows = await tenancy.Region.filter(id__in=ids).only("id", "name")
    found = {row.id: Region(name=row.name) for row in rows}
    return [found.get(wanted) for wanted in ids]


async def _events(ids: list[UUID]) -> list[list[Event]]:
    columns = ("id", "case_id", "seq", "title", "at")
    rows = await cases.CaseEvent.filter(case_id__in=ids).order_by("case_id", "seq").only(*columns)
    found: dict[UUID, list[Event]] = defaultdict(list)
    for row in rows:
        found[row.case_id].append(Event(seq=row.seq, title=row.title, at=row.at))
    return [found[wanted] for wanted in ids]


@dataclass
class Loaders:
    """The context of one request."""

    token: str
    regions: DataLoader[UUID, Region | None]
    events: DataLoader[UUID, list[Event]]


class Stock(GraphQL[Loaders, None]):
    """Strawberry, Tortoise and DataLoader as their manuals show them, with parser and validation
    caches: three queries a request in one transaction of the tenant, with the same token and
    session check."""

    def __init__(self, database: Database, tokens: Tokens, tenant: UUID) -> None:
        super().__init__(
            strawberry.Schema(Query, extensions=[ParserCache(), ValidationCache()]),
            graphql_ide=None,
        )
        self._database, self._tokens, self._tenant = database, tokens, tenant

    async def get_context(self, request: Any, response: Any) -> Loaders:
        token = request.headers["authorization"].removeprefix("Bearer ")
        return Loaders(token, DataLoader(load_fn=_regions), DataLoader(load_fn=_events))

    async def execute_single(
        self,
        request: Any,
        request_adapter: Any,
        sub_response: Any,
        context: Loaders,
        root_value: Any,
        request_data: Any,
    ) -> Any:
        claims = await self._tokens.identify(context.token, self._tenant, self._database)
        async with self._database.tenant_transaction(self._tenant) as transaction:
            open_ = await transaction.connection.fetchval(
                "select exists (select 1 from sessions where id = $1 and revoked_at is null"
                " and expires_at > now())",
                claims.session_id,
            )
            if not open_:
                raise PermissionError("the session has ended")
            return await super().execute_single(
                request, request_adapter, sub_response, context, root_value, request_data
            )
