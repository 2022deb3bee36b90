"""The clock on the wall of the town of `tests.cases`."""

from __future__ import annotations

import datetime as dt
from typing import Any

from guanjia import settings
from guanjia.graph.times import CHINA
from guanjia.jobs.kinds import load_kinds
from guanjia.jobs.queue import Outcome, drain

KINDS = [
    kind for kind in load_kinds() if kind.code.startswith(("escalation.", "whistle.", "case."))
]


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"2026-{text}").replace(tzinfo=CHINA)


async def tick(town: Any, moment: str) -> None:
    """It is this moment, and everything that was due by then was tried."""
    town.now = at(moment)
    tried = await drain(town.database, town.tenant.id, KINDS, settings.load(), town.now)
    assert {how for _, how in tried} <= {Outcome.DONE, Outcome.NOTHING}
