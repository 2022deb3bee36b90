"""The commands as an operator runs them: what a person can mend is one sentence, not a trace."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from pathlib import Path

import pytest
from tests import forks
from tests.conftest import Server

from guanjia.db.connections import Connections, database_of, with_database

VARIABLES = {
    "owner": "GUANJIA_OWNER_DATABASE_URL",
    "app_rw": "GUANJIA_DATABASE_URL",
    "app_ro": "GUANJIA_READ_DATABASE_URL",
    "auditor": "GUANJIA_AUDITOR_DATABASE_URL",
}


async def guanjia(
    folder: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """A command with these GUANJIA_ variables and no others, from a folder of its own."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("GUANJIA_")}
    return await asyncio.to_thread(
        subprocess.run,
        [forks.python(), "-m", "guanjia.cli", *arguments],
        cwd=folder,
        env={**kept, "GUANJIA_STATE_DIR": str(folder / "state"), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def given(connections: Connections, *roles: str) -> dict[str, str]:
    return {VARIABLES[role]: connections.require(role) for role in roles}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("command", ["serve", "demo"])
async def test_a_taken_port_is_said_before_any_work(tmp_path: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = await guanjia(tmp_path, command, GUANJIA_PORT=port)
    assert done.returncode == 1
    assert f"端口 {port} 已被占用" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "state").exists()


async def test_a_superuser_is_refused_in_a_sentence(
    tmp_path: Path, server: Server, connections: Connections
) -> None:
    superuser = with_database(server.administrator, database_of(connections.require("app_rw")))
    environment = {**given(connections, "app_ro"), "GUANJIA_DATABASE_URL": superuser}
    done = await guanjia(tmp_path, "serve", GUANJIA_PORT=str(free_port()), **environment)
    assert done.returncode == 1
    assert "是超级用户" in done.stderr
    assert "GUANJIA_DATABASE_URL 使用角色 app_rw" in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_server_that_is_not_there_is_named_without_the_password(tmp_path: Path) -> None:
    nowhere = f"postgresql://app_rw:geheim@127.0.0.1:{free_port()}/guanjia"
    done = await guanjia(
        tmp_path, "serve", GUANJIA_PORT=str(free_port()),
        GUANJIA_DATABASE_URL=nowhere, GUANJIA_READ_DATABASE_URL=nowhere,
    )  # fmt: skip
    assert done.returncode == 1
    assert "无法以用户 app_rw 连接数据库 127.0.0.1" in done.stderr
    assert "geheim" not in done.stderr
    assert "Traceback" not in done.stderr


async def test_the_auditor_verifies_with_no_other_address(
    tmp_path: Path, connections: Connections
) -> None:
    done = await guanjia(tmp_path, "audit", "verify", **given(connections, "auditor"))
    assert "链头" in done.stdout, done.stderr
    assert "operator" in done.stdout
