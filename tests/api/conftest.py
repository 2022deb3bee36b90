"""Clients that speak GraphQL through the ASGI view, each as a person of its own tenant."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message
from tests.api.meetings import populate_meetings
from tests.api.population import (
    import_batch,
    notice,
    populate_compounds,
    populate_jobs,
    populate_parties,
    populate_routing,
    populate_task,
)
from tests.api.surveys import populate_surveys
from tests.api.whistles import populate_whistles
from tests.conftest import make_tenant

from guanjia import settings
from guanjia.app import endpoints, world
from guanjia.cases.seeding import seed_cases
from guanjia.context import Request, World
from guanjia.db.connections import Connections
from guanjia.db.ids import new_id
from guanjia.db.pools import Database
from guanjia.indicators.onboard import seed_weights
from guanjia.meetings.onboard import seed_types
from guanjia.people.retention import seed_retention
from guanjia.reading.engine import Caller
from guanjia.schema import graphql_schema
from guanjia.tenancy.models import tenant_id
from guanjia.transfers import routes
from guanjia.view import View

PERSONAS = [
    ("DCMD", "district", None), ("SCMD", "north", None), ("COMM", "north1", None),
    ("GRID", "north1grid", None), ("CSEC", "south2", None), ("DEPT", "district", "住建"),
    ("RES", "north1", None), ("AUD", "district", None), ("SEC", "district", None),
    ("SYS", "district", None),
]  # fmt: skip
REGISTERED = (
    "person { id name sex ageBand address warnings version region { code }"
    " documents { id kind number } phones { id kind number } }"
    " existing { id name } userErrors { code message field }"
)
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


@dataclass
class Service:
    """The running view and what is behind it."""

    world: World
    schema: Any
    app: ASGIApp
    address: str = "127.0.0.1"

    def __post_init__(self) -> None:
        transport = httpx.ASGITransport(self.app, client=(self.address, 1))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://test")

    async def post(self, body: Any, headers: dict[str, str]) -> httpx.Response:
        """What the endpoint answers. Most requests of the suite are this one, so it goes straight
        to the application: a client makes a quarter of their time."""
        sent: list[Message] = [{"type": "http.request", "body": _json(body), "more_body": False}]
        told: list[Message] = []

        async def receive() -> Message:
            return sent.pop() if sent else await asyncio.Future()

        async def send(message: Message) -> None:
            told.append(message)

        given = {
            "host": "test",
            "content-type": "application/json",
            "user-agent": "tests",
            **headers,
        }
        await self.app(
            {
                "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http",
                "method": "POST", "path": "/graphql", "raw_path": b"/graphql", "query_string": b"",
                "root_path": "", "server": ("test", None), "client": (self.address, 1),
                "headers": [(name.encode(), value.encode()) for name, value in given.items()],
            },
            receive,
            send,
        )  # fmt: skip
        start, *parts = told
        content = b"".join(part.get("body", b"") for part in parts)
        return httpx.Response(start["status"], headers=start["headers"], content=content)


def _json(body: Any) -> bytes:
    """As the client writes it."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode()


@pytest.fixture(scope="session")
async def api(connections: Connections, database: Database) -> AsyncIterator[Service]:
    async with world(settings.load(), connections, database) as (opened, schema):
        view = View(schema, opened)
        files = Starlette(routes=routes(lambda: opened, view.journal))
        yield Service(opened, schema, endpoints(lambda: view, files))


