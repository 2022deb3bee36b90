"""The process apart in which files are read and workbooks written.

It is given one job on standard input, answers in frames on standard output, and ends. So the event
loop of the server never waits for a spreadsheet, memory goes back when it ends, and a file that
breaks the reader breaks nothing else: the process may use `MEMORY` bytes and `SECONDS` of
processor time.
"""

from __future__ import annotations

import datetime as dt
import gc
import os
import resource
import struct
import sys
import traceback
from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson

from guanjia.imports.files import BadFile, opened
from guanjia.imports.kinds import kind_at
from guanjia.imports.reading import Chunk, Header, read, staged
from guanjia.imports.workbooks import Exported, Returned, Watermark

MEMORY = 1_500_000_000
SECONDS = 300
REFUSED, HEADER, CHUNK, END = b"R", b"H", b"C", b"E"
_LENGTH = struct.Struct(">cI")


def framed(mark: bytes, payload: bytes = b"") -> bytes:
    return _LENGTH.pack(mark, len(payload)) + payload


def frames(stream: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """The frames up to the end; EOFError when the stream breaks off."""
    while True:
        head = stream.read(_LENGTH.size)
        if len(head) < _LENGTH.size:
            raise EOFError
        mark, length = _LENGTH.unpack(head)
        if mark == END:
            return
        payload = stream.read(length)
        if len(payload) < length:
            raise EOFError
        yield mark, payload


def main() -> None:
    # Cells make no cycles, and the process ends with its job.
    gc.disable()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    source = frames(sys.stdin.buffer)
    job = orjson.loads(next(source)[1])
    {"read": _read, "return": _return, "export": _export}[job["do"]](job, source)


def _say(mark: bytes, payload: bytes = b"") -> None:
    sys.stdout.buffer.write(framed(mark, payload))
    sys.stdout.buffer.flush()


def _read(job: dict[str, Any], source: Iterator[tuple[bytes, bytes]]) -> None:
    """Frames: the file in; the header, then chunks out, or the sentence of a refusal."""
    data = next(source)[1]
    try:
        table = opened(data, job["name"])
        for found in read(table, kind_at(job["kind"]), job["choices"]):
            if isinstance(found, Header):
                said = {
                    "titles": found.titles,
                    "places": found.places,
                    "ignored": found.ignored,
                    "total": table.total,
                }
                _say(HEADER, orjson.dumps(said))
            elif isinstance(found, Chunk):
                _say(CHUNK, struct.pack(">I", found.rows) + found.packed)
    except BadFile as bad:
        _say(REFUSED, str(bad).encode())
    except MemoryError:
        _say(REFUSED, "文件展开后过大,已拒绝读取。".encode())
    _say(END)


def _return(job: dict[str, Any], source: Iterator[tuple[bytes, bytes]]) -> None:
    """Frames in: each chunk, then its findings by row number. The workbook goes to the given
    descriptor."""
    with os.fdopen(job["target"], "wb") as target:
        book = Returned(target, job["titles"])
        for _, payload in source:
            findings = orjson.loads(next(source)[1])
            for row in staged(payload):
                wrong, said = findings.get(str(row.number), ((), ""))
                book.add(row.cells, wrong, said)
        book.close(job["summary"])
    _say(END)


def _export(job: dict[str, Any], source: Iterator[tuple[bytes, bytes]]) -> None:
    """Frames in: lists of rows."""
    with os.fdopen(job["target"], "wb") as target:
        mark = Watermark(**{**job["mark"], "at": dt.datetime.fromisoformat(job["mark"]["at"])})
        book = Exported(target, job["title"], job["columns"], mark)
        for _, payload in source:
            for row in orjson.loads(payload):
                book.add(row)
        book.close()
    _say(END)


def _told(error: BaseException) -> str:
    """What went wrong and where; the message may hold cells and is left out."""
    places = traceback.extract_tb(error.__traceback__)
    where = f" at {places[-1].filename}:{places[-1].lineno}" if places else ""
    return f"imports.worker: {type(error).__name__}{where}\n"


if __name__ == "__main__":
    try:
        main()
    except BaseException as failed:
        sys.stderr.write(_told(failed))
        sys.exit(1)
