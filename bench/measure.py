"""Measuring two contestants against each other, in turns, so that both meet the same machine."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

CONCURRENCY = 4


@dataclass(frozen=True)
class Contestant:
    """An ASGI application and the one request it is asked, `count` times a turn."""

    app: Any
    body: bytes
    headers: list[tuple[bytes, bytes]]
    count: int

    async def ask(self) -> bytes:
        return await call(self.app, self.body, self.headers)

    async def throughput(self) -> float:
        """Answers a second, CONCURRENCY requests at a time."""
        start = time.perf_counter()
        await _spread([self.ask] * self.count)
        return self.count / (time.perf_counter() - start)


@dataclass(frozen=True)
class Paired:
    """The ratios of two contestants' throughput, turn by turn, and how fast each was."""

    ratios: list[float]
    first: float
    second: float

    @property
    def median(self) -> float:
        return statistics.median(self.ratios)

    @property
    def spread(self) -> str:
        low, _, high = statistics.quantiles(self.ratios, n=4)
        return f"middle half {low:.2f}-{high:.2f}; {self.first:.0f} against {self.second:.0f} /s"


async def paired(first: Contestant, second: Contestant, turns: int) -> Paired:
    """The first one's throughput as a multiple of the second's. Who begins changes each turn."""
    rates: dict[Contestant | int, list[float]] = {0: [], 1: []}
    for turn in range(turns + 1):
        order = ((0, first), (1, second)) if turn % 2 else ((1, second), (0, first))
        for number, contestant in order:
            rate = await contestant.throughput()
            if turn:  # the first turn warms up
                rates[number].append(rate)
    return Paired(
        [ours / theirs for ours, theirs in zip(rates[0], rates[1], strict=True)],
        statistics.median(rates[0]),
        statistics.median(rates[1]),
    )


async def slowest(first: Contestant, second: Contestant, turns: int) -> list[float]:
    """The first one's p99 as a multiple of the second's, per turn: requests of both kinds are
    shuffled into one stream."""
    shuffled = random.Random(1)
    ratios = []
    for _ in range(turns):
        took: dict[int, list[float]] = {0: [], 1: []}

        def timed(number: int, contestant: Contestant, took: dict[int, list[float]]) -> Any:
            async def one() -> None:
                start = time.perf_counter()
                await contestant.ask()
                took[number].append(time.perf_counter() - start)

            return one

        stream = [timed(0, first, took)] * first.count + [timed(1, second, took)] * second.count
        shuffled.shuffle(stream)
        await _spread(stream)
        ratios.append(_p99(took[0]) / _p99(took[1]))
    return ratios


async def call(app: Any, body: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
    """One POST through an ASGI application; the body of its answer."""
    scope = {
        "type": "http", "method": "POST", "path": "/graphql", "raw_path": b"/graphql",
        "query_string": b"", "headers": headers, "http_version": "1.1", "scheme": "http",
        "server": ("bench", 80), "client": ("bench", 1), "root_path": "",
    }  # fmt: skip
    parts: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    return b"".join(parts)


def report(
    name: str, value: float, wanted: float | None, note: str = "", *, most: bool = False
) -> None:
    """Prints a figure next to the one that was wanted, and whether it is reached."""
    mark, sentence = "     ", ""
    if wanted is not None:
        mark = "pass " if (value <= wanted if most else value >= wanted) else "SHORT"
        sentence = f"wanted {'<=' if most else '>='} {wanted:g}"
    digits = 2 if value < 10 else 0
    print(f"{mark} {name:<44} {value:>7.{digits}f}   {sentence:<14}   {note}")


async def _spread(jobs: Iterable[Any]) -> None:
    waiting = iter(jobs)

    async def client() -> None:
        for job in waiting:
            await job()

    await asyncio.gather(*(client() for _ in range(CONCURRENCY)))


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]
