"""What is staged of protected columns is sealed, with a key of the batch's own.

The module that keeps the tenants' keys provides the sealing; this floor knows only its form. A
kind with protected columns cannot be imported where nobody provides it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from guanjia.settings import Settings


class Seal(Protocol):
    """One batch's key. `place` is the chunk and column that a sealed value is bound to."""

    def seal(self, plain: bytes, place: str) -> bytes: ...
    def open(self, sealed: bytes, place: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A batch's key as it is stored: wrapped by the tenant's key of this version."""

    sealed: bytes
    version: int


class Sealing(Protocol):
    async def new(
        self, connection: Any, tenant_id: UUID, batch_id: UUID
    ) -> tuple[Seal, StoredKey]: ...
    async def existing(
        self, connection: Any, tenant_id: UUID, batch_id: UUID, key: StoredKey
    ) -> Seal: ...


class Provider(Protocol):
    def __call__(self, settings: Settings) -> Sealing: ...


class Open:
    """For kinds without protected columns: what is staged is packed and no more."""

    def seal(self, plain: bytes, place: str) -> bytes:
        return plain

    def open(self, sealed: bytes, place: str) -> bytes:
        return sealed


_PROVIDERS: list[Provider] = []


def provide(provider: Provider) -> None:
    """From now on protected kinds are sealed by it."""
    _PROVIDERS[:] = [provider]


def sealing(settings: Settings) -> Sealing | None:
    return _PROVIDERS[0](settings) if _PROVIDERS else None