@dataclass
class Person:
    """A client of the API, logged in (or not) at a tenant."""

    api: Service
    slug: str
    token: str | None = None
    membership: UUID | None = None
    session: UUID | None = None

    async def ask(self, query: str, variables: Any = None, **more: Any) -> dict[str, Any]:
        response = await self.post({"query": query, "variables": variables, **more})
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def post(self, body: Any) -> httpx.Response:
        headers = {"x-tenant": self.slug}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        return await self.api.post(body, headers)

    async def send(self, method: str, path: str, body: bytes = b"", **query: str) -> httpx.Response:
        """A file in or out, beside the endpoint."""
        headers = {"x-tenant": self.slug}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        return await self.api.http.request(
            method, path, content=body, params=query, headers=headers
        )

    async def data(self, query: str, variables: Any = None) -> dict[str, Any]:
        answer = await self.ask(query, variables)
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    async def code(self, query: str, variables: Any = None) -> str:
        answer = await self.ask(query, variables)
        code: str = answer["errors"][0]["extensions"]["code"]
        return code

    async def do(self, name: str, given: dict[str, Any], wanted: str = "") -> dict[str, Any]:
        """One mutation with its input; its payload."""
        answer = await self.payload(name, given, wanted)
        assert "errors" not in answer, answer
        payload: dict[str, Any] = answer["data"][name]
        return payload

    async def payload(self, name: str, given: dict[str, Any], wanted: str = "") -> dict[str, Any]:
        """The whole answer to a mutation with its input."""
        fields = graphql_schema(self.api.schema).mutation_type.fields
        kind = fields[name].args["input"].type
        return await self.ask(
            f"mutation ($input: {kind}) {{ {name}(input: $input)"
            f" {{ {wanted} userErrors {{ code message field }} }} }}",
            {"input": given},
        )

    async def done(self, name: str, wanted: str = "", /, **given: Any) -> dict[str, Any]:
        """The payload of a mutation that nothing refuses."""
        payload = await self.do(name, given, wanted)
        assert payload["userErrors"] == [], (name, payload)
        return payload

    async def refused(self, name: str, given: dict[str, Any] | None = None, /, **more: Any) -> str:
        """The code by which a mutation is refused."""
        payload = await self.do(name, {**(given or {}), **more})
        code: str = payload["userErrors"][0]["code"]
        return code

    async def caller(self) -> Caller:
        """The person as the compiled path knows them."""
        world = self.api.world
        claims = await world.identify(Request(self.token, tenant_id(self.slug)))
        assert claims is not None
        found: Caller = await world.caller(claims, fresh=True)
        return found


@dataclass
class Town:
    """A tenant with people, made through the rows that onboarding and grants would make."""

    api: Service
    tenant: Any
    organisations: dict[str, UUID] = field(default_factory=dict)
    places: Iterator[int] = field(default_factory=lambda: count(1))

    async def person(
        self, role: str | None, region: str = "district", organisation: str | None = None
    ) -> Person:
        """Somebody who holds the role at the region, with an open session."""
        member, session, now = new_id(), new_id(), dt.datetime.now(dt.UTC)
        place = self.tenant.regions[region]
        async with self.api.world.database.tenant_transaction(self.tenant.id) as transaction:
            connection = transaction.connection
            await connection.execute(
                "insert into memberships (id, home_tenant_id, user_id, display_name, kind)"
                " values ($1, $2, $3, $4, 'STAFF')",
                member, self.tenant.id, new_id(), f"测试{role}",
            )  # fmt: skip
            if role:
                await _grant(connection, member, role, place)
            if organisation:
                await connection.execute(
                    "insert into organisation_members (id, organisation_id, membership_id,"
                    " valid_from) values ($1, $2, $3, $4)",
                    new_id(), await self.organisation(organisation), member, LONG_AGO,
                )  # fmt: skip
            await connection.execute(
                "insert into sessions (id, membership_id, created_at, last_used_at, expires_at,"
                " refresh_hash) values ($1, $2, $3, $3, $4, ''::bytea)",
                session, member, now, now + dt.timedelta(hours=1),
            )  # fmt: skip
        token = self.api.world.tokens.issue(self.tenant.id, member, session, now)
        return Person(self.api, self.tenant.slug, token, member, session)

    def renew(self, person: Person) -> None:
        """The person has a fresh access token: a long test outlives one."""
        assert person.membership is not None
        assert person.session is not None
        now = dt.datetime.now(dt.UTC)
        person.token = self.api.world.tokens.issue(
            self.tenant.id, person.membership, person.session, now
        )

    async def also(self, person: Person, role: str, region: str) -> Person:
        """The same person, who holds this role too."""
        async with self.api.world.database.tenant_transaction(self.tenant.id) as transaction:
            await _grant(
                transaction.connection, person.membership, role, self.tenant.regions[region]
            )
        return person

    async def organisation(
        self, name: str, kind: str = "DEPARTMENT", region: str = "district"
    ) -> UUID:
        if name not in self.organisations:
            place = self.tenant.regions[region]
            made = new_id()
            async with self.api.world.database.tenant_transaction(self.tenant.id) as transaction:
                await transaction.connection.execute(
                    "insert into organisations (id, kind, name, region_id, region_path)"
                    " values ($1, $2, $3, $4, $5)",
                    made, kind, name, place.id, place.path,
                )  # fmt: skip
            self.organisations[name] = made
        return self.organisations[name]

    async def opened(
        self, person: Person, region: str, title: str = "井盖缺失", **more: Any
    ) -> dict[str, Any]:
        """A case that the person reports in the region."""
        categories = await person.data(
            '{ caseCategories(filter: { code: { in: ["C01-01"] } }) { nodes { id } } }'
        )
        answer = await person.data(
            "mutation ($input: OpenCaseInput!) { openCase(input: $input)"
            " { case { id number version } userErrors { code message field } } }",
            {
                "input": {
                    "categoryId": categories["caseCategories"]["nodes"][0]["id"],
                    "regionId": str(self.tenant.regions[region].id),
                    "title": title,
                    "location": f"北门 {next(self.places)} 号",
                    "source": "COMMUNITY",
                    "noPhotoReason": "夜间",
                    "contactName": "张三",
                    "contactPhone": "13900000001",
                    **more,
                }
            },
        )
        assert answer["openCase"]["userErrors"] == []
        case: dict[str, Any] = answer["openCase"]["case"]
        return case

    async def registered(self, person: Person, region: str, **given: Any) -> dict[str, Any]:
        """Somebody whom the person registers as living in the region."""
        answer = await person.data(
            "mutation ($input: RegisterPersonInput!) { registerPerson(input: $input)"
            f" {{ {REGISTERED} }} }}",
            {
                "input": {
                    "name": "张小三",
                    "regionId": str(self.tenant.regions[region].id),
                    "address": "北门路1号阳光小区3幢501室",
                    "phones": ["13900000001"],
                    **given,
                }
            },
        )
        payload: dict[str, Any] = answer["registerPerson"]
        return payload


