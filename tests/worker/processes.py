"""`guanjia worker` as a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import Any

from tests import forks

from guanjia import settings
from guanjia.db.connections import Connections
from guanjia.db.ids import new_id
from guanjia.db.pools import Database
from guanjia.tenancy.models import OPERATOR, tenant_id


def environment(connections: Connections, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "GUANJIA_DATABASE_URL": connections.require("app_rw"),
        "GUANJIA_READ_DATABASE_URL": connections.require("app_ro"),
        "GUANJIA_STATE_DIR": str(settings.load().state_dir),
        "GUANJIA_WORKER_PORT": "0",
        "PYTHONPATH": str(settings.PROJECT_ROOT / "platform"),
        **more,
    }


async def started(
    connections: Connections, *arguments: str, program: str = sys.executable, **more: str
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        program, "-m", "guanjia.cli", "worker", *arguments,
        env=environment(connections, **more),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


async def said(connections: Connections, *arguments: str, fails: bool = False) -> str:
    """What the command says."""
    process = await started(connections, *arguments, program=forks.python())
    text, _ = await process.communicate()
    assert (process.returncode != 0) == fails, text.decode()
    return text.decode()


async def stopped(process: asyncio.subprocess.Process, number: int = signal.SIGTERM) -> str:
    """The process has ended as it was told to; what it had said."""
    if process.returncode is None:
        process.send_signal(number)
    text, _ = await process.communicate()
    return text.decode()


async def on_board(database: Database, tenant: Any) -> None:
    """The tenant is in the register: workers know of it."""
    async with database.tenant_transaction(tenant_id(OPERATOR)) as transaction:
        await transaction.connection.execute(
            "insert into tenant_register (id, slug, code, name) values ($1, $2, '990101', $2)",
            new_id(), tenant.slug,
        )  # fmt: skip
