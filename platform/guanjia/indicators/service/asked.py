"""Whose rows are counted, and of when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from guanjia.db.scope import path_end
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
    def given(self) -> list[Any]:
        """The values of TENANT, LOW and HIGH."""
        return [self.tenant_id, self.path, path_end(self.path)]

    @property
    def lists(self) -> list[list[UUID]]:
        """The values of what is chosen."""
        return [list(ids) for ids in self.chosen.values()]