async def _grant(connection: Any, member: Any, role: str, place: Any) -> None:
    await connection.execute(
        "insert into grants (id, membership_id, role, region_id, region_path, valid_from)"
        " values ($1, $2, $3, $4, $5, $6)",
        new_id(), member, role, place.id, place.path, LONG_AGO,
    )  # fmt: skip


@pytest.fixture
async def town(api: Service, make_town: Callable[[], Awaitable[Town]]) -> Town:
    return await make_town()


@pytest.fixture
def make_town(api: Service) -> Callable[[], Awaitable[Town]]:
    async def make() -> Town:
        tenant = await make_tenant(api.world.database)
        async with api.world.database.tenant_transaction(tenant.id) as transaction:
            await seed_cases(transaction.connection)
            await seed_retention(transaction.connection)
            await seed_types(transaction.connection)
            await seed_weights(transaction.connection, LONG_AGO)
        return Town(api, tenant)

    return make


@pytest.fixture
async def people(town: Any) -> list[Any]:
    reporters = [await town.person("COMM", place) for place in ("north1", "north2", "south1")]
    for number in range(3):
        for person, place in zip(reporters, ("north1grid", "north2", "south1"), strict=True):
            await town.opened(person, place, f"第{number}处井盖缺失")
    found = [await town.person(*persona) for persona in PERSONAS]
    found.append(await town.also(await town.person("COMM", "north1"), "COMM", "south1"))
    found.append(await town.also(await town.person("SCMD", "north"), "GRID", "south1grid"))
    found.append(await town.person("SLEAD", "north"))
    await town.opened(found[6], "north1", "居民上报")
    for number, place in enumerate(("north1grid", "north2", "south2")):
        await town.registered(found[4] if place == "south2" else reporters[number], place)
    await populate_compounds(town)
    await populate_parties(town)
    await populate_jobs(town)
    await populate_meetings(town)
    await populate_whistles(town)
    await populate_surveys(town)
    await import_batch(town, found[2], "north1")
    for person in found:
        await notice(town, person)
    await populate_routing(town)
    await populate_task(town)
    return found
