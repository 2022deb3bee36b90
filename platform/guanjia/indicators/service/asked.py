"""Whose rows are counted, and of when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from guanjia.db.scope import DISTRICT_PATH, path_end
from guanjia.graph.times import local_date
from guanjia.indicators.service.periods import Period


@dataclass(frozen=True, slots=True)
class Window:
    """A period, counted as it was known at a moment."""

    period: Period
    known: dt.datetime

    @property
    def until(self) -> dt.datetime:
        """What lies ahead of that moment is not counted."""
        return min(self.period.end, self.known)

    @property
    def last_day(self) -> dt.date:
        """The last day of which something is counted: its weights are those of the score."""
        return local_date(self.until - dt.timedelta(microseconds=1))


@dataclass(frozen=True, slots=True)
class Asked:
    """Rows of a region, and of the chosen categories and handlers. now: by the machine's clock.
    organisation: the one whose board this is, chosen as handler too."""

    tenant_id: UUID
    region: Any
    chosen: Mapping[str, Sequence[UUID]] = field(default_factory=dict)
    now: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    organisation: Any | None = None

    @property
    def path(self) -> str:
        return str(self.region["path"])

    @property
    def district(self) -> Asked:
        """All of the district, whoever handles it: what a figure of few rows is drawn to."""
        return Asked(self.tenant_id, {"path": self.path[:DISTRICT_PATH]}, now=self.now)

    @property
    def given(self) -> list[Any]:
        """The values of TENANT, LOW and HIGH."""
        return [self.tenant_id, self.path, path_end(self.path)]

    @property
    def lists(self) -> list[list[UUID]]:
        """The values of what is chosen."""
        return [list(ids) for ids in self.chosen.values()]
