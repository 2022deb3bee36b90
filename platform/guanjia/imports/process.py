"""Running the worker: one process for one job, given and answering in frames."""

from __future__ import annotations

import asyncio
import os
import struct
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson

from guanjia.imports.worker import CHUNK, END, framed

MODULE = "guanjia.imports.worker"
_HEAD = struct.Struct(">cI")


class WorkerFailed(Exception):
    """The worker ended before its answer did: out of its limits, or broken by the file."""


class Worker:
    """A running worker."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._input, self._output = process.stdin, process.stdout

    async def send(self, payload: bytes, mark: bytes = CHUNK) -> None:
        self._input.write(framed(mark, payload))
        try:
            await self._input.drain()
        except ConnectionError:
            raise WorkerFailed from None

    async def finish(self) -> None:
        """Nothing more is sent; the worker has said that it is done."""
        await self.send(b"", END)
        async for _ in self.answers():
            pass

    async def answers(self) -> AsyncIterator[tuple[bytes, bytes]]:
        """The worker's frames up to its end; WorkerFailed when they break off."""
        try:
            while True:
                mark, length = _HEAD.unpack(await self._output.readexactly(_HEAD.size))
                if mark == END:
                    return
                yield mark, await self._output.readexactly(length)
        except asyncio.IncompleteReadError:
            raise WorkerFailed from None


@asynccontextmanager
async def worker(job: dict[str, Any], descriptors: Sequence[int] = ()) -> AsyncIterator[Worker]:
    """A worker with its job; it does not outlive this."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        MODULE,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        pass_fds=tuple(descriptors),
        env={"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ.get("PATH", "")},
    )
    try:
        started = Worker(process)
        await started.send(orjson.dumps(job))
        yield started
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
