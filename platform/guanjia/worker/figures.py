"""What the operator sees of the worker, in Prometheus' form."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from guanjia.jobs.queue import Outcome
from guanjia.jobs.service import Status

LAGS = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 3600, 86_400)
SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
STATES = ("ready", "later", "retrying", "running", "dead")


class Figures:
    """The counts of one worker and, by tenant, the queue as it was last looked at."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._queue = Gauge(
            "guanjia_jobs", "Jobs in the queue", ("tenant", "state"), registry=self.registry
        )
        self._lag = Gauge(
            "guanjia_jobs_lag_seconds",
            "How late the oldest job is that is due and not done",
            ("tenant",),
            registry=self.registry,
        )
        self._tried = Counter(
            "guanjia_jobs_tried", "Jobs tried", ("kind", "outcome"), registry=self.registry
        )
        self._seconds = Histogram(
            "guanjia_job_seconds", "Time a job took", ("kind",), buckets=SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self._late = Histogram(
            "guanjia_job_start_lag_seconds", "From when a job was due to its start", ("kind",),
            buckets=LAGS, registry=self.registry,
        )  # fmt: skip
        self._looks = Counter(
            "guanjia_job_looks", "Looks at a tenant for what is due", ("outcome",),
            registry=self.registry,
        )  # fmt: skip

    def looked(self, slug: str, status: Status) -> None:
        for state in STATES:
            self._queue.labels(slug, state).set(getattr(status, state))
        self._lag.labels(slug).set(status.lag)
        self._looks.labels("OK").inc()

    def failed_to_look(self) -> None:
        self._looks.labels("FAILED").inc()

    def tried(self, kind: str, outcome: Outcome, late: float, seconds: float) -> None:
        self._tried.labels(kind, outcome.value).inc()
        self._seconds.labels(kind).observe(seconds)
        self._late.labels(kind).observe(max(0, late))
