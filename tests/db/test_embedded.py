"""The embedded server: a socket and passwords only, found again warm, and whole after a kill."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from guanjia.db import cluster, embedded
from guanjia.db.connections import ROLES, with_database, with_user


@pytest.fixture
async def state_dir(tmp_path: Path) -> AsyncIterator[Path]:
    """Run by root, the server's files lie elsewhere: its user cannot enter the tests' folder."""
    state = tmp_path / "state"
    yield state
    await embedded.stop(state)
    shutil.rmtree(state / json.loads((state / "server.json").read_text())["folder"])


def process(server: embedded.Server) -> int:
    return int((server.home.data / "postmaster.pid").read_text().split("\n")[0])


async def test_starts_serves_and_stops(state_dir: Path) -> None:
    server = await embedded.start(state_dir)
    connections = await cluster.prepare(server.administrator, "guanjia", server.passwords)
    again = await cluster.prepare(server.administrator, "guanjia", server.passwords)
    assert connections == again
    for role in ROLES:
        connection = await asyncpg.connect(connections.require(role))
        assert await connection.fetchval("select current_user") == role
        assert await connection.fetchval("select current_setting('listen_addresses')") == ""
        assert await connection.fetchval("select current_setting('fsync')") == "on"
        await connection.close()
    assert await embedded.stop(state_dir)
    assert not await embedded.stop(state_dir)


async def test_no_credential_of_the_application_opens_the_superuser(state_dir: Path) -> None:
    server = await embedded.start(state_dir)
    connections = await cluster.prepare(server.administrator, "guanjia", server.passwords)
    for password in (None, "", "postgres", *server.passwords.values()):
        dsn = with_user(connections.require("app_rw"), embedded.SUPERUSER, password)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            await asyncpg.connect(with_database(dsn, "postgres"))
    kept = state_dir / "credentials.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


async def test_survives_a_kill_and_a_stale_lock_file(state_dir: Path) -> None:
    server = await embedded.start(state_dir)
    connection = await asyncpg.connect(server.administrator)
    await connection.execute("create table kept (n int); insert into kept values (7)")
    os.kill(process(server), signal.SIGKILL)
    connection.terminate()
    # As after a reboot: the number in the lock file belongs to another program now.
    lock = server.home.data / "postmaster.pid"
    lines = lock.read_text().split("\n")
    lock.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    embedded._servers.pop(state_dir)
    os.close(server._in_use)
    server._in_use = -1

    server = await embedded.start(state_dir)
    connection = await asyncpg.connect(server.administrator)
    assert await connection.fetchval("select n from kept") == 7
    await connection.close()


async def test_a_lost_secret_is_replaced(state_dir: Path) -> None:
    server = await embedded.start(state_dir)
    server.release()
    (state_dir / "credentials.json").unlink()
    server = await embedded.start(state_dir)
    connection = await asyncpg.connect(server.administrator)
    assert await connection.fetchval("select current_user") == embedded.SUPERUSER
    await connection.close()
