"""Sealing for the modules below the one that keeps the tenants' keys, which provides it.

What they seal has a key of its row's own, kept in the row's `sealed_key` and `key_version`. Where
nobody provides the sealing nothing is stored that needs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from guanjia.settings import Settings


class Seal(Protocol):
    """One row's key. `place` is what else a sealed value is bound to: its column, its part."""

    def seal(self, plain: bytes, place: str) -> bytes: ...
    def open(self, sealed: bytes, place: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A row's key as it is stored: wrapped by the tenant's key of this version."""

    sealed: bytes
    version: int


@dataclass(frozen=True, slots=True)
class Holder:
    """The row that has the key: its table, its id, and the table in which what it seals lies."""

    table: str
    row_id: UUID
    sealed_in: str


class Sealing(Protocol):
    async def new(
        self, connection: Any, tenant_id: UUID, holder: Holder
    ) -> tuple[Seal, StoredKey]: ...
    async def existing(
        self, connection: Any, tenant_id: UUID, holder: Holder, key: StoredKey
    ) -> Seal: ...


class Provider(Protocol):
    def __call__(self, settings: Settings) -> Sealing: ...


class Open:
    """For what holds nothing protected: it lies as it is."""

    def seal(self, plain: bytes, place: str) -> bytes:
        return plain

    def open(self, sealed: bytes, place: str) -> bytes:
        return sealed


_PROVIDERS: list[Provider] = []


def provide(provider: Provider) -> None:
    """From now on what asks for it is sealed by it."""
    _PROVIDERS[:] = [provider]


def sealing(settings: Settings) -> Sealing | None:
    return _PROVIDERS[0](settings) if _PROVIDERS else None
