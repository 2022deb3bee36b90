"""The demo's tenants and its story, told to the databases that the environment names: a process of
its own, since a process has one database at a time."""

from __future__ import annotations

import asyncio

import typer
from argon2 import PasswordHasher

from guanjia import settings
from guanjia.access import passwords
from guanjia.cli import HOOKS
from guanjia.db.connections import resolve
from guanjia.db.pools import Database
from guanjia.demo import story
from guanjia.tenancy import onboarding
from guanjia.tenancy.tenantfile import load


async def main() -> None:
    given = settings.load()
    connections = await resolve(given)
    database = await Database.open(connections, settings.MODULES)
    for path in sorted(given.tenants_dir.glob("*.toml")):
        if load(path)[0].demo:
            await onboarding.onboard(database, path, hooks=HOOKS)
    await database.close()
    for line in await story.tell(given, connections):
        typer.echo(line)


# What a hash costs is held by tests/access; here it would be most of the time.
passwords._hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
asyncio.run(main())
