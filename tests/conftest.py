"""One server, and for each process of the test session one migrated database and one event loop.

The server is the embedded one in the project's state folder, so that a second run starts warm, or
the one on which GUANJIA_ADMIN_DATABASE_URL or GUANJIA_DATABASE_URL may create roles; breaking the
walls on purpose takes a superuser there. The database is new each time and dropped at the end.
"""

from __future__ import annotations

import datetime as dt
import gc
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
import hypothesis
import pytest
from argon2 import PasswordHasher
from tests import forks

from guanjia import settings
from guanjia.access import passwords
from guanjia.access.policy import Policy, load
from guanjia.db import cluster, embedded
from guanjia.db.connections import (
    Connections,
    administrator_of,
    database_of,
    remembered_passwords,
    server_key,
    with_database,
)
from guanjia.db.ids import new_id
from guanjia.db.migrate import migrate
from guanjia.db.pools import Database
from guanjia.imports import process
from guanjia.tenancy.models import tenant_id
from guanjia.tenancy.regions import segment

# How fast a busy machine draws examples, or takes one, says nothing about the code.
hypothesis.settings.register_profile(
    "busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy")


def pytest_collection_finish() -> None:
    """What was imported is garbage to nobody: the collector need not walk it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@dataclass(frozen=True)
class Server:
    """Where the tests' databases are made. `administrator` is a superuser's address."""

    administrator: str = field(repr=False)
    passwords: dict[str, str] = field(repr=False)


@dataclass(frozen=True)
class RegionRow:
    """A region as it was inserted."""

    id: UUID
    code: str
    level: str
    path: str


@dataclass(frozen=True)
class TestTenant:
    """A tenant nobody else uses, with one district, the streets `north` and `south`, two
    communities in each (`north1`, `north2`, …) and a grid in each (`north1grid`, …)."""

    __test__ = False

    id: UUID
    slug: str
    regions: dict[str, RegionRow]


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[Server]:
    given = await administrator_of(settings.load())
    state_dir = settings.load().state_dir
    if given is not None:
        # Under the same key as `guanjia migrate`: else tests would change the roles' passwords.
        yield Server(given, remembered_passwords(state_dir, server_key(given)))
        return
    running = await embedded.start(state_dir)
    yield Server(running.administrator, running.passwords)
    running.release()


@pytest.fixture(scope="session")
async def connections(server: Server) -> AsyncIterator[Connections]:
    """The four roles' addresses on the session's migrated database."""
    name = f"test_{secrets.token_hex(6)}"
    prepared = await cluster.prepare(server.administrator, name, server.passwords)
    try:
        await migrate(prepared.require("owner"), settings.MODULES)
        yield prepared
    finally:
        await cluster.drop_database(server.administrator, name)


@pytest.fixture(scope="session")
async def database(connections: Connections) -> AsyncIterator[Database]:
    opened = await Database.open(connections, settings.MODULES)
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def policy() -> Policy:
    """The built-in policies; nothing changes them."""
    return load(settings.load().policies_dir)


@pytest.fixture(autouse=True, scope="session")
def cheap_hashing() -> Iterator[PasswordHasher]:
    """A quick argon2id: most tests are about what happens around it. The real one is given."""
    real, cheap = passwords._hasher, PasswordHasher(time_cost=1, memory_cost=1024)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", cheap)
        patch.setattr(passwords, "_NOBODY", passwords._of_nobody(cheap))
        yield real


@pytest.fixture(autouse=True, scope="session")
def quick_workers() -> Iterator[None]:
    """Workbooks are read and written in processes that are forked, not begun anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "sys", forks.Sys())
        yield
    forks.end()


@pytest.fixture
async def admin(server: Server, connections: Connections) -> AsyncIterator[asyncpg.Connection]:
    """The superuser inside the session's database, to break what the walls forbid to break."""
    name = database_of(connections.require("owner"))
    connection = await asyncpg.connect(with_database(server.administrator, name))
    yield connection
    await connection.close()


@pytest.fixture
async def tenant(database: Database) -> TestTenant:
    return await make_tenant(database)


async def make_tenant(database: Database, slug: str | None = None) -> TestTenant:
    """A new tenant with its small region tree."""
    slug = slug or f"t{secrets.token_hex(6)}"
    regions = _tree()
    made = TestTenant(tenant_id(slug), slug, regions)
    async with database.tenant_transaction(made.id) as transaction:
        await transaction.connection.execute(
            "insert into tenants (slug, code, name, next_region) values ($1, '990101', $2, $3)",
            slug,
            f"测试区{slug}",
            len(regions) + 1,
        )
        await transaction.connection.executemany(
            "insert into regions (id, level, code, name, parent_id, path, grid_kind, valid_from)"
            " values ($1, $2, $3, $4, $5, $6, $7, $8)",
            [
                (
                    row.id, row.level, row.code, f"测试{name}", _parent(row, regions), row.path,
                    "BASIC" if row.level == "GRID" else None, dt.date(2020, 1, 1),
                )
                for name, row in regions.items()
            ],
        )  # fmt: skip
        await transaction.connection.execute("insert into access_epochs default values")
    return made


def _tree() -> dict[str, RegionRow]:
    regions: dict[str, RegionRow] = {}

    def add(name: str, level: str, code: str, above: str) -> str:
        path = above + segment(len(regions) + 1)
        regions[name] = RegionRow(new_id(), code, level, path)
        return path

    district = add("district", "DISTRICT", "990101", "")
    for s, street in enumerate(("north", "south"), 1):
        street_path = add(street, "STREET", f"990101{s:03}", district)
        for c in (1, 2):
            code = f"990101{s:03}{c:03}"
            community = add(f"{street}{c}", "COMMUNITY", code, street_path)
            add(f"{street}{c}grid", "GRID", f"{code}001", community)
    return regions


def _parent(row: RegionRow, regions: dict[str, RegionRow]) -> UUID | None:
    above = row.path[:-5]
    return next((other.id for other in regions.values() if other.path == above), None)
