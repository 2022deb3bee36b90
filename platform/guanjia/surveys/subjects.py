"""What a survey can be about. The module that knows the subject says so once, and hears of each
answer in its own transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from guanjia.db.pools import Transaction
from guanjia.surveys.models import Channel, Satisfaction


class Told(Protocol):
    """A subject that is locked until the transaction ends."""

    async def answered(self, choice: Satisfaction, channel: Channel) -> None:
        """A household has answered; who it was is not said."""


@dataclass(frozen=True, slots=True)
class Subject:
    """kind: as stored at the survey. open: locks the subject, before its survey is locked."""

    kind: str
    open: Callable[[Transaction, UUID, dt.datetime], Awaitable[Told]]


_SUBJECTS: dict[str, Subject] = {}


def register(subject: Subject) -> None:
    """Surveys can be about such subjects from now on."""
    if _SUBJECTS.setdefault(subject.kind, subject) is not subject:
        raise TypeError(f"{subject.kind}: two subjects of this kind")


def subject_of(kind: str) -> Subject:
    return _SUBJECTS[kind]
