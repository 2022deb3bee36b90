"""What the operator sees: one line and a few counts for each operation, and each fault by its id.

Neither holds variables, tokens or anything a person wrote: a fault is told by its class and by
where it happened, never by its message, because the database puts values into messages.
"""

from __future__ import annotations

import logging
import re
import secrets
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import orjson
import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

logger = logging.getLogger("guanjia.faults")
SECONDS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_GIVEN_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_SLUG = re.compile(r"[a-z0-9-]{1,63}")


class Operation:
    """One request on its way: filled in by whoever knows."""

    __slots__ = ("began", "kind", "name", "outcome", "plan", "request_id", "status", "tenant")

    def __init__(self, headers: Mapping[str, str], kind: str = "unknown") -> None:
        given = headers.get("x-request-id", "")
        self.request_id = given if _GIVEN_ID.fullmatch(given) else secrets.token_hex(8)
        named = headers.get("x-tenant", "")
        self.tenant: str | None = named if _SLUG.fullmatch(named) else None
        self.kind = kind
        self.name: str | None = None
        self.plan = "none"
        self.outcome = "OK"
        self.status = 200
        self.began = time.perf_counter()
        _current.set(self)


_current: ContextVar[Operation | None] = ContextVar("guanjia_operation", default=None)


def current() -> Operation | None:
    """The operation that is being answered."""
    return _current.get()


class Journal:
    """Writes the lines and keeps the counts of one process."""

    def __init__(self, log: Any = None) -> None:
        self._log = log
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._operations = Counter(
            "guanjia_operations",
            "Operations answered, by kind, outcome (OK or an error code) and path",
            ("kind", "outcome", "path"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "guanjia_operation_seconds",
            "Time from the request to its answer",
            ("kind", "path"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._children: dict[tuple[str, str, str], tuple[Any, Any]] = {}

    def end(self, operation: Operation) -> None:
        """Counts an answered operation and writes its line."""
        seconds = time.perf_counter() - operation.began
        path = operation.plan.partition(":")[0]
        key = (operation.kind, operation.outcome, path)
        children = self._children.get(key)
        if children is None:
            children = (
                self._operations.labels(*key),
                self._seconds.labels(operation.kind, path),
            )
            self._children[key] = children
        children[0].inc()
        children[1].observe(seconds)
        if self._log is not None:
            self._log.info(
                "operation",
                request_id=operation.request_id,
                tenant=operation.tenant,
                kind=operation.kind,
                name=operation.name,
                milliseconds=round(seconds * 1000, 2),
                outcome=operation.outcome,
                status=operation.status,
                plan=operation.plan,
            )

    def watch(self, counts: Callable[[], tuple[int, Mapping[str, int]]]) -> None:
        """Shows the engine's own counts: plans run, and the reasons for declining."""
        self.registry.register(_Plans(counts))


class _Plans(Collector):
    def __init__(self, counts: Callable[[], tuple[int, Mapping[str, int]]]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[CounterMetricFamily]:
        planned, declined = self._counts()
        yield CounterMetricFamily("guanjia_planned", "Queries run as one statement", value=planned)
        reasons = CounterMetricFamily(
            "guanjia_declined", "Operations left to the stock executor", labels=["reason"]
        )
        for reason, count in declined.items():
            reasons.add_metric([reason], count)
        yield reasons


def log_fault(fault: BaseException, where: object = None) -> str | None:
    """Writes a fault of ours with the request's id, which is returned for the answer."""
    operation = current()
    found = operation.request_id if operation else None
    logger.error(
        "fault %s at %s: %s", found, where, " <- ".join(_told(each) for each in _chain(fault))
    )
    return found


def _chain(fault: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while fault is not None and id(fault) not in seen:
        seen.add(id(fault))
        yield fault
        fault = fault.__cause__ or fault.__context__


def _told(fault: BaseException) -> str:
    """The class, the SQLSTATE and the constraint where there is one, and the frames."""
    kind = type(fault)
    known = [str(getattr(fault, name, "") or "") for name in ("sqlstate", "constraint_name")]
    frames = " ".join(
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno}:{frame.name}"
        for frame in traceback.extract_tb(fault.__traceback__)[-12:]
    )
    return " ".join(filter(None, [f"{kind.__module__}.{kind.__qualname__}", *known, frames]))


def configure(environment: str) -> Any:
    """The log of a serving process on its standard error: JSON lines in production, readable
    ones in development. Returns the logger of operations."""
    times = structlog.processors.TimeStamper(fmt="iso", utc=True)
    render: list[Any] = [structlog.processors.JSONRenderer(_json_text)]
    if environment == "development":
        render = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    shared: list[Any] = [structlog.stdlib.add_log_level, times]
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    structlog.configure(
        processors=[structlog.processors.add_log_level, times, *render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    return structlog.get_logger()


def _json_text(event: Any, **_: Any) -> str:
    return orjson.dumps(event, default=str).decode()
