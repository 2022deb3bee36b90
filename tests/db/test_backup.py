"""A backup as the README says: whole, and behind the same walls after it is restored."""

from __future__ import annotations

import secrets
import subprocess
from pathlib import Path

import asyncpg

from guanjia import settings
from guanjia.audit.chain import verify
from guanjia.db import cluster, embedded
from guanjia.db.connections import Connections, with_database
from guanjia.db.guard import check_server
from guanjia.db.ids import new_id
from guanjia.db.migrate import migrate

TENANT = new_id()
RECORDS = 3


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


async def fill(connections: Connections) -> None:
    """A tenant with a few records of its audit."""
    writer = await asyncpg.connect(connections.require("app_rw"))
    await writer.execute("select set_config('app.tenant_id', $1, false)", str(TENANT))
    await writer.execute("insert into access_epochs default values")
    for _ in range(RECORDS):
        await writer.execute(
            "insert into audit_records (id, action, result, detail) values ($1, 'x', 'OK', '备份')",
            new_id(),
        )
    await writer.close()


async def test_a_backup_is_whole_and_restores_behind_the_walls(tmp_path: Path) -> None:
    # The embedded server, whichever the other tests use: its tools are of its own release.
    server = await embedded.start(settings.load().state_dir)
    name, file = f"test_{secrets.token_hex(6)}", tmp_path / "guanjia.dump"
    dump, restore = (server.home.programs / tool for tool in ("pg_dump", "pg_restore"))
    try:
        made = await cluster.prepare(server.administrator, name, server.passwords)
        await migrate(made.require("owner"), settings.MODULES)
        await fill(made)
        administrator = with_database(server.administrator, name)

        refused = run(dump, "-Fc", f"--file={file}", made.require("owner"))
        assert refused.returncode != 0
        assert "row-level security" in refused.stderr  # an error, not a backup without rows
        done = run(dump, "-Fc", f"--file={file}", administrator)
        assert done.returncode == 0, done.stderr

        await cluster.drop_database(server.administrator, name)
        made = await cluster.prepare(server.administrator, name, server.passwords)
        await migrate(made.require("owner"), settings.MODULES)
        done = run(
            restore, "--clean", "--if-exists", "--exit-on-error", f"--dbname={administrator}",
            str(file),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

        for role in ("app_rw", "app_ro"):
            connection = await asyncpg.connect(made.require(role))
            await check_server(connection, settings.MODULES)
            await connection.close()
        auditor = await asyncpg.connect(made.require("auditor"))
        found = await verify(auditor, TENANT)
        assert (found.fault, found.count) == (None, RECORDS)
        assert (await verify(auditor, new_id())).count == 0
        await auditor.close()
    finally:
        await cluster.drop_database(server.administrator, name)
