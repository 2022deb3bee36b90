"""What follows a step of a case in the modules above, which say so themselves: in the transaction
of the step, after it was written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from guanjia.cases.facts import CaseFacts, Event
    from guanjia.cases.service.casefile import CaseFile

Follower = Callable[["CaseFile", "CaseFacts | None", "Event"], Awaitable[None]]
"""The file as it is after the step, the facts before it (None for the first), and the step."""

FOLLOWERS: list[Follower] = []
